//! Running a draft on an exchange of the caller's making. As with versions of rules, nothing is written,
//! no event is logged, and the network is not reached.

use std::collections::BTreeMap;

use crate::action::{Action, Trigger};
use crate::admin::Error;
use crate::api::Api;
use crate::replay::{Case, Evaluation, evaluate_permitted};
use crate::rule::chain;
use crate::rule_host::{AsAction, BoundRule, Exchange, Grant, OnFault};
use crate::server::Server;
use crate::store::Stored;
use crate::tenant::TenantName;

/// Runs the draft with its own secrets.
pub(crate) async fn run(
    server: &Server,
    tenant: &TenantName,
    action: &Action,
    mut exchange: Exchange,
) -> Result<Evaluation, Error> {
    let Some(digest) = &action.code else {
        return Err(Error::invalid("the action", "it has no code to test"));
    };
    let refused = |reason: String| Error::invalid("the action", reason);
    let rule = chain::component(server, tenant, digest)
        .await?
        .map_err(refused)?;
    let values = chain::own_values(server, tenant, &action.id, &action.makeup).await?;
    let bound = BoundRule {
        name: action.id.clone(),
        // No version has it.
        version: 0,
        rule: Ok(rule),
        on_fault: OnFault::Deny,
        manifest: None,
        permissions: action.permissions.clone(),
        action: Some(AsAction {
            name: action.name.clone(),
            values: values.map_err(refused)?,
        }),
    };
    // What a login would be told of these is no choice of whoever asks.
    exchange.tenant = tenant.to_string();
    if let Some(api) = &mut exchange.api {
        let stored: Option<Stored<Api>> = server
            .records
            .get(&[tenant.as_str(), &api.identifier])
            .await?;
        let scopes = stored
            .map(|stored| stored.record.scopes)
            .unwrap_or_default();
        api.scopes = scopes.into_iter().map(|scope| scope.value).collect();
    }
    match action.makeup.trigger.id {
        Trigger::PostLogin => {
            exchange.user.get_or_insert_default();
        }
        Trigger::CredentialsExchange => {
            exchange.user = None;
            exchange.grant = Grant::ClientCredentials;
        }
    }
    let case = Case {
        exchange,
        configuration: BTreeMap::new(),
        fetches: Vec::new(),
        order: Vec::new(),
    };
    let evaluation = evaluate_permitted(&server.rule_host, &[bound], &case).await;
    match evaluation.busy {
        true => Err(Error::Busy),
        false => Ok(evaluation),
    }
}
