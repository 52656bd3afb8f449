//! What many callers at once may rely on.

use tokio::task::{JoinHandle, JoinSet};

use super::*;

impl<B: Backend> Suite<'_, B> {
    pub(super) async fn reads_large_values_whole_while_they_change(&self) -> Result<(), Error> {
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

    pub(super) async fn counts_exactly_under_contention(&self) -> Result<(), Error> {
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

    pub(super) async fn lets_one_of_two_win(&self) -> Result<(), Error> {
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
