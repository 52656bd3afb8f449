//! Keys over time: published before they sign, verifying after, and gone in the end.

use claimsmith::clock::Timestamp;
use claimsmith::secret::Secret;
use claimsmith::store::{self, Batch, Records};
use claimsmith::tenant::TenantName;
use claimsmith::token::{
    KeyState, Keyring, MAX_PREVIOUS, MasterKey, NOTICE, Notice, RotationError, SigningAlgorithm,
    SigningKey,
};
use futures_util::future::join_all;

use crate::support::memory::Memory;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// The fastest to make.
const ALG: SigningAlgorithm = SigningAlgorithm::EdDSA;
const DAY: u64 = 86_400;

struct House {
    records: Records,
    keyring: Keyring,
    tenant: TenantName,
}

impl House {
    /// A tenant with a current key of each algorithm, and none else.
    async fn new() -> Self {
        let (_, records) = Memory::records();
        let master = MasterKey::from_env_text(&Secret::new("ab".repeat(32))).unwrap();
        let house = Self {
            records,
            keyring: Keyring::new(master),
            tenant: TenantName::parse("acme").unwrap(),
        };
        let tenant = &house.tenant;
        let made = house.keyring.generate_for_tenant(tenant, NOW).await;
        let mut batch = Batch::durable();
        for key in made.unwrap() {
            batch = batch.insert(&["acme", &key.kid], &key);
        }
        house.records.commit(batch).await.unwrap();
        house
    }

    async fn tend(&self, days: Option<u64>, now: Timestamp) {
        let after = days.map(|days| days * DAY);
        let tended = self.keyring.tend(&self.records, &self.tenant, after, now);
        tended.await.unwrap();
    }

    async fn rotate(
        &self,
        notice: Notice,
        now: Timestamp,
    ) -> Result<Vec<SigningKey>, RotationError> {
        self.keyring
            .rotate(&self.records, &self.tenant, &[ALG], notice, now)
            .await
    }

    async fn revoke(&self, kid: &str, now: Timestamp) -> Result<SigningKey, RotationError> {
        self.keyring
            .revoke(&self.records, &self.tenant, kid, now)
            .await
    }

    /// The names of the keys of the one algorithm that these tests rotate.
    async fn kids(&self, state: KeyState) -> Vec<String> {
        let keys = self.keyring.list(&self.records, &self.tenant).await;
        let keys = keys.unwrap().into_iter();
        keys.filter(|key| key.alg == ALG && key.state == state)
            .map(|key| key.kid)
            .collect()
    }

    async fn count(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for key in self
            .keyring
            .list(&self.records, &self.tenant)
            .await
            .unwrap()
        {
            counts[key.state as usize] += usize::from(key.alg == ALG);
        }
        counts
    }
}

#[tokio::test]
async fn a_rotation_moves_each_key_one_place_and_publishes_a_new_one() {
    let house = House::new().await;
    house.tend(None, NOW).await;
    let [current] = <[_; 1]>::try_from(house.kids(KeyState::Current).await).unwrap();
    let [next] = <[_; 1]>::try_from(house.kids(KeyState::Next).await).unwrap();

    let then = NOW.plus_secs(NOTICE);
    let rotated = house.rotate(Notice::Given, then).await.unwrap();
    assert_eq!(rotated.len(), 1);
    assert_eq!(
        (&rotated[0].kid, rotated[0].current_since),
        (&next, Some(then))
    );
    assert_eq!(house.kids(KeyState::Current).await, [next]);
    let previous = house.kids(KeyState::Previous).await;
    assert_eq!(previous, std::slice::from_ref(&current));
    assert_eq!(house.count().await, [1, 1, 1, 0]);
    let keys = house
        .keyring
        .list(&house.records, &house.tenant)
        .await
        .unwrap();
    let previous = keys.iter().find(|key| key.kid == current).unwrap();
    assert_eq!(previous.current_until, Some(then));
    // The other algorithms were not asked for.
    let others = keys.iter().filter(|key| key.alg != ALG);
    assert!(others.clone().all(|key| key.state != KeyState::Previous));
    assert_eq!(others.count(), 6);
}

#[tokio::test]
async fn a_key_signs_no_sooner_than_every_verifier_can_know_it() {
    let house = House::new().await;
    // There was no next key: it is published now, and the clock starts.
    let early = house.rotate(Notice::Given, NOW).await.unwrap_err();
    let from = NOW.plus_secs(NOTICE);
    assert!(matches!(early, RotationError::TooEarly { alg: ALG, from: at } if at == from));
    assert_eq!(house.count().await, [1, 1, 0, 0]);
    let almost = NOW.plus_millis(NOTICE * 1000 - 1);
    assert!(house.rotate(Notice::Given, almost).await.is_err());
    house.rotate(Notice::Given, from).await.unwrap();
    // The new next key has its own time to wait.
    assert!(house.rotate(Notice::Given, from).await.is_err());
}

#[tokio::test]
async fn a_compromised_key_can_be_replaced_and_revoked_at_once() {
    let house = House::new().await;
    let stolen = house.kids(KeyState::Current).await.remove(0);
    let not_yet = house.revoke(&stolen, NOW).await.unwrap_err();
    assert!(matches!(not_yet, RotationError::NotPrevious));
    house.rotate(Notice::Waived, NOW).await.unwrap();
    let revoked = house.revoke(&stolen, NOW).await.unwrap();
    assert_eq!(
        (revoked.state, revoked.revoked_at),
        (KeyState::Revoked, Some(NOW))
    );
    let again = house.revoke(&stolen, NOW).await.unwrap_err();
    assert!(matches!(again, RotationError::NotPrevious));
    let jwks = house
        .keyring
        .jwks(&house.records, &house.tenant)
        .await
        .unwrap();
    assert!(!jwks.to_string().contains(&stolen));
    let unknown = house.revoke("../../etc/passwd", NOW).await.unwrap_err();
    assert!(matches!(unknown, RotationError::NoSuchKey));
}

