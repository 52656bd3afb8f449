//! A tenant's end: all that is its own, nothing else, whatever comes in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use claimsmith::admin::{connections, jobs, recordings, rules, tenants};
use claimsmith::recording::RecordingSettings;
use claimsmith::secret::Secret;
use claimsmith::store::{Commit, Durability, Entry, Key, KeyRange, Store, Table, Write, blob};
use claimsmith::tenant::{Issuer, TenantName};

use crate::rule_host::guest::{Effect, returning};
use crate::support::app::{App, TokenForm};
use crate::support::failing::{ALWAYS, Failing};

async fn everything(store: &dyn Store) -> Vec<Entry> {
    let mut rest = KeyRange {
        start: Key::from_bytes([0]),
        end: None,
    };
    let mut all = Vec::new();
    loop {
        let some = store.scan(&rest, 1_000).await.unwrap();
        let Some(last) = some.last() else {
            return all;
        };
        rest = rest.behind(&last.key);
        all.extend(some);
    }
}

fn values(entries: &[Entry]) -> Vec<(Key, Vec<u8>)> {
    let pairs = entries
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.clone()));
    pairs.collect()
}

fn shared() -> Vec<u8> {
    returning(&[])
}

fn theirs() -> Vec<u8> {
    returning(&[Effect::AddScope("theirs")])
}

/// Gives a tenant something of everything: tokens of all kinds, rules, recordings, counted guesses.
async fn furnish(app: &App, tenant: &TenantName, request: &TokenForm<'_>) {
    for (name, component) in [("shared", shared()), ("theirs", theirs())] {
        let (server, tenant) = (&app.server, tenant);
        rules::upload(server, tenant, name, component, None)
            .await
            .unwrap();
    }
    let binding = rules::NewBinding {
        version: None,
        order: None,
        grants: Vec::new(),
        on_fault: None,
        permissions: None,
    };
    rules::bind(&app.server, tenant, "shared", binding)
        .await
        .unwrap();
    rules::configure(&app.server, tenant, "KEY", &Secret::new("x"))
        .await
        .unwrap();
    let settings = RecordingSettings {
        keep: 5,
        redact: Vec::new(),
    };
    recordings::set(&app.server, tenant, Some(settings))
        .await
        .unwrap();
    // One that is over and left a report, and one that waits with its file.
    let id = begin_import(app, tenant).await;
    jobs::run(&app.server, tenant, &id).await.unwrap();
    begin_import(app, tenant).await;
    let login = request.clone().with("scope", "openid offline_access");
    login.send().await.access_token();
    request.clone().with("password", "wrong").send().await;
}

async fn begin_import(app: &App, tenant: &TenantName) -> String {
    let connections = connections::list(&app.server, tenant).await.unwrap();
    let new = jobs::NewImport {
        connection_id: connections[0].id(),
        upsert: false,
        external_id: None,
    };
    let mut upload = jobs::Upload::begin(&app.server, tenant).await.unwrap();
    let file = br#"[{"email":"grace@beta.example"},{"email":"nobody"}]"#;
    upload.write(file).await.unwrap();
    upload.finish(new).await.unwrap().id
}

/// An App whose other tenant has something of everything.
async fn with_beta(app: App) -> (App, TenantName) {
    let (beta, request) = app.add_tenant("beta").await;
    furnish(&app, &beta, &request).await;
    rules::upload(&app.server, &app.tenant, "own", shared(), None)
        .await
        .unwrap();
    tenants::add_domain(&app.server, &beta, "login.beta.example")
        .await
        .unwrap();
    drop(request);
    (app, beta)
}

/// The operator's own log, which says what it did.
fn in_the_operators_log(entry: &Entry) -> bool {
    let table = entry.key.as_bytes()[0];
    [Table::Log as u8, Table::LogNumber as u8].contains(&table)
        && entry.key.part(0).as_deref() == Some("acme")
}

fn says_beta(entry: &Entry) -> bool {
    let says = |bytes: &[u8]| bytes.windows(4).any(|four| four == b"beta");
    says(entry.key.as_bytes()) || says(&entry.value)
}

