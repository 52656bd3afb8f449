//! What one caller at a time may rely on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;

impl<B: Backend> Suite<'_, B> {
    pub(super) async fn reads_what_was_written(&self) -> Result<(), Error> {
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

    pub(super) async fn commits_whole_or_not_at_all(&self) -> Result<(), Error> {
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

    pub(super) async fn scans_in_order(&self) -> Result<(), Error> {
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

    pub(super) async fn expires(&self) -> Result<(), Error> {
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

    pub(super) async fn never_repeats_a_version(&self) -> Result<(), Error> {
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

    pub(super) async fn keeps_to_the_limits(&self) -> Result<(), Error> {
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
}