#[tokio::test]
async fn of_many_processes_that_rotate_at_once_one_does() {
    let house = House::new().await;
    for round in 1..=5 {
        let (before, tries) = (house.kids(KeyState::Next).await, 8);
        let all = join_all((0..tries).map(|_| house.rotate(Notice::Waived, NOW))).await;
        let done = all.iter().filter(|result| result.is_ok()).count();
        assert!(done >= 1);
        for failed in all.iter().filter_map(|result| result.as_ref().err()) {
            assert!(matches!(
                failed,
                RotationError::Store(store::Error::Conflict) | RotationError::TooManyPrevious(_)
            ));
        }
        let [current, next, previous, revoked] = house.count().await;
        assert_eq!((current, next, revoked), (1, 1, 0), "round {round}");
        for kid in before {
            assert!(!house.kids(KeyState::Next).await.contains(&kid));
        }
        for kid in house.kids(KeyState::Previous).await {
            house.revoke(&kid, NOW).await.unwrap();
        }
        assert!(previous >= 1);
        let kept = house.count().await;
        assert!(
            kept[3] <= 3,
            "only the last three revoked keys stay: {kept:?}"
        );
        // Start the next round without any.
        for key in house
            .records
            .list::<SigningKey>(&["acme"], 100)
            .await
            .unwrap()
        {
            if key.record.state == KeyState::Revoked {
                house
                    .records
                    .commit(Batch::durable().delete(&key))
                    .await
                    .unwrap();
            }
        }
    }
}

#[tokio::test]
async fn of_many_processes_that_tend_at_once_one_publishes_and_one_rotates() {
    let house = House::new().await;
    let together = |days, now| {
        join_all(
            (0..8)
                .map(move |_| (days, now))
                .map(|(d, n)| house.tend(d, n)),
        )
    };
    together(None, NOW).await;
    assert_eq!(house.count().await, [1, 1, 0, 0]);
    together(Some(7), NOW.plus_secs(7 * DAY)).await;
    assert_eq!(house.count().await, [1, 1, 1, 0]);
}

#[tokio::test]
async fn the_schedule_rotates_when_it_is_due_and_not_before() {
    let house = House::new().await;
    house.tend(Some(30), NOW).await;
    let due = NOW.plus_secs(30 * DAY);
    house
        .tend(Some(30), NOW.plus_millis(30 * DAY * 1000 - 1))
        .await;
    assert_eq!(house.count().await, [1, 1, 0, 0]);
    house.tend(None, due).await;
    assert_eq!(
        house.count().await,
        [1, 1, 0, 0],
        "no schedule, no rotation"
    );
    house.tend(Some(30), due).await;
    assert_eq!(house.count().await, [1, 1, 1, 0]);
    house.tend(Some(30), due).await;
    assert_eq!(house.count().await, [1, 1, 1, 0]);
}

#[tokio::test]
async fn a_previous_key_goes_when_the_last_token_it_can_have_signed_has_expired() {
    let house = House::new().await;
    let old = house.kids(KeyState::Current).await;
    house.rotate(Notice::Waived, NOW).await.unwrap();
    // The longest lifetime that an API can have, and the time of a request on its way.
    let end = NOW.plus_secs(30 * DAY + NOTICE);
    house.tend(None, NOW.plus_secs(30 * DAY + NOTICE - 1)).await;
    assert_eq!(house.kids(KeyState::Previous).await, old);
    house.tend(None, end).await;
    assert_eq!(house.count().await, [1, 1, 0, 0]);
}

#[tokio::test]
async fn previous_keys_are_bounded_and_the_schedule_waits_for_the_administrator() {
    let house = House::new().await;
    for _ in 0..MAX_PREVIOUS {
        house.rotate(Notice::Waived, NOW).await.unwrap();
    }
    let full = house.rotate(Notice::Waived, NOW).await.unwrap_err();
    assert!(matches!(full, RotationError::TooManyPrevious(ALG)));
    house.tend(Some(7), NOW.plus_secs(8 * DAY)).await;
    assert_eq!(house.count().await, [1, 1, MAX_PREVIOUS, 0]);
    let oldest = house.kids(KeyState::Previous).await.remove(0);
    house.revoke(&oldest, NOW).await.unwrap();
    house.tend(Some(7), NOW.plus_secs(8 * DAY)).await;
    assert_eq!(house.count().await, [1, 1, MAX_PREVIOUS, 1]);
}

#[tokio::test]
async fn a_key_of_the_first_version_signs_since_it_was_made() {
    let house = House::new().await;
    for stored in house
        .records
        .list::<SigningKey>(&["acme"], 10)
        .await
        .unwrap()
    {
        let mut old = serde_json::to_value(&stored.record).unwrap();
        let members = old.as_object_mut().unwrap();
        members.retain(|name, _| !name.starts_with("current_") && name != "revoked_at");
        let old: SigningKey = serde_json::from_value(old).unwrap();
        assert_eq!(old.current_since, None);
        let batch = Batch::durable().replace(&stored, &old);
        house.records.commit(batch).await.unwrap();
    }
    house.tend(Some(7), NOW.plus_secs(DAY)).await;
    assert_eq!(house.count().await, [1, 1, 0, 0]);
    house.tend(Some(7), NOW.plus_secs(7 * DAY)).await;
    assert_eq!(house.count().await, [1, 1, 1, 0]);
}
