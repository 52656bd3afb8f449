//! What every backend must do, as a program. A backend's own test is a [`Backend`] and one call of
//! [`run`]; a failed promise is a panic that says which.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::{JoinHandle, JoinSet};

use super::{
    Commit, Durability, Entry, Error, Key, KeyRange, MAX_COMMIT_BYTES, MAX_COMMIT_EXPECTATIONS,
    MAX_COMMIT_WRITES, MAX_KEY_BYTES, MAX_VALUE_BYTES, Records, Store, Table, Version, Write, blob,
};
use crate::clock::{Clock, FixedClock, Timestamp};

/// Makes stores for the suite.
#[async_trait]
pub trait Backend: Sync {
    /// Opens the store of this name: a fresh one the first time, later the same one again, which
    /// the suite has closed in between by dropping it.
    async fn open(&self, name: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, Error>;
}

/// Runs the whole suite. Needs a tokio runtime of several threads for its races to be races.
pub async fn run(backend: &impl Backend) -> Result<(), Error> {
    let suite = Suite { backend };
    suite.reads_what_was_written().await?;
    suite.commits_whole_or_not_at_all().await?;
    suite.scans_in_order().await?;
    suite.expires().await?;
    suite.never_repeats_a_version().await?;
    suite.keeps_to_the_limits().await?;
    suite.reads_large_values_whole_while_they_change().await?;
    suite.counts_exactly_under_contention().await?;
    suite.lets_one_of_two_win().await?;
    suite.keeps_what_it_acknowledged().await?;
    suite.keeps_blobs().await
}

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

struct Suite<'b, B> {
    backend: &'b B,
}

