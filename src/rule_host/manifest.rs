//! `rule.toml`: what a rule may do, in its author's words. The host holds it to them.
//!
//! A rule without a manifest may do whatever the interface offers; one with a manifest only what is
//! listed. Beyond that is a fault, in a test as in production, so that a permission that was
//! forgotten is noticed by the author and not by a user.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Failure;
use super::fetch::HostPattern;
use super::request::{Kind, Request};
use super::text::{deceives, printable};
use super::{Fault, Inspection, Limits, OnFault, Rejected, Rejection, UploadFault, claim_name};

/// What a rule may do, and what it asks for. Kept with the version it was uploaded with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The rule's name, as its author calls it.
    pub name: String,
    /// The author's version; the server counts uploads beside it.
    pub version: String,
    /// Claims of either token that it may set or take out.
    #[serde(default)]
    pub claims: Vec<Pattern>,
    /// Scopes that it may add. It may always take some out.
    #[serde(default)]
    pub scopes: Vec<Pattern>,
    /// Hosts that it may reach; the binding must allow them too.
    #[serde(default)]
    pub hosts: Vec<HostPattern>,
    /// Keys of the tenant's configuration that it reads.
    #[serde(default)]
    pub configuration: Vec<Pattern>,
    /// Which of the user's two metadata objects it may change.
    #[serde(default)]
    pub metadata: Vec<Metadata>,
    /// Fuel for one call; the host's own limit holds as well.
    #[serde(default)]
    pub fuel: Option<u64>,
    /// Linear memory for one call, likewise.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// What its failure means, unless the binding says otherwise.
    #[serde(default)]
    pub on_fault: Option<OnFault>,
}

/// A name, or the beginning of names with `*` behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

/// The two metadata objects of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metadata {
    /// What the user may have written.
    User,
    /// What only the tenant writes.
    App,
}

/// A `rule.toml` that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ManifestError {
    /// Where, counted from 1.
    pub line: usize,
    /// What is wrong, in one line.
    pub problem: String,
}

impl Manifest {
    /// The largest file that is read, in bytes.
    pub const MAX_BYTES: usize = 64 << 10;
    /// The most entries of one list.
    const MAX_ENTRIES: usize = 100;

