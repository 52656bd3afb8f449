//! Spans, as an OpenTelemetry collector gets them from a server that runs.

use std::collections::BTreeMap;

use base64::Engine as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::Value;

use crate::rule_host::guest::returning;
use crate::support::command::{Cli, Serving};
use crate::support::upstream::{Upstream, ok, root as root_certificate};

const PASSWORD: &str = "correct horse battery";

/// A span as a test looks at it.
#[derive(Debug)]
struct Seen {
    name: String,
    kind: i32,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    links: Vec<Vec<u8>>,
    attributes: BTreeMap<String, String>,
    nanos: (u64, u64),
}

fn seen(span: Span) -> Seen {
    let text = |value: Option<Any>| match value {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(flag)) => flag.to_string(),
        other => panic!("{other:?}"),
    };
    Seen {
        name: span.name,
        kind: span.kind,
        trace: span.trace_id,
        id: span.span_id,
        parent: span.parent_span_id,
        links: span.links.into_iter().map(|link| link.trace_id).collect(),
        attributes: span
            .attributes
            .into_iter()
            .map(|pair| (pair.key, text(pair.value.and_then(|value| value.value))))
            .collect(),
        nanos: (span.start_time_unix_nano, span.end_time_unix_nano),
    }
}

/// A tenant with a client, a user and two rules, and a server that exports.
struct House {
    collector: Upstream,
    /// Whom the second rule asks.
    _asked: Upstream,
    serving: Serving,
    client_id: String,
    secret: String,
}

impl House {
    async fn start(further: &[&str]) -> (Self, Cli) {
        let collector = Upstream::plain(|_| ok("")).await;
        let cli = Cli::new();
        cli.json(&["init", "--tenant", "acme"]);
        let client = cli.json(&["client", "create", "Till", "--grant", "password"]);
        let text = |name: &str| client[name].as_str().unwrap().to_owned();
        let (client_id, secret) = (text("client_id"), text("client_secret"));
        let user = [
            "user",
            "create",
            "--email",
            "ada@acme.example",
            "--email-verified",
            "--password-stdin",
        ];
        let done = cli.with_input(&user, &format!("{PASSWORD}\n"));
        assert_eq!(done.code, 0, "{}", done.stderr);
        let first = cli.folder.path().join("first.wasm");
        std::fs::write(&first, returning(&[])).unwrap();
        let second = cli.folder.path().join("second.js");
        let asked = Upstream::start(|_| ok("")).await;
        let host = format!("localhost:{}", asked.port);
        let source = format!(
            "async function (user, context, callback) {{ await fetch('https://{host}/marker'); callback(null, user, context); }}"
        );
        std::fs::write(&second, source).unwrap();
        for (name, file) in [("first", first), ("second", second)] {
            cli.json(&["rule", "upload", name, file.to_str().unwrap()]);
            cli.json(&["rule", "bind", name, "--allow-host", &host]);
        }
        let ca = cli.folder.path().join("ca.pem");
        let encoded = base64::engine::general_purpose::STANDARD.encode(root_certificate());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
        std::fs::write(&ca, pem).unwrap();
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], further].concat();
        let mut command = cli.command(&arguments);
        command
            .args(["--rules-may-reach", "127.0.0.1/32", "--rules-ca"])
            .arg(&ca)
            .env(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("http://127.0.0.1:{}", collector.port),
            )
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-of-the-operator=yes")
            .env("OTEL_BSP_SCHEDULE_DELAY", "20");
        let serving = Serving::start(command);
        let house = Self {
            collector,
            _asked: asked,
            serving,
            client_id,
            secret,
        };
        (house, cli)
    }

    async fn login(&self, password: &str, traceparent: Option<&str>) -> Value {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let form = [
            ("grant_type", "password"),
            ("username", "ada@acme.example"),
            ("password", password),
            ("client_id", &self.client_id),
            ("client_secret", &self.secret),
            ("scope", "openid"),
        ];
        let mut request = http
            .post(self.serving.url("/oauth/token"))
            .header("host", "acme.localhost")
            .form(&form);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// All spans that have come, once there are so many of the token endpoint.
    async fn spans(&self, requests: usize) -> Vec<Seen> {
        let begun = std::time::Instant::now();
        loop {
            let mut all = Vec::new();
            for request in self.collector.seen() {
                assert_eq!(request.line(), "POST /v1/traces");
                assert_eq!(
                    request.header("content-type"),
                    Some("application/x-protobuf")
                );
                assert_eq!(request.header("x-of-the-operator"), Some("yes"));
                let batch = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
                for resource in batch.resource_spans {
                    let named = format!("{:?}", resource.resource);
                    assert!(named.contains("claimsmith"), "{named}");
                    let scopes = resource.scope_spans.into_iter();
                    all.extend(scopes.flat_map(|scope| scope.spans).map(seen));
                }
            }
            let roots = all.iter().filter(|span| span.name == "POST /oauth/token");
            if roots.count() >= requests {
                return all;
            }
            assert!(begun.elapsed().as_secs() < 60, "the spans come");
            tokio::task::yield_now().await;
        }
    }
}

