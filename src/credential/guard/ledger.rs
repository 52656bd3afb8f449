//! Who counts attempts: one task, so that two attempts never read the same count.
//!
//! An attempt is written down, on disk, before anybody looks at the password, and given back when
//! the password was right. Counting afterwards is the classic mistake: a thousand guesses sent at
//! once all read the same low count. What arrives while one commit is on its way to the disk shares
//! the next, so the cost of a login is a share of one fsync.
//!
//! An attempt for which nothing is left *waits* while others of the same budget are under way: they
//! may turn out to be right. So no right login is refused because of other right logins. If this
//! process dies, what was under way stays counted.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::budget::{Budget, Exhausted, Rule};
use crate::clock::Timestamp;
use crate::store::{self, Batch, KeyRange, Record, Records, Table};

impl Record for Budget {
    const TABLE: Table = Table::Budget;
}

/// Attempts that may wait at a time, of all tenants: as many as the server holds connections, and
/// some. Each is a few hundred bytes.
const WAITING: usize = 4096;

/// Messages that share a commit.
const GROUP: usize = 256;

/// Budgets written by one commit; the store allows 256.
const WRITES: usize = 200;

/// The identity of a budget: the parts of its key, the tenant first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name(pub(super) Vec<String>);

impl Name {
    fn parts(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

/// A budget that an attempt needs, and how that budget counts.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: Name,
    pub(super) rule: Rule,
}

/// Why an attempt may not be made.
#[derive(Debug)]
pub(super) enum Refused {
    /// Nothing is left of the wanted budget with this index.
    Exhausted(usize, Exhausted),
    /// Too many attempts wait.
    Busy,
    /// The attempt could not be written down.
    Store(store::Error),
}

/// The way to the task. The task ends with the last of these and the last permit.
pub(super) struct Ledger {
    messages: UnboundedSender<Message>,
    room: Arc<Semaphore>,
}

enum Message {
    Reserve(Reservation),
    Settle(Settlement),
    Forgive(Name, oneshot::Sender<Result<usize, store::Error>>),
}

struct Reservation {
    wanted: Vec<Wanted>,
    now: Timestamp,
    answer: oneshot::Sender<Result<Permit, Refused>>,
    messages: UnboundedSender<Message>,
    room: OwnedSemaphorePermit,
}

struct Settlement {
    wanted: Vec<Wanted>,
    now: Timestamp,
    outcome: Outcome,
    answer: Option<oneshot::Sender<bool>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    Failed,
    NotMade,
}

impl Ledger {
    /// Starts the task on the current runtime.
    pub(super) fn start(records: Records) -> Self {
        let (messages, inbox) = mpsc::unbounded_channel();
        tokio::spawn(Books::new(records).keep(inbox));
        Self {
            messages,
            room: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// Takes one attempt from each wanted budget, or from none. Durable when it returns.
    pub(super) async fn reserve(
        &self,
        wanted: Vec<Wanted>,
        now: Timestamp,
    ) -> Result<Permit, Refused> {
        if wanted.is_empty() {
            return Ok(Permit {
                wanted,
                now,
                messages: self.messages.clone(),
            });
        }
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            return Err(Refused::Busy);
        };
        let (answer, answered) = oneshot::channel();
        let reservation = Reservation {
            wanted,
            now,
            answer,
            messages: self.messages.clone(),
            room,
        };
        let sent = self.messages.send(Message::Reserve(reservation));
        match (sent, answered.await) {
            (Ok(()), Ok(answer)) => answer,
            _ => Err(Refused::Store(stopped())),
        }
    }

    /// Forgives what was counted under all names that begin like this one; says how many budgets
    /// there were. Durable when it returns.
    pub(super) async fn forgive(&self, prefix: Name) -> Result<usize, store::Error> {
        let (answer, answered) = oneshot::channel();
        let sent = self.messages.send(Message::Forgive(prefix, answer));
        match (sent, answered.await) {
            (Ok(()), Ok(answer)) => answer,
            _ => Err(stopped()),
        }
    }
}

fn stopped() -> store::Error {
    store::Error::Unavailable("the count of attempts has stopped".to_owned())
}

/// One attempt that may be made. Dropped without a word it counts as not made: who went away
/// without an answer learned nothing.
#[must_use]
#[derive(Debug)]
pub struct Permit {
    wanted: Vec<Wanted>,
    now: Timestamp,
    messages: UnboundedSender<Message>,
}

impl Permit {
    /// The password was right.
    pub fn succeeded(mut self) {
        self.settle(Outcome::Succeeded, None);
    }