    /// Reads a `rule.toml`.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let line = |at: usize| text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
        let manifest: Self = toml::from_str(text).map_err(|error| ManifestError {
            line: line(error.span().map_or(0, |span| span.start)),
            problem: printable(error.message(), 300),
        })?;
        match manifest.problems().into_iter().next() {
            None => Ok(manifest),
            Some((entry, problem)) => Err(ManifestError {
                line: line(text.find(&format!("\"{entry}\"")).unwrap_or_default()),
                problem,
            }),
        }
    }

    /// All that makes no sense in it, for who sent it as a document.
    pub(crate) fn faults(&self) -> Vec<UploadFault> {
        let problems = self.problems().into_iter();
        let fault = |(_, problem)| UploadFault::new("manifest", problem, "mend the manifest");
        problems.map(fault).collect()
    }

    /// The entries that make no sense, and why; one of each list.
    fn problems(&self) -> Vec<(String, String)> {
        let named = |what: &str, text: &str| {
            let found = claim_name::plain(text, 100).err()?;
            Some((text.to_owned(), format!("the {what}: {found}")))
        };
        let lists = self.lists().map(|(list, all)| list_problem(list, all));
        let most = Self::MAX_ENTRIES;
        let hosts = (self.hosts.len() > most)
            .then(|| ("hosts".into(), format!("`hosts` may have {most} entries")));
        let nothing = (self.fuel == Some(0) || self.memory_bytes == Some(0))
            .then(|| ("0".into(), "with no fuel or no memory no rule runs".into()));
        let names = [named("name", &self.name), named("version", &self.version)];
        let all = names.into_iter().chain(lists).chain([hosts, nothing]);
        all.flatten().collect()
    }

    fn lists(&self) -> [(&'static str, &[Pattern]); 3] {
        [
            ("claims", &self.claims),
            ("scopes", &self.scopes),
            ("configuration", &self.configuration),
        ]
    }

    /// The limits of a call: the host's, lowered to what the rule asked for.
    #[must_use]
    pub fn limits(&self, host: &Limits) -> Limits {
        let asked = self.memory_bytes.unwrap_or(u64::MAX);
        Limits {
            fuel: self.fuel.unwrap_or(u64::MAX).min(host.fuel),
            memory_bytes: usize::try_from(asked)
                .map_or(host.memory_bytes, |asked| asked.min(host.memory_bytes)),
            ..host.clone()
        }
    }

    /// Whether the rule may set or take out this claim.
    #[must_use]
    pub fn allows_claim(&self, name: &str) -> bool {
        matches_any(&self.claims, name)
    }

    /// Whether it may add this scope.
    #[must_use]
    pub fn allows_scope(&self, scope: &str) -> bool {
        matches_any(&self.scopes, scope)
    }

    /// Whether it may read this key of the configuration.
    #[must_use]
    pub fn allows_key(&self, key: &str) -> bool {
        matches_any(&self.configuration, key)
    }

    /// Finds the first effect that the manifest does not allow. `scopes` are those granted before
    /// the rule was called: to keep one is not to add it.
    pub(super) fn check(&self, requests: &[Request], scopes: &[String]) -> Result<(), Failure> {
        requests
            .iter()
            .try_for_each(|request| self.check_one(request, scopes))
    }

    fn check_one(&self, request: &Request, scopes: &[String]) -> Result<(), Failure> {
        let name = request.name.as_deref().unwrap_or_default();
        let claims = |verb| refusal(verb, "claim", name, "claims", &self.claims);
        match request.kind {
            Kind::SetAccessClaim | Kind::SetIdClaim if !self.allows_claim(name) => {
                Err(claims("set"))
            }
            Kind::RemoveAccessClaim | Kind::RemoveIdClaim if !self.allows_claim(name) => {
                Err(claims("took out"))
            }
            Kind::AddScope => self.check_scope(name),
            Kind::ReplaceScopes => {
                let wanted = request.value.as_ref().and_then(Value::as_array);
                wanted
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .filter(|wanted| !scopes.iter().any(|have| have == wanted))
                    .try_for_each(|scope| self.check_scope(scope))
            }
            Kind::MergeUserMetadata => self.check_metadata(Metadata::User, "user"),
            Kind::MergeAppMetadata => self.check_metadata(Metadata::App, "app"),
            _ => Ok(()),
        }
    }

    fn check_scope(&self, scope: &str) -> Result<(), Failure> {
        match self.allows_scope(scope) {
            true => Ok(()),
            false => Err(refusal("added", "scope", scope, "scopes", &self.scopes)),
        }
    }

    fn check_metadata(&self, which: Metadata, name: &str) -> Result<(), Failure> {
        match self.metadata.contains(&which) {
            true => Ok(()),
            false => Err(Failure::new(
                Fault::Manifest,
                format!(
                    "the rule changed the user's {name}_metadata, which its manifest does not list: add \"{name}\" to `metadata` in rule.toml, or leave it alone"
                ),
            )),
        }
    }

    /// The words for a key that the rule asked for and may not read.
    pub(super) fn unlisted_key(&self, key: &str) -> String {
        refusal(
            "read",
            "configuration key",
            key,
            "configuration",
            &self.configuration,
        )
        .detail
    }

    /// Refuses what can never run; `remarks` has what merely looks wrong.
    pub fn fits(&self, inspection: &Inspection) -> Result<(), Rejected> {
        let starts_with = inspection.memory_bytes_min;
        match self.memory_bytes {
            Some(asked) if asked < starts_with => {
                Err(Rejection::AsksTooLittle { asked, starts_with }.into())
            }
            _ => Ok(()),
        }
    }

    /// Where the manifest and the component do not agree: one sentence each.
    #[must_use]
    pub fn remarks(&self, inspection: &Inspection, limits: &Limits) -> Vec<String> {
        let mut remarks = Vec::new();
        for (interface, list, entries) in [
            ("configuration", "configuration", self.configuration.len()),
            ("fetch", "hosts", self.hosts.len()),
        ] {
            match (inspection.imports_interface(interface), entries == 0) {
                (true, true) => remarks.push(format!(
                    "the component imports `{interface}`, and `{list}` is empty: to use it will be a fault"
                )),
                (false, false) => remarks.push(format!(
                    "`{list}` lists {}, and the component does not import `{interface}`: it needs none",
                    entries
                )),
                _ => {}
            }
        }
        let more = |what: &str, asked: Option<u64>, most: u64| {
            let asked = asked.filter(|asked| *asked > most)?;
            Some(format!(
                "`{what}` asks for {asked}, and the limit is {most}: that holds"
            ))
        };
        remarks.extend(more("fuel", self.fuel, limits.fuel));
        remarks.extend(more(
            "memory_bytes",
            self.memory_bytes,
            limits.memory_bytes as u64,
        ));
        remarks
    }
}

