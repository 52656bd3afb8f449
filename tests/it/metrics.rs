//! `/metrics`, as a Prometheus reads it: over HTTP, after things really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use claimsmith::http::observe;
use claimsmith::metrics::dashboard::{dashboard, queries};
use claimsmith::metrics::table::{Kind, ROWS};
use claimsmith::rule_host::OnFault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::rule_host::guest::returning;
use crate::support::app::{API, App, PASSWORD};
use crate::support::command::{Cli, Serving};

/// A sample: name, labels, value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads the text format, version 0.0.4, strictly: each sample belongs to a family that was declared
/// before it.
fn parse(text: &str) -> (BTreeMap<String, String>, Vec<Sample>) {
    let (mut types, mut samples) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none());
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match series.split_once('{') {
            None => (series, BTreeMap::new()),
            Some((name, labels)) => {
                let labels = labels.strip_suffix('}').unwrap();
                let pairs = labels.split("\",").map(|pair| {
                    let (label, value) = pair.split_once("=\"").unwrap();
                    (label.to_owned(), value.trim_end_matches('"').to_owned())
                });
                (name, pairs.collect())
            }
        };
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| {
                name.strip_suffix(suffix)
                    .filter(|base| types.contains_key(*base))
            })
            .unwrap_or(name);
        assert!(types.contains_key(family), "{line}");
        samples.push((name.to_owned(), labels, value.parse().unwrap()));
    }
    (types, samples)
}

/// What a scrape of the app's server says.
async fn scrape(app: &App) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let router = observe::router(Arc::clone(&app.server));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(claimsmith::http::accept::serve(
        listener,
        router,
        observe::limits(),
        async { drop(stopped.await) },
    ));
    let response = app.http().get(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = response.text().await.unwrap();
    drop(stop);
    text
}

/// The sum of the samples of a name that have these labels.
fn sum(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let matching = samples.iter().filter(|(found, has, _)| {
        let all = labels
            .iter()
            .all(|(label, value)| has.get(*label).is_some_and(|v| v == value));
        found == name && all
    });
    matching.map(|(.., value)| value).sum()
}

/// A server on which each kind of thing happened once at least.
async fn busy() -> App {
    let app = App::start_with(|config| config.limits.deadline = Duration::from_secs(60)).await;
    app.bind_rule("first", returning(&[]), OnFault::Deny).await;
    let source = "function (user, context, callback) { callback(null, user, context); }";
    app.bind_rule("second", source.into(), OnFault::Deny).await;
    for password in [PASSWORD, PASSWORD, "wrong"] {
        let request = app.request().with("audience", API);
        request.with("password", password).send().await;
    }
    app.get("/no/such/route").await;
    app
}

#[tokio::test]
async fn logins_rules_commits_and_requests_are_counted() {
    let app = busy().await;
    let (types, samples) = parse(&scrape(&app).await);
    let count = |name: &str, labels: &[(&str, &str)]| sum(&samples, name, labels);
    let tokens = "claimsmith_token_requests_total";
    let acme = ("tenant", "acme");
    let password = ("grant", "password");
    assert_eq!(types[tokens], "counter");
    assert_eq!(count(tokens, &[acme, password, ("outcome", "issued")]), 2.0);
    let wrong = [acme, password, ("outcome", "wrong_credentials")];
    assert_eq!(count(tokens, &wrong), 1.0);
    assert_eq!(
        count("claimsmith_token_request_duration_seconds_count", &[acme]),
        3.0
    );
    for rule in ["first", "second"] {
        let rule = [acme, ("rule", rule), ("version", "1")];
        let allowed = [&rule[..], &[("outcome", "allowed")]].concat();
        assert_eq!(count("claimsmith_rule_calls_total", &allowed), 2.0);
        assert_eq!(count("claimsmith_rule_duration_seconds_count", &rule), 2.0);
        assert!(count("claimsmith_rule_fuel_sum", &rule) > 0.0);
    }
    // One instance for the component, and one for the JavaScript, in each of two logins.
    assert_eq!(
        count("claimsmith_rule_instantiate_seconds_count", &[acme]),
        4.0
    );
    assert_eq!(
        count("claimsmith_mint_duration_seconds_count", &[acme]),
        2.0
    );
    assert!(count("claimsmith_password_hash_duration_seconds_count", &[]) >= 3.0);
    assert!(count("claimsmith_password_queue_wait_seconds_count", &[]) >= 3.0);
    let relaxed = [("durability", "relaxed"), ("outcome", "done")];
    assert!(count("claimsmith_store_commits_total", &relaxed) >= 3.0);
    let http = "claimsmith_http_requests_total";
    let route = ("route", "/oauth/token");
    let ok = [route, ("method", "POST"), ("status", "200")];
    assert_eq!(count(http, &ok), 2.0);
    assert_eq!(count(http, &[route, ("status", "403")]), 1.0);
    let unknown = [("route", "other"), ("status", "404")];
    assert_eq!(count(http, &unknown), 1.0);
}

