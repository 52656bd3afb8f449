//! The order of rules. No two may have one place, and there is no way to move two at once: who is in the way
//! is parked behind all others for a moment.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::files::Problems;
use super::kind::Kind;
use super::plan::{Action, Change, Step};
use super::state::State;

/// A step that needs a place, and which.
struct Pending {
    step: Step,
    place: u64,
    parked: bool,
}

/// Puts steps in an order in which none asks for a place that is taken. Rules that go are taken out of
/// `gone` where their places are needed before the end.
pub(super) fn arrange(
    steps: Vec<Step>,
    gone: &mut Vec<Step>,
    state: &State,
    problems: &mut Problems,
) -> Vec<Step> {
    let order = |members: &Map<String, Value>| members.get("order").and_then(Value::as_u64);
    let mut taken: BTreeMap<u64, String> = BTreeMap::new();
    for known in state.of(Kind::Rules) {
        taken.extend(order(&known.members).map(|place| (place, known.key.clone())));
    }
    let (mut out, mut last, mut pending) = (Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        match order(&step.body) {
            Some(place) => pending.push(Pending {
                step,
                place,
                parked: false,
            }),
            None if step.action == Action::Create => last.push(step),
            None => out.push(step),
        }
    }
    check(&pending, gone, &taken, problems);
    let highest = taken
        .keys()
        .copied()
        .chain(pending.iter().map(|one| one.place))
        .max();
    let mut free = highest.unwrap_or(0).saturating_add(1);
    while !pending.is_empty() {
        let ready = pending.iter().position(|one| {
            let holder = taken.get(&one.place);
            holder.is_none_or(|holder| *holder == one.step.key)
        });
        if let Some(ready) = ready {
            let one = pending.remove(ready);
            taken.retain(|_, holder| *holder != one.step.key);
            taken.insert(one.place, one.step.key.clone());
            out.push(one.step);
        } else if let Some(stuck) = pending.iter_mut().find(|one| !one.parked) {
            let later = move_to(&stuck.step, stuck.place);
            let mut now = std::mem::replace(&mut stuck.step, later);
            stuck.parked = true;
            now.body.insert("order".to_owned(), free.into());
            if let Some(change) = now.changes.iter_mut().find(|change| change.name == "order") {
                change.to = free.into();
            }
            taken.retain(|_, holder| *holder != now.key);
            taken.insert(free, now.key.clone());
            free = free.saturating_add(1);
            out.push(now);
        } else if let Some(going) = gone.iter().position(|step| {
            let place = taken.iter().find(|(_, holder)| **holder == step.key);
            place.is_some_and(|(place, _)| pending.iter().any(|one| one.place == *place))
        }) {
            let step = gone.remove(going);
            taken.retain(|_, holder| *holder != step.key);
            out.push(step);
        } else {
            // Said as a problem already.
            break;
        }
    }
    out.extend(last);
    out
}

/// The second half of a step that was parked.
fn move_to(step: &Step, place: u64) -> Step {
    Step {
        kind: step.kind,
        action: Action::Update,
        key: step.key.clone(),
        place: step.place.clone(),
        changes: vec![Change {
            name: "order".to_owned(),
            from: Value::Null,
            to: place.into(),
        }],
        body: Map::from_iter([("order".to_owned(), place.into())]),
        code: None,
        secret: None,
        values: Vec::new(),
        id: step.id.clone(),
        seen: None,
    }
}

/// Whoever holds a place that another wants moves, goes, or is in the way.
fn check(
    pending: &[Pending],
    gone: &[Step],
    taken: &BTreeMap<u64, String>,
    problems: &mut Problems,
) {
    let mut wanted: BTreeMap<u64, &str> = BTreeMap::new();
    for one in pending {
        let key = one.step.key.as_str();
        let twice = wanted.insert(one.place, key);
        let holder = taken.get(&one.place).map(String::as_str).filter(|holder| {
            let moves = pending.iter().any(|other| other.step.key == *holder);
            *holder != key && !moves && !gone.iter().any(|step| step.key == *holder)
        });
        if let (Some(other), Some(place)) = (twice.or(holder), &one.step.place) {
            let what = format!(
                "rule `{}` has the place {} in the order",
                other.escape_debug(),
                one.place
            );
            problems.say(place.clone(), what);
        }
    }
}
