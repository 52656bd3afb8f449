//! What has to be done for a tenant to be as the files describe it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::actions;
use super::files::{Code, Files, Place, Problems, Wanted};
use super::kind::{Kind, MANAGEMENT, Shapes};
use super::order;
use super::shape::{Shape, differs, merge};
use super::state::{Known, State};
use crate::secret::Secret;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Update,
    Delete,
}

/// One thing to make, change or delete.
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) action: Action,
    pub(super) key: String,
    pub(super) place: Option<Place>,
    /// For people.
    pub(super) changes: Vec<Change>,
    /// What to send, as files say it.
    pub(super) body: Map<String, Value>,
    pub(super) code: Option<Code>,
    /// A value for rules.
    pub(super) secret: Option<Secret>,
    /// Values of an action's secrets, by name.
    pub(super) values: Vec<(String, Secret)>,
    /// The thing that is there, and how it was.
    pub(super) id: String,
    pub(super) seen: Option<Value>,
}

pub(super) struct Change {
    pub(super) name: String,
    pub(super) from: Value,
    pub(super) to: Value,
}

pub(super) struct Options {
    pub(super) prune: bool,
    pub(super) set_configs: bool,
}

pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// Things that are there and in no file, and stay.
    pub(super) unmentioned: usize,
}

impl Plan {
    pub(super) fn of(
        files: &Files,
        state: &State,
        shapes: &Shapes,
        options: &Options,
        problems: &mut Problems,
    ) -> Self {
        let mut plan = Self {
            steps: Vec::new(),
            unmentioned: 0,
        };
        let mut deletions = Vec::new();
        for kind in Kind::ALL {
            let mut steps = Vec::new();
            for wanted in files.wanted.iter().filter(|wanted| wanted.kind == kind) {
                check_names(wanted, files, state, problems);
                steps.extend(step(wanted, state, shapes, options, problems));
            }
            let mut gone = Vec::new();
            if files.sections.contains(&kind.section()) && !kind.is_single() {
                let is_wanted = |known: &&Known| {
                    let mut wanted = files.wanted.iter();
                    wanted.any(|wanted| wanted.kind == kind && wanted.key == known.key)
                };
                let others = state.of(kind).filter(|known| !is_wanted(known));
                match options.prune {
                    true => gone.extend(others.map(deletion)),
                    false => plan.unmentioned += others.count(),
                }
            }
            if kind == Kind::Rules {
                steps = order::arrange(steps, &mut gone, state, problems);
            }
            plan.steps.extend(steps);
            deletions.push(gone);
        }
        // What others need goes last.
        plan.steps.extend(deletions.into_iter().rev().flatten());
        plan
    }

    pub(super) fn count(&self, action: Action) -> usize {
        self.steps
            .iter()
            .filter(|step| step.action == action)
            .count()
    }
}

/// What is said of a rule's version goes with its code and cannot be changed without.
pub(super) const OF_VERSION: [&str; 2] = ["manifest", "note"];

fn deletion(known: &Known) -> Step {
    Step {
        kind: known.kind,
        action: Action::Delete,
        key: known.key.clone(),
        place: None,
        changes: Vec::new(),
        body: Map::new(),
        code: None,
        secret: None,
        values: Vec::new(),
        id: known.id.clone(),
        seen: Some(known.seen.clone()),
    }
}