/// The spans below one, each with its name and those below it, in the order they began.
fn tree(all: &[Seen], of: &Seen) -> String {
    let mut below: Vec<&Seen> = all
        .iter()
        .filter(|span| span.parent == of.id && span.trace == of.trace)
        .collect();
    below.sort_by_key(|span| (span.nanos.0, span.nanos.1));
    for span in &below {
        assert!(
            span.nanos.0 >= of.nanos.0 && span.nanos.1 <= of.nanos.1.max(span.nanos.0),
            "{span:?} is within {of:?}"
        );
    }
    let below: Vec<String> = below.into_iter().map(|span| tree(all, span)).collect();
    match below.is_empty() {
        true => of.name.clone(),
        false => format!("{}({})", of.name, below.join(" ")),
    }
}

fn root(all: &[Seen]) -> &Seen {
    all.iter()
        .find(|span| span.name == "POST /oauth/token")
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_two_rules_is_a_tree_of_spans_and_no_secret_is_in_it() {
    let (house, _cli) = House::start(&[]).await;
    let token = house.login(PASSWORD, None).await;
    let access_token = token["access_token"].as_str().unwrap();
    let all = house.spans(1).await;
    let root = root(&all);
    assert_eq!(root.kind, 2, "a server's");
    assert!(root.parent.is_empty() && root.links.is_empty());
    assert_eq!(root.attributes["http.route"], "/oauth/token");
    assert_eq!(root.attributes["http.response.status_code"], "200");
    let tree = tree(&all, root);
    let expected = [
        "exchange(",
        "wait for a hashing thread hash",
        "rules(",
        "wait for a slot",
        "rule first(instantiate call)",
        "instantiate call(rule second(GET))",
        "mint",
    ];
    let mut rest = tree.as_str();
    for part in expected {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("`{part}` in {tree}"));
        rest = &rest[at + part.len()..];
    }
    assert!(rest.contains("commit"), "the event of the log: {tree}");
    // Written behind the exchange, and still the request's.
    let of_log = all
        .iter()
        .filter(|span| span.name == "commit" && span.parent == root.id);
    assert!(of_log.count() >= 1, "{tree}");
    let exchange = all.iter().find(|span| span.name == "exchange").unwrap();
    assert_eq!(exchange.attributes["claimsmith.tenant"], "acme");
    assert_eq!(exchange.attributes["claimsmith.outcome"], "issued");
    for name in ["rule first", "rule second"] {
        let rule = all.iter().find(|span| span.name == name).unwrap();
        assert_eq!(rule.attributes["claimsmith.rule.version"], "1");
        assert_eq!(rule.attributes["claimsmith.rule.outcome"], "allowed");
        assert!(
            rule.attributes["claimsmith.rule.fuel"]
                .parse::<u64>()
                .unwrap()
                > 0
        );
    }
    let fetch = all.iter().find(|span| span.name == "GET").unwrap();
    assert_eq!(fetch.kind, 3, "a client's");
    assert_eq!(fetch.attributes["server.address"], "localhost");
    assert_eq!(fetch.attributes["http.response.status_code"], "200");
    let commit = all.iter().find(|span| span.name == "commit").unwrap();
    assert_eq!(commit.attributes["db.system.name"], "sled");

    house.login("marker-of-a-wrong-one", None).await;
    let all = house.spans(2).await;
    let text = format!("{all:?}");
    for secret in [PASSWORD, "marker", &house.secret, access_token, "ada@acme"] {
        assert!(!text.contains(secret), "{secret}");
    }
    for request in house.collector.seen() {
        let body = String::from_utf8_lossy(&request.body);
        for secret in [PASSWORD, "marker", &house.secret, access_token, "ada@acme"] {
            assert!(!body.contains(secret), "{secret}");
        }
    }
}

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const CALLERS_TRACE: [u8; 16] = [
    0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_believed_whose_trace_it_is_and_of_others_there_is_a_link() {
    let (house, _cli) = House::start(&[]).await;
    house.login(PASSWORD, Some(CALLER)).await;
    house.login(PASSWORD, Some("00-nonsense-01")).await;
    let all = house.spans(2).await;
    let roots: Vec<&Seen> = all
        .iter()
        .filter(|span| span.name == "POST /oauth/token")
        .collect();
    assert!(
        roots
            .iter()
            .all(|root| root.parent.is_empty() && root.trace != CALLERS_TRACE)
    );
    let linked = roots
        .iter()
        .filter(|root| root.links == [CALLERS_TRACE.to_vec()]);
    assert_eq!(linked.count(), 1);

    let (house, _cli) = House::start(&["--trusted-proxy", "127.0.0.1"]).await;
    house.login(PASSWORD, Some(CALLER)).await;
    let all = house.spans(1).await;
    let root = root(&all);
    assert_eq!(root.trace, CALLERS_TRACE);
    assert_eq!(
        root.parent,
        [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]
    );
    assert!(root.links.is_empty());
}