#[tokio::test]
async fn what_clients_send_is_in_no_label() {
    let app = busy().await;
    let manager = app.manager().await;
    manager.get("/clients/marker-of-a-client").await;
    manager.get("/marker-of-a-path").await;
    let marked = app.request().with("username", "marker-of-a-user");
    marked.with("password", "marker-of-a-password").send().await;
    app.request()
        .with("client_id", "marker-of-a-client")
        .with("client_secret", "marker-of-a-secret")
        .send()
        .await;
    let method = reqwest::Method::from_bytes(b"MARKER").unwrap();
    app.manage(None, method, "/clients", None).await;
    let text = scrape(&app).await;
    assert!(!text.to_lowercase().contains("marker"), "{text}");
    assert!(
        text.contains(r#"route="/api/v2/clients/{client_id}""#),
        "{text}"
    );
    for secret in [
        PASSWORD,
        &app.client_secret,
        &manager.token,
        &app.user.user_id,
    ] {
        assert!(!text.contains(secret));
    }
}

#[tokio::test]
async fn every_metric_of_the_table_is_declared_and_the_dashboard_asks_for_no_other() {
    let app = busy().await;
    // What this process has not done yet.
    let metrics = &app.server.metrics;
    metrics.password_refused("acme");
    metrics.mail("sent");
    metrics.webhook("acme", "delivered");
    metrics.webhook_lag("acme", Duration::from_secs(1));
    metrics.connections(1);
    let (types, samples) = parse(&scrape(&app).await);
    let names: BTreeSet<&str> = samples.iter().map(|(name, ..)| name.as_str()).collect();
    let mut asked = 0;
    for row in ROWS {
        let (family, kind) = match row.kind {
            Kind::Counter => (format!("{}_total", row.name), "counter"),
            Kind::Gauge => (row.name.to_owned(), "gauge"),
            Kind::Histogram(_) => (row.name.to_owned(), "histogram"),
        };
        assert_eq!(
            types.get(&family).map(String::as_str),
            Some(kind),
            "{family}"
        );
        for (query, _) in queries(row) {
            let metric = query
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .find(|word| word.starts_with("claimsmith_"))
                .unwrap();
            assert!(names.contains(metric), "{query}");
            let labels = samples.iter().filter(|(name, ..)| name == metric);
            for (_, labels, _) in labels {
                for label in row.labels {
                    assert!(labels.contains_key(*label), "{metric} has no {label}");
                }
            }
            asked += 1;
        }
    }
    assert!(asked > 30);
    assert_eq!(
        types.len(),
        ROWS.len(),
        "nothing is exported that is not in the table"
    );
    // Every query of the file is one of these.
    let all: BTreeSet<String> = ROWS
        .iter()
        .flat_map(|row| queries(row))
        .map(|(query, _)| query)
        .collect();
    let drawn = dashboard();
    let panels = drawn["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let drawn: BTreeSet<String> = targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(drawn, all);
}

#[test]
fn the_dashboard_in_the_repository_is_the_one_that_is_made() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/grafana/claimsmith.json");
    let made = format!("{:#}\n", dashboard());
    if std::env::var_os("CLAIMSMITH_UPDATE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == made,
        "docs/grafana/claimsmith.json is not made of the present table; run `CLAIMSMITH_UPDATE=1 cargo test --test it dashboard` and look at the difference"
    );
}

#[tokio::test]
async fn who_uploads_versions_all_day_does_not_make_the_scrape_grow() {
    let app = App::start().await;
    let call = |version| claimsmith::metrics::RuleCall {
        tenant: "acme",
        rule: "mine",
        version,
        outcome: "allowed",
        duration: Duration::from_micros(50),
        instantiate: None,
        fuel: 10,
    };
    for version in 0..100 {
        app.server.metrics.rule_call(call(version));
    }
    let before = scrape(&app).await.lines().count();
    for version in 100..20_000 {
        app.server.metrics.rule_call(call(version));
    }
    for tenant in 0..500 {
        app.server.metrics.password_refused(&format!("t{tenant}"));
    }
    let (_, samples) = parse(&scrape(&app).await);
    let versions: BTreeSet<&str> = samples
        .iter()
        .filter_map(|(_, labels, _)| labels.get("version").map(String::as_str))
        .filter(|version| *version != env!("CARGO_PKG_VERSION"))
        .collect();
    assert_eq!(versions.len(), claimsmith::metrics::MOST_RULES + 1);
    assert!(versions.contains("other"));
    let after = samples.len();
    assert!(
        after < before + claimsmith::metrics::MOST_TENANTS + 1,
        "{before} {after}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_on_a_listener_of_its_own_and_is_not_ready_while_it_stops() {
    let cli = Cli::new();
    assert_eq!(cli.run(&["init", "--tenant", "acme"]).code, 0);
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
    ];
    let serving = Serving::start(cli.command(&arguments));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |url: String| {
        let response = http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, text) = get(serving.metrics_url("/metrics")).await;
    assert_eq!(status, 200);
    parse(&text);
    for path in ["/health", "/ready"] {
        assert_eq!(get(serving.metrics_url(path)).await.0, 200);
        assert_eq!(get(serving.url(path)).await.0, 200);
    }
    assert_eq!(get(serving.metrics_url("/oauth/token")).await.0, 404);
    assert_eq!(get(serving.url("/metrics")).await.0, 404, "not for clients");

    // A request is under way, of which the rest never comes.
    let mut half = tokio::net::TcpStream::connect(serving.address())
        .await
        .unwrap();
    let head = "POST /oauth/token HTTP/1.1\r\nhost: acme.localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    half.write_all(head.as_bytes()).await.unwrap();
    let mut going_on = [0; 12];
    half.read_exact(&mut going_on).await.unwrap();
    assert_eq!(&going_on, b"HTTP/1.1 100", "somebody waits for the body");
    let stop = ["-TERM", &serving.id().to_string()];
    let told = std::process::Command::new("kill").args(stop).status();
    assert!(told.unwrap().success());
    while get(serving.metrics_url("/ready")).await.0 == 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(get(serving.metrics_url("/ready")).await.0, 503);
    assert_eq!(get(serving.metrics_url("/health")).await.0, 200);
    assert!(
        http.get(serving.url("/ready")).send().await.is_err(),
        "nobody new is let in"
    );
}

#[tokio::test]
async fn a_server_that_stops_is_sound_and_not_ready() {
    let app = App::start().await;
    assert_eq!(app.get("/ready").await.status, 200);
    app.server.stop_soon();
    let answer = app.get("/ready").await;
    assert_eq!((answer.status, answer.text("status")), (503, "unavailable"));
    assert_eq!(app.get("/health").await.status, 200);
}
