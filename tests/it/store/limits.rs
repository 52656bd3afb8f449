//! What the embedded store does when it may not or cannot go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use claimsmith::clock::{Clock, FixedClock, Timestamp};
use claimsmith::store::sled::{SledOptions, SledStore};
use claimsmith::store::{Commit, Durability, Error, Key, Store, Table, Write};

use super::{NOW, open, options, put, user, value};

#[tokio::test]
async fn a_full_disk_refuses_writes_and_serves_reads() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    store.commit(put("a", b"before")).await.unwrap();
    drop(store);
    let full = SledOptions {
        reserve_bytes: u64::MAX,
        ..options()
    };
    let store = SledStore::open(dir.path(), full).unwrap();
    let refused = store.commit(put("a", b"after")).await;
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    assert!(matches!(store.health(), Err(Error::Full(_))));
    assert_eq!(value(&store, "a").await.unwrap(), Some(b"before".to_vec()));
    drop(store);
    let store = open(dir.path()).unwrap();
    store.commit(put("a", b"after")).await.unwrap();
    store.health().unwrap();
}

#[tokio::test]
async fn a_closed_store_is_unavailable_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    store.commit(put("a", b"1")).await.unwrap();
    store.close();
    store.close();
    assert!(matches!(
        store.get(&user("a")).await,
        Err(Error::Unavailable(_))
    ));
    assert!(matches!(
        store.commit(put("a", b"2")).await,
        Err(Error::Unavailable(_))
    ));
    assert!(matches!(store.health(), Err(Error::Unavailable(_))));
    assert_eq!(store.scrub(), None);
    let store = open(dir.path()).unwrap();
    assert_eq!(value(&store, "a").await.unwrap(), Some(b"1".to_vec()));
}

/// Panics when told to, on whatever thread asks for the time.
#[derive(Debug, Default)]
struct Bomb(AtomicBool);

impl Clock for Bomb {
    fn now(&self) -> Timestamp {
        let in_committer = std::thread::current().name() == Some("store-commit");
        assert!(
            !(in_committer && self.0.load(Ordering::SeqCst)),
            "the bomb, as told"
        );
        NOW
    }
}

#[tokio::test]
async fn after_a_panic_of_the_committer_nothing_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Bomb::default());
    let options = SledOptions {
        clock: clock.clone(),
        ..options()
    };
    let store = SledStore::open(dir.path(), options).unwrap();
    store.commit(put("a", b"1")).await.unwrap();
    clock.0.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let outcome = store.commit(put("a", b"2")).await;
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    }
    clock.0.store(false, Ordering::SeqCst);
    let outcome = store.commit(put("a", b"3")).await;
    assert!(
        matches!(outcome, Err(Error::Unavailable(_))),
        "there is no way back: {outcome:?}"
    );
    assert!(matches!(store.health(), Err(Error::Unavailable(_))));
    assert_eq!(
        value(&store, "a").await.unwrap(),
        Some(b"1".to_vec()),
        "reads go on"
    );
    drop(store);
    // Its files stay open until the process ends, so that nobody works beside it.
    assert!(matches!(open(dir.path()), Err(Error::Open(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_records_are_removed_from_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(NOW));
    let options = SledOptions {
        clock: clock.clone(),
        ..options()
    };
    let store = SledStore::open(dir.path(), options).unwrap();
    let until = |id: &str, seconds: u64| Write::Put {
        key: user(id),
        value: vec![1; 20_000],
        expires_at: Some(NOW.plus_secs(seconds)),
    };
    let writes = vec![until("soon", 1), until("later", 100)];
    store
        .commit(Commit {
            writes,
            ..put("a", b"")
        })
        .await
        .unwrap();
    clock.set(NOW.plus_secs(10));
    // With the clock back where it was, only what is still on disk can be read.
    loop {
        clock.set(NOW.plus_secs(10));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        clock.set(NOW);
        if value(&store, "soon").await.unwrap().is_none() {
            break;
        }
    }
    assert!(value(&store, "later").await.unwrap().is_some());
    drop(store);
    let db = sled::Config::new()
        .path(dir.path())
        .segment_size(2 << 20)
        .open()
        .unwrap();
    // One head, three pieces, one entry in the order of expiry, and the count of versions.
    assert_eq!(db.len(), 6, "{:?}", db.iter().keys().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_grows_so_large_that_sled_would_keep_it_outside_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    // Keys as long as they may be that differ only at their end make the largest inner pages,
    // values just below the size of a piece the largest leaves.
    for batch in 0..40_u32 {
        let writes = (0..60_u32).map(|i| {
            let mut key = Key::new(Table::Api, &["t"]).as_bytes().to_vec();
            key.resize(1016, b'x');
            key.extend(
                format!(
                    "{:08}",
                    (batch * 60 + i).wrapping_mul(2_654_435_761) % 10_000_000
                )
                .bytes(),
            );
            Write::Put {
                key: Key::from_bytes(key),
                value: vec![1; if i % 6 == 0 { 8 * 1024 } else { 1 }],
                expires_at: None,
            }
        });
        let durability = Durability::Relaxed;
        store
            .commit(Commit {
                expect: vec![],
                writes: writes.collect(),
                durability,
            })
            .await
            .unwrap();
    }
    drop(store);
    let outside = std::fs::read_dir(dir.path().join("blobs")).unwrap().count();
    assert_eq!(outside, 0);
}
