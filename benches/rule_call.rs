//! What a rule costs, against a rule that does nothing, in the same interleaved run:
//!
//! ```text
//! cargo bench --bench rule_call [-- RULE.wasm RULE.js …]
//! ```
//!
//! Without arguments it takes every `rules/*/rule.wasm`. Each call gets a new instance, as in the
//! server; wall time on shared machines flips between speeds, so read the ratio and the fuel.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench that cannot run has nothing to report but why"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use claimsmith::rule_host::{
    BoundRule, Exchange, Limits, OnFault, Outcome, Permissions, RuleHost, RuleReport, Subject,
};
use serde_json::json;

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/rule_host/guest.rs"]
mod guest;

const ROUNDS: usize = 3_000;
const WARM_UP: usize = 200;
const UPLOADS: usize = 200;

struct Nobody;

impl Subject for Nobody {}

/// One rule and its measurements.
struct Candidate {
    name: String,
    chain: Vec<BoundRule>,
    instantiate: Vec<Duration>,
    call: Vec<Duration>,
    last: Option<RuleReport>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(bench());
}

async fn bench() {
    let host = RuleHost::new(Limits::default(), None).unwrap();
    let mut candidates = vec![candidate(&host, "empty".into(), &guest::guest("empty"))];
    for path in rules() {
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        candidates.push(candidate(&host, path.display().to_string(), &bytes));
    }
    if candidates.len() == 1 {
        println!("no `rules/*/rule.wasm` here; name some as arguments");
    }
    let exchange = exchange();
    println!(
        "exchange: {} bytes of JSON; {ROUNDS} rounds, one instance per call",
        serde_json::to_string(&exchange).unwrap().len()
    );
    for round in 0..WARM_UP + ROUNDS {
        for candidate in &mut candidates {
            candidate.measure(&host, &exchange, round >= WARM_UP).await;
        }
    }
    print(&mut candidates);
    for path in rules()
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "js"))
    {
        upload(&host, path, &exchange).await;
    }
}

/// From a new source in JavaScript to the end of the first login that runs it: what `rule upload` does before it stores
/// the version, what a login does that finds it in no cache, and the call. The store's own `fdatasync` is not in it.
async fn upload(host: &RuleHost, path: &Path, exchange: &Exchange) {
    let source = std::fs::read_to_string(path).unwrap();
    let (mut ready, mut live) = (Vec::new(), Vec::new());
    for number in 0..UPLOADS {
        let another = format!("{source}\n// {number}\n");
        let start = Instant::now();
        host.inspect(another.as_bytes()).unwrap();
        ready.push(start.elapsed());
        let first = candidate(host, "first".into(), another.as_bytes());
        let configuration = BTreeMap::new();
        host.run(&first.chain, Nobody, exchange.clone(), &configuration)
            .await;
        live.push(start.elapsed());
    }
    let milliseconds = |samples: &mut Vec<Duration>, percent| percentile(samples, percent) / 1e3;
    println!(
        "{}: {} bytes, judged p50 {:.1} ms, p99 {:.1} ms; first login over p50 {:.1} ms, p99 {:.1} ms",
        path.display(),
        source.len(),
        milliseconds(&mut ready, 50),
        milliseconds(&mut ready, 99),
        milliseconds(&mut live, 50),
        milliseconds(&mut live, 99)
    );
}

/// The paths given, or all that are committed.
fn rules() -> Vec<PathBuf> {
    // Cargo adds `--bench`.
    let named: Vec<PathBuf> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .map(PathBuf::from)
        .collect();
    if !named.is_empty() {
        return named;
    }
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut found: Vec<PathBuf> = std::fs::read_dir(rules)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("rule.wasm"))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found
}

