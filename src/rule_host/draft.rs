//! The draft as the rules before left it: the state of one chain.

use std::collections::BTreeMap;

use serde::Serializer;
use serde_json::{Map, Value};

use super::{Changes, Exchange, Provenance, Provenanced};

/// Everything about an exchange that rules can change, and what they have changed.
#[derive(Debug)]
pub(super) struct Working {
    /// Without what is below.
    pub(super) exchange: Exchange,
    pub(super) scopes: Vec<String>,
    pub(super) access_claims: Overlay,
    pub(super) id_claims: Overlay,
    pub(super) user_metadata: Overlay,
    pub(super) app_metadata: Overlay,
    pub(super) shared: Overlay,
    pub(super) profile: Map<String, Value>,
    /// The same as text, written once, and only for rules that read it so.
    pub(super) profile_text: String,
    pub(super) provenance: Vec<Provenance>,
    pub(super) factor_demand: Option<FactorDemand>,
}

/// What the last rule that demanded a second factor asked for.
#[derive(Clone, Debug)]
pub(super) struct FactorDemand {
    pub(super) provider: String,
    pub(super) allow_remember: bool,
}

/// Who asks for an effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Author<'a> {
    pub(super) rule: &'a str,
    pub(super) version: u32,
}

impl Working {
    pub(super) fn new(mut exchange: Exchange) -> Self {
        let draft = std::mem::take(&mut exchange.draft);
        let user = exchange.user.as_mut();
        let (profile, user_metadata, app_metadata) = match user {
            Some(user) => (
                std::mem::take(&mut user.profile),
                std::mem::take(&mut user.user_metadata),
                std::mem::take(&mut user.app_metadata),
            ),
            None => Default::default(),
        };
        let shared = std::mem::take(&mut exchange.shared).into_iter().collect();
        let mut scopes = Vec::with_capacity(draft.scopes.len());
        for scope in draft.scopes {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Self {
            exchange,
            scopes,
            access_claims: Overlay::over(draft.access_claims),
            id_claims: Overlay::over(draft.id_claims),
            user_metadata: Overlay::over(user_metadata),
            app_metadata: Overlay::over(app_metadata),
            shared: Overlay::over(shared),
            profile,
            profile_text: String::new(),
            provenance: Vec::new(),
            factor_demand: None,
        }
    }

    /// Brings the texts up to date that rules read; only what changed is written again.
    pub(super) fn refresh(&mut self) {
        self.access_claims.refresh();
        self.id_claims.refresh();
        self.user_metadata.refresh();
        self.app_metadata.refresh();
        self.shared.refresh_each();
        if self.profile_text.is_empty() {
            // Writing JSON values to memory cannot fail.
            self.profile_text = serde_json::to_string(&self.profile).unwrap_or_default();
        }
    }

    /// `author` is now the one who set `name`.
    pub(super) fn credit(&mut self, kind: Provenanced, name: &str, author: Author<'_>) {
        self.discredit(kind, name);
        self.provenance.push(Provenance {
            kind,
            name: name.to_owned(),
            rule: author.rule.to_owned(),
            version: author.version,
        });
    }

    /// Nobody has set `name` any more.
    pub(super) fn discredit(&mut self, kind: Provenanced, name: &str) {
        self.provenance.retain(|p| p.kind != kind || p.name != name);
    }

    /// The sum of it all.
    pub(super) fn into_changes(self) -> (Changes, Vec<Provenance>) {
        let changes = Changes {
            scopes: self.scopes,
            access_claims: self.access_claims.into_changes().collect(),
            id_claims: self.id_claims.into_changes().collect(),
            user_metadata: self.user_metadata.into_merge(),
            app_metadata: self.app_metadata.into_merge(),
        };
        (changes, self.provenance)
    }
}

/// A JSON object, and what rules changed of it: set to a value, or taken out.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    base: Map<String, Value>,
    changed: BTreeMap<String, Change>,
    bytes: usize,
    text: String,
    each: Vec<(String, String)>,
    stale: bool,
}

impl serde::Serialize for Overlay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.members())
    }
}

