//! Carries a plan out, one step after the other, and stops at the first that fails.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Map, Value, json};

use super::actions;
use super::kind::{Kind, Shapes};
use super::plan::{Action, Step};
use super::shape::{Shape, differs};
use super::state::{Names, State, escaped, look_again};
use crate::cli::CliError;
use crate::cli::progress;
use crate::cli::remote::Remote;

/// Where secrets go that the server makes and tells once: a new file for its owner's eyes.
pub(super) struct SecretsFile {
    path: PathBuf,
    file: File,
}

impl SecretsFile {
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        let failed = |error| CliError::usage(format!("cannot make `{}`: {error}", path.display()));
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        Ok(Self {
            path: path.to_owned(),
            file: options.open(path).map_err(failed)?,
        })
    }

    /// One line of JSON for each, on the disk before the next step.
    fn add(&mut self, secret: &Value) -> Result<(), CliError> {
        let written = writeln!(self.file, "{secret}").and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            CliError::failure(format!("cannot write `{}`: {error}", self.path.display()))
        })
    }
}

/// What became of a plan.
#[derive(Default)]
pub(super) struct Outcome {
    /// How many of its steps were done.
    pub(super) done: usize,
    /// Why the next was not.
    pub(super) failure: Option<CliError>,
    /// What whoever applies it should know.
    pub(super) notes: Vec<String>,
}

