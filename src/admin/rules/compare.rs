//! What differs between two versions of a rule: in what they are, and in what they do.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;
use tokio::time::Instant;

use super::versions::code;
use crate::admin::{Error, recordings};
use crate::recording::{Recorded, RecordedRule};
use crate::replay::{Case, Summary, evaluate_permitted};
use crate::rule::{Binding, RuleVersion, chain};
use crate::rule_host::{BoundRule, Manifest};
use crate::server::Server;
use crate::tenant::TenantName;

/// How long a comparison of two sources looks for the shortest one; then it takes what it has.
const DIFF_TIME: Duration = Duration::from_secs(2);

/// How long exchanges are replayed: an answer must come before clients and proxies give up.
const REPLAY_TIME: Duration = Duration::from_secs(15);

/// The most exchanges that are replayed at once.
pub(crate) const MOST_EXCHANGES: usize = 200;

/// What differs between what two versions are.
pub(crate) struct Difference {
    /// Of two sources in JavaScript, as `diff -u` writes it; empty if they are the same.
    pub(crate) source: Option<String>,
    /// Of two components.
    pub(crate) component: Option<Surface>,
    /// The members of the manifest that are not the same.
    pub(crate) manifest: Vec<Member>,
}

/// What differs in what two components show.
#[derive(Serialize)]
pub(crate) struct Surface {
    imports: Names,
    exports: Names,
    /// The memory it starts with, in bytes, of the one and the other.
    memory_bytes_min: [u64; 2],
}

#[derive(Serialize)]
struct Names {
    added: Vec<String>,
    removed: Vec<String>,
}

/// A member of the manifest, null where there is none.
#[derive(Serialize)]
pub(crate) struct Member {
    member: String,
    from: Value,
    to: Value,
}

/// Compares what two versions are.
pub(crate) async fn sources(
    server: &Server,
    from: &RuleVersion,
    to: &RuleVersion,
) -> Result<Difference, Error> {
    let manifest = members(from.manifest.as_ref(), to.manifest.as_ref());
    let (old, new) = (code(server, from).await?, code(server, to).await?);
    let name = |version: &RuleVersion| format!("{}@{}", version.rule, version.version);
    match (from.dialect, to.dialect) {
        (Some(_), Some(_)) => {
            let headers = (name(from), name(to));
            let source = tokio::task::spawn_blocking(move || unified(&old, &new, &headers)).await;
            Ok(Difference {
                source: Some(source.map_err(|error| Error::Unreadable(error.to_string()))?),
                component: None,
                manifest,
            })
        }
        (None, None) => {
            let host = std::sync::Arc::clone(&server.rule_host);
            let both = tokio::task::spawn_blocking(move || {
                Ok::<_, Error>((host.outline(&old)?, host.outline(&new)?))
            });
            let both = both
                .await
                .map_err(|error| Error::Unreadable(error.to_string()))?;
            let (old, new) = both?;
            let surface = Surface {
                imports: names(&old.imports, &new.imports),
                exports: names(&old.exports, &new.exports),
                memory_bytes_min: [old.memory_bytes_min, new.memory_bytes_min],
            };
            Ok(Difference {
                source: None,
                component: Some(surface),
                manifest,
            })
        }
        // Of a source and a component there is nothing to hold side by side.
        _ => Ok(Difference {
            source: None,
            component: None,
            manifest,
        }),
    }
}

fn unified(old: &[u8], new: &[u8], (from, to): &(String, String)) -> String {
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let mut config = TextDiff::configure();
    let diff = config
        .timeout(DIFF_TIME)
        .diff_lines(old.as_ref(), new.as_ref());
    diff.unified_diff().header(from, to).to_string()
}

fn names(old: &[String], new: &[String]) -> Names {
    let without = |all: &[String], others: &[String]| {
        let left = all.iter().filter(|name| !others.contains(name));
        left.cloned().collect()
    };
    Names {
        added: without(new, old),
        removed: without(old, new),
    }
}