impl Pattern {
    /// Whether `name` is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => self.0 == name,
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn matches_any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

fn list_problem(list: &str, patterns: &[Pattern]) -> Option<(String, String)> {
    if patterns.len() > Manifest::MAX_ENTRIES {
        let most = Manifest::MAX_ENTRIES;
        return Some((list.to_owned(), format!("`{list}` may have {most} entries")));
    }
    patterns.iter().find_map(|Pattern(entry)| {
        let shown = printable(entry, 256);
        let name = entry.strip_suffix('*').unwrap_or(entry);
        let wrong = if entry.is_empty() {
            "an entry is empty".to_owned()
        } else if entry.len() > 256 {
            "an entry has more than 256 bytes".to_owned()
        } else if name.contains('*') {
            format!("`{shown}`: a `*` stands at the end or nowhere")
        } else if name.chars().any(|c| deceives(c) || c.is_whitespace()) {
            format!("`{shown}` has a space or a character that cannot be seen")
        } else if list == "claims" && name == entry {
            claim_name::check(entry, 256).err()?
        } else {
            return None;
        };
        Some((entry.clone(), format!("`{list}`: {wrong}")))
    })
}

fn refusal(verb: &str, what: &str, name: &str, list: &str, allowed: &[Pattern]) -> Failure {
    let allowed = match allowed {
        [] => "allows none".to_owned(),
        some => {
            let shown: Vec<String> = some.iter().take(10).map(|p| format!("`{p}`")).collect();
            format!("allows {}", shown.join(", "))
        }
    };
    Failure::new(
        Fault::Manifest,
        format!(
            "the rule {verb} the {what} `{}`, and its manifest {allowed}: add it to `{list}` in rule.toml, or leave it alone",
            printable(name, 256)
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = r#"
name = "roles"
version = "1.2.0"
claims = ["https://acme.example/*", "tier"]
scopes = ["export:orders"]
hosts = ["api.acme.example"]
configuration = ["NAMESPACE"]
metadata = ["app"]
fuel = 1_000_000
memory_bytes = 2_097_152
on_fault = "skip"
"#;

    #[test]
    fn a_whole_manifest_is_read_and_survives_the_store() {
        let manifest = Manifest::parse(WHOLE).unwrap();
        assert!(manifest.allows_claim("https://acme.example/roles"));
        assert!(manifest.allows_claim("tier") && !manifest.allows_claim("tiers"));
        assert!(manifest.allows_scope("export:orders") && !manifest.allows_scope("export:"));
        assert_eq!(manifest.on_fault, Some(OnFault::Skip));
        let stored = serde_json::to_string(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&stored).unwrap(), manifest);
    }

    #[test]
    fn what_is_not_listed_is_not_allowed() {
        let bare = Manifest::parse("name = \"a\"\nversion = \"1\"").unwrap();
        assert!(!bare.allows_claim("x") && !bare.allows_scope("x"));
        assert!(!bare.allows_key("x") && bare.hosts.is_empty());
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let at = |text: &str| Manifest::parse(text).unwrap_err().to_string();
        let head = "name = \"a\"\nversion = \"1\"\n";
        let unknown = at(&format!("{head}scope = [\"x\"]"));
        assert!(
            unknown.starts_with("line 3: unknown field `scope`"),
            "{unknown}"
        );
        let reserved = at(&format!("{head}claims = [\n\"tier\",\n\"sub\"]"));
        assert!(
            reserved.starts_with("line 5: `claims`: `sub` is reserved"),
            "{reserved}"
        );
        let middle = at(&format!("{head}scopes = [\"a*b\"]"));
        assert!(
            middle.starts_with("line 3: `scopes`: `a*b`: a `*`"),
            "{middle}"
        );
        assert!(at("name = \"a\"").contains("missing field `version`"));
        assert!(at(&format!("{head}fuel = 0")).contains("no rule runs"));
        assert!(at(&format!("{head}fuel = -1")).starts_with("line 3: "));
    }

    #[test]
    fn what_it_asks_for_lowers_the_limits_and_never_raises_them() {
        let host = Limits::default();
        let manifest = Manifest::parse(WHOLE).unwrap();
        let lowered = manifest.limits(&host);
        assert_eq!((lowered.fuel, lowered.memory_bytes), (1_000_000, 2 << 20));
        let greedy = Manifest {
            fuel: Some(u64::MAX),
            memory_bytes: Some(u64::MAX),
            ..manifest
        };
        assert_eq!(greedy.limits(&host), host);
    }

    proptest! {
        #[test]
        fn any_text_is_a_manifest_or_one_line_about_it(text in any::<String>()) {
            if let Err(error) = Manifest::parse(&text) {
                prop_assert!(!error.to_string().contains('\n'));
            }
        }

        #[test]
        fn a_pattern_without_a_star_matches_itself_only(name in "[a-z:/.]{1,20}", other in "[a-z:/.]{1,20}") {
            prop_assert_eq!(Pattern(name.clone()).matches(&other), name == other);
            let longer = format!("{}{}", name, other);
            let beginning = Pattern(format!("{name}*"));
            prop_assert!(beginning.matches(&longer));
        }
    }
}