fn step(
    wanted: &Wanted,
    state: &State,
    shapes: &Shapes,
    options: &Options,
    problems: &mut Problems,
) -> Option<Step> {
    let mut step = Step {
        kind: wanted.kind,
        action: Action::Create,
        key: wanted.key.clone(),
        place: Some(wanted.place.clone()),
        changes: Vec::new(),
        body: wanted.members.clone(),
        code: wanted.code.clone(),
        secret: None,
        values: Vec::new(),
        id: String::new(),
        seen: None,
    };
    let mut secrets = None;
    match state.find(wanted.kind, &wanted.key).as_slice() {
        [] => {
            step.body.retain(|_, value| !value.is_null());
            if wanted.kind == Kind::Rules && wanted.code.is_none() {
                let what = "a rule that is not there yet needs a `script` or a `component`";
                problems.say(wanted.place.clone(), what);
            }
        }
        [known] => {
            step.action = Action::Update;
            step.id.clone_from(&known.id);
            step.seen = Some(known.seen.clone());
            secrets = known.members.get("secrets");
            compare(&mut step, wanted, known, (shapes, options), problems);
            let again = match wanted.kind {
                Kind::RulesConfigs => options.set_configs,
                Kind::Actions => step.body.contains_key("secrets"),
                _ => false,
            };
            if step.changes.is_empty() && !again {
                return None;
            }
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|known| known.id.as_str()).collect();
            let what = format!(
                "the server has {} of this name ({}); rename all but one",
                several.len(),
                ids.join(", ")
            );
            problems.say(wanted.place.clone(), what);
            return None;
        }
    }
    let mut value = |node| match actions::from_environment(node) {
        Ok(value) => Some(value),
        Err(what) => {
            problems.say(actions::at(&wanted.place, node), what);
            None
        }
    };
    if wanted.kind == Kind::RulesConfigs {
        step.secret = wanted.node.member("from_env").and_then(&mut value);
    }
    if wanted.kind == Kind::Actions {
        let needed = actions::wanted_values(&step, &wanted.node, secrets, options);
        let values = needed
            .into_iter()
            .filter_map(|(name, node)| Some((name, value(node)?)));
        step.values = values.collect();
    }
    Some(step)
}

/// Finds what of a thing is not as it is wanted.
fn compare(
    step: &mut Step,
    wanted: &Wanted,
    known: &Known,
    (shapes, options): (&Shapes, &Options),
    problems: &mut Problems,
) {
    step.body.clear();
    let fields = shapes.create(wanted.kind);
    for (name, want) in &wanted.members {
        if wanted.kind == Kind::RulesConfigs || OF_VERSION.contains(&name.as_str()) {
            continue;
        }
        let shape = fields.get(name).map_or(&Shape::Map, |field| &field.shape);
        let have = known.members.get(name);
        if wanted.kind == Kind::Actions && actions::compare(step, (name, have, want), options) {
            continue;
        }
        let mut want = sorted(name, want);
        if !differs(shape, have, &want) {
            continue;
        }
        if !shapes.can_change(wanted.kind, name) {
            let at = wanted
                .node
                .member(name)
                .map_or(wanted.place.at, |node| node.at);
            let what = format!("`{name}` of what is there cannot be changed");
            problems.say(
                Place {
                    at,
                    ..wanted.place.clone()
                },
                what,
            );
            continue;
        }
        step.changes.push(Change {
            name: name.clone(),
            from: have.cloned().unwrap_or_default(),
            to: want.clone(),
        });
        if let ("client_metadata", Value::Object(want), Some(Value::Object(have))) =
            (name.as_str(), &mut want, have)
        {
            // The one map that the server merges: what is not in the file is taken away by null.
            for name in have.keys() {
                want.entry(name.clone()).or_insert(Value::Null);
            }
        }
        step.body.insert(name.clone(), merge(shape, have, &want));
    }
    compare_code(step, wanted, known);
}

/// A new script or manifest is a new version. Who says nothing of the manifest keeps it.
fn compare_code(step: &mut Step, wanted: &Wanted, known: &Known) {
    let (Some(code), Some(of_server)) = (&wanted.code, &known.code) else {
        step.code = None;
        return;
    };
    let have = known.members.get("manifest");
    let want = wanted.members.get("manifest").map(said);
    let want = want.as_ref().or(have);
    let manifest = differs(&Shape::Map, have, want.unwrap_or(&Value::Null));
    if code.digest == of_server.digest && !manifest {
        step.code = None;
        return;
    }
    let name = match (wanted.kind, code.is_script) {
        (Kind::Actions, _) => "code",
        (_, true) => "script",
        (_, false) => "component",
    };
    if code.digest != of_server.digest {
        step.changes.push(Change {
            name: name.to_owned(),
            from: of_server.digest.clone().into(),
            to: code.digest.clone().into(),
        });
    }
    if manifest {
        step.changes.push(Change {
            name: "manifest".to_owned(),
            from: have.cloned().unwrap_or_default(),
            to: want.cloned().unwrap_or_default(),
        });
    }
    if let Some(note) = wanted.members.get("note") {
        step.body.insert("note".to_owned(), note.clone());
    }
    if let Some(want) = want.filter(|want| !want.is_null()) {
        step.body.insert("manifest".to_owned(), want.clone());
    }
}