fn members(from: Option<&Manifest>, to: Option<&Manifest>) -> Vec<Member> {
    let document = |manifest: Option<&Manifest>| serde_json::to_value(manifest).unwrap_or_default();
    let (from, to) = (document(from), document(to));
    let of = |document: &Value| document.as_object().cloned().unwrap_or_default();
    let (mut old, new) = (of(&from), of(&to));
    let mut all: Vec<Member> = Vec::new();
    for (member, to) in new {
        let from = old.remove(&member).unwrap_or_default();
        all.push(Member { member, from, to });
    }
    all.extend(old.into_iter().map(|(member, from)| Member {
        member,
        from,
        to: Value::Null,
    }));
    all.retain(|member| member.from != member.to);
    all
}

/// What two versions do differently.
#[derive(Serialize)]
pub(crate) struct Behaviour {
    #[serde(flatten)]
    pub(crate) summary: Summary,
    /// Exchanges of which a rule is not there any more.
    pub(crate) skipped: usize,
    /// Whether all were replayed that were asked for; time may have run out.
    pub(crate) complete: bool,
}

/// Runs both versions, each in the chain that ran then, on the newest of the tenant's recorded exchanges
/// in which the rule ran.
pub(crate) async fn behaviour(
    server: &Server,
    tenant: &TenantName,
    (from, to): (&RuleVersion, &RuleVersion),
    most: usize,
) -> Result<Behaviour, Error> {
    let until = Instant::now() + REPLAY_TIME;
    let mut seen = Behaviour {
        summary: Summary::default(),
        skipped: 0,
        complete: true,
    };
    let mut ring = recordings::newest_first(server, tenant).await?;
    while seen.summary.exchanges + seen.skipped < most.min(MOST_EXCHANGES) {
        let Some(recorded) = ring.next(server).await? else {
            break;
        };
        if !recorded.rules.iter().any(|rule| rule.rule == from.rule) {
            continue;
        }
        if Instant::now() >= until {
            seen.complete = false;
            break;
        }
        replay(server, tenant, (from, to), recorded, &mut seen).await?;
    }
    Ok(seen)
}

async fn replay(
    server: &Server,
    tenant: &TenantName,
    (from, to): (&RuleVersion, &RuleVersion),
    recorded: Recorded,
    seen: &mut Behaviour,
) -> Result<(), Error> {
    let before = chain(server, tenant, &recorded.rules, from).await?;
    let after = chain(server, tenant, &recorded.rules, to).await?;
    if before.iter().chain(&after).any(|bound| bound.rule.is_err()) {
        seen.skipped += 1;
        return Ok(());
    }
    let as_it_ran = recorded.rules.iter().all(|rule| {
        before
            .iter()
            .any(|bound| bound.name == rule.rule && bound.version == rule.version)
    });
    let output = recorded.output.clone();
    let mut case = Case::of(recorded);
    let both: Vec<BoundRule> = before.iter().chain(&after).cloned().collect();
    case.configuration = chain::configuration(server, tenant, &both).await?;
    let host = &server.rule_host;
    let before = evaluate_permitted(host, &before, &case).await;
    let after = evaluate_permitted(host, &after, &case).await;
    if before.busy || after.busy {
        return Err(Error::Busy);
    }
    let summary = &mut seen.summary;
    summary.exchanges += 1;
    let id = &case.exchange.id;
    match &output {
        _ if !as_it_ran => {}
        None => summary.without_output += 1,
        Some(output) if *output == before.output => summary.reproduced += 1,
        Some(_) => summary.not_reproduced.push(id.clone()),
    }
    let user = case.exchange.user.as_ref();
    let subject = user.map_or(&case.exchange.client.id, |user| &user.id);
    summary.count(id, subject, &before, &after);
    Ok(())
}

/// The chain of a recording with this version in its rule's place.
async fn chain(
    server: &Server,
    tenant: &TenantName,
    rules: &[RecordedRule],
    version: &RuleVersion,
) -> Result<Vec<BoundRule>, Error> {
    let mut chain = Vec::with_capacity(rules.len());
    for recorded in rules {
        let binding = Binding {
            id: String::new(),
            rule: recorded.rule.clone(),
            version: match recorded.rule == version.rule {
                true => version.version,
                false => recorded.version,
            },
            order: 0,
            enabled: true,
            grants: Vec::new(),
            on_fault: recorded.on_fault,
            permissions: recorded.permissions.clone(),
            earlier: Vec::new(),
            action: None,
        };
        chain.push(chain::bound(server, tenant, binding).await?);
    }
    Ok(chain)
}
