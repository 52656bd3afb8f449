//! What this process counts and measures, for a Prometheus that asks.
//!
//! Knows nothing of what is measured: every module that has something to say is given a [`Metrics`]
//! and says it here. No value of a request becomes a label but the names in `labels`, which are bounded.

pub mod dashboard;
mod labels;
pub mod table;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use self::labels::Labels;
pub use self::labels::{MOST_RULES, MOST_TENANTS, OTHER};
use self::table::{Kind, Row};

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

type Set = Vec<(&'static str, String)>;
type Gauges = Family<Set, Gauge<f64, AtomicU64>>;
type Counters = Family<Set, Counter>;
type Histograms = Family<Set, Histogram, Buckets>;

#[derive(Clone)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// All that is counted. One for each server.
pub struct Metrics {
    registry: Registry,
    labels: Labels,
    token_requests: Counters,
    token_seconds: Histograms,
    queue_depth: Gauges,
    queue_seconds: Histograms,
    hash_seconds: Histograms,
    hash_refused: Counters,
    rule_calls: Counters,
    rule_seconds: Histograms,
    rule_fuel: Histograms,
    instantiate_seconds: Histograms,
    mint_seconds: Histograms,
    commits: Counters,
    commit_seconds: Histograms,
    http_requests: Counters,
    http_seconds: Histograms,
    connections: Gauges,
    connections_refused: Counters,
    log_streams: Gauges,
    mail: Counters,
    webhooks: Counters,
    webhook_lag: Gauges,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = &mut Registry::default();
        let metrics = Self {
            labels: Labels::default(),
            token_requests: counters(registry, &table::TOKEN_REQUESTS),
            token_seconds: histograms(registry, &table::TOKEN_SECONDS),
            queue_depth: gauges(registry, &table::QUEUE_DEPTH),
            queue_seconds: histograms(registry, &table::QUEUE_SECONDS),
            hash_seconds: histograms(registry, &table::HASH_SECONDS),
            hash_refused: counters(registry, &table::HASH_REFUSED),
            rule_calls: counters(registry, &table::RULE_CALLS),
            rule_seconds: histograms(registry, &table::RULE_SECONDS),
            rule_fuel: histograms(registry, &table::RULE_FUEL),
            instantiate_seconds: histograms(registry, &table::INSTANTIATE_SECONDS),
            mint_seconds: histograms(registry, &table::MINT_SECONDS),
            commits: counters(registry, &table::COMMITS),
            commit_seconds: histograms(registry, &table::COMMIT_SECONDS),
            http_requests: counters(registry, &table::HTTP_REQUESTS),
            http_seconds: histograms(registry, &table::HTTP_SECONDS),
            connections: gauges(registry, &table::CONNECTIONS),
            connections_refused: counters(registry, &table::CONNECTIONS_REFUSED),
            log_streams: gauges(registry, &table::LOG_STREAMS),
            mail: counters(registry, &table::MAIL),
            webhooks: counters(registry, &table::WEBHOOKS),
            webhook_lag: gauges(registry, &table::WEBHOOK_LAG),
            registry: Registry::default(),
        };
        let build = gauges(registry, &table::BUILD);
        let version = set(&table::BUILD, [env!("CARGO_PKG_VERSION").to_owned()]);
        build.get_or_create(&version).set(1.0);
        // What has no labels has a value from the start.
        drop(metrics.connections_refused.get_or_create(&Vec::new()));
        Self {
            registry: std::mem::take(registry),
            ..metrics
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// How a call of a rule ended, and what it cost.
#[derive(Clone, Copy, Debug)]
pub struct RuleCall<'a> {
    /// Of which tenant.
    pub tenant: &'a str,
    /// Which rule.
    pub rule: &'a str,
    /// Which version of it.
    pub version: u32,
    /// `allowed`, `denied`, or the kind of fault.
    pub outcome: &'static str,
    /// Wall time.
    pub duration: Duration,
    /// What of it went into making the instance, if one was made for it.
    pub instantiate: Option<Duration>,
    /// Fuel used.
    pub fuel: u64,
}

impl Metrics {
    /// A token request came to its end.
    pub fn token_request(
        &self,
        tenant: &str,
        grant: &'static str,
        outcome: &'static str,
        took: Duration,
    ) {
        let tenant = self.labels.tenant(tenant);
        let labels = [tenant.clone(), grant.to_owned(), outcome.to_owned()];
        let labels = set(&table::TOKEN_REQUESTS, labels);
        self.token_requests.get_or_create(&labels).inc();
        let labels = set(&table::TOKEN_SECONDS, [tenant]);
        observe(&self.token_seconds, &labels, took);
    }

    /// A password waited so long for its turn.
    pub fn password_waited(&self, waited: Duration) {
        observe(&self.queue_seconds, &Vec::new(), waited);
    }

    /// It was hashed in this time.
    pub fn password_hashed(&self, took: Duration) {
        observe(&self.hash_seconds, &Vec::new(), took);
    }

    /// There was no room for it in the queue.
    pub fn password_refused(&self, tenant: &str) {
        let labels = set(&table::HASH_REFUSED, [self.labels.tenant(tenant)]);
        self.hash_refused.get_or_create(&labels).inc();
    }

    /// A rule was called.
    pub fn rule_call(&self, call: RuleCall<'_>) {
        let of = self.labels.rule(call.tenant, call.rule, call.version);
        if let Some((rule, version)) = of.gone {
            self.forget(&of.tenant, rule, version);
        }
        let labels = [of.tenant.clone(), of.rule.clone(), of.version.clone()];
        let ended = [
            of.tenant.clone(),
            of.rule,
            of.version,
            call.outcome.to_owned(),
        ];
        let ended = set(&table::RULE_CALLS, ended);
        self.rule_calls.get_or_create(&ended).inc();
        let labels = set(&table::RULE_SECONDS, labels);
        observe(&self.rule_seconds, &labels, call.duration);
        #[expect(
            clippy::cast_precision_loss,
            reason = "fuel is far below 2^53, and this is for drawing"
        )]
        self.rule_fuel
            .get_or_create(&labels)
            .observe(call.fuel as f64);
        if let Some(took) = call.instantiate {
            let labels = set(&table::INSTANTIATE_SECONDS, [of.tenant]);
            observe(&self.instantiate_seconds, &labels, took);
        }
    }

    /// Takes a version of a rule out, which has lost its place to another.
    fn forget(&self, tenant: &str, rule: String, version: String) {
        let labels = [tenant.to_owned(), rule, version];
        for outcome in RULE_OUTCOMES {
            let [tenant, rule, version] = labels.clone();
            let ended = [tenant, rule, version, outcome.to_owned()];
            self.rule_calls.remove(&set(&table::RULE_CALLS, ended));
        }
        let labels = set(&table::RULE_SECONDS, labels);
        self.rule_seconds.remove(&labels);
        self.rule_fuel.remove(&labels);
    }

    /// Tokens were made.
    pub fn minted(&self, tenant: &str, took: Duration) {
        let labels = set(&table::MINT_SECONDS, [self.labels.tenant(tenant)]);
        observe(&self.mint_seconds, &labels, took);
    }

    /// A commit was answered.
    pub fn commit(&self, durability: &'static str, outcome: &'static str, took: Duration) {
        let labels = [durability.to_owned(), outcome.to_owned()];
        let labels = set(&table::COMMITS, labels);
        self.commits.get_or_create(&labels).inc();
        let labels = set(&table::COMMIT_SECONDS, [durability.to_owned()]);
        observe(&self.commit_seconds, &labels, took);
    }

    /// A request was answered. `route` is a pattern, never a path that a client sent.
    pub fn http_request(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let labels = [route.to_owned(), method.to_owned(), status.to_string()];
        let labels = set(&table::HTTP_REQUESTS, labels);
        self.http_requests.get_or_create(&labels).inc();
        let labels = set(&table::HTTP_SECONDS, [route.to_owned()]);
        observe(&self.http_seconds, &labels, took);
    }

    /// A connection was turned away.
    pub fn connection_refused(&self) {
        self.connections_refused.get_or_create(&Vec::new()).inc();
    }

    /// So many connections are open.
    pub fn connections(&self, open: usize) {
        gauge(&self.connections, &Vec::new(), open);
    }

    /// An attempt to send mail ended.
    pub fn mail(&self, outcome: &'static str) {
        let labels = set(&table::MAIL, [outcome.to_owned()]);
        self.mail.get_or_create(&labels).inc();
    }

    /// An attempt to deliver events ended.
    pub fn webhook(&self, tenant: &str, outcome: &'static str) {
        let labels = [self.labels.tenant(tenant), outcome.to_owned()];
        let labels = set(&table::WEBHOOKS, labels);
        self.webhooks.get_or_create(&labels).inc();
    }

    /// The oldest event that a tenant's webhook has still to get is so old.
    pub fn webhook_lag(&self, tenant: &str, lag: Duration) {
        let labels = set(&table::WEBHOOK_LAG, [self.labels.tenant(tenant)]);
        self.webhook_lag
            .get_or_create(&labels)
            .set(lag.as_secs_f64());
    }

    /// What is only known when somebody asks.
    pub fn now(&self, waiting_passwords: usize, log_followers: usize) {
        gauge(&self.queue_depth, &Vec::new(), waiting_passwords);
        gauge(&self.log_streams, &Vec::new(), log_followers);
    }

    /// All of it, in Prometheus' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

/// How a call of a rule can end.
pub const RULE_OUTCOMES: [&str; 10] = [
    "allowed",
    "denied",
    "trap",
    "fuel",
    "deadline",
    "memory",
    "output",
    "manifest",
    "exception",
    "load",
];

fn set<const N: usize>(row: &Row, values: [String; N]) -> Set {
    debug_assert_eq!(row.labels.len(), N, "{}", row.name);
    row.labels.iter().copied().zip(values).collect()
}

fn observe(histograms: &Histograms, labels: &Set, took: Duration) {
    histograms.get_or_create(labels).observe(took.as_secs_f64());
}

fn gauge(gauges: &Gauges, labels: &Set, value: usize) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "nothing here has 2^53 of anything"
    )]
    gauges.get_or_create(labels).set(value as f64);
}

fn counters(registry: &mut Registry, row: &Row) -> Counters {
    let family = Counters::default();
    registry.register(row.name, row.help, family.clone());
    family
}

fn gauges(registry: &mut Registry, row: &Row) -> Gauges {
    let family = Gauges::default();
    registry.register(row.name, row.help, family.clone());
    family
}

fn histograms(registry: &mut Registry, row: &Row) -> Histograms {
    let bounds: &'static [f64] = match row.kind {
        Kind::Histogram(bounds) => bounds,
        Kind::Counter | Kind::Gauge => &[],
    };
    let family = Histograms::new_with_constructor(Buckets(bounds));
    registry.register(row.name, row.help, family.clone());
    family
}
