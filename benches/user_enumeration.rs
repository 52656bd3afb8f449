//! Whether the time of a refusal tells who exists: `cargo bench --bench user_enumeration [-- ROUNDS]`.
//!
//! One run, one connection on loopback (an attacker's best case), the states of an account in random
//! order, each refused with the same words. Prints, for each state against a known user with a wrong
//! password: the difference of the medians and of the 10th percentiles, each with its 99% interval, and
//! how often the best threshold tells the two apart, by one request and by the median of a hundred. Half
//! is what a coin gets. The threshold is chosen on one half of the answers and judged on the other, so
//! chance does not flatter it. Other work on the machine only ever adds time, so the 10th percentile
//! resolves more than the median there; an interval that is wide says that the machine was busy, and not
//! that there is no difference.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot go on has nothing to print"
)]

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Instant;

use claimsmith::admin::clients::NewClient;
use claimsmith::admin::tenants::FIRST_CONNECTION;
use claimsmith::admin::users::NewUser;
use claimsmith::admin::users::import;
use claimsmith::admin::{clients, protection, tenants, users};
use claimsmith::client::ClientAuthentication;
use claimsmith::config::Config;
use claimsmith::credential::PasswordRecord;
use claimsmith::http::accept::{self, ConnectionLimits};
use claimsmith::secret::Secret;
use claimsmith::server::Server;
use claimsmith::store::Batch;
use claimsmith::tenant::{Issuer, TenantName};
use serde_json::json;

/// Guesses at one name: the tenth would block it.
const GUESSES: usize = 9;
/// Refusals that warm caches and connections, and are not counted.
const WARM_UP: usize = 20;
const REFUSED: &str = "Wrong email or password.";
const STATES: [State; 5] = [
    State::WrongPassword,
    State::Unknown,
    State::ShutOut,
    State::NoPassword,
    State::Imported,
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    WrongPassword,
    Unknown,
    ShutOut,
    NoPassword,
    Imported,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::WrongPassword => "known",
            Self::Unknown => "unknown",
            Self::ShutOut => "shut-out",
            Self::NoPassword => "no-password",
            Self::Imported => "imported-md5",
        }
    }

    fn email(self, number: usize) -> String {
        format!("{}{number}@acme.example", self.name())
    }
}

#[tokio::main]
async fn main() {
    let rounds = std::env::args().find_map(|argument| argument.parse().ok());
    let rounds: usize = rounds.unwrap_or(2_000);
    let data = tempfile::tempdir().expect("a temporary directory");
    let config = Config::new(data.path().join("data"));
    let server = Arc::new(Server::open(&config).await.expect("a server"));
    let client = seed(&server, (rounds + WARM_UP).div_ceil(GUESSES)).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
    let listener = listener.await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = claimsmith::http::router(server);
    let forever = std::future::pending();
    let limits = ConnectionLimits::default();
    tokio::spawn(accept::serve(listener, router, limits, forever));

    let http = reqwest::Client::builder().no_proxy().build();
    let http = http.expect("a client");
    let url = format!("http://{address}/oauth/token");
    let mut dice = Dice::new();
    let mut times: Vec<Vec<f64>> = vec![Vec::with_capacity(rounds); STATES.len()];
    for round in 0..rounds + WARM_UP {
        let mut order: Vec<usize> = (0..STATES.len()).collect();
        dice.shuffle(&mut order);
        for state in order {
            let email = STATES[state].email(round / GUESSES);
            let form = [
                ("grant_type", "password"),
                ("username", &email),
                ("password", "a wrong password"),
                ("client_id", &client.0),
                ("client_secret", &client.1),
            ];
            let request = http.post(&url).form(&form);
            let start = Instant::now();
            let answer = request.send().await.expect("an answer");
            let body = answer.text().await.expect("a body");
            let milliseconds = start.elapsed().as_secs_f64() * 1_000.0;
            assert!(body.contains(REFUSED), "{email}: {body}");
            if round >= WARM_UP {
                times[state].push(milliseconds);
            }
        }
    }
    report(&times, &mut dice);
}

fn report(times: &[Vec<f64>], dice: &mut Dice) {
    let known = &times[0];
    println!("{} refusals of each state, in random order", known.len());
    println!(
        "known user, wrong password: median {:.3} ms, p10 {:.3} ms",
        median(known),
        percentile(known, 10)
    );
    for (state, other) in STATES.iter().zip(times).skip(1) {
        println!(
            "{:13} median {}; p10 {}; told apart by one in {:.1} %, by the median of 100 in {:.1} %",
            state.name(),
            compared(known, other, 50, dice),
            compared(known, other, 10, dice),
            100.0 * told_apart(halves(known), halves(other)),
            100.0 * told_apart(hundreds(known, dice), hundreds(other, dice)),
        );
    }
}

