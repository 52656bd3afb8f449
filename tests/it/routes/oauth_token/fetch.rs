//! Rules that ask others between the password and the signature.

use claimsmith::admin::rules::{self, NewBinding};
use claimsmith::log;
use claimsmith::rule_host::Permissions;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::rule_host::fetch_guest::{fetching, get};
use crate::rule_host::guest::guest;
use crate::support::app::App;
use crate::support::upstream::{Upstream, held, network, ok};

/// Binds a rule that asks the upstream.
async fn bind(app: &App, upstream: &Upstream, hosts: &[String]) {
    let component = fetching(&[get(&upstream.url("/score?user=ada"))]);
    rules::upload(&app.server, &app.tenant, "score", component, None)
        .await
        .unwrap();
    let permissions = Permissions {
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        allow_http: false,
    };
    rules::bind(&app.server, &app.tenant, "score", newest(Some(permissions)))
        .await
        .unwrap();
}

fn newest(permissions: Option<Permissions>) -> NewBinding {
    NewBinding {
        version: None,
        order: None,
        grants: Vec::new(),
        on_fault: None,
        permissions,
    }
}

#[tokio::test]
async fn a_binding_that_allows_the_host_lets_the_rule_ask_and_the_log_says_what() {
    let upstream = Upstream::start(|_| ok("7")).await;
    let app = App::start_with(|config| config.network = network()).await;
    bind(&app, &upstream, &[upstream.pattern()]).await;
    assert_eq!(app.request().send().await.status, 200);
    assert_eq!(upstream.seen()[0].line(), "GET /score?user=ada");
    let event = &log::newest(&app.server.records, &app.tenant, 1)
        .await
        .unwrap()[0];
    let report = event.rules.as_ref().unwrap();
    let fetched = &report.rules[0].fetches[0];
    assert_eq!(
        (fetched.url.as_str(), fetched.status),
        (&*upstream.url("/score"), Some(200))
    );
    assert_eq!(report.rules[0].logs[0].message, "7");
    assert!(
        report.recording.fetches.is_empty(),
        "no response is kept in a log"
    );
}

#[tokio::test]
async fn without_the_host_in_the_binding_nothing_is_asked_and_the_log_says_what_to_add() {
    let upstream = Upstream::start(|_| ok("7")).await;
    let app = App::start_with(|config| config.network = network()).await;
    bind(&app, &upstream, &["other.example".to_owned()]).await;
    assert_eq!(app.request().send().await.status, 200);
    assert!(upstream.seen().is_empty());
    let event = &log::newest(&app.server.records, &app.tenant, 1)
        .await
        .unwrap()[0];
    let logs = &event.rules.as_ref().unwrap().rules[0].logs;
    let option = format!("--allow-host {}", upstream.pattern());
    assert!(
        logs.iter().any(|line| line.message.contains(&option)),
        "{logs:?}"
    );
}

#[tokio::test]
async fn the_manifest_has_to_list_the_host_as_well() {
    let upstream = Upstream::start(|_| ok("7")).await;
    let app = App::start_with(|config| config.network = network()).await;
    for (listed, asked) in [("other.example", 0), (&*upstream.pattern(), 1)] {
        let manifest = format!("name = \"score\"\nversion = \"1\"\nhosts = [\"{listed}\"]");
        let manifest = claimsmith::rule_host::Manifest::parse(&manifest).unwrap();
        bind(&app, &upstream, &[upstream.pattern()]).await;
        let component = fetching(&[get(&upstream.url("/"))]);
        let uploaded = rules::upload(&app.server, &app.tenant, "score", component, Some(manifest));
        uploaded.await.unwrap();
        let bound = rules::bind(&app.server, &app.tenant, "score", newest(None))
            .await
            .unwrap();
        assert_eq!(
            bound.permissions.hosts.len(),
            1,
            "a new version keeps the hosts"
        );
        assert_eq!(app.request().send().await.status, 200);
        assert_eq!(upstream.seen().len(), asked);
    }
}

#[tokio::test]
async fn logins_that_wait_for_one_tenant_s_server_do_not_keep_another_tenant_s_users_out() {
    const WAITING: usize = 200;
    let upstream = Upstream::start(|_| held("7")).await;
    let slow = App::start_with(|config| config.network = network()).await;
    bind(&slow, &upstream, &[upstream.pattern()]).await;
    let (neighbour, request) = slow.add_tenant("globex").await;
    rules::upload(&slow.server, &neighbour, "quick", guest("empty"), None)
        .await
        .unwrap();
    rules::bind(&slow.server, &neighbour, "quick", newest(None))
        .await
        .unwrap();
    let mut waiting: FuturesUnordered<_> = (0..WAITING).map(|_| slow.request().send()).collect();
    let other = async {
        while upstream.seen().len() < WAITING {
            tokio::task::yield_now().await;
        }
        request.send().await
    };
    tokio::select! {
        answer = other => assert_eq!(answer.status, 200, "{answer:?}"),
        early = waiting.next() => panic!("{early:?}"),
    }
    upstream.release();
    while let Some(answer) = waiting.next().await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
