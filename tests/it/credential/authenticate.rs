//! Logins: who gets in, what it costs, and what it leaves behind.

use std::sync::Arc;

use claimsmith::clock::Timestamp;
use claimsmith::connection::Connection;
use claimsmith::credential::guard::Guard;
use claimsmith::credential::{
    AuthenticationError, HashSettings, Login, MAX_PASSWORD_BYTES, Password, PasswordRecord,
    PasswordRefused, Passwords, Phc, PoolSettings, Rejection, StoredHash, canonical,
};
use claimsmith::secret::Secret;
use claimsmith::store::{Batch, Error, Records};
use claimsmith::tenant::TenantName;
use claimsmith::user::{IdentifierRecord, LoginStats, User};

use crate::support::memory::Memory;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const SET: Timestamp = Timestamp::from_millis(1_600_000_000_000);
const CHEAP: HashSettings = HashSettings {
    memory_kib: 64,
    passes: 1,
    lanes: 1,
};
const RIGHT: &str = "correct horse battery staple";

fn main() -> Connection {
    Connection {
        name: "main".into(),
        ..Connection::default()
    }
}

fn attempt<'a>(
    tenant: &'a TenantName,
    connection: &'a Connection,
    identifier: &'a str,
    password: &str,
) -> Login<'a> {
    Login {
        tenant,
        connection,
        identifier,
        password: Secret::new(password),
        address: [192, 0, 2, 1].into(),
    }
}

struct House {
    store: Arc<Memory>,
    records: Records,
    guard: Guard,
    passwords: Passwords,
    tenant: TenantName,
}

impl House {
    /// A tenant with one user, `auth0|1`, who is `alice` and `alice@example.com`.
    async fn with_alice() -> Self {
        let (store, records) = Memory::records();
        let passwords = Passwords::start(CHEAP, PoolSettings::default()).unwrap();
        let tenant = TenantName::parse("acme").unwrap();
        let password = Password::new(Secret::new(RIGHT)).unwrap();
        let record = passwords.hash(&tenant, password, SET).await.unwrap();
        let house = Self {
            store,
            guard: Guard::start(records.clone()),
            records,
            passwords,
            tenant,
        };
        house
            .add_user(
                "auth0|1",
                &["alice", "alice@example.com"],
                Some(record),
                false,
            )
            .await;
        house
    }

    async fn add_user(
        &self,
        id: &str,
        identifiers: &[&str],
        password: Option<PasswordRecord>,
        blocked: bool,
    ) {
        let tenant = self.tenant.as_str();
        let user = User {
            user_id: id.into(),
            connection: "main".into(),
            blocked,
            ..User::default()
        };
        let mut batch = Batch::durable().insert(&[tenant, id], &user);
        for identifier in identifiers {
            let identifier = canonical(identifier).unwrap();
            let owner = IdentifierRecord { user_id: id.into() };
            batch = batch.insert(&[tenant, "main", identifier.as_str()], &owner);
        }
        if let Some(password) = password {
            batch = batch.insert(&[tenant, id], &password);
        }
        self.records.commit(batch).await.unwrap();
    }

    /// The outcome, and what it cost.
    async fn login(
        &self,
        identifier: &str,
        password: &str,
    ) -> (Result<String, AuthenticationError>, u64) {
        let before = self.passwords.evaluations();
        let outcome = self
            .passwords
            .authenticate(
                &self.records,
                &self.guard,
                attempt(&self.tenant, &main(), identifier, password),
                NOW,
            )
            .await;
        let id = outcome.map(|authenticated| authenticated.user().user_id.clone());
        (id, self.passwords.evaluations() - before)
    }

    async fn phc(&self, id: &str) -> Phc {
        match self.stored(id).await.hash {
            StoredHash::Phc(phc) => phc,
            imported @ StoredHash::Imported(_) => panic!("{imported:?}"),
        }
    }

    async fn stored(&self, id: &str) -> PasswordRecord {
        let key = [self.tenant.as_str(), id];
        self.records.get(&key).await.unwrap().unwrap().record
    }
}

