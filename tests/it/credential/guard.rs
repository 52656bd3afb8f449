//! Guessing is stopped: exactly, for whoever is meant, and without harm to those who know their
//! password.

use std::net::IpAddr;
use std::sync::Arc;

use claimsmith::clock::Timestamp;
use claimsmith::connection::Connection;
use claimsmith::credential::guard::{
    BLOCK_SECS, BruteForce, Budget, Guard, Mode, Protection, Rate, SameUser, Stages, Stopped,
    Subject, SuspiciousIp,
};
use claimsmith::credential::{
    AuthenticationError, HashSettings, Login, Password, Passwords, PoolSettings, canonical,
};
use claimsmith::secret::Secret;
use claimsmith::store::sled::{SledOptions, SledStore};
use claimsmith::store::{Batch, Records};
use claimsmith::tenant::TenantName;
use claimsmith::user::{IdentifierRecord, User};
use tokio::task::JoinSet;

use crate::support::memory::Memory;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const RIGHT: &str = "correct horse battery staple";
const HERE: &str = "192.0.2.1";

/// A tenant with one user, who is `alice` and `alice@example.com`.
#[derive(Clone)]
struct House {
    records: Records,
    guard: Guard,
    passwords: Passwords,
    tenant: TenantName,
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    In,
    Wrong,
    Stopped(Stopped),
}
use Outcome::{In, Wrong};
const BLOCKED: Outcome = Outcome::Stopped(Stopped::Blocked);

impl House {
    async fn new() -> Self {
        Self::over(Memory::records().1).await
    }

    async fn over(records: Records) -> Self {
        let house = Self::reopened(records);
        let tenant = house.tenant.as_str();
        let password = Password::new(Secret::new(RIGHT)).unwrap();
        let password = house.passwords.hash(&house.tenant, password, NOW).await;
        let user = User {
            user_id: "auth0|1".into(),
            connection: "main".into(),
            ..User::default()
        };
        let mut batch = Batch::durable()
            .insert(&[tenant, "auth0|1"], &user)
            .insert(&[tenant, "auth0|1"], &password.unwrap());
        for identifier in ["alice", "alice@example.com"] {
            let identifier = canonical(identifier).unwrap();
            let user_id = "auth0|1".into();
            let owner = IdentifierRecord { user_id };
            batch = batch.insert(&[tenant, "main", identifier.as_str()], &owner);
        }
        house.records.commit(batch).await.unwrap();
        house
    }

    fn reopened(records: Records) -> Self {
        let cheap = HashSettings {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
        };
        Self {
            guard: Guard::start(records.clone()),
            records,
            passwords: Passwords::start(cheap, PoolSettings::default()).unwrap(),
            tenant: TenantName::parse("acme").unwrap(),
            connection: Connection {
                name: "main".into(),
                ..Connection::default()
            },
        }
    }

    async fn set(&self, protection: &Protection) {
        protection.check().unwrap();
        let batch = Batch::durable().put(&[self.tenant.as_str()], protection);
        self.records.commit(batch).await.unwrap();
    }

    async fn login_at(
        &self,
        address: &str,
        identifier: &str,
        password: &str,
        now: Timestamp,
    ) -> Outcome {
        let login = Login {
            tenant: &self.tenant,
            connection: &self.connection,
            identifier,
            password: Secret::new(password),
            address: address.parse().unwrap(),
        };
        let outcome = self
            .passwords
            .authenticate(&self.records, &self.guard, login, now)
            .await;
        match outcome {
            Ok(_) => In,
            Err(AuthenticationError::Rejected { .. }) => Wrong,
            Err(AuthenticationError::Stopped(stopped)) => Outcome::Stopped(stopped),
            Err(other) => panic!("{other}"),
        }
    }

    async fn login(&self, identifier: &str, password: &str) -> Outcome {
        self.login_at(HERE, identifier, password, NOW).await
    }

