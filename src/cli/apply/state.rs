//! What a tenant is at present, as the files would describe it.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::actions;
use super::files::digest;
use super::kind::{Kind, MANAGEMENT, Shapes};
use super::shape::{Field, Fields, Shape};
use crate::cli::CliError;
use crate::cli::progress::Step;
use crate::cli::remote::Remote;

/// A thing that is there.
pub(in crate::cli) struct Known {
    pub(in crate::cli) kind: Kind,
    pub(in crate::cli) key: String,
    /// What the management API knows it by.
    pub(super) id: String,
    /// As a file says it.
    pub(in crate::cli) members: Map<String, Value>,
    /// As the server says it: what is not the same later was changed by somebody.
    pub(super) seen: Value,
    /// A rule's or an action's code.
    pub(in crate::cli) code: Option<KnownCode>,
}

pub(in crate::cli) struct KnownCode {
    pub(super) digest: String,
    pub(in crate::cli) is_script: bool,
    pub(in crate::cli) version: u64,
    /// An action's, which is no version yet.
    pub(in crate::cli) draft: Option<String>,
}

/// Names for identities.
pub(super) struct Names {
    /// The clients, by identity.
    pub(super) clients: BTreeMap<String, String>,
    /// Those that files do not describe: the one that asks, which must not lock itself out, and those whose
    /// public keys no endpoint returns.
    pub(super) left: BTreeSet<String>,
    own: String,
    management: String,
}

pub(in crate::cli) struct State {
    pub(in crate::cli) things: Vec<Known>,
    pub(super) names: Names,
}

impl State {
    /// Reads it page by page: what is wanted, and clients.
    pub(in crate::cli) async fn read(
        remote: &Remote,
        shapes: &Shapes,
        progress: &Step,
        is_wanted: impl Fn(Kind) -> bool,
    ) -> Result<Self, CliError> {
        progress.now("reading clients");
        let clients = remote.list("clients", "clients").await?;
        let names = Names::of(remote, &clients);
        let mut state = Self {
            things: Vec::new(),
            names,
        };
        let wanted = |kind: &Kind| *kind == Kind::Clients || is_wanted(*kind);
        for kind in Kind::ALL.into_iter().filter(wanted) {
            progress.now(&format!("reading {}", kind.path()));
            let raw = match kind {
                Kind::Clients => clients.clone(),
                kind if kind.is_single() => vec![remote.get(kind.path()).await?],
                Kind::RulesConfigs | Kind::LogStreams => match remote.get(kind.path()).await? {
                    Value::Array(keys) => keys,
                    _ => return Err(CliError::failure("the server's answer is no list")),
                },
                Kind::Roles => remote.list_by_number(kind.path(), "roles").await?,
                Kind::Actions => remote.list_by_number(kind.path(), "actions").await?,
                kind => {
                    let name = kind.path().replace('-', "_");
                    remote.list(kind.path(), &name).await?
                }
            };
            for raw in raw {
                let raw = complete(remote, kind, raw).await?;
                if !state.names.is_left(kind, &raw) {
                    let known = state.names.known(kind, raw, shapes);
                    state.things.push(known);
                }
            }
        }
        Ok(state)
    }

    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Known> {
        self.things.iter().filter(move |known| known.kind == kind)
    }

    pub(super) fn find(&self, kind: Kind, key: &str) -> Vec<&Known> {
        self.of(kind).filter(|known| known.key == key).collect()
    }

    /// Clients that are there and that files do not describe, for people.
    pub(in crate::cli) fn left_alone(&self) -> Vec<String> {
        let names = &self.names;
        let left = names.left.iter();
        left.map(|id| {
            let name = names.clients.get(id).map_or("", String::as_str);
            let why = match *id == names.own {
                true => "it is the one that asks",
                false => "it authenticates by public keys, which `claimsmith client credential` registers",
            };
            format!("client `{}` ({id}): {why}", name.escape_debug())
        })
        .collect()
    }

    /// Clients and log streams that share a name, which files cannot tell apart.
    pub(in crate::cli) fn same_names(&self) -> Vec<String> {
        let mut by_name: BTreeMap<(Kind, &str), Vec<&str>> = BTreeMap::new();
        for known in &self.things {
            let of_name = by_name.entry((known.kind, &known.key));
            of_name.or_default().push(&known.id);
        }
        let shared = by_name.into_iter().filter(|(_, ids)| ids.len() > 1);
        shared
            .map(|((kind, name), ids)| {
                format!(
                    "{} `{}` ({})",
                    kind.noun(),
                    name.escape_debug(),
                    ids.join(", ")
                )
            })
            .collect()
    }
}