#[derive(Debug)]
struct Change {
    value: Option<Value>,
    bytes: usize,
}

impl Overlay {
    fn over(base: Map<String, Value>) -> Self {
        Self {
            base,
            stale: true,
            ..Self::default()
        }
    }

    /// Sets a member, whose text has `bytes` bytes, unless all that rules set would then exceed `limit`.
    pub(super) fn set(
        &mut self,
        name: &str,
        value: Value,
        bytes: usize,
        limit: usize,
    ) -> Result<(), String> {
        let bytes = name.len().saturating_add(bytes);
        let total = self.bytes_without(name).saturating_add(bytes);
        if total > limit {
            return Err(format!(
                "with it the rules' values would have {total} bytes here and may have {limit}"
            ));
        }
        self.change(name, Some(value), bytes);
        Ok(())
    }

    /// Takes a member out, whoever set it.
    pub(super) fn remove(&mut self, name: &str) {
        if self.base.contains_key(name) {
            self.change(name, None, 0);
        } else if let Some(old) = self.changed.remove(name) {
            self.bytes = self.bytes.saturating_sub(old.bytes);
            self.stale = true;
        }
    }

    /// Merges an object, first level only; null takes a member out. All of it, or nothing.
    pub(super) fn merge(
        &mut self,
        object: &Map<String, Value>,
        limit: usize,
    ) -> Result<(), String> {
        let sized: Vec<(&String, &Value, usize)> = object
            .iter()
            .map(|(name, value)| (name, value, name.len() + value.to_string().len()))
            .collect();
        let replaced: usize = sized
            .iter()
            .filter_map(|(name, ..)| Some(self.changed.get(*name)?.bytes))
            .sum();
        let added: usize = sized.iter().map(|(_, _, bytes)| bytes).sum();
        let total = self.bytes.saturating_sub(replaced).saturating_add(added);
        if total > limit {
            return Err(format!(
                "with it the rules' metadata would have {total} bytes and may have {limit}"
            ));
        }
        for (name, value, bytes) in sized {
            // A null is kept even where there is nothing to delete: the stored record may have it.
            let value = (!value.is_null()).then(|| value.clone());
            self.change(name, value, bytes);
        }
        Ok(())
    }

    /// The object as it is now, as text; a `String`, because the interface's `json` is an alias, which
    /// the bindings borrow whole. Call [`Working::refresh`] after changes.
    pub(super) fn text(&self) -> &String {
        &self.text
    }

    /// Each member as it is now, its value as text, likewise.
    pub(super) fn each(&self) -> &[(String, String)] {
        &self.each
    }

    fn bytes_without(&self, name: &str) -> usize {
        let old = self.changed.get(name).map_or(0, |change| change.bytes);
        self.bytes.saturating_sub(old)
    }

    fn change(&mut self, name: &str, value: Option<Value>, bytes: usize) {
        self.bytes = self.bytes_without(name).saturating_add(bytes);
        self.changed
            .insert(name.to_owned(), Change { value, bytes });
        self.stale = true;
    }

    /// Each member as it is now.
    pub(super) fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        let kept = self
            .base
            .iter()
            .filter(|(name, _)| !self.changed.contains_key(*name));
        let set = self
            .changed
            .iter()
            .filter_map(|(name, change)| Some((name, change.value.as_ref()?)));
        kept.chain(set)
    }

    fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let mut text = Vec::with_capacity(self.text.len() + 64);
        // Writing JSON values to memory cannot fail, and JSON is UTF-8.
        let _ = serde_json::Serializer::new(&mut text).collect_map(self.members());
        self.text = String::from_utf8(text).unwrap_or_default();
    }

    fn refresh_each(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        self.each = self
            .members()
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect();
    }

    fn into_changes(self) -> impl Iterator<Item = (String, Option<Value>)> {
        self.changed
            .into_iter()
            .map(|(name, change)| (name, change.value))
    }

    fn into_merge(self) -> Map<String, Value> {
        self.into_changes()
            .map(|(name, value)| (name, value.unwrap_or(Value::Null)))
            .collect()
    }
}
