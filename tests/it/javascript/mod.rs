//! JavaScript rules as their authors see them: dialects, errors, modules and the standard library.

mod actions;
mod callback;
mod ciphers;
mod classic;
mod determinism;
mod errors;
mod exchange;
mod mixed;
mod modules;
mod signatures;
mod stdlib;
mod unicode;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use claimsmith::clock::Timestamp;
use claimsmith::rule_host::exchange::{Api, Client, User};
use claimsmith::rule_host::{
    BoundRule, Draft, Exchange, Grant, Limits, OnFault, Outcome, Permissions, Report, RuleHost,
    RuleReport, Subject, Verdict,
};
use claimsmith::secret::Secret;
use serde_json::{Map, Value, json};

struct Somebody;

impl Subject for Somebody {}

/// What a chain came to.
struct Run {
    verdict: Verdict<Somebody>,
    report: Report,
}

fn host() -> &'static RuleHost {
    static HOST: OnceLock<RuleHost> = OnceLock::new();
    HOST.get_or_init(|| {
        // Debug builds are slow, and machines busy: fuel is what is counted here.
        let limits = Limits {
            deadline: Duration::from_secs(60),
            ..Limits::default()
        };
        RuleHost::new(limits, Some(crate::support::compiled())).expect("a rule host")
    })
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

/// Jane logs in on Monday, 12 January 2026, at seven in the morning in UTC.
fn exchange() -> Exchange {
    Exchange {
        id: "exchange-1".into(),
        tenant: "acme".into(),
        now: Timestamp::from_millis(1_768_201_200_000),
        client: Client {
            id: "client".into(),
            name: "The App".into(),
            metadata: vec![("tier".into(), "gold".into())],
        },
        user: Some(User {
            id: "auth0|jane".into(),
            email: Some("jane@example.com".into()),
            email_verified: true,
            connection: "people".into(),
            profile: object(json!({ "name": "Jane", "nickname": "jane" })),
            app_metadata: object(json!({ "plan": "free" })),
            roles: vec!["staff".into()],
            logins_count: 3,
            ..User::default()
        }),
        api: Some(Api {
            identifier: "https://api.example.com".into(),
            scopes: vec!["read".into(), "write".into()],
        }),
        request: claimsmith::rule_host::exchange::Request {
            ip: "192.0.2.7".into(),
            user_agent: Some("test".into()),
            hostname: "acme.example.com".into(),
            parameters: vec![("scope".into(), "openid read".into())],
        },
        authentication_methods: vec!["pwd".into()],
        draft: Draft {
            scopes: vec!["openid".into(), "read".into()],
            access_claims: object(json!({ "sub": "auth0|jane" })),
            id_claims: object(json!({ "sub": "auth0|jane", "name": "Jane" })),
        },
        ..Exchange::default()
    }
}

/// A robot gets a token for itself.
fn machine() -> Exchange {
    Exchange {
        grant: Grant::ClientCredentials,
        user: None,
        draft: Draft {
            scopes: vec!["read".into()],
            ..Draft::default()
        },
        ..exchange()
    }
}

async fn run(sources: &[&str]) -> Run {
    run_on(exchange(), sources).await
}

async fn run_on(exchange: Exchange, sources: &[&str]) -> Run {
    let rules: Vec<_> = sources.iter().map(|source| source.as_bytes()).collect();
    run_bytes(exchange, &rules).await
}

async fn run_bytes(exchange: Exchange, rules: &[&[u8]]) -> Run {
    let chain: Vec<BoundRule> = rules
        .iter()
        .enumerate()
        .map(|(i, bytes)| BoundRule {
            name: format!("rule-{}", i + 1),
            version: 1,
            rule: Ok(host().load(bytes).unwrap_or_else(|e| panic!("{e}"))),
            on_fault: OnFault::Deny,
            manifest: None,
            permissions: Permissions::default(),
            action: None,
        })
        .collect();
    let configuration = BTreeMap::from([("API_KEY".to_owned(), Secret::new("k3y"))]);
    let (verdict, report) = host().run(&chain, Somebody, exchange, &configuration).await;
    Run { verdict, report }
}

/// A classic rule that runs `body` and lets the user in.
fn passing(body: &str) -> String {
    format!("function (user, context, callback) {{\n{body}\ncallback(null, user, context);\n}}")
}

/// What a classic rule with this body writes to its log.
async fn logged(body: &str) -> Vec<String> {
    let run = run(&[&passing(body)]).await;
    assert_eq!(
        run.rule(0).outcome,
        Outcome::Allowed,
        "{:?}",
        run.rule(0).logs
    );
    run.messages()
}

/// The same, of one line of JSON.
async fn logged_json(body: &str) -> Value {
    run(&[&passing(body)]).await.logged_json()
}

/// Why a source is refused at upload.
fn refused(source: &str) -> String {
    match host().load(source.as_bytes()) {
        Ok(_) => panic!("accepted: {source}"),
        Err(rejection) => rejection.to_string(),
    }
}

impl Run {
    fn rule(&self, index: usize) -> &RuleReport {
        &self.report.rules[index]
    }

    fn messages(&self) -> Vec<String> {
        let logs = self.report.rules.iter().flat_map(|rule| &rule.logs);
        logs.map(|line| line.message.clone()).collect()
    }

    /// The only line of the log, which is JSON.
    fn logged_json(&self) -> Value {
        let [line] = self.messages().try_into().expect("one line");
        serde_json::from_str(&line).expect("JSON")
    }

    /// What was approved: scopes, claims of both tokens, metadata.
    fn approved(self) -> Value {
        let Verdict::Approved(approved) = self.verdict else {
            panic!("{:?}", self.report.rules)
        };
        let changes = approved.into_parts().1;
        json!({
            "scopes": changes.scopes,
            "access": changes.access_claims,
            "id": changes.id_claims,
            "user": changes.user_metadata,
            "app": changes.app_metadata,
        })
    }

    fn denial(&self) -> (&str, &str) {
        match &self.verdict {
            Verdict::Denied(denial) => (&denial.error, &denial.description),
            _ => panic!("{:?}", self.report.rules),
        }
    }

    /// What the tenant reads of the fault that ended the login.
    fn fault(&self) -> &str {
        let last = self.report.rules.last().expect("a rule ran");
        match &last.outcome {
            Outcome::Faulted { detail, .. } => detail,
            other => panic!("{other:?}"),
        }
    }
}