    /// Many attempts at once; how many of each outcome, and what it cost.
    async fn all_at_once(
        &self,
        attempts: usize,
        identifiers: &'static [&'static str],
        password: &'static str,
    ) -> (usize, usize, usize, u64) {
        let before = self.passwords.evaluations();
        let mut tasks = JoinSet::new();
        for number in 0..attempts {
            let house = self.clone();
            let identifier = identifiers[number % identifiers.len()];
            tasks.spawn(async move { house.login(identifier, password).await });
        }
        let outcomes = tasks.join_all().await;
        let count = |wanted: Outcome| {
            outcomes
                .iter()
                .filter(|outcome| **outcome == wanted)
                .count()
        };
        let evaluations = self.passwords.evaluations() - before;
        (count(In), count(Wrong), count(BLOCKED), evaluations)
    }

    async fn wrong(&self, times: usize, identifier: &str) {
        for _ in 0..times {
            assert_eq!(self.login(identifier, "wrong").await, Wrong, "{identifier}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_guesses_at_once_look_at_exactly_ten_hashes() {
    for identifiers in [
        &["alice"][..],
        &["alice", "ALICE", "alice@example.com", "Ａlice@Example.com"],
        &["nobody"],
        &["no identifier at all"],
    ] {
        let house = House::new().await;
        let answered = house.all_at_once(1_000, identifiers, "wrong").await;
        assert_eq!(answered, (0, 10, 990, 10), "{identifiers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_right_logins_at_once_are_all_served() {
    let house = House::new().await;
    let answered = house.all_at_once(1_000, &["alice"], RIGHT).await;
    assert_eq!(answered, (1_000, 0, 0, 1_000));
    // And nothing is left of them, as soon as the last is given back: that is after its answer.
    let nothing_left = async {
        let left = || house.records.list::<Budget>(&["acme"], 10);
        while !left().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(60);
    tokio::time::timeout(patience, nothing_left).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn right_logins_are_served_while_others_guess_below_the_limit() {
    let house = House::new().await;
    house.wrong(9, "alice").await;
    let answered = house.all_at_once(300, &["alice"], RIGHT).await;
    assert_eq!(answered, (300, 0, 0, 300));
    house.wrong(10, "alice").await;
    assert_eq!(house.login("alice", RIGHT).await, BLOCKED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let options = SledOptions {
            clock: Arc::new(claimsmith::clock::FixedClock::at(NOW)),
            reserve_bytes: 0,
            ..SledOptions::default()
        };
        SledStore::open(folder.path(), options).unwrap()
    };
    let mut evaluations = 0;
    let store = open();
    let house = House::over(Records::new(Arc::clone(&store) as _)).await;
    house.wrong(4, "alice").await;
    store.close();
    drop((house, store));

    // 1,000 at once, cut off after some of them.
    let store = open();
    let house = House::reopened(Records::new(Arc::clone(&store) as _));
    let mut tasks = JoinSet::new();
    for _ in 0..1_000 {
        let house = house.clone();
        tasks.spawn(async move { house.login("alice", "wrong").await });
    }
    let first = tasks.join_next().await.unwrap().unwrap();
    assert_eq!(first, Wrong);
    store.close();
    tasks.shutdown().await;
    evaluations += house.passwords.evaluations();
    drop((house, store));

    let store = open();
    let house = House::reopened(Records::new(Arc::clone(&store) as _));
    let (_, wrong, blocked, looked_at) = house.all_at_once(1_000, &["alice"], "wrong").await;
    assert_eq!(wrong as u64, looked_at);
    assert_eq!(wrong + blocked, 1_000);
    evaluations += looked_at;
    assert!(
        (1..=6).contains(&evaluations),
        "{evaluations} after the first four"
    );
    assert_eq!(house.login("alice", RIGHT).await, BLOCKED);
    store.close();
}

#[tokio::test]
async fn the_right_password_does_not_lift_a_block_but_begins_anew_before_it() {
    let house = House::new().await;
    house.wrong(9, "alice").await;
    assert_eq!(house.login("alice@example.com", RIGHT).await, In);
    house.wrong(10, "alice").await;
    let before = house.passwords.evaluations();
    assert_eq!(house.login("alice", RIGHT).await, BLOCKED);
    assert_eq!(house.login("Alice@Example.com", RIGHT).await, BLOCKED);
    assert_eq!(house.passwords.evaluations(), before);
    // The user elsewhere is not locked out by the attacker here.
    let elsewhere = house.login_at("198.51.100.2", "alice", RIGHT, NOW).await;
    assert_eq!(elsewhere, In);
}

#[tokio::test]
async fn account_lockout_counts_every_address_together() {
    let house = House::new().await;
    let brute_force_protection = BruteForce {
        mode: Mode::CountPerIdentifier,
        max_attempts: 4,
        ..BruteForce::default()
    };
    house
        .set(&Protection {
            brute_force_protection,
            ..Protection::default()
        })
        .await;
    for identifier in ["alice", "nobody"] {
        for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:1::1"] {
            let outcome = house.login_at(address, identifier, "wrong", NOW).await;
            assert_eq!(outcome, Wrong);
        }
        let outcome = house.login_at("192.0.2.9", identifier, RIGHT, NOW).await;
        assert_eq!(outcome, BLOCKED);
    }
}

#[tokio::test]
async fn a_block_ends_by_time_by_a_raised_threshold_and_by_the_administrator() {
    for (identifier, subject) in [
        ("alice", Subject::User("auth0|1")),
        ("nobody", Subject::Nobody("nobody")),
    ] {
        let house = House::new().await;
        let blocked_at = async |now| {
            let places = house.guard.blocked_at(&house.tenant, "main", subject, now);
            places.await.unwrap()
        };
        house.wrong(10, identifier).await;
        assert_eq!(house.login(identifier, "wrong").await, BLOCKED);
        assert_eq!(blocked_at(NOW).await, [HERE]);
        let forgiven = house.guard.forgive(&house.tenant, "main", subject, None);
        assert_eq!(forgiven.await.unwrap(), 1);
        assert!(blocked_at(NOW).await.is_empty());

        house.wrong(10, identifier).await;
        assert_eq!(house.login(identifier, "wrong").await, BLOCKED);
        let raised = BruteForce {
            max_attempts: 12,
            ..BruteForce::default()
        };
        house
            .set(&Protection {
                brute_force_protection: raised,
                ..Protection::default()
            })
            .await;
        house.wrong(2, identifier).await;
        assert_eq!(house.login(identifier, "wrong").await, BLOCKED);
        house.set(&Protection::default()).await;

        let later = NOW.plus_secs(BLOCK_SECS - 1);
        let outcome = house.login_at(HERE, identifier, "wrong", later).await;
        assert_eq!(outcome, BLOCKED);
        let later = NOW.plus_secs(BLOCK_SECS);
        let outcome = house.login_at(HERE, identifier, "wrong", later).await;
        assert_eq!(outcome, Wrong);
    }
}

/// One attempt at each of many users: no account is blocked, the address is.
#[tokio::test]
async fn spraying_from_one_address_is_throttled_and_right_logins_are_given_back() {
    let house = House::new().await;
    let stopped =
        |retry_after_secs| Outcome::Stopped(Stopped::SuspiciousAddress { retry_after_secs });
    for number in 0..100 {
        assert_eq!(house.login("alice", RIGHT).await, In);
        let user = format!("user{number}");
        assert_eq!(house.login(&user, "wrong").await, Wrong);
    }
    assert_eq!(house.login("one-more", "wrong").await, stopped(864));
    assert_eq!(house.login("alice", RIGHT).await, stopped(864));
    let elsewhere = house.login_at("192.0.2.2", "alice", RIGHT, NOW).await;
    assert_eq!(elsewhere, In);
    let later = NOW.plus_secs(864);
    assert_eq!(house.login_at(HERE, "alice", RIGHT, later).await, In);
    assert_eq!(house.login_at(HERE, "more", "wrong", later).await, Wrong);
    let outcome = house.login_at(HERE, "alice", RIGHT, later).await;
    assert_eq!(outcome, stopped(864));
    let here: IpAddr = HERE.parse().unwrap();
    let forgiven = house.guard.forgive_address(&house.tenant, here);
    forgiven.await.unwrap();
    assert_eq!(house.login("alice", RIGHT).await, In);
}

/// One subscriber has 2^64 addresses.
#[tokio::test]
async fn all_addresses_of_an_ipv6_network_are_one() {
    let house = House::new().await;
    for number in 0..10 {
        let address = format!("2001:db8:1:2::{number:x}");
        let outcome = house.login_at(&address, "alice", "wrong", NOW).await;
        assert_eq!(outcome, Wrong);
    }
    let same = house.login_at("2001:db8:1:2:ffff::1", "alice", RIGHT, NOW);
    assert_eq!(same.await, BLOCKED);
    let other = house.login_at("2001:db8:1:3::1", "alice", RIGHT, NOW);
    assert_eq!(other.await, In);
    let mapped = house.login_at("::ffff:192.0.2.1", "alice", "wrong", NOW);
    assert_eq!(mapped.await, Wrong);
    house.wrong(9, "alice").await;
    assert_eq!(house.login("alice", RIGHT).await, BLOCKED);
}

#[tokio::test]
async fn an_allowlist_a_missing_shield_and_the_connection_s_switch_turn_counting_off() {
    let off = [
        BruteForce {
            allowlist: vec!["192.0.2.0/24".parse().unwrap()],
            ..BruteForce::default()
        },
        BruteForce {
            shields: Vec::new(),
            ..BruteForce::default()
        },
        BruteForce {
            enabled: false,
            ..BruteForce::default()
        },
    ];
    for brute_force_protection in off {
        let house = House::new().await;
        house
            .set(&Protection {
                brute_force_protection,
                ..Protection::default()
            })
            .await;
        house.wrong(15, "alice").await;
        assert_eq!(house.login("alice", RIGHT).await, In);
    }
    let mut house = House::new().await;
    house.connection.brute_force_protection = false;
    house.wrong(15, "alice").await;
    assert_eq!(house.login("alice", RIGHT).await, In);
}

#[tokio::test]
async fn one_user_at_one_address_fails_twenty_times_and_then_ten_times_a_minute() {
    let mut house = House::new().await;
    house.connection.brute_force_protection = false;
    let stopped = Outcome::Stopped(Stopped::SameUser {
        retry_after_secs: 6,
    });
    house.wrong(20, "alice").await;
    assert_eq!(house.login("alice@example.com", "wrong").await, stopped);
    let mut let_through = 0;
    for second in 1..=60 {
        let now = NOW.plus_secs(second);
        if house.login_at(HERE, "alice", "wrong", now).await == Wrong {
            let_through += 1;
        }
    }
    assert_eq!(let_through, 10);

    // As Auth0 has it, if the tenant wants that.
    let same_user_rate = SameUser {
        count_successes: true,
        ..SameUser::default()
    };
    let house = House::new().await;
    house
        .set(&Protection {
            same_user_rate,
            ..Protection::default()
        })
        .await;
    for _ in 0..20 {
        assert_eq!(house.login("alice", RIGHT).await, In);
    }
    assert_eq!(house.login("alice", RIGHT).await, stopped);
}

#[tokio::test]
async fn an_attempt_that_cannot_be_written_down_is_not_made() {
    let (store, records) = Memory::records();
    let house = House::over(records).await;
    store.break_down();
    let login = Login {
        tenant: &house.tenant,
        connection: &house.connection,
        identifier: "alice",
        password: Secret::new(RIGHT),
        address: HERE.parse().unwrap(),
    };
    let before = house.passwords.evaluations();
    let outcome = house
        .passwords
        .authenticate(&house.records, &house.guard, login, NOW)
        .await;
    assert!(matches!(outcome, Err(AuthenticationError::Store(_))));
    assert_eq!(house.passwords.evaluations(), before);
}

/// Who hangs up before the answer learned nothing, and must not be blocked by a slow network.
#[tokio::test]
async fn an_attempt_that_its_caller_gave_up_is_given_back() {
    let house = House::new().await;
    let here: IpAddr = HERE.parse().unwrap();
    for _ in 0..30 {
        let permit = house
            .guard
            .login(
                &house.tenant,
                "main",
                true,
                Subject::User("auth0|1"),
                here,
                NOW,
            )
            .await
            .unwrap();
        drop(permit);
    }
    house.wrong(10, "alice").await;
    assert_eq!(house.login("alice", RIGHT).await, BLOCKED);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let attempts = |max_attempts| Protection {
        brute_force_protection: BruteForce {
            max_attempts,
            ..BruteForce::default()
        },
        ..Protection::default()
    };
    // NIST SP 800-63B-4, section 3.2.2: no more than 100.
    assert!(attempts(0).check().is_err() && attempts(101).check().is_err());
    assert!(attempts(1).check().is_ok() && attempts(100).check().is_ok());
    let rate = |max_attempts, rate| Protection {
        suspicious_ip_throttling: SuspiciousIp {
            stage: Stages {
                pre_login: Rate { max_attempts, rate },
                ..Stages::default()
            },
            ..SuspiciousIp::default()
        },
        ..Protection::default()
    };
    assert!(rate(0, 1).check().is_err() && rate(1, 0).check().is_err());
    let network: ipnet::IpNet = "10.0.0.0/8".parse().unwrap();
    let allowed = |count| Protection {
        brute_force_protection: BruteForce {
            allowlist: vec![network; count],
            ..BruteForce::default()
        },
        ..Protection::default()
    };
    assert!(allowed(100).check().is_ok() && allowed(101).check().is_err());
}