/// What a manifest says: an empty list says what none does.
pub(super) fn said(manifest: &Value) -> Value {
    let Value::Object(members) = manifest else {
        return manifest.clone();
    };
    let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let members = members.iter().filter(|(_, value)| !empty(value));
    let members = members.map(|(name, value)| (name.clone(), value.clone()));
    Value::Object(members.collect())
}

/// Lists whose order means nothing, as the server's are.
pub(super) fn sorted(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("enabled_clients" | "permissions", Value::Array(items)) => {
            let mut items = items.clone();
            items.sort_by_key(|item| match item {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            items.into()
        }
        (_, value) => value.clone(),
    }
}

/// Everything that a thing names must be there, or be made.
fn check_names(wanted: &Wanted, files: &Files, state: &State, problems: &mut Problems) {
    let described = |kind: Kind| {
        let wanted = files
            .wanted
            .iter()
            .filter(move |wanted| wanted.kind == kind);
        let known = state.of(kind).map(|known| known.key.as_str());
        wanted
            .map(|wanted| wanted.key.as_str())
            .chain(known)
            .collect::<BTreeSet<_>>()
    };
    let client = |name: &str| match state.names.ids(name).as_slice() {
        [] if described(Kind::Clients).contains(name) => Ok(()),
        [] => Err(format!("there is no client `{}`", name.escape_debug())),
        [_] => Ok(()),
        several => Err(format!("there are {} clients of this name", several.len())),
    };
    let api =
        |name: &str| match name == MANAGEMENT || described(Kind::ResourceServers).contains(name) {
            true => Ok(()),
            false => Err(format!("there is no API `{}`", name.escape_debug())),
        };
    let connection = |name: &str| match name.is_empty() || described(Kind::Databases).contains(name)
    {
        true => Ok(()),
        false => Err(format!("there is no connection `{}`", name.escape_debug())),
    };
    let mut look = |node: &super::yaml::Node, found: Result<(), String>| {
        if let Err(what) = found {
            let place = Place {
                at: node.at,
                ..wanted.place.clone()
            };
            problems.say(place, what);
        }
    };
    let node = |name: &str| {
        let node = wanted.node.member(name)?;
        node.text()
            .filter(|text| !text.is_empty())
            .map(|text| (node, text))
    };
    match wanted.kind {
        Kind::Clients => {
            let left = state.names.ids(&wanted.key);
            if left.iter().any(|id| state.names.left.contains(*id))
                && state.find(Kind::Clients, &wanted.key).is_empty()
            {
                let what = "this client is left alone, because it is the one that asks or authenticates by public keys; take it out of the file";
                look(&wanted.node, Err(what.to_owned()));
            }
            if let Some((node, name)) = node("resource_server_identifier") {
                look(node, api(name));
            }
        }
        Kind::ClientGrants => {
            if let Some((node, name)) = node("client_id") {
                look(node, client(name));
            }
            if let Some((node, name)) = node("audience") {
                look(node, api(name));
            }
        }
        Kind::Databases | Kind::Roles => {
            let lists = ["enabled_clients", "permissions"];
            let lists = lists.iter().filter_map(|name| wanted.node.member(name));
            for item in lists.flat_map(super::yaml::Node::items) {
                let named = item.member("resource_server_identifier");
                match (
                    item.text(),
                    named.and_then(|node| Some((node, node.text()?))),
                ) {
                    (Some(name), _) => look(item, client(name)),
                    (None, Some((node, name))) => look(node, api(name)),
                    (None, None) => {}
                }
            }
        }
        Kind::Tenant => {
            if let Some((node, name)) = node("default_audience") {
                look(node, api(name));
            }
            if let Some((node, name)) = node("default_directory") {
                look(node, connection(name));
            }
        }
        Kind::PostLogin | Kind::CredentialsExchange => {
            let known = described(Kind::Actions);
            let bindings = wanted.node.member(actions::BINDINGS);
            for item in bindings.map_or(&[][..], super::yaml::Node::items) {
                let Some(node) = item.member("action_name") else {
                    continue;
                };
                let name = node.text().unwrap_or_default();
                let found = match known.contains(name) {
                    true => Ok(()),
                    false => Err(format!("there is no action `{}`", name.escape_debug())),
                };
                look(node, found);
            }
        }
        _ => {}
    }
}