    /// The password was wrong. Says whether that was the last attempt in a row there was.
    pub async fn failed(mut self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.settle(Outcome::Failed, Some(answer));
        answered.await.unwrap_or(false)
    }

    fn settle(&mut self, outcome: Outcome, answer: Option<oneshot::Sender<bool>>) {
        let wanted = std::mem::take(&mut self.wanted);
        if !wanted.is_empty() {
            let settlement = Settlement {
                wanted,
                now: self.now,
                outcome,
                answer,
            };
            // The task is gone only if the runtime is.
            let _ = self.messages.send(Message::Settle(settlement));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.settle(Outcome::NotMade, None);
    }
}

/// A budget of which something is under way.
#[derive(Default)]
struct Open {
    budget: Budget,
    under_way: u32,
    waiting: VecDeque<Reservation>,
}

/// What became of a reservation.
enum Step {
    Decided,
    /// It waits for this budget.
    Waits(Name, Reservation),
}

struct Books {
    records: Records,
    /// Only what is in use: everything else is read from the store when it is.
    open: HashMap<Name, Open>,
    /// What the next commit writes, and the time it was used at.
    dirty: HashMap<Name, Timestamp>,
    /// What the next commit decides.
    granted: Vec<(oneshot::Sender<Result<Permit, Refused>>, Permit)>,
    told: Vec<(oneshot::Sender<bool>, bool)>,
}

impl Books {
    fn new(records: Records) -> Self {
        Self {
            records,
            open: HashMap::new(),
            dirty: HashMap::new(),
            granted: Vec::new(),
            told: Vec::new(),
        }
    }

    async fn keep(mut self, mut inbox: UnboundedReceiver<Message>) {
        let mut group = Vec::new();
        while inbox.recv_many(&mut group, GROUP).await > 0 {
            for message in group.drain(..) {
                match message {
                    Message::Reserve(reservation) => {
                        let step = self.reserve(reservation).await;
                        if let Step::Waits(name, reservation) = step {
                            self.open
                                .entry(name)
                                .or_default()
                                .waiting
                                .push_back(reservation);
                        }
                    }
                    Message::Settle(settlement) => self.settle(settlement).await,
                    Message::Forgive(prefix, answer) => {
                        // Who asked and left does not need to know.
                        let _ = answer.send(self.forgive(&prefix).await);
                    }
                }
            }
            self.commit().await;
        }
    }

    async fn reserve(&mut self, reservation: Reservation) -> Step {
        if reservation.answer.is_closed() {
            return Step::Decided;
        }
        for (index, Wanted { name, rule }) in reservation.wanted.iter().enumerate() {
            let open = match self.load(name).await {
                Ok(open) => open,
                Err(error) => {
                    let _ = reservation.answer.send(Err(Refused::Store(error)));
                    return Step::Decided;
                }
            };
            if let Err(exhausted) = open.budget.check(*rule, reservation.now) {
                if open.under_way > 0 && rule.gives_back() {
                    return Step::Waits(name.clone(), reservation);
                }
                let refused = Refused::Exhausted(index, exhausted);
                let _ = reservation.answer.send(Err(refused));
                return Step::Decided;
            }
        }
        let Reservation {
            wanted,
            now,
            answer,
            messages,
            room,
        } = reservation;
        drop(room);
        for Wanted { name, rule } in &wanted {
            if let Some(open) = self.open.get_mut(name) {
                open.budget.take(*rule, now);
                open.under_way += 1;
                self.dirty.insert(name.clone(), now);
            }
        }
        let permit = Permit {
            wanted,
            now,
            messages,
        };
        self.granted.push((answer, permit));
        Step::Decided
    }