impl<B: Backend> Suite<'_, B> {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, Error> {
        self.backend.open(name, Arc::new(FixedClock::at(NOW))).await
    }

    async fn reads_what_was_written(&self) -> Result<(), Error> {
        let store = self.open("reads").await?;
        let key = user("a");
        assert_eq!(
            store.get(&key).await?,
            None,
            "a key never written is absent"
        );
        for value in [&b"one"[..], b"", b"\0\xff"] {
            store.commit(put(&key, value)).await?;
            assert_eq!(value_of(store.get(&key).await?).as_deref(), Some(value));
        }
        store.commit(delete(&key)).await?;
        assert_eq!(store.get(&key).await?, None, "a deleted key is absent");
        store.commit(delete(&key)).await?;
        for odd in [vec![], vec![0], vec![0xff; 40], vec![1; MAX_KEY_BYTES]] {
            let odd = Key::from_bytes(odd);
            store.commit(put(&odd, b"odd")).await?;
            assert_eq!(
                value_of(store.get(&odd).await?).as_deref(),
                Some(&b"odd"[..])
            );
        }
        store.health()
    }

    async fn commits_whole_or_not_at_all(&self) -> Result<(), Error> {
        let store = self.open("commits").await?;
        let [a, b, c] = ["a", "b", "c"].map(user);
        store.commit(put(&a, b"a1")).await?;
        let a1 = version_of(store.get(&a).await?);
        assert!(a1.is_some(), "a written key has a version");

        let both = |expect| Commit {
            expect,
            writes: vec![write(&b, b"b1"), Write::Delete { key: a.clone() }],
            durability: Durability::Durable,
        };
        for (what, expect) in [
            ("a key that exists is not absent", vec![(a.clone(), None)]),
            ("an absent key has no version", vec![(c.clone(), a1)]),
            ("all must hold", vec![(a.clone(), a1), (c.clone(), a1)]),
            (
                "an old version",
                vec![(a.clone(), a1.map(|v| Version(v.0.wrapping_sub(1))))],
            ),
        ] {
            let outcome = store.commit(both(expect)).await;
            assert!(
                matches!(outcome, Err(Error::Conflict)),
                "{what}: {outcome:?}"
            );
            assert_eq!(version_of(store.get(&a).await?), a1, "{what}");
            assert_eq!(store.get(&b).await?, None, "{what}");
        }
        store
            .commit(both(vec![(a.clone(), a1), (c.clone(), None)]))
            .await?;
        assert_eq!(store.get(&a).await?, None);
        assert_eq!(value_of(store.get(&b).await?).as_deref(), Some(&b"b1"[..]));
        // The same expectations do not hold twice.
        let again = store.commit(both(vec![(a.clone(), a1)])).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        // A commit may only ask.
        let ask = |expect| Commit {
            expect,
            writes: Vec::new(),
            durability: Durability::Durable,
        };
        store.commit(ask(vec![(a.clone(), None)])).await?;
        let asked = store.commit(ask(vec![(b.clone(), None)])).await;
        assert!(matches!(asked, Err(Error::Conflict)), "{asked:?}");
        Ok(())
    }

    async fn scans_in_order(&self) -> Result<(), Error> {
        let store = self.open("scans").await?;
        let mut expected = BTreeMap::new();
        // Enough for several pages of any backend, some values large, written out of order.
        for i in 0..600_u32 {
            let scattered = i.wrapping_mul(2_654_435_761) % 1000;
            let id = format!("{scattered:03}");
            let value = vec![b'x'; if i % 50 == 0 { 20_000 } else { 20 }];
            store.commit(relaxed(put(&user(&id), &value))).await?;
            expected.insert(user(&id), value);
        }
        // Neighbours that are not in the range.
        for (table, tenant) in [
            (Table::Connection, "t"),
            (Table::User, "s"),
            (Table::User, "tt"),
        ] {
            store
                .commit(put(&Key::new(table, &[tenant, "x"]), b"no"))
                .await?;
        }
        let range = KeyRange::prefix(Table::User, &["t"]);
        let all = store.scan(&range, usize::MAX).await?;
        let found: Vec<_> = all.iter().map(|e| (&e.key, &e.value)).collect();
        assert_eq!(
            found,
            expected.iter().collect::<Vec<_>>(),
            "all, and in order"
        );

        for limit in [0, 1, 127, 128, 129, expected.len()] {
            let some = store.scan(&range, limit).await?;
            assert_eq!(Some(some.as_slice()), all.get(..limit), "limit {limit}");
        }
        let mut rest = range.clone();
        let mut pages = Vec::new();
        loop {
            let page = store.scan(&rest, 100).await?;
            let Some(last) = page.last() else { break };
            rest = rest.behind(&last.key);
            pages.extend(page);
        }
        assert_eq!(pages, all, "page by page is the same as all at once");
        let nothing = KeyRange {
            start: user("b"),
            end: Some(user("a")),
        };
        assert_eq!(
            store.scan(&nothing, 10).await?,
            [],
            "a range that ends before it starts"
        );
        Ok(())
    }

    async fn expires(&self) -> Result<(), Error> {
        let clock = Arc::new(FixedClock::at(NOW));
        let store = self.backend.open("expires", clock.clone()).await?;
        let key = user("a");
        let until = |key: &Key, expires_at| Commit {
            expect: Vec::new(),
            writes: vec![Write::Put {
                key: key.clone(),
                value: vec![7; 20_000],
                expires_at: Some(expires_at),
            }],
            durability: Durability::Durable,
        };
        store.commit(until(&key, NOW.plus_millis(10))).await?;
        store.commit(put(&user("b"), b"stays")).await?;
        let range = KeyRange::prefix(Table::User, &["t"]);
        clock.set(NOW.plus_millis(9));
        let version = version_of(store.get(&key).await?);
        assert!(version.is_some(), "it lives until it expires");
        assert_eq!(store.scan(&range, 10).await?.len(), 2);

        clock.set(NOW.plus_millis(10));
        assert_eq!(
            store.get(&key).await?,
            None,
            "it is gone at that very moment"
        );
        assert_eq!(
            store.scan(&range, 1).await?.len(),
            1,
            "a limit counts the living"
        );
        let expect = |expected| Commit {
            expect: vec![(key.clone(), expected)],
            ..put(&key, b"next")
        };
        let outcome = store.commit(expect(version)).await;
        assert!(
            matches!(outcome, Err(Error::Conflict)),
            "expired has no version: {outcome:?}"
        );
        store.commit(expect(None)).await?;
        assert_ne!(version_of(store.get(&key).await?), version);

        // What was written over does not take its successor with it.
        store.commit(until(&key, NOW.plus_millis(20))).await?;
        store.commit(put(&key, b"for ever")).await?;
        clock.set(NOW.plus_secs(1_000_000));
        assert_eq!(
            value_of(store.get(&key).await?).as_deref(),
            Some(&b"for ever"[..])
        );
        store.commit(until(&key, NOW)).await?;
        assert_eq!(store.get(&key).await?, None, "written when already expired");
        Ok(())
    }

    async fn never_repeats_a_version(&self) -> Result<(), Error> {
        let key = user("a");
        let mut seen = Vec::new();
        for _ in 0..3 {
            let store = self.open("versions").await?;
            for _ in 0..10 {
                store.commit(put(&key, b"the same")).await?;
                seen.extend(version_of(store.get(&key).await?));
                store.commit(delete(&key)).await?;
            }
        }
        assert_eq!(seen.len(), 30);
        assert!(seen.is_sorted_by(|a, b| a < b), "versions grow: {seen:?}");
        Ok(())
    }

    async fn keeps_to_the_limits(&self) -> Result<(), Error> {
        let store = self.open("limits").await?;
        let largest = vec![1; MAX_VALUE_BYTES];
        let longest = Key::from_bytes(vec![9; MAX_KEY_BYTES]);
        store.commit(put(&longest, &largest)).await?;
        assert_eq!(value_of(store.get(&longest).await?), Some(largest.clone()));

        let many = |count: usize| -> Vec<Write> {
            (0..count)
                .map(|i| write(&user(&i.to_string()), b""))
                .collect()
        };
        let writes = |writes| Commit {
            writes,
            ..put(&longest, b"")
        };
        store.commit(writes(many(MAX_COMMIT_WRITES))).await?;
        let large = |i: usize| write(&user(&i.to_string()), &largest);
        for (what, commit) in [
            ("a value", put(&user("x"), &vec![1; MAX_VALUE_BYTES + 1])),
            (
                "a key",
                put(&Key::from_bytes(vec![9; MAX_KEY_BYTES + 1]), b""),
            ),
            ("writes", writes(many(MAX_COMMIT_WRITES + 1))),
            (
                "bytes",
                writes(
                    (0..=MAX_COMMIT_BYTES / MAX_VALUE_BYTES)
                        .map(large)
                        .collect(),
                ),
            ),
            (
                "one key twice",
                writes(vec![write(&user("x"), b"1"), delete_of(&user("x"))]),
            ),
            (
                "expectations",
                Commit {
                    expect: vec![(user("x"), None); MAX_COMMIT_EXPECTATIONS + 1],
                    ..put(&user("x"), b"")
                },
            ),
        ] {
            let outcome = store.commit(commit).await;
            assert!(
                matches!(outcome, Err(Error::TooLarge { .. })),
                "{what}: {outcome:?}"
            );
            assert_eq!(store.get(&user("x")).await?, None, "{what}");
        }
        Ok(())
    }

    async fn reads_large_values_whole_while_they_change(&self) -> Result<(), Error> {
        let store = self.open("large").await?;
        let key = user("a");
        store.commit(put(&key, &[0; 30_000])).await?;
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let (store, key) = (store.clone(), key.clone());
            tasks.spawn(async move {
                for _ in 0..200 {
                    let value = value_of(store.get(&key).await?).unwrap_or_default();
                    let first = value.first().copied();
                    assert!(
                        value.iter().all(|b| Some(*b) == first),
                        "a mixture of two values"
                    );
                    assert_eq!(value.len(), 30_000 + usize::from(first.unwrap_or(1)));
                    tokio::task::yield_now().await;
                }
                Ok(())
            });
        }
        for i in 0..200_u8 {
            let value = vec![i; 30_000 + usize::from(i)];
            store.commit(relaxed(put(&key, &value))).await?;
        }
        join(tasks).await
    }

    async fn counts_exactly_under_contention(&self) -> Result<(), Error> {
        const TASKS: u64 = 64;
        const EACH: u64 = 4;
        let store = self.open("counts").await?;
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let store = store.clone();
            tasks.spawn(async move {
                for _ in 0..EACH {
                    while !increment(&*store, task % 2 == 0).await? {}
                }
                Ok(())
            });
        }
        join(tasks).await?;
        let count = value_of(store.get(&user("count")).await?);
        assert_eq!(count, Some((TASKS * EACH).to_string().into_bytes()));
        Ok(())
    }

    async fn lets_one_of_two_win(&self) -> Result<(), Error> {
        let store = self.open("races").await?;
        for race in 0..1000_u32 {
            // Both write a key of their own as well: the loser's must not be there.
            let id = race.to_string();
            let commit = |name: &str| Commit {
                expect: vec![(user(&id), None)],
                writes: vec![
                    write(&user(&id), name.as_bytes()),
                    write(&user(&format!("{id}{name}")), b""),
                ],
                durability: Durability::Relaxed,
            };
            let contender = |name: &'static str| {
                let (store, commit) = (store.clone(), commit(name));
                tokio::spawn(async move { store.commit(commit).await })
            };
            let [a, b] = [contender("a"), contender("b")];
            let outcomes = (joined(a).await?, joined(b).await?);
            let (winner, loser) = if outcomes.0.is_ok() {
                ("a", "b")
            } else {
                ("b", "a")
            };
            assert!(
                matches!(
                    outcomes,
                    (Ok(()), Err(Error::Conflict)) | (Err(Error::Conflict), Ok(()))
                ),
                "race {race}: exactly one wins: {outcomes:?}"
            );
            assert_eq!(
                value_of(store.get(&user(&id)).await?).as_deref(),
                Some(winner.as_bytes())
            );
            assert!(store.get(&user(&format!("{id}{winner}"))).await?.is_some());
            assert_eq!(store.get(&user(&format!("{id}{loser}"))).await?, None);
        }
        Ok(())
    }

    async fn keeps_what_it_acknowledged(&self) -> Result<(), Error> {
        let store = self.open("durable").await?;
        for i in 0..100_u32 {
            let key = user(&i.to_string());
            store
                .commit(put(
                    &key,
                    &i.to_le_bytes().repeat(if i % 10 == 0 { 5000 } else { 5 }),
                ))
                .await?;
            if i % 3 == 0 {
                store.commit(delete(&key)).await?;
            }
        }
        // Closing in good order keeps relaxed commits too.
        store.commit(relaxed(put(&user("relaxed"), b""))).await?;
        let range = KeyRange::prefix(Table::User, &["t"]);
        let before = store.scan(&range, usize::MAX).await?;
        assert_eq!(before.len(), 67);
        drop(store);
        let store = self.open("durable").await?;
        assert_eq!(store.scan(&range, usize::MAX).await?, before);
        Ok(())
    }

    async fn keeps_blobs(&self) -> Result<(), Error> {
        let records = Records::new(self.open("blobs").await?);
        for length in [
            0,
            1,
            MAX_VALUE_BYTES,
            MAX_VALUE_BYTES + 1,
            9 * MAX_VALUE_BYTES + 5,
        ] {
            let bytes: Vec<u8> = (0..length).map(|i| (i / 7 % 251) as u8).collect();
            let name = blob::put(&records, &bytes).await?;
            assert_eq!(
                name,
                blob::put(&records, &bytes).await?,
                "the same bytes have one name"
            );
            assert_eq!(
                blob::get(&records, &name).await?,
                Some(bytes),
                "of {length} bytes"
            );
            if length > 0 {
                let part = Key::new(Table::BlobPart, &["", &name, "00000000"]);
                for damage in [put(&part, b"other"), delete(&part)] {
                    records.store().commit(damage).await?;
                    let damaged = blob::get(&records, &name).await;
                    assert!(matches!(damaged, Err(Error::Corrupt { .. })), "{damaged:?}");
                }
            }
        }
        assert_eq!(blob::get(&records, "no such name").await?, None);
        Ok(())
    }
}

