//! A store in memory: what a test needs when it is not about the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::clock::Timestamp;
use super::store::{Commit, Entry, Error, Key, KeyRange, Records, Store, Version, Write};

/// Keys and values in a map behind a lock. Expiry follows a clock that only [`Memory::set_now`]
/// moves; every read and write can be made to fail.
#[derive(Default)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Default)]
struct State {
    entries: BTreeMap<Key, (Vec<u8>, Version, Option<Timestamp>)>,
    last: u64,
    commits: u64,
    now: Timestamp,
    broken: bool,
}

impl Memory {
    /// An empty store, and typed records over it.
    pub(crate) fn records() -> (Arc<Self>, Records) {
        let store = Arc::new(Self::default());
        (Arc::clone(&store), Records::new(store))
    }

    /// What the store takes for the present when it looks for what has expired.
    pub(crate) fn set_now(&self, now: Timestamp) {
        self.locked().now = now;
    }

    /// From now on every read and write fails.
    pub(crate) fn break_down(&self) {
        self.locked().broken = true;
    }

    /// How many commits were applied.
    pub(crate) fn commits(&self) -> u64 {
        self.locked().commits
    }

    /// All values, one after the other: to search them for what must not be there.
    pub(crate) fn dump(&self) -> String {
        let state = self.locked();
        let values = state.entries.values().map(|(value, ..)| value);
        values
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn working(&self) -> Result<std::sync::MutexGuard<'_, State>, Error> {
        let state = self.locked();
        if state.broken {
            return Err(Error::Unavailable("broken by the test".into()));
        }
        Ok(state)
    }
}

impl State {
    fn live(&self, key: &Key) -> Option<Entry> {
        let (value, version, expires_at) = self.entries.get(key)?;
        let live = expires_at.is_none_or(|at| at > self.now);
        live.then(|| Entry {
            key: key.clone(),
            value: value.clone(),
            version: *version,
        })
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        Ok(self.working()?.live(key))
    }

    async fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Entry>, Error> {
        let state = self.working()?;
        let keys = state
            .entries
            .range(range.start.clone()..)
            .map(|(key, _)| key);
        let keys = keys.take_while(|key| range.end.as_ref().is_none_or(|end| *key < end));
        Ok(keys.filter_map(|key| state.live(key)).take(limit).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<(), Error> {
        let mut state = self.working()?;
        for (key, version) in &commit.expect {
            if state.live(key).map(|entry| entry.version) != *version {
                return Err(Error::Conflict);
            }
        }
        for write in commit.writes {
            state.last += 1;
            let version = Version(state.last);
            match write {
                Write::Put {
                    key,
                    value,
                    expires_at,
                } => {
                    state.entries.insert(key, (value, version, expires_at));
                }
                Write::Delete { key } => {
                    state.entries.remove(&key);
                }
            }
        }
        state.commits += 1;
        Ok(())
    }

    fn health(&self) -> Result<(), Error> {
        self.working().map(drop)
    }
}