    async fn settle(&mut self, settlement: Settlement) {
        let Settlement {
            wanted,
            now,
            outcome,
            answer,
        } = settlement;
        let mut blocked = false;
        for Wanted { name, rule } in &wanted {
            let Some(open) = self.open.get_mut(name) else {
                continue;
            };
            open.under_way = open.under_way.saturating_sub(1);
            match outcome {
                Outcome::Succeeded => open.budget.succeed(*rule, open.under_way),
                Outcome::NotMade => open.budget.give_back(*rule),
                Outcome::Failed => {
                    let in_a_row = matches!(rule, Rule::InARow { .. });
                    let spent = open.budget.check(*rule, now).is_err();
                    blocked |= in_a_row && open.under_way == 0 && spent;
                    continue;
                }
            }
            self.dirty.entry(name.clone()).or_insert(now);
        }
        for Wanted { name, .. } in &wanted {
            self.wake(name).await;
        }
        if let Some(answer) = answer {
            self.told.push((answer, blocked));
        }
    }

    /// Lets those go on, in their order, who waited for this budget: as far as something is left,
    /// and all of them if nothing can be given back any more.
    async fn wake(&mut self, name: &Name) {
        while let Some(reservation) = self
            .open
            .get_mut(name)
            .and_then(|open| open.waiting.pop_front())
        {
            match self.reserve(reservation).await {
                Step::Decided => {}
                Step::Waits(again, reservation) => {
                    let waiting = &mut self.open.entry(again.clone()).or_default().waiting;
                    if again == *name {
                        waiting.push_front(reservation);
                        return;
                    }
                    waiting.push_back(reservation);
                }
            }
        }
    }

    async fn load(&mut self, name: &Name) -> Result<&mut Open, store::Error> {
        if !self.open.contains_key(name) {
            let stored = self.records.get::<Budget>(&name.parts()).await?;
            let open = Open {
                budget: stored.map(|stored| stored.record).unwrap_or_default(),
                ..Open::default()
            };
            self.open.insert(name.clone(), open);
        }
        Ok(self.open.entry(name.clone()).or_default())
    }

    async fn forgive(&mut self, prefix: &Name) -> Result<usize, store::Error> {
        // What is not on disk yet goes first, so that the range is complete.
        self.commit().await;
        let range = KeyRange::prefix(Table::Budget, &prefix.parts());
        let mut forgiven = 0;
        loop {
            let stored = self.records.list_range::<Budget>(&range, WRITES).await?;
            if stored.is_empty() {
                break;
            }
            forgiven += stored.len();
            let batch = stored.iter().fold(Batch::durable(), Batch::delete);
            self.records.commit(batch).await?;
        }
        let begins = |name: &Name| name.0.starts_with(&prefix.0);
        let open: Vec<Name> = self
            .open
            .keys()
            .filter(|name| begins(name))
            .cloned()
            .collect();
        for name in &open {
            if let Some(open) = self.open.get_mut(name) {
                open.budget.forgive(open.under_way);
                self.dirty.entry(name.clone()).or_default();
            }
            self.wake(name).await;
        }
        Ok(forgiven)
    }

    /// Writes what changed, at once for all, and answers.
    async fn commit(&mut self) {
        let durable = !self.granted.is_empty();
        let dirty: Vec<_> = self.dirty.drain().collect();
        let mut failure = None;
        for part in dirty.chunks(WRITES) {
            let mut batch = match durable {
                true => Batch::durable(),
                // What is given back may come back later: a crash then errs on the safe side.
                false => Batch::relaxed(),
            };
            for (name, now) in part {
                let Some(open) = self.open.get(name) else {
                    continue;
                };
                let budget = &open.budget;
                batch = match budget.whole_at() <= *now {
                    true => batch.remove::<Budget>(&name.parts()),
                    false => batch.put_until(&name.parts(), budget, budget.whole_at()),
                };
            }
            if let Err(error) = self.records.commit(batch).await {
                tracing::error!(%error, "attempts could not be counted");
                failure = Some(error);
                break;
            }
        }
        for (answer, permit) in std::mem::take(&mut self.granted) {
            let outcome = match &failure {
                None => Ok(permit),
                // The permit is dropped here, and so given back.
                Some(error) => Err(Refused::Store(again(error))),
            };
            let _ = answer.send(outcome);
        }
        for (answer, blocked) in self.told.drain(..) {
            let _ = answer.send(blocked);
        }
        self.open
            .retain(|_, open| open.under_way > 0 || !open.waiting.is_empty());
    }
}

/// The same error for one more that waited.
fn again(error: &store::Error) -> store::Error {
    match error {
        store::Error::Full(reason) => store::Error::Full(reason.clone()),
        other => store::Error::Unavailable(other.to_string()),
    }
}
