//! Every metric there is: registered from here, and drawn on the dashboard from here.

/// One metric.
#[derive(Debug)]
pub struct Row {
    /// Its name, without the suffixes that the text format adds.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// By which of them the dashboard tells its lines apart.
    pub by: &'static [&'static str],
    /// The dashboard's unit for it, in Grafana's words.
    pub unit: &'static str,
    /// The row of the dashboard that it stands in.
    pub section: &'static str,
}

/// What a metric is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
    /// How often each size was seen, up to these bounds.
    Histogram(&'static [f64]),
}

/// From 100 µs to 30 s: a quick request to one that ran out of time.
const SECONDS: &[f64] = &[
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0,
];

/// From 10 µs to a second: what happens within a call.
const SHORT_SECONDS: &[f64] = &[
    0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0,
];

/// Powers of ten: what rules are allowed ends at 10⁸ or so.
const FUEL: &[f64] = &[1e3, 1e4, 1e5, 1e6, 3e6, 1e7, 3e7, 1e8, 1e9];

const TENANT: &str = "tenant";
const RULE: &[&str] = &[TENANT, "rule", "version"];

/// All of them. A constant of its own for each, so that the code that records names one that is here.
pub const ROWS: &[&Row] = &[
    &TOKEN_REQUESTS,
    &TOKEN_SECONDS,
    &QUEUE_DEPTH,
    &QUEUE_SECONDS,
    &HASH_SECONDS,
    &HASH_REFUSED,
    &RULE_CALLS,
    &RULE_SECONDS,
    &RULE_FUEL,
    &INSTANTIATE_SECONDS,
    &MINT_SECONDS,
    &COMMITS,
    &COMMIT_SECONDS,
    &HTTP_REQUESTS,
    &HTTP_SECONDS,
    &CONNECTIONS,
    &CONNECTIONS_REFUSED,
    &LOG_STREAMS,
    &MAIL,
    &WEBHOOKS,
    &WEBHOOK_LAG,
    &BUILD,
];

macro_rules! rows {
    ($($constant:ident: $kind:expr, $name:literal, $help:literal, $labels:expr, by $by:expr, $unit:literal, $section:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Row = Row {
                name: $name,
                help: $help,
                kind: $kind,
                labels: $labels,
                by: $by,
                unit: $unit,
                section: $section,
            };
        )*
    };
}

rows! {
    TOKEN_REQUESTS: Kind::Counter, "claimsmith_token_requests", "Token requests by how they ended",
        &[TENANT, "grant", "outcome"], by &["outcome"], "reqps", "Logins";
    TOKEN_SECONDS: Kind::Histogram(SECONDS), "claimsmith_token_request_duration_seconds", "How long token requests took",
        &[TENANT], by &[], "s", "Logins";
    QUEUE_DEPTH: Kind::Gauge, "claimsmith_password_queue_depth", "Passwords that wait to be hashed",
        &[], by &[], "short", "Passwords";
    QUEUE_SECONDS: Kind::Histogram(SECONDS), "claimsmith_password_queue_wait_seconds", "How long passwords waited to be hashed",
        &[], by &[], "s", "Passwords";
    HASH_SECONDS: Kind::Histogram(SECONDS), "claimsmith_password_hash_duration_seconds", "How long hashing took, without waiting",
        &[], by &[], "s", "Passwords";
    HASH_REFUSED: Kind::Counter, "claimsmith_password_queue_refused", "Passwords refused because the queue was full",
        &[TENANT], by &[TENANT], "ops", "Passwords";
    RULE_CALLS: Kind::Counter, "claimsmith_rule_calls", "Calls of rules by how they ended",
        &[TENANT, "rule", "version", "outcome"], by &["rule", "version", "outcome"], "ops", "Rules";
    RULE_SECONDS: Kind::Histogram(SHORT_SECONDS), "claimsmith_rule_duration_seconds", "How long calls of rules took, instantiation and waiting included",
        RULE, by &["rule", "version"], "s", "Rules";
    RULE_FUEL: Kind::Histogram(FUEL), "claimsmith_rule_fuel", "How much fuel calls of rules used",
        RULE, by &["rule", "version"], "short", "Rules";
    INSTANTIATE_SECONDS: Kind::Histogram(SHORT_SECONDS), "claimsmith_rule_instantiate_seconds", "How long it took to make instances of rules",
        &[TENANT], by &[], "s", "Rules";
    MINT_SECONDS: Kind::Histogram(SHORT_SECONDS), "claimsmith_mint_duration_seconds", "How long it took to make and sign tokens, with what is stored of them",
        &[TENANT], by &[], "s", "Tokens and store";
    COMMITS: Kind::Counter, "claimsmith_store_commits", "Commits to the store by durability and outcome",
        &["durability", "outcome"], by &["durability", "outcome"], "ops", "Tokens and store";
    COMMIT_SECONDS: Kind::Histogram(SECONDS), "claimsmith_store_commit_duration_seconds", "How long commits took, waiting for others included",
        &["durability"], by &["durability"], "s", "Tokens and store";
    HTTP_REQUESTS: Kind::Counter, "claimsmith_http_requests", "Requests by route, method and status",
        &["route", "method", "status"], by &["route", "status"], "reqps", "HTTP";
    HTTP_SECONDS: Kind::Histogram(SECONDS), "claimsmith_http_request_duration_seconds", "How long requests took, up to the head of the answer",
        &["route"], by &["route"], "s", "HTTP";
    CONNECTIONS: Kind::Gauge, "claimsmith_connections", "Open connections of clients",
        &[], by &[], "short", "HTTP";
    CONNECTIONS_REFUSED: Kind::Counter, "claimsmith_connections_refused", "Connections turned away because too many were open",
        &[], by &[], "ops", "HTTP";
    LOG_STREAMS: Kind::Gauge, "claimsmith_log_followers", "Clients that follow a tenant's log",
        &[], by &[], "short", "Events going out";
    MAIL: Kind::Counter, "claimsmith_mail", "Attempts to send messages to users by how they ended",
        &["outcome"], by &["outcome"], "ops", "Events going out";
    WEBHOOKS: Kind::Counter, "claimsmith_webhook_deliveries", "Attempts to deliver events to webhooks by how they ended",
        &[TENANT, "outcome"], by &[TENANT, "outcome"], "ops", "Events going out";
    WEBHOOK_LAG: Kind::Gauge, "claimsmith_webhook_lag_seconds", "Age of the oldest event that a webhook has still to get",
        &[TENANT], by &[TENANT], "s", "Events going out";
    BUILD: Kind::Gauge, "claimsmith_build_info", "Always 1; the version is in the label",
        &["version"], by &["version"], "short", "Process";
}
