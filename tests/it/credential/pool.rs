//! The queue in front of Argon2: bounded, fair, and rid of callers that left.

use std::sync::{Arc, Mutex};

use claimsmith::clock::Timestamp;
use claimsmith::credential::{
    HashSettings, HashingError, Password, Passwords, PoolSettings, StartError,
};
use claimsmith::secret::Secret;
use claimsmith::tenant::TenantName;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Slow enough that what is enqueued behind one hash is all there when it ends.
const SLOW: HashSettings = HashSettings {
    memory_kib: 65_536,
    passes: 6,
    lanes: 1,
};
const QUICK: HashSettings = HashSettings {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};

fn tenant(name: &str) -> TenantName {
    TenantName::parse(name).unwrap()
}

fn password() -> Password {
    Password::new(Secret::new("correct horse")).unwrap()
}

fn one_thread(waiting: usize, waiting_per_tenant: usize) -> PoolSettings {
    PoolSettings {
        threads: 1,
        waiting,
        waiting_per_tenant,
    }
}

/// Starts a hash and returns once it is enqueued or refused; the handle has its end.
async fn begin(
    passwords: &Passwords,
    name: &str,
    order: &Arc<Mutex<Vec<String>>>,
) -> tokio::task::JoinHandle<Result<(), HashingError>> {
    let (passwords, tenant, order) = (passwords.clone(), tenant(name), Arc::clone(order));
    let handle = tokio::spawn(async move {
        passwords.hash(&tenant, password(), NOW).await?;
        order.lock().unwrap().push(tenant.to_string());
        Ok(())
    });
    // On this one-threaded executor the task runs to its first wait, which is the queue.
    tokio::task::yield_now().await;
    handle
}

#[tokio::test]
async fn tenants_are_served_in_turn_however_long_their_queues() {
    let passwords = Passwords::start(SLOW, one_thread(100, 50)).unwrap();
    let order = Arc::default();
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(begin(&passwords, "flood", &order).await);
    }
    all.push(begin(&passwords, "quiet", &order).await);
    for handle in all {
        handle.await.unwrap().unwrap();
    }
    let order = order.lock().unwrap();
    // One hash of the flood was running, one was next in turn; then it is the quiet one's turn.
    let place = order.iter().position(|name| name == "quiet").unwrap();
    assert!(place <= 2, "{order:?}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_a_time_to_come_back() {
    let passwords = Passwords::start(SLOW, one_thread(4, 2)).unwrap();
    let order = Arc::default();
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(begin(&passwords, "flood", &order).await);
    }
    // The flood's two places are taken, and still another tenant finds one.
    all.push(begin(&passwords, "quiet", &order).await);
    let mut refused = 0;
    for (number, handle) in all.into_iter().enumerate() {
        match handle.await.unwrap() {
            Ok(()) => {}
            Err(HashingError::Busy { retry_after_secs }) => {
                assert!((1..=60).contains(&retry_after_secs));
                assert!(number < 8, "the quiet tenant was refused");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    // Two waited; a third ran, if the thread had taken it up before the queue was full.
    assert!((5..=6).contains(&refused), "{refused} were refused");
    let done = 9 - refused;
    assert_eq!(passwords.evaluations(), done);
}

#[tokio::test]
async fn a_caller_that_left_costs_nothing_and_holds_no_place() {
    let passwords = Passwords::start(SLOW, one_thread(10, 3)).unwrap();
    let order = Arc::default();
    let running = begin(&passwords, "acme", &order).await;
    // Until the thread has taken it up.
    while passwords.evaluations() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        let left = begin(&passwords, "acme", &order).await;
        left.abort();
        left.await.unwrap_err();
    }
    let stays = begin(&passwords, "acme", &order).await;
    running.await.unwrap().unwrap();
    stays.await.unwrap().unwrap();
    assert_eq!(passwords.evaluations(), 2);
}

#[tokio::test]
async fn hashes_under_way_keep_the_pool_until_they_are_done() {
    let passwords = Passwords::start(SLOW, one_thread(10, 10)).unwrap();
    let (first, second) = {
        let acme = tenant("acme");
        let (one, two) = (passwords.clone(), passwords.clone());
        let name = acme.clone();
        let first = tokio::spawn(async move { one.hash(&name, password(), NOW).await });
        tokio::task::yield_now().await;
        let second = tokio::spawn(async move { two.hash(&acme, password(), NOW).await });
        tokio::task::yield_now().await;
        (first, second)
    };
    // The last of the two tasks drops the pool, which waits for its thread.
    drop(passwords);
    assert!(first.await.unwrap().is_ok());
    assert!(second.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_all_get_their_hash() {
    let passwords = Passwords::start(QUICK, PoolSettings::default()).unwrap();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.hash(&tenant("acme"), password(), NOW).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(passwords.evaluations(), 1000);
}

#[test]
fn settings_beyond_the_caps_do_not_start() {
    let settings = HashSettings {
        memory_kib: 1 << 20,
        ..HashSettings::default()
    };
    let refused = Passwords::start(settings, PoolSettings::default())
        .err()
        .unwrap();
    assert!(matches!(refused, StartError::Settings(_)));
    assert!(refused.to_string().contains("1048576 KiB"), "{refused}");
}
