//! Running a version without putting it to use. Nothing is written, no event is logged, and no rule
//! reaches the network: what they fetch is answered by what was recorded or given, and is unreachable
//! otherwise.

use super::{all_bindings, new_binding};
use crate::action::BoundAction;
use crate::admin::{Error, page};
use crate::recording::Recorded;
use crate::replay::{Case, Evaluation, evaluate_permitted};
use crate::rule::{Binding, RuleVersion, chain};
use crate::rule_host::Grant;
use crate::server::Server;
use crate::store::Stored;
use crate::tenant::TenantName;

/// What to run it on.
pub(crate) enum On {
    /// An exchange of the caller's making, with the answers of the network.
    Given(Box<Case>),
    /// A recorded one, by its identity.
    Recorded(String),
}

/// Runs a version, alone or in the whole chain of the tenant as it would stand if it were deployed.
///
/// Rules read the tenant's configuration, as in production. One that is bound may do what its binding
/// says; another one may reach the hosts that there are answers of.
pub(crate) async fn run(
    server: &Server,
    tenant: &TenantName,
    version: &RuleVersion,
    on: On,
    in_chain: bool,
) -> Result<Evaluation, Error> {
    let mut case = match on {
        On::Given(case) => *case,
        On::Recorded(id) => Case::of(recorded(server, tenant, &id).await?),
    };
    // What rules are told of the tenant is no choice of whoever asks.
    case.exchange.tenant = tenant.to_string();
    let mut chain = Vec::new();
    for binding in would_run(server, tenant, version, &case, in_chain).await? {
        chain.push(chain::bound(server, tenant, binding).await?);
    }
    let mut configuration = chain::configuration(server, tenant, &chain).await?;
    configuration.append(&mut case.configuration);
    case.configuration = configuration;
    let evaluation = evaluate_permitted(&server.rule_host, &chain, &case).await;
    match evaluation.busy {
        true => Err(Error::Busy),
        false => Ok(evaluation),
    }
}

/// The bindings as they would stand.
async fn would_run(
    server: &Server,
    tenant: &TenantName,
    version: &RuleVersion,
    case: &Case,
    in_chain: bool,
) -> Result<Vec<Binding>, Error> {
    let all = all_bindings(server, tenant).await?;
    let own = all.iter().find(|binding| binding.rule == version.rule);
    let mut own = match own {
        Some(own) => own.clone(),
        None => Binding {
            permissions: case.permissions(),
            ..new_binding(server, &version.rule, &all)?
        },
    };
    own.run(version, None);
    if let (None, Some(action)) = (&own.action, &version.action) {
        let now = server.clock.now();
        own.action = Some(BoundAction {
            trigger: action.makeup.trigger.id,
            display_name: action.name.clone(),
            created_at: now,
            updated_at: now,
        });
    }
    if !in_chain {
        return Ok(vec![own]);
    }
    let grant: Grant = case.exchange.grant;
    let mut chain = chain::bindings(server, tenant, grant).await?;
    chain.retain(|binding| binding.rule != version.rule);
    let before = |other: &Binding| other.place() < own.place();
    let place = chain.partition_point(before);
    chain.insert(place, own);
    Ok(chain)
}

async fn recorded(server: &Server, tenant: &TenantName, id: &str) -> Result<Recorded, Error> {
    let meant = |recorded: &Recorded| recorded.exchange.id == id;
    let found: Option<Stored<Recorded>> = page::find(server, &[tenant.as_str()], meant).await?;
    let found = found.ok_or_else(Error::missing("recorded exchange", id))?;
    Ok(found.record)
}