/// The difference of two percentiles, and what it is in 99 of 100 drawings of the same values.
fn compared(known: &[f64], other: &[f64], percent: usize, dice: &mut Dice) -> String {
    let difference = percentile(other, percent) - percentile(known, percent);
    let redrawn =
        |_| percentile(&dice.resample(other), percent) - percentile(&dice.resample(known), percent);
    let mut differences: Vec<f64> = (0..1_000).map(redrawn).collect();
    differences.sort_by(f64::total_cmp);
    let (low, high) = (differences[5], differences[994]);
    format!("{difference:+.3} ms [{low:+.3}, {high:+.3}]")
}

/// Every other value, and the rest.
fn halves(values: &[f64]) -> [Vec<f64>; 2] {
    let every_other = |from: usize| values.iter().skip(from).step_by(2).copied().collect();
    [every_other(0), every_other(1)]
}

/// Medians of a hundred values drawn of each half.
fn hundreds(values: &[f64], dice: &mut Dice) -> [Vec<f64>; 2] {
    halves(values).map(|half| {
        let draw = |_| {
            let drawn: Vec<f64> = (0..100).map(|_| half[dice.below(half.len())]).collect();
            median(&drawn)
        };
        (0..1_000).map(draw).collect()
    })
}

/// How often a threshold that is best on the first halves is right on the second.
fn told_apart([a, a_test]: [Vec<f64>; 2], [b, b_test]: [Vec<f64>; 2]) -> f64 {
    let (mut best, mut threshold, mut a_below) = (0.0, 0.0, true);
    let mut candidates = [a.as_slice(), &b].concat();
    candidates.sort_by(f64::total_cmp);
    for candidate in candidates.iter().step_by(candidates.len().div_ceil(500)) {
        let right = share_below(&a, *candidate) - share_below(&b, *candidate);
        if right.abs() > best {
            (best, threshold, a_below) = (right.abs(), *candidate, right > 0.0);
        }
    }
    let right = share_below(&a_test, threshold) - share_below(&b_test, threshold);
    0.5 + if a_below { right } else { -right } / 2.0
}

fn share_below(values: &[f64], threshold: f64) -> f64 {
    let below = values.iter().filter(|value| **value < threshold).count();
    below as f64 / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut values = values.to_vec();
    let at = values.len() * percent / 100;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Random enough for an order.
struct Dice {
    state: RandomState,
    thrown: u64,
}

impl Dice {
    fn new() -> Self {
        Self {
            state: RandomState::new(),
            thrown: 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.thrown += 1;
        (self.state.hash_one(self.thrown) % bound as u64) as usize
    }

    fn shuffle(&mut self, values: &mut [usize]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }

    fn resample(&mut self, values: &[f64]) -> Vec<f64> {
        let draw = |_| values[self.below(values.len())];
        (0..values.len()).map(draw).collect()
    }
}

/// A tenant with so many users in each state. Returns the client and its secret.
async fn seed(server: &Server, users: usize) -> (String, String) {
    let tenant = TenantName::parse("bench").expect("a name");
    let issuer = Issuer::parse("http://bench.localhost/").expect("an issuer");
    let made = tenants::create(server, tenant.clone(), issuer).await;
    made.expect("a tenant");
    // All these guesses come from one address; what is measured is each user's own count.
    let off = json!({"suspicious_ip_throttling": {"enabled": false}});
    let changed = protection::change(server, &tenant, off.as_object().expect("an object")).await;
    changed.expect("a setting");
    for number in 0..users {
        for state in STATES {
            add_user(server, &tenant, state, number).await;
        }
    }
    let client = NewClient {
        name: "bench".to_owned(),
        authentication: ClientAuthentication::ClientSecretPost,
        grant_types: vec!["password".to_owned()],
        is_first_party: true,
        metadata: Default::default(),
    };
    let (client, secret) = clients::create(server, &tenant, client)
        .await
        .expect("a client");
    let secret = secret.expect("a secret").expose().to_owned();
    (client.client_id, secret)
}

async fn add_user(server: &Server, tenant: &TenantName, state: State, number: usize) {
    let email = state.email(number);
    match state {
        State::Unknown => return,
        State::Imported => {
            let hash = json!({
                "algorithm": "md5",
                "hash": {"value": "5f4dcc3b5aa765d61d8327deb882cf99", "encoding": "hex"},
            });
            let document = json!({"email": email, "custom_password_hash": hash});
            let imported = import::user(server, tenant, FIRST_CONNECTION, &document, false).await;
            imported.expect("an imported user");
            return;
        }
        State::WrongPassword | State::ShutOut | State::NoPassword => {}
    }
    let new = NewUser {
        connection: FIRST_CONNECTION.to_owned(),
        email: Some(email),
        ..NewUser::default()
    };
    let user = users::create(server, tenant, new, Secret::new("correct horse battery"));
    let user_id = user.await.expect("a user").user_id;
    if state == State::ShutOut {
        let blocked = users::set_blocked(server, tenant, &user_id, true).await;
        blocked.expect("a user who is shut out");
    }
    if state == State::NoPassword {
        let parts = [tenant.as_str(), &user_id];
        let batch = Batch::durable().remove::<PasswordRecord>(&parts);
        server.records.commit(batch).await.expect("no password");
    }
}
