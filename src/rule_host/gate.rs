//! Shares a number of places between tenants, so that one whose logins take long keeps nobody
//! else's waiting.
//!
//! A tenant may hold at most as many places as are free. Alone, that is half of them; with two that
//! want all, a third each, and a third is still free for whoever comes. So no number of greedy
//! tenants fills the last place, and nobody has to set a share for each. What has to wait does so in
//! its own tenant's queue, and the queues are served in turn.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A number of places. Clones share them.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Shared>);

struct Shared {
    places: Mutex<Places>,
    /// How many may wait, of one tenant.
    queue: usize,
}

struct Places {
    free: usize,
    /// Never holds a tenant that neither holds a place nor waits.
    tenants: HashMap<Arc<str>, Tenant>,
    /// Tenants that wait, the next first.
    turns: VecDeque<Arc<str>>,
}

#[derive(Default)]
struct Tenant {
    held: usize,
    queue: VecDeque<oneshot::Sender<Permit>>,
}

/// The queue of a tenant is full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Places that are held until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    /// None once the places are given back.
    gate: Option<Gate>,
    tenant: Arc<str>,
    weight: usize,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gate({} free)", self.lock().free)
    }
}

impl Gate {
    pub(crate) fn new(places: usize, queue: usize) -> Self {
        Self(Arc::new(Shared {
            places: Mutex::new(Places {
                free: places,
                tenants: HashMap::new(),
                turns: VecDeque::new(),
            }),
            queue,
        }))
    }

    /// Takes a place in the tenant's turn. Dropping the future leaves the queue.
    pub(crate) async fn enter(&self, tenant: &Arc<str>) -> Result<Permit, Full> {
        let entered = {
            let mut places = self.lock();
            let nobody_waits = places.tenants.get(tenant).is_none_or(Tenant::is_served);
            if nobody_waits && places.take(tenant, 1) {
                return Ok(self.permit(tenant, 1));
            }
            places.wait(tenant, self.0.queue)?
        };
        entered.await.map_err(|_| Full)
    }

    /// Takes `weight` places if the tenant may have them now.
    pub(super) fn try_enter(&self, tenant: &Arc<str>, weight: usize) -> Option<Permit> {
        let taken = self.lock().take(tenant, weight);
        taken.then(|| self.permit(tenant, weight))
    }

    fn permit(&self, tenant: &Arc<str>, weight: usize) -> Permit {
        Permit {
            gate: Some(self.clone()),
            tenant: Arc::clone(tenant),
            weight,
        }
    }

    fn give_back(&self, tenant: &Arc<str>, weight: usize) {
        let mut places = self.lock();
        places.put(tenant, weight);
        while let Some((next, entering)) = places.next() {
            if let Err(mut left) = entering.send(self.permit(&next, 1)) {
                // It gave up waiting. The permit must not come back here while the lock is held.
                left.gate = None;
                places.put(&next, 1);
            }
        }
    }

    /// No code panics while it holds this lock; if it ever did, the counts would still be whole.
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.give_back(&self.tenant, self.weight);
        }
    }
}

impl Places {
    /// Takes places for a tenant, unless it would then hold more than are free now.
    fn take(&mut self, tenant: &Arc<str>, weight: usize) -> bool {
        let held = self.tenants.get(tenant).map_or(0, |known| known.held);
        if held.saturating_add(weight) > self.free {
            return false;
        }
        self.free -= weight;
        self.tenants.entry(Arc::clone(tenant)).or_default().held += weight;
        true
    }

    fn put(&mut self, tenant: &Arc<str>, weight: usize) {
        self.free += weight;
        if let Some(known) = self.tenants.get_mut(tenant) {
            known.held = known.held.saturating_sub(weight);
            self.forget_if_idle(tenant);
        }
    }

    fn forget_if_idle(&mut self, tenant: &Arc<str>) {
        let idle = |known: &Tenant| known.held == 0 && known.is_served();
        if self.tenants.get(tenant).is_some_and(idle) {
            self.tenants.remove(tenant);
        }
    }

    /// Queues up for a place.
    fn wait(&mut self, tenant: &Arc<str>, most: usize) -> Result<oneshot::Receiver<Permit>, Full> {
        let known = self.tenants.entry(Arc::clone(tenant)).or_default();
        let served = known.is_served();
        if known.queue.len() >= most {
            // Those who gave up must not keep others out.
            known.queue.retain(|waiting| !waiting.is_closed());
        }
        if known.queue.len() >= most {
            self.forget_if_idle(tenant);
            return Err(Full);
        }
        let (entering, entered) = oneshot::channel();
        known.queue.push_back(entering);
        if served {
            self.turns.push_back(Arc::clone(tenant));
        }
        Ok(entered)
    }

