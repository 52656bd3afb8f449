//! The order in which events were written. An event's identity says when its exchange began, and
//! exchanges end in another order; who follows the log by identity would miss those that took long.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::store::{Batch, Error, Record, Records, Stored, Table};

/// How many numbers are taken from the disk at once: a number is never given a second time, whatever
/// the power cut took of the events that had one, and a number costs no durable write.
const BLOCK: u64 = 1 << 20;

/// Gives out numbers, and knows whose event is still on its way.
#[derive(Default)]
pub(super) struct Numbers {
    state: Mutex<State>,
    reserving: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// The first that is not ours to give.
    reserved: u64,
    in_flight: BTreeSet<u64>,
}

/// The first number that nobody has taken from the disk.
#[derive(Serialize, Deserialize)]
struct Reserved {
    next: u64,
}

impl Record for Reserved {
    const TABLE: Table = Table::Meta;
}

const PLACE: [&str; 2] = ["", "log numbers"];

/// A number whose event is on its way into the store, until it is dropped.
pub(super) struct InFlight {
    numbers: Arc<Numbers>,
    number: u64,
}

impl InFlight {
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.numbers.lock().in_flight.remove(&self.number);
    }
}

impl Numbers {
    /// The next number.
    pub(super) async fn take(self: &Arc<Self>, records: &Records) -> Result<InFlight, Error> {
        loop {
            {
                let mut state = self.lock();
                if state.next < state.reserved {
                    let number = state.next;
                    state.next += 1;
                    state.in_flight.insert(number);
                    drop(state);
                    return Ok(InFlight {
                        numbers: Arc::clone(self),
                        number,
                    });
                }
            }
            self.reserve(records).await?;
        }
    }

    /// All events with smaller numbers are written, or never will be.
    pub(super) async fn settled(&self, records: &Records) -> Result<u64, Error> {
        let known = {
            let state = self.lock();
            (state.reserved > 0).then(|| state.in_flight.first().copied().unwrap_or(state.next))
        };
        match known {
            Some(settled) => Ok(settled),
            None => {
                self.reserve(records).await?;
                Ok(self.lock().next)
            }
        }
    }

    async fn reserve(&self, records: &Records) -> Result<(), Error> {
        let _one = self.reserving.lock().await;
        {
            let state = self.lock();
            if state.next < state.reserved {
                return Ok(());
            }
        }
        loop {
            let found: Option<Stored<Reserved>> = records.get(&PLACE).await?;
            // The first is 1: an event of an earlier version reads as 0.
            let next = found.as_ref().map_or(1, |found| found.record.next);
            let reserved = Reserved { next: next + BLOCK };
            let batch = match &found {
                Some(found) => Batch::durable().replace(found, &reserved),
                None => Batch::durable().insert(&PLACE, &reserved),
            };
            match records.commit(batch).await {
                Ok(()) => {
                    let mut state = self.lock();
                    state.next = next;
                    state.reserved = reserved.next;
                    return Ok(());
                }
                // Another server on the same store took that block.
                Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, and every change of it is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
