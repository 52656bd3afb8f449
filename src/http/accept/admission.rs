//! [`Admission`]: how many connections there are, in all and by address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::metrics::Metrics;

/// Connections that are being told that there are too many. Beyond these, further ones are closed without a word.
const MAX_REFUSALS: usize = 32;

/// Counts open connections.
#[derive(Debug)]
pub(super) struct Admission {
    total: usize,
    per_address: usize,
    counts: Arc<Mutex<Counts>>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    refusals: usize,
}

impl Admission {
    pub(super) fn new(total: usize, per_address: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            total,
            per_address,
            counts: Arc::default(),
            metrics,
        }
    }

    /// A place for a connection from `address`, until the slot is dropped; `None` if either cap is reached.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Slot> {
        let subscriber = subscriber(address);
        let mut counts = lock(&self.counts);
        let held = counts.by_address.get(&subscriber).copied().unwrap_or(0);
        if counts.total >= self.total || held >= self.per_address {
            self.metrics.connection_refused();
            return None;
        }
        counts.total += 1;
        self.metrics.connections(counts.total);
        counts.by_address.insert(subscriber, held + 1);
        Some(self.slot(Some(subscriber)))
    }

    /// A place to refuse a connection politely; `None` if too many are being refused already.
    pub(super) fn admit_to_refusal(&self) -> Option<Slot> {
        let mut counts = lock(&self.counts);
        if counts.refusals >= MAX_REFUSALS {
            return None;
        }
        counts.refusals += 1;
        Some(self.slot(None))
    }

    fn slot(&self, subscriber: Option<IpAddr>) -> Slot {
        Slot {
            subscriber,
            counts: Arc::clone(&self.counts),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

/// One counted connection; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Slot {
    /// `None` for a refusal.
    subscriber: Option<IpAddr>,
    counts: Arc<Mutex<Counts>>,
    metrics: Arc<Metrics>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        let Some(subscriber) = self.subscriber else {
            counts.refusals -= 1;
            return;
        };
        counts.total -= 1;
        self.metrics.connections(counts.total);
        let held = counts.by_address.remove(&subscriber).unwrap_or(0);
        if held > 1 {
            counts.by_address.insert(subscriber, held - 1);
        }
    }
}

/// What one subscriber cannot change at will: an IPv4 address, or the first 64 bits of an IPv6 one.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // Nothing panics while the counts are held, and counts off by one are no reason to refuse everybody.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_slot_can_be_taken_again_and_leaves_no_trace() {
        let admission = Admission::new(10, 1, Arc::default());
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let slot = admission.admit(address).unwrap();
        assert!(admission.admit(address).is_none());
        drop(slot);
        drop(admission.admit(address).unwrap());
        assert!(lock(&admission.counts).by_address.is_empty());
    }

    #[test]
    fn addresses_are_counted_by_subscriber() {
        let network = |text: &str| subscriber(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:0:1:2:3:4:5"), "2001:db8:0:1::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