pub(super) struct Run<'a> {
    pub(super) remote: &'a Remote,
    pub(super) shapes: &'a Shapes,
    names: Names,
    /// Identities of what was made meanwhile.
    made: BTreeMap<(Kind, String), String>,
    pub(super) secrets: Option<SecretsFile>,
    outcome: Outcome,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        remote: &'a Remote,
        shapes: &'a Shapes,
        state: State,
        secrets: Option<SecretsFile>,
    ) -> Self {
        Self {
            remote,
            shapes,
            names: state.names,
            made: BTreeMap::new(),
            secrets,
            outcome: Outcome::default(),
        }
    }

    pub(super) async fn all(mut self, steps: &[Step]) -> Outcome {
        let progress = progress::step("applying");
        for step in steps {
            progress.now(&format!("{} {}", step.kind.noun(), step.key.escape_debug()));
            if let Err(failure) = self.one(step).await {
                self.outcome.failure = Some(failure);
                break;
            }
            self.outcome.done += 1;
        }
        self.outcome
    }

    async fn one(&mut self, step: &Step) -> Result<(), CliError> {
        if let (Kind::RulesConfigs, Some(secret)) = (step.kind, &step.secret) {
            let path = format!("rules-configs/{}", escaped(&step.key));
            let body = json!({ "value": secret.expose() });
            return self
                .remote
                .send(Method::PUT, &path, Some(&body))
                .await
                .map(drop);
        }
        match step.action {
            Action::Create => self.create(step).await,
            Action::Update => self.update(step).await,
            Action::Delete => {
                self.check_unchanged(step).await?;
                let mut path = format!("{}/{}", step.kind.path(), escaped(&step.id));
                if step.kind == Kind::Actions {
                    path.push_str("?force=true");
                }
                self.remote
                    .send(Method::DELETE, &path, None)
                    .await
                    .map(drop)
            }
        }
    }

    async fn create(&mut self, step: &Step) -> Result<(), CliError> {
        let mut body = self.names.body(step.kind, &step.body, &Value::Null);
        add_code(&mut body, step);
        let deploys = actions::prepare(&mut body, step);
        let paused = paused(&mut body, step.kind);
        let mut answer = self
            .remote
            .send(Method::POST, step.kind.path(), Some(&body))
            .await?;
        let id = match step.kind {
            Kind::Clients => answer.get("client_id"),
            _ => answer.get("id"),
        };
        let id = id.and_then(Value::as_str).unwrap_or_default().to_owned();
        if step.kind == Kind::Clients {
            self.names.clients.insert(id.clone(), step.key.clone());
        }
        self.made.insert((step.kind, step.key.clone()), id.clone());
        self.keep_secret(step, &id, &answer)?;
        self.permissions(step, &id).await?;
        if let Some(status) = paused {
            let path = format!("{}/{}", step.kind.path(), escaped(&id));
            let body = json!({ "status": status });
            answer = self.remote.send(Method::PATCH, &path, Some(&body)).await?;
        }
        self.compare(step, &answer);
        self.deploy(deploys, &id, &answer).await
    }

    /// Deploys a draft that is not what is deployed.
    async fn deploy(&self, deploys: bool, id: &str, action: &Value) -> Result<(), CliError> {
        let is_deployed = action.get("all_changes_deployed") == Some(&Value::Bool(true));
        if !deploys || is_deployed {
            return Ok(());
        }
        let path = format!("{}/{}/deploy", Kind::Actions.path(), escaped(id));
        let sent = self.remote.send(Method::POST, &path, None).await;
        sent.map(drop)
    }

    async fn update(&mut self, step: &Step) -> Result<(), CliError> {
        let made = self.made.get(&(step.kind, step.key.clone()));
        let id = made.unwrap_or(&step.id).clone();
        self.check_unchanged(step).await?;
        let seen = step.seen.as_ref().unwrap_or(&Value::Null);
        let mut body = self.names.body(step.kind, &step.body, seen);
        add_code(&mut body, step);
        let deploys = actions::prepare(&mut body, step);
        let mut now = seen.clone();
        if body.as_object().is_some_and(|members| !members.is_empty()) {
            let path = match step.kind.is_single() {
                true => step.kind.path().to_owned(),
                false => format!("{}/{}", step.kind.path(), escaped(&id)),
            };
            let answer = self.remote.send(Method::PATCH, &path, Some(&body)).await?;
            self.keep_secret(step, &id, &answer)?;
            self.compare(step, &answer);
            now = answer;
        }
        self.deploy(deploys, &id, &now).await?;
        self.permissions(step, &id).await
    }

    /// Nobody's change is written over that the plan did not know.
    async fn check_unchanged(&self, step: &Step) -> Result<(), CliError> {
        let Some(seen) = &step.seen else {
            return Ok(());
        };
        let why = match look_again(self.remote, step.kind, &step.id).await? {
            Some(now) if now == *seen => return Ok(()),
            Some(_) => "was changed by somebody else",
            // What goes along with something else is gone already.
            None if step.action == Action::Delete => return Ok(()),
            None => "was deleted by somebody else",
        };
        Err(CliError::failure(format!(
            "it {why} since the plan was made; apply again to plan anew"
        )))
    }

    /// What a role holds is not one of its members on the server.
    async fn permissions(&self, step: &Step, id: &str) -> Result<(), CliError> {
        let Some(Value::Array(wanted)) = step.body.get("permissions") else {
            return Ok(());
        };
        if step.kind != Kind::Roles {
            return Ok(());
        }
        let seen = step.seen.as_ref().unwrap_or(&Value::Null);
        let held = self.names.members(Kind::Roles, seen, self.shapes);
        let held = held.get("permissions").and_then(Value::as_array);
        let held: &[Value] = held.map_or(&[], Vec::as_slice);
        let path = format!("roles/{}/permissions", escaped(id));
        for (method, from, without) in [
            (Method::POST, wanted.as_slice(), held),
            (Method::DELETE, held, wanted.as_slice()),
        ] {
            let some: Vec<Value> = from
                .iter()
                .filter(|one| !without.contains(one))
                .cloned()
                .collect();
            for some in some.chunks(500) {
                let body = self.names.real_permissions(some.to_vec());
                self.remote.send(method.clone(), &path, Some(&body)).await?;
            }
        }
        Ok(())
    }

    fn keep_secret(&mut self, step: &Step, id: &str, answer: &Value) -> Result<(), CliError> {
        for name in ["client_secret", "signing_secret"] {
            let Some(secret) = answer.get(name) else {
                continue;
            };
            let key = match step.kind {
                Kind::Clients => "client_id",
                _ => "id",
            };
            match &mut self.secrets {
                Some(file) => {
                    let kind = step.kind.noun();
                    file.add(&json!({ "kind": kind, "name": step.key, key: id, name: secret }))?;
                }
                None => self.outcome.notes.push(format!(
                    "the server made a secret for {} `{}` ({id}), which was not kept; `--secrets-to FILE` keeps such secrets, and a rotation makes a new one",
                    step.kind.noun(),
                    step.key.escape_debug(),
                )),
            }
        }
        Ok(())
    }

    /// What the server writes in another way than the file would be a change in every run.
    fn compare(&mut self, step: &Step, answer: &Value) {
        let now = self.names.members(step.kind, answer, self.shapes);
        let fields = self.shapes.create(step.kind);
        for (name, want) in &step.body {
            let shape = fields.get(name).map_or(&Shape::Map, |field| &field.shape);
            let want = without_nulls(&super::plan::sorted(name, want));
            let name = name.as_str();
            let elsewhere = match step.kind {
                // Values are nowhere to be read, and it is deployed afterwards.
                Kind::Actions => matches!(name, "secrets" | "deployed"),
                _ => name == "permissions" || super::plan::OF_VERSION.contains(&name),
            };
            if elsewhere || !differs(shape, now.get(name), &want) {
                continue;
            }
            let place = step.place.as_ref().map_or_else(String::new, |place| {
                format!("{}:{}: ", place.file.display(), place.at.line)
            });
            let kept = now.get(name).cloned().unwrap_or_default();
            self.outcome.notes.push(format!(
                "{place}the server has `{name}` of {} `{}` as {}; write it so, or every run will change it",
                step.kind.noun(),
                step.key.escape_debug(),
                kept.to_string().escape_debug(),
            ));
        }
    }
}

/// A log stream is made active, whatever it shall be.
fn paused(body: &mut Value, kind: Kind) -> Option<Value> {
    let members = body.as_object_mut().filter(|_| kind == Kind::LogStreams)?;
    members.remove("status").filter(|status| status != "active")
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            let members = members.map(|(name, value)| (name.clone(), value.clone()));
            members.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn add_code(body: &mut Value, step: &Step) {
    let (Some(code), Value::Object(members)) = (&step.code, body) else {
        return;
    };
    let script = match code.is_script {
        true => String::from_utf8(code.bytes.clone()).ok(),
        false => None,
    };
    let name = match step.kind {
        Kind::Actions => "code",
        _ => "script",
    };
    match script {
        Some(script) => members.insert(name.to_owned(), script.into()),
        // The server says what is wrong with it.
        None => members.insert("component".to_owned(), STANDARD.encode(&code.bytes).into()),
    };
}