#[tokio::test]
async fn everything_of_it_goes_and_nothing_else() {
    for (store, app) in App::start_on_each_store().await {
        let (app, beta) = with_beta(app).await;
        app.become_operator().await;
        let manager = app.manager().await;
        let records = &app.server.records;
        let digest = blob::needed_by(records, "beta", 10).await.unwrap();
        assert_eq!(digest.len(), 2);
        let before = everything(&**records.store()).await;
        let of_beta = before
            .iter()
            .filter(|entry| entry.key.part(0).as_deref() == Some("beta"));
        assert!(of_beta.count() > 25, "{store}");
        // Another's of whose name it is a part, and a host of its name.
        let gamma = TenantName::parse("beta2").unwrap();
        let issuer = Issuer::parse("https://beta/").unwrap();
        tenants::create(&app.server, gamma.clone(), issuer)
            .await
            .unwrap();
        let of_gamma = |entries: &[Entry]| {
            let theirs = entries
                .iter()
                .filter(|entry| entry.key.part(0).as_deref() == Some("beta2"));
            values(&theirs.cloned().collect::<Vec<_>>())
        };
        let gamma_before = of_gamma(&everything(&**records.store()).await);
        manager.delete("/tenants/beta").await.document(204);
        assert_eq!(manager.get("/tenants/beta").await.status, 404);
        assert_eq!(manager.delete("/tenants/beta").await.status, 404);

        let after = everything(&**records.store()).await;
        assert_eq!(of_gamma(&after), gamma_before, "{store}");
        assert_eq!(
            app.server.tenant_at("beta").await.unwrap().unwrap().name,
            gamma
        );
        let rest: Vec<Entry> = after
            .into_iter()
            .filter(|entry| {
                let of_gamma = String::from_utf8_lossy(&entry.value).contains("beta2");
                entry.key.part(0).as_deref() != Some("beta2") && !of_gamma
            })
            .filter(|entry| !in_the_operators_log(entry))
            .collect();
        let left: Vec<&Entry> = rest.iter().filter(|entry| says_beta(entry)).collect();
        assert!(left.is_empty(), "{store}: {left:?}");
        let of = |digest: &str, entries: &[Entry]| {
            let theirs = entries.iter();
            theirs
                .filter(|entry| entry.key.part(1).as_deref() == Some(digest))
                .count()
        };
        let kept = blob::needed_by(records, "acme", 10).await.unwrap();
        let [kept] = kept.as_slice() else {
            panic!("{kept:?}");
        };
        let gone = digest.iter().find(|digest| *digest != kept).unwrap();
        assert_eq!(of(gone, &rest), 0, "{store}");
        let blob = blob::get(records, kept).await.unwrap();
        assert_eq!(blob, Some(shared()), "{store}");
        let expected = before.iter().filter(|entry| {
            let of_gone = entry.key.part(1).as_deref() == Some(gone.as_str());
            !says_beta(entry) && !of_gone && !in_the_operators_log(entry)
        });
        assert_eq!(
            values(&rest),
            values(&expected.cloned().collect::<Vec<_>>()),
            "{store}"
        );
        assert_eq!(app.request().send().await.status, 200);
        drop(beta);
    }
}

#[tokio::test]
async fn cut_short_wherever_it_may_be_it_is_completed() {
    let store = Failing::giving(2);
    let memory = Arc::clone(&store.inner);
    let app = App::start_on(Arc::clone(&store) as _).await;
    let (app, beta) = with_beta(app).await;
    let before = everything(&*memory).await;
    let mut cut_short = 0;
    for commits in 0_i64.. {
        store.left.store(commits, Ordering::SeqCst);
        let done = tenants::delete(&app.server, &beta).await;
        store.left.store(ALWAYS, Ordering::SeqCst);
        let complete = done.is_ok();
        if !complete {
            cut_short += 1;
            let keys = app.http().get(app.url("/.well-known/jwks.json"));
            let answer = keys.header("host", "beta.localhost").send().await.unwrap();
            // Before the mark nothing happened; behind it nothing of the tenant answers.
            let expected = if commits == 0 { 200 } else { 404 };
            assert_eq!(answer.status(), expected, "after {commits} commits");
            tenants::finish_deletions(&app.server).await.unwrap();
        }
        let after = everything(&*memory).await;
        if commits == 0 {
            assert_eq!(values(&after), values(&before));
            continue;
        }
        let left: Vec<&Entry> = after.iter().filter(|entry| says_beta(entry)).collect();
        assert!(left.is_empty(), "after {commits} commits: {left:?}");
        for (key, value) in values(&after) {
            let known = before.iter().find(|entry| entry.key == key);
            assert_eq!(known.map(|entry| &entry.value), Some(&value), "{key}");
        }
        let own = blob::needed_by(&app.server.records, "acme", 1)
            .await
            .unwrap();
        let own = blob::get(&app.server.records, &own[0]).await.unwrap();
        assert_eq!(own, Some(shared()), "after {commits} commits");
        if complete {
            break;
        }
        for entry in &before {
            let commit = Commit {
                expect: Vec::new(),
                writes: vec![Write::Put {
                    key: entry.key.clone(),
                    value: entry.value.clone(),
                    expires_at: None,
                }],
                durability: Durability::Durable,
            };
            memory.commit(commit).await.unwrap();
        }
    }
    assert!(cut_short > 20, "{cut_short}");
}

#[tokio::test]
async fn a_new_tenant_of_the_same_name_has_nothing_of_the_old_one() {
    let app = App::start().await;
    let (app, beta) = with_beta(app).await;
    let (_, request) = {
        tenants::delete(&app.server, &beta).await.unwrap();
        // What a request that was under way wrote behind the deletion's back.
        let late = Commit {
            expect: Vec::new(),
            writes: vec![Write::Put {
                key: Key::new(Table::Role, &["beta", "late"]),
                value: b"{}".to_vec(),
                expires_at: None,
            }],
            durability: Durability::Durable,
        };
        app.server.records.store().commit(late).await.unwrap();
        app.add_tenant("beta").await
    };
    let late = Key::new(Table::Role, &["beta", "late"]);
    let late = app.server.records.store().get(&late).await.unwrap();
    assert_eq!(late, None);
    assert_eq!(request.send().await.status, 200);
    let events = claimsmith::log::newest(&app.server.records, &beta, 100).await;
    assert_eq!(events.unwrap().len(), 1);
}
