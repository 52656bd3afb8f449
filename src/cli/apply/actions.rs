//! Where actions and their triggers are said otherwise in files than the API has them: code is a file's
//! path, values of secrets come from the environment, a binding is an action's name.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::files::Place;
use super::kind::Kind;
use super::plan::{Change, Options, Step};
use super::shape::{Field, Fields, Shape};
use super::yaml::{Node, What};
use crate::secret::Secret;

/// The member that a trigger's list becomes, which has no name in files.
pub(super) const BINDINGS: &str = "bindings";

/// What a file may say of an action.
pub(super) fn adapt(fields: &mut Fields) {
    let name = || Field::new(Shape::text(128)).required();
    let secret = ["name", "from_env"].map(|member| (member.to_owned(), name()));
    let secrets = Shape::list(Shape::Object(Fields::from_iter(secret)), 30);
    fields.remove("deploy");
    fields.insert("code".to_owned(), Field::new(Shape::text(1_000)));
    fields.insert("deployed".to_owned(), Field::new(Shape::Flag));
    fields.insert("secrets".to_owned(), Field::new(secrets));
}

/// What a file may say of a trigger.
pub(super) fn of_trigger() -> Fields {
    let one = Fields::from_iter([
        (
            "action_name".to_owned(),
            Field::new(Shape::text(100)).required(),
        ),
        ("display_name".to_owned(), Field::new(Shape::text(300))),
    ]);
    let all = Field::new(Shape::list(Shape::Object(one), 100)).required();
    Fields::from_iter([(BINDINGS.to_owned(), all)])
}

/// A trigger's list as a thing with members.
pub(super) fn as_thing(kind: Kind, node: Node) -> Node {
    match kind {
        Kind::PostLogin | Kind::CredentialsExchange => Node {
            at: node.at,
            what: What::Map(vec![(BINDINGS.to_owned(), node.at, node)]),
        },
        _ => node,
    }
}

/// An action of the server as a file says it.
pub(super) fn members(members: &mut Map<String, Value>, raw: &Value) {
    members.remove("code");
    let deployed = raw.get("all_changes_deployed").cloned();
    members.insert("deployed".to_owned(), deployed.unwrap_or_default());
    let secrets = names(raw.get("secrets")).into_iter();
    let secrets = secrets.map(|name| json!({ "name": name, "from_env": name }));
    members.insert("secrets".to_owned(), secrets.collect());
}

/// A trigger of the server as a file says it.
pub(super) fn bindings(raw: &Value) -> Map<String, Value> {
    let all = raw.get(BINDINGS).and_then(Value::as_array);
    let one = |binding: &Value| {
        json!({
            "action_name": binding.pointer("/action/name"),
            "display_name": binding.get("display_name"),
        })
    };
    let all: Vec<Value> = all.into_iter().flatten().map(one).collect();
    Map::from_iter([(BINDINGS.to_owned(), all.into())])
}

/// Takes out of a trigger's document what changes when an action of it does.
pub(super) fn settle(members: &mut Map<String, Value>) {
    let all = members.get_mut(BINDINGS).and_then(Value::as_array_mut);
    for binding in all.into_iter().flatten() {
        *binding = json!([
            binding.get("id"),
            binding.get("display_name"),
            binding.pointer("/action/id"),
        ]);
    }
}

/// A trigger's bindings as the API takes them.
pub(super) fn body(members: &mut Map<String, Value>) {
    let all = members.get_mut(BINDINGS).and_then(Value::as_array_mut);
    for binding in all.into_iter().flatten() {
        let Value::Object(said) = binding.take() else {
            continue;
        };
        let mut one = json!({ "ref": { "type": "action_name", "value": said.get("action_name") } });
        if let (Some(name), Value::Object(one)) = (said.get("display_name"), &mut one) {
            one.insert("display_name".to_owned(), name.clone());
        }
        *binding = one;
    }
}

/// Compares the members of an action that are not what they are in the API; false for any other.
pub(super) fn compare(
    step: &mut Step,
    (name, have, want): (&str, Option<&Value>, &Value),
    options: &Options,
) -> bool {
    match name {
        // What is deployed stays so; a file that says no means that applying it deploys nothing.
        "deployed" => {
            if want == &Value::Bool(true) {
                step.body.insert(name.to_owned(), true.into());
                if have != Some(want) {
                    step.changes.push(Change {
                        name: name.to_owned(),
                        from: have.cloned().unwrap_or_default(),
                        to: want.clone(),
                    });
                }
            }
            true
        }
        "secrets" => {
            let (old, new) = (names(have), names(Some(want)));
            if old == new && (new.is_empty() || !options.set_configs) {
                return true;
            }
            if old != new {
                step.changes.push(Change {
                    name: name.to_owned(),
                    from: json!(old),
                    to: json!(new),
                });
            }
            step.body.insert(name.to_owned(), want.clone());
            true
        }
        _ => false,
    }
}

/// The secrets whose values are to be sent, each with the place of its variable.
pub(super) fn wanted_values<'n>(
    step: &Step,
    node: &'n Node,
    known: Option<&Value>,
    options: &Options,
) -> Vec<(String, &'n Node)> {
    let known = names(known);
    let is_sent = step.body.contains_key("secrets");
    let items = node.member("secrets").map_or(&[][..], Node::items);
    let wanted = items.iter().filter(|_| is_sent).filter_map(|item| {
        let name = item.member("name")?.text()?;
        let is_new = options.set_configs || !known.contains(name);
        is_new.then_some((name.to_owned(), item.member("from_env")?))
    });
    wanted.collect()
}

/// An action's body as the API takes it, and whether to deploy it afterwards.
pub(super) fn prepare(body: &mut Value, step: &Step) -> bool {
    let Some(members) = body.as_object_mut().filter(|_| step.kind == Kind::Actions) else {
        return false;
    };
    if let Some(Value::Array(secrets)) = members.get_mut("secrets") {
        for secret in secrets {
            let name = secret.get("name").cloned().unwrap_or_default();
            let value = step.values.iter().find(|(known, _)| name == **known);
            *secret = match value {
                Some((_, value)) => json!({ "name": name, "value": value.expose() }),
                None => json!({ "name": name }),
            };
        }
    }
    members.remove("deployed") == Some(Value::Bool(true))
}

/// The value of a variable, or what is wrong with it.
pub(super) fn from_environment(node: &Node) -> Result<Secret, String> {
    let name = node.text().unwrap_or_default();
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.map(Secret::new).ok_or_else(|| {
        format!(
            "the environment variable `{}` is not set",
            name.escape_debug()
        )
    })
}

/// Where a node stands, in the file of a place.
pub(super) fn at(place: &Place, node: &Node) -> Place {
    Place {
        at: node.at,
        ..place.clone()
    }
}

fn names(secrets: Option<&Value>) -> BTreeSet<String> {
    let secrets = secrets.and_then(Value::as_array).into_iter().flatten();
    let names = secrets.filter_map(|secret| secret.get("name")?.as_str());
    names.map(str::to_owned).collect()
}