/// Adds one to a counter; false if somebody else did so at the same time.
async fn increment(store: &dyn Store, durable: bool) -> Result<bool, Error> {
    let key = user("count");
    let old = store.get(&key).await?;
    let count = value_of(old.clone())
        .and_then(|value| String::from_utf8(value).ok()?.parse::<u64>().ok())
        .unwrap_or(0);
    let commit = Commit {
        expect: vec![(key.clone(), version_of(old))],
        durability: if durable {
            Durability::Durable
        } else {
            Durability::Relaxed
        },
        ..put(&key, (count + 1).to_string().as_bytes())
    };
    match store.commit(commit).await {
        Ok(()) => Ok(true),
        Err(Error::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

fn user(id: &str) -> Key {
    Key::new(Table::User, &["t", id])
}

fn write(key: &Key, value: &[u8]) -> Write {
    Write::Put {
        key: key.clone(),
        value: value.to_vec(),
        expires_at: None,
    }
}

fn delete_of(key: &Key) -> Write {
    Write::Delete { key: key.clone() }
}

fn durable(write: Write) -> Commit {
    Commit {
        expect: Vec::new(),
        writes: vec![write],
        durability: Durability::Durable,
    }
}

fn put(key: &Key, value: &[u8]) -> Commit {
    durable(write(key, value))
}

fn delete(key: &Key) -> Commit {
    durable(delete_of(key))
}

fn relaxed(commit: Commit) -> Commit {
    Commit {
        durability: Durability::Relaxed,
        ..commit
    }
}

fn value_of(entry: Option<Entry>) -> Option<Vec<u8>> {
    entry.map(|entry| entry.value)
}

fn version_of(entry: Option<Entry>) -> Option<Version> {
    entry.map(|entry| entry.version)
}

/// Waits for all tasks; the first that failed fails the suite.
async fn join(mut tasks: JoinSet<Result<(), Error>>) -> Result<(), Error> {
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| Error::Unavailable(error.to_string()))??;
    }
    Ok(())
}

async fn joined<T>(task: JoinHandle<T>) -> Result<T, Error> {
    let ended = task.await;
    ended.map_err(|error| Error::Unavailable(error.to_string()))
}