#[track_caller]
fn rejected(outcome: &(Result<String, AuthenticationError>, u64)) -> Rejection {
    assert_eq!(outcome.1, 1, "it did not cost one evaluation");
    match &outcome.0 {
        Err(AuthenticationError::Rejected { reason, .. }) => reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_right_password_authenticates_by_every_identifier_in_every_spelling() {
    let house = House::with_alice().await;
    for identifier in [
        "alice",
        "ALICE",
        "Ａlice",
        "alice@example.com",
        "Alice@Example.COM",
    ] {
        let (outcome, cost) = house.login(identifier, RIGHT).await;
        assert_eq!(outcome.unwrap(), "auth0|1", "{identifier}");
        assert_eq!(cost, 1);
    }
}

#[tokio::test]
async fn everything_that_must_look_like_a_wrong_password_costs_one_evaluation() {
    let house = House::with_alice().await;
    house
        .add_user("auth0|2", &["nopassword"], None, false)
        .await;
    let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
    for (identifier, password, reason) in [
        ("alice", "wrong", Rejection::WrongPassword),
        (
            "alice",
            "Correct horse battery staple",
            Rejection::WrongPassword,
        ),
        (
            "alice",
            "correct horse battery staple ",
            Rejection::WrongPassword,
        ),
        ("nobody", RIGHT, Rejection::UnknownUser),
        ("nobody", "-", Rejection::UnknownUser),
        ("nopassword", RIGHT, Rejection::NoPassword),
        (
            "alice",
            "",
            Rejection::PasswordRefused(PasswordRefused::Empty),
        ),
        (
            "alice",
            &long,
            Rejection::PasswordRefused(PasswordRefused::TooLong),
        ),
        ("nobody", "", Rejection::UnknownUser),
        ("nobody", &long, Rejection::UnknownUser),
    ] {
        let outcome = house.login(identifier, password).await;
        assert_eq!(rejected(&outcome), reason, "{identifier}");
    }
    for identifier in ["", " alice", "al\u{200d}ice", "alice\0", &"a".repeat(400)] {
        let outcome = house.login(identifier, RIGHT).await;
        let reason = rejected(&outcome);
        assert!(
            matches!(reason, Rejection::InvalidIdentifier(_)),
            "{identifier:?}: {reason}"
        );
    }
}

#[tokio::test]
async fn a_user_of_another_tenant_or_connection_is_unknown() {
    let house = House::with_alice().await;
    let other = TenantName::parse("other").unwrap();
    let staff = Connection {
        name: "staff".into(),
        ..main()
    };
    for (tenant, connection) in [(&other, main()), (&house.tenant, staff)] {
        let outcome = house
            .passwords
            .authenticate(
                &house.records,
                &house.guard,
                attempt(tenant, &connection, "alice", RIGHT),
                NOW,
            )
            .await;
        assert!(matches!(
            outcome,
            Err(AuthenticationError::Rejected {
                reason: Rejection::UnknownUser,
                ..
            })
        ));
    }
}

#[tokio::test]
async fn only_who_knows_the_password_learns_that_a_user_is_blocked() {
    let house = House::with_alice().await;
    let password = house.stored("auth0|1").await;
    house
        .add_user("auth0|2", &["blocked"], Some(password), true)
        .await;
    let outcome = house.login("blocked", "wrong").await;
    assert_eq!(rejected(&outcome), Rejection::WrongPassword);
    let (outcome, cost) = house.login("blocked", RIGHT).await;
    assert!(matches!(outcome, Err(AuthenticationError::Blocked)));
    assert_eq!(cost, 1);
}

#[tokio::test]
async fn a_password_is_one_however_its_accents_were_typed_and_whole_to_the_last_byte() {
    let house = House::with_alice().await;
    let longest = "x".repeat(MAX_PASSWORD_BYTES);
    for (id, name, chosen) in [
        ("auth0|2", "rene", "ren\u{e9} \u{1f951}\u{200d}\u{1f511}"),
        ("auth0|3", "long", longest.as_str()),
    ] {
        let password = Password::new(Secret::new(chosen)).unwrap();
        let record = house
            .passwords
            .hash(&house.tenant, password, SET)
            .await
            .unwrap();
        house.add_user(id, &[name], Some(record), false).await;
    }
    let (outcome, _) = house
        .login("rene", "rene\u{301}\u{a0}\u{1f951}\u{200d}\u{1f511}")
        .await;
    assert_eq!(outcome.unwrap(), "auth0|2");
    let (outcome, _) = house.login("long", &longest).await;
    assert_eq!(outcome.unwrap(), "auth0|3");
    let almost = format!("{}y", &longest[1..]);
    let outcome = house.login("long", &almost).await;
    assert_eq!(rejected(&outcome), Rejection::WrongPassword);
}

#[tokio::test]
async fn a_hash_with_other_settings_is_replaced_at_login_and_only_then() {
    let house = House::with_alice().await;
    let old = house.phc("auth0|1").await;
    let stronger = HashSettings { passes: 2, ..CHEAP };
    let house = House {
        passwords: Passwords::start(stronger, PoolSettings::default()).unwrap(),
        ..house
    };

    let outcome = house.login("alice", "wrong").await;
    assert_eq!(rejected(&outcome), Rejection::WrongPassword);
    assert_eq!(house.phc("auth0|1").await, old);

    let (outcome, cost) = house.login("alice", RIGHT).await;
    outcome.unwrap();
    assert_eq!(cost, 2, "one to verify, one to rehash");
    let new = house.phc("auth0|1").await;
    assert!(old.needs_rehash(&stronger) && !new.needs_rehash(&stronger));
    let set_at = house.stored("auth0|1").await.set_at;
    assert_eq!(set_at, SET, "the password itself did not change");

    let (outcome, cost) = house.login("alice", RIGHT).await;
    outcome.unwrap();
    assert_eq!(cost, 1);
    assert_eq!(house.phc("auth0|1").await, new);
}

#[tokio::test]
async fn a_damaged_or_too_costly_hash_rejects_at_the_usual_cost() {
    let house = House::with_alice().await;
    let phc = house.phc("auth0|1").await;
    for (id, name, text) in [
        ("auth0|2", "bomb", phc.expose().replace("m=64", "m=4194304")),
        ("auth0|3", "damaged", phc.expose()[..30].to_owned()),
    ] {
        // As a damaged record would read: the type itself cannot be made of such a text.
        let phc: Phc = serde_json::from_value(text.into()).unwrap();
        house
            .add_user(
                id,
                &[name],
                Some(PasswordRecord {
                    hash: StoredHash::Phc(phc),
                    set_at: SET,
                }),
                false,
            )
            .await;
        let outcome = house.login(name, RIGHT).await;
        assert!(
            matches!(rejected(&outcome), Rejection::UnusableHash(_)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_broken_store_is_neither_a_wrong_password_nor_a_right_one() {
    let house = House::with_alice().await;
    house.store.break_down();
    for identifier in ["alice", "nobody"] {
        let (outcome, cost) = house.login(identifier, RIGHT).await;
        assert!(matches!(
            outcome,
            Err(AuthenticationError::Store(Error::Unavailable(_)))
        ));
        assert_eq!(cost, 0);
    }
}

#[tokio::test]
async fn the_proof_says_what_was_before_and_what_to_record() {
    let house = House::with_alice().await;
    let before = LoginStats {
        logins_count: 7,
        last_login: Some(SET),
        last_ip: Some("192.0.2.1".into()),
    };
    let batch = Batch::relaxed().put(&["acme", "auth0|1"], &before);
    house.records.commit(batch).await.unwrap();
    let user = house
        .passwords
        .authenticate(
            &house.records,
            &house.guard,
            attempt(&house.tenant, &main(), "alice", RIGHT),
            NOW,
        )
        .await
        .unwrap();
    assert_eq!(user.stats().logins_count, 7);
    assert_eq!(user.stats().last_login, Some(SET));
    assert_eq!(user.methods(), ["pwd"]);
    assert_eq!((user.at(), user.password_set_at()), (NOW, SET));
    assert_eq!(user.last_password_reset(), Some(SET));
    let after = user.record_login(Some("198.51.100.2")).unwrap();
    assert_eq!(after.logins_count, 8);
    assert_eq!(after.last_login, Some(NOW));
    assert_eq!(after.last_ip.as_deref(), Some("198.51.100.2"));
}

#[tokio::test]
async fn neither_password_nor_hash_is_printed_or_stored_in_clear() {
    let house = House::with_alice().await;
    let record = house.stored("auth0|1").await;
    assert!(!format!("{record:?}").contains("argon2"));
    let password = Password::new(Secret::new(RIGHT)).unwrap();
    assert!(!format!("{password:?}").contains("horse"));
    assert!(!house.store.dump().contains("horse"));
}