    /// Takes a place for the next tenant in turn that may have one.
    fn next(&mut self) -> Option<(Arc<str>, oneshot::Sender<Permit>)> {
        for _ in 0..self.turns.len() {
            let tenant = self.turns.pop_front()?;
            let taken = self.take(&tenant, 1);
            let Some(known) = self.tenants.get_mut(&tenant) else {
                continue;
            };
            let entering = if taken { known.queue.pop_front() } else { None };
            if !known.is_served() {
                self.turns.push_back(Arc::clone(&tenant));
            }
            if let Some(entering) = entering {
                return Some((tenant, entering));
            }
        }
        None
    }
}

impl Tenant {
    /// Nobody waits.
    fn is_served(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;

    fn tenant(name: &str) -> Arc<str> {
        name.into()
    }

    /// Enters as often as the gate lets in at once.
    fn fill(gate: &Gate, name: &str) -> Vec<Permit> {
        std::iter::from_fn(|| gate.enter(&tenant(name)).now_or_never()?.ok()).collect()
    }

    #[test]
    fn a_tenant_alone_gets_half_and_a_greedy_second_leaves_a_third_for_the_next() {
        let gate = Gate::new(90, 0);
        let first = fill(&gate, "a");
        assert_eq!(first.len(), 45);
        assert_eq!(fill(&gate, "b").len(), 23, "of the 45 that are left");
        assert!(gate.enter(&tenant("c")).now_or_never().unwrap().is_ok());
    }

    #[test]
    fn one_place_is_enough_for_everybody_in_turn() {
        let gate = Gate::new(1, 8);
        let held = gate.enter(&tenant("a")).now_or_never().unwrap().unwrap();
        let (one, two) = (tenant("a"), tenant("b"));
        let mut waiting = [
            Box::pin(gate.enter(&one)),
            Box::pin(gate.enter(&one)),
            Box::pin(gate.enter(&two)),
        ];
        for entering in &mut waiting {
            assert!(entering.now_or_never().is_none());
        }
        let [first, second, other] = waiting;
        drop(held);
        let held = first.now_or_never().unwrap().unwrap();
        drop(held);
        // The other tenant's first comes before this one's second.
        let held = other.now_or_never().unwrap().unwrap();
        drop(held);
        assert!(second.now_or_never().unwrap().is_ok());
    }

    #[test]
    fn whoever_gives_up_waiting_is_passed_over_and_makes_room_in_the_queue() {
        let gate = Gate::new(1, 1);
        let held = gate.enter(&tenant("a")).now_or_never().unwrap().unwrap();
        let name = tenant("a");
        let mut gone = Box::pin(gate.enter(&name));
        assert!(gone.as_mut().now_or_never().is_none());
        assert_eq!(
            gate.enter(&name).now_or_never().unwrap().err(),
            Some(Full),
            "one may wait"
        );
        drop(gone);
        let mut next = Box::pin(gate.enter(&name));
        assert!(next.as_mut().now_or_never().is_none());
        drop(held);
        drop(next.now_or_never().unwrap().unwrap());
        assert_eq!(gate.lock().free, 1);
        assert!(gate.lock().tenants.is_empty() && gate.lock().turns.is_empty());
    }

    #[test]
    fn weights_count_as_that_many_places() {
        let gate = Gate::new(10, 0);
        let four = gate.try_enter(&tenant("a"), 4).unwrap();
        assert!(gate.try_enter(&tenant("a"), 4).is_none());
        assert!(gate.try_enter(&tenant("b"), 6).is_some());
        drop(four);
        assert_eq!(gate.lock().free, 10);
    }

    proptest! {
        /// Whatever three tenants take and give back: nobody ever holds more than half, and at the
        /// end every place is free again.
        #[test]
        fn places_are_never_lost_and_no_tenant_holds_more_than_half(
            steps in prop::collection::vec((0_usize..3, any::<bool>()), 1..200)
        ) {
            const PLACES: usize = 9;
            let gate = Gate::new(PLACES, 4);
            let names = ["a", "b", "c"].map(tenant);
            let mut held: [Vec<Permit>; 3] = Default::default();
            for (who, take) in steps {
                if take {
                    held[who].extend(gate.enter(&names[who]).now_or_never().and_then(Result::ok));
                } else {
                    held[who].pop();
                }
                prop_assert!(held[who].len() <= PLACES.div_ceil(2));
                let all: usize = held.iter().map(Vec::len).sum();
                prop_assert_eq!(gate.lock().free, PLACES - all);
            }
            drop(held);
            prop_assert_eq!(gate.lock().free, PLACES);
            prop_assert!(gate.lock().tenants.is_empty());
        }
    }
}
