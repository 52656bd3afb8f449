//! One more scope for one client, if the API knows that scope.

use guest::{Denial, Effect, Exchange, Level, Rule};

struct ExtraScope;
guest::export!(ExtraScope);

impl Rule for ExtraScope {
    fn decide(exchange: Exchange) -> Result<Vec<Effect>, Denial> {
        // A rule that only gives may stay silent: without its settings it gives nothing.
        let Some(scope) = wanted("EXTRA_SCOPE") else {
            return Ok(vec![]);
        };
        let Some(client_id) = wanted("EXTRA_SCOPE_CLIENT_ID") else {
            return Ok(vec![]);
        };

        let is_defined = exchange.api.is_some_and(|api| api.scopes.contains(&scope));
        let is_granted = exchange.draft.scopes.contains(&scope);
        if exchange.client.id != client_id || is_granted {
            return Ok(vec![]);
        }
        if !is_defined {
            guest::write_log(
                Level::Warn,
                &["the API does not define the scope `", &scope, "`"],
            );
            return Ok(vec![]);
        }
        Ok(vec![Effect::AddScope(scope)])
    }
}

fn wanted(key: &str) -> Option<String> {
    let value = guest::setting(key);
    if value.is_none() {
        guest::write_log(
            Level::Warn,
            &["configuration `", key, "` is not set: no scope is added"],
        );
    }
    value.map(|value| value.trim().to_owned())
}
