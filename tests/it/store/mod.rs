//! The store: what any backend must do, and what the embedded one must survive.

mod conformance;
mod crash;
mod damage;
mod keys;
mod limits;

use std::path::Path;
use std::sync::Arc;

use claimsmith::clock::{FixedClock, Timestamp};
use claimsmith::store::sled::{SledOptions, SledStore};
use claimsmith::store::{Commit, Durability, Error, Key, Store, Table, Write};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn options() -> SledOptions {
    SledOptions {
        clock: Arc::new(FixedClock::at(NOW)),
        ..SledOptions::default()
    }
}

fn open(dir: &Path) -> Result<Arc<SledStore>, Error> {
    SledStore::open(dir, options())
}

fn user(id: &str) -> Key {
    Key::new(Table::User, &["t", id])
}

fn put(id: &str, value: &[u8]) -> Commit {
    Commit {
        expect: Vec::new(),
        writes: vec![Write::Put {
            key: user(id),
            value: value.to_vec(),
            expires_at: None,
        }],
        durability: Durability::Durable,
    }
}

async fn value(store: &SledStore, id: &str) -> Result<Option<Vec<u8>>, Error> {
    Ok(store.get(&user(id)).await?.map(|entry| entry.value))
}