fn candidate(host: &RuleHost, name: String, bytes: &[u8]) -> Candidate {
    let rule = host.load(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    let bound = BoundRule {
        name: name.clone(),
        version: 1,
        rule: Ok(rule),
        on_fault: OnFault::Deny,
        manifest: None,
        permissions: Permissions::default(),
        action: None,
    };
    Candidate {
        name,
        chain: vec![bound],
        instantiate: Vec::new(),
        call: Vec::new(),
        last: None,
    }
}

impl Candidate {
    async fn measure(&mut self, host: &RuleHost, exchange: &Exchange, keep: bool) {
        let rule = self.chain[0].rule.as_ref().unwrap();
        let start = Instant::now();
        host.instantiate_once(rule).await.unwrap();
        let instantiate = start.elapsed();
        let exchange = exchange.clone();
        let configuration = BTreeMap::new();
        let start = Instant::now();
        let (_, mut report) = host
            .run(&self.chain, Nobody, exchange, &configuration)
            .await;
        let call = start.elapsed();
        if keep {
            self.instantiate.push(instantiate);
            self.call.push(call);
        }
        self.last = report.rules.pop();
    }
}

fn print(candidates: &mut [Candidate]) {
    println!(
        "{:>9} {:>9} {:>9} {:>7} {:>10}  outcome  rule",
        "inst p50", "p50 µs", "p99 µs", "ratio", "fuel"
    );
    let mut base = None;
    for candidate in candidates {
        let instantiate = percentile(&mut candidate.instantiate, 50);
        let p50 = percentile(&mut candidate.call, 50);
        let p99 = percentile(&mut candidate.call, 99);
        let base = *base.get_or_insert(p50);
        let last = candidate.last.as_ref().unwrap();
        let outcome = match &last.outcome {
            Outcome::Allowed => "allowed",
            Outcome::Denied(_) => "denied",
            Outcome::Faulted { .. } => "FAULTED",
        };
        println!(
            "{instantiate:>9.1} {p50:>9.1} {p99:>9.1} {:>7.2} {:>10}  {outcome:<7}  {}",
            p50 / base,
            last.fuel,
            candidate.name
        );
    }
}

/// In microseconds.
fn percentile(samples: &mut [Duration], percent: usize) -> f64 {
    samples.sort_unstable();
    let at = (samples.len() * percent / 100).min(samples.len() - 1);
    samples[at].as_secs_f64() * 1e6
}

/// The size and shape of a real login.
fn exchange() -> Exchange {
    serde_json::from_value(json!({
        "id": "5f7c8ec7c33c6c004bbafe82",
        "tenant": "acme",
        "grant": "password",
        "now": 1_700_000_000_000_u64,
        "client": {"id": "s6BhdRkqt3", "name": "Shop", "metadata": [["tier", "gold"], ["region", "eu"]]},
        "user": {
            "id": "auth0|5f7c8ec7c33c6c004bbafe82",
            "username": "ada",
            "email": "ada@example.com",
            "email_verified": true,
            "connection": "Username-Password-Authentication",
            "profile": {"name": "Ada Lovelace", "nickname": "ada", "given_name": "Ada",
                "family_name": "Lovelace", "picture": "https://example.com/ada.png",
                "updated_at": "2023-11-14T22:13:20.000Z"},
            "user_metadata": {"theme": "dark", "language": "en", "newsletter": true},
            "app_metadata": {"plan": "pro", "organisation": "org_42", "seats": 12,
                "features": ["export", "audit", "sso"]},
            "roles": ["admin", "billing", "support"],
            "permissions": ["read:orders", "write:orders", "read:customers"],
            "logins_count": 42,
            "created_at": 1_600_000_000_000_u64,
            "last_login": 1_699_000_000_000_u64
        },
        "api": {"identifier": "https://api.example.com",
            "scopes": ["read:orders", "write:orders", "read:customers", "write:customers"]},
        "request": {"ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
            "hostname": "acme.example.com",
            "parameters": [["grant_type", "password"], ["scope", "openid profile read:orders"]]},
        "authentication_methods": ["pwd"],
        "draft": {
            "scopes": ["openid", "profile", "read:orders"],
            "access_claims": {"iss": "https://acme.example.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
                "aud": ["https://api.example.com", "https://acme.example.com/userinfo"],
                "azp": "s6BhdRkqt3", "scope": "openid profile read:orders"},
            "id_claims": {"iss": "https://acme.example.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
                "aud": "s6BhdRkqt3", "name": "Ada Lovelace", "nickname": "ada"}
        }
    }))
    .unwrap()
}