/// How the path of a thing ends.
pub(super) fn escaped(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

/// Adds what other endpoints know of a thing.
async fn complete(remote: &Remote, kind: Kind, mut raw: Value) -> Result<Value, CliError> {
    let text = |name: &str| raw.get(name).and_then(Value::as_str).map(escaped);
    let (name, more) = match kind {
        Kind::Roles => {
            let path = format!("roles/{}/permissions", text("id").unwrap_or_default());
            let held = remote.list_by_number(&path, "permissions").await?;
            ("permissions", held.into())
        }
        Kind::Rules => {
            let version = raw.get("version").and_then(Value::as_u64).unwrap_or(0);
            let rule = text("name").unwrap_or_default();
            let mut version = remote
                .get(&format!("rule-versions/{rule}/{version}"))
                .await?;
            let manifest = version.get_mut("manifest").map(Value::take);
            ("manifest", manifest.unwrap_or_default())
        }
        _ => return Ok(raw),
    };
    if let Value::Object(members) = &mut raw {
        members.insert(name.to_owned(), more);
    }
    Ok(raw)
}

/// A thing as it is now. None if it is gone.
pub(super) async fn look_again(
    remote: &Remote,
    kind: Kind,
    id: &str,
) -> Result<Option<Value>, CliError> {
    let path = match kind.is_single() {
        true => kind.path().to_owned(),
        false => format!("{}/{}", kind.path(), escaped(id)),
    };
    match remote.find(&path).await? {
        Some(raw) => Ok(Some(settled(complete(remote, kind, raw).await?))),
        None => Ok(None),
    }
}

/// Without what changes when other things do: who may use a connection that is open to all, what a bound
/// action is. And how deliveries go.
pub(super) fn settled(mut raw: Value) -> Value {
    if let Value::Object(members) = &mut raw {
        members.retain(|name, _| {
            !matches!(name.as_str(), "failures" | "failing_since" | "last_error")
        });
        actions::settle(members);
    }
    if raw.get("enabled_for_all") == Some(&Value::Bool(true))
        && let Value::Object(members) = &mut raw
    {
        members.remove("enabled_clients");
    }
    raw
}

impl Names {
    fn of(remote: &Remote, clients: &[Value]) -> Self {
        let own = remote.client_id().to_owned();
        let mut names = Self {
            clients: BTreeMap::new(),
            left: BTreeSet::from([own.clone()]),
            own,
            management: format!("{}api/v2/", remote.issuer()),
        };
        for client in clients {
            let text = |name: &str| client.get(name).and_then(Value::as_str);
            let id = text("client_id").unwrap_or_default().to_owned();
            let name = text("name").unwrap_or_default().to_owned();
            let keys = client.get("client_authentication_methods");
            if keys.is_some_and(|keys| !keys.is_null()) {
                names.left.insert(id.clone());
            }
            names.clients.insert(id, name);
        }
        names
    }

    /// The identities of the clients of a name.
    pub(super) fn ids(&self, name: &str) -> Vec<&str> {
        let of_name = self.clients.iter().filter(|(_, known)| *known == name);
        of_name.map(|(id, _)| id.as_str()).collect()
    }

    /// Whether files have nothing to say of a thing.
    fn is_left(&self, kind: Kind, raw: &Value) -> bool {
        let client = raw.get("client_id").and_then(Value::as_str);
        match kind {
            Kind::ResourceServers => raw.get("is_system") == Some(&Value::Bool(true)),
            Kind::Clients | Kind::ClientGrants => {
                client.is_some_and(|client| self.left.contains(client))
            }
            _ => false,
        }
    }

    pub(super) fn known(&self, kind: Kind, raw: Value, shapes: &Shapes) -> Known {
        let members = self.members(kind, &raw, shapes);
        let text = |name: &str| raw.get(name).and_then(Value::as_str);
        let id = match kind {
            Kind::Clients => text("client_id"),
            Kind::RulesConfigs => text("key"),
            _ => text("id"),
        };
        let code = match kind {
            Kind::Rules => Some(KnownCode {
                digest: text("digest").unwrap_or_default().to_owned(),
                is_script: text("script").is_some(),
                version: raw.get("version").and_then(Value::as_u64).unwrap_or(0),
                draft: None,
            }),
            Kind::Actions => Some(KnownCode {
                digest: text("code").map_or_else(String::new, |code| digest(code.as_bytes())),
                is_script: true,
                version: 0,
                draft: text("code").map(str::to_owned),
            }),
            _ => None,
        };
        Known {
            kind,
            key: kind.key(&members),
            id: id.unwrap_or_default().to_owned(),
            members,
            code,
            seen: settled(raw),
        }
    }

    /// A document as a file says it.
    pub(super) fn members(&self, kind: Kind, raw: &Value, shapes: &Shapes) -> Map<String, Value> {
        let mut members = strip(raw, shapes.create(kind));
        match kind {
            Kind::Clients => self.alias(&mut members, "resource_server_identifier"),
            Kind::ClientGrants => {
                if let Some(Value::String(client)) = members.get_mut("client_id") {
                    *client = self.clients.get(client).cloned().unwrap_or_default();
                }
                self.alias(&mut members, "audience");
            }
            Kind::Databases => {
                if members.get("enabled_for_all") == Some(&Value::Bool(true)) {
                    members.remove("enabled_clients");
                }
                if let Some(Value::Array(clients)) = members.get_mut("enabled_clients") {
                    *clients = self.described(clients);
                }
            }
            Kind::Roles => {
                let held = members.remove("permissions");
                let mut held = held.map_or_else(Vec::new, |held| self.permissions(&held));
                held.sort_by_key(Value::to_string);
                members.insert("permissions".to_owned(), held.into());
            }
            Kind::RulesConfigs => {
                let key = members.get("key").cloned().unwrap_or_default();
                members.insert("from_env".to_owned(), key);
            }
            Kind::Rules => {
                members.remove("script");
                if let Some(manifest) = members.get_mut("manifest") {
                    *manifest = super::plan::said(manifest);
                }
            }
            Kind::Tenant => self.alias(&mut members, "default_audience"),
            Kind::LogStreams => {
                // The server's word, and nobody else's.
                if members.get("status").and_then(Value::as_str) == Some("suspended") {
                    members.remove("status");
                }
            }
            Kind::Actions => actions::members(&mut members, raw),
            Kind::PostLogin | Kind::CredentialsExchange => members = actions::bindings(raw),
            Kind::ResourceServers | Kind::BruteForce | Kind::SuspiciousIp => {}
        }
        members
    }

    fn alias(&self, members: &mut Map<String, Value>, name: &str) {
        if let Some(Value::String(identifier)) = members.get_mut(name)
            && *identifier == self.management
        {
            MANAGEMENT.clone_into(identifier);
        }
    }

    fn described(&self, clients: &[Value]) -> Vec<Value> {
        let ids = clients.iter().filter_map(Value::as_str);
        let ids = ids.filter(|id| !self.left.contains(*id));
        let mut names: Vec<&str> = ids
            .filter_map(|id| self.clients.get(id).map(String::as_str))
            .collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(Value::from).collect()
    }

    fn permissions(&self, held: &Value) -> Vec<Value> {
        let one = |held: &Value| {
            let mut one = Map::new();
            for name in ["permission_name", "resource_server_identifier"] {
                one.insert(name.to_owned(), held.get(name).cloned().unwrap_or_default());
            }
            self.alias(&mut one, "resource_server_identifier");
            Value::from(one)
        };
        held.as_array().into_iter().flatten().map(one).collect()
    }

    /// What files say, as the server takes it. Names that are nobody's were refused before.
    pub(super) fn body(&self, kind: Kind, members: &Map<String, Value>, seen: &Value) -> Value {
        let mut body = members.clone();
        let real = |body: &mut Map<String, Value>, name: &str| {
            if body.get(name).and_then(Value::as_str) == Some(MANAGEMENT) {
                body.insert(name.to_owned(), self.management.as_str().into());
            }
        };
        let id = |name: &str| self.ids(name).first().map_or("", |id| *id).to_owned();
        match kind {
            Kind::ClientGrants => {
                if let Some(Value::String(client)) = body.get_mut("client_id") {
                    *client = id(client);
                }
                real(&mut body, "audience");
            }
            Kind::Clients => real(&mut body, "resource_server_identifier"),
            Kind::Tenant => real(&mut body, "default_audience"),
            Kind::Databases => {
                if let Some(Value::Array(clients)) = body.get_mut("enabled_clients") {
                    let names = clients.iter().filter_map(Value::as_str);
                    let mut ids: Vec<String> = names.map(id).collect();
                    // What files do not describe stays as it is.
                    let before = seen.get("enabled_clients").and_then(Value::as_array);
                    let before = before.into_iter().flatten().filter_map(Value::as_str);
                    ids.extend(
                        before
                            .filter(|id| self.left.contains(*id))
                            .map(str::to_owned),
                    );
                    *clients = ids.into_iter().map(Value::from).collect();
                }
            }
            Kind::Roles => {
                body.remove("permissions");
            }
            Kind::PostLogin | Kind::CredentialsExchange => actions::body(&mut body),
            _ => {}
        }
        body.into()
    }

    /// Permissions, as the server takes them.
    pub(super) fn real_permissions(&self, permissions: Vec<Value>) -> Value {
        let real = |mut one: Value| {
            if let Some(Value::String(api)) = one.get_mut("resource_server_identifier")
                && *api == MANAGEMENT
            {
                api.clone_from(&self.management);
            }
            one
        };
        json!({ "permissions": permissions.into_iter().map(real).collect::<Vec<_>>() })
    }
}

/// Without members that no file has, and without those that are not set.
fn strip(raw: &Value, fields: &Fields) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, field) in fields {
        match raw.get(name) {
            None | Some(Value::Null) => {}
            Some(value) => {
                members.insert(name.clone(), strip_value(value, field));
            }
        }
    }
    members
}

fn strip_value(value: &Value, field: &Field) -> Value {
    match (&field.shape, value) {
        (Shape::Object(fields), Value::Object(_)) => strip(value, fields).into(),
        (Shape::List { of, .. }, Value::Array(items)) => {
            items.iter().map(|item| strip_value(item, of)).collect()
        }
        _ => value.clone(),
    }
}
