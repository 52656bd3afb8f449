//! Past exchanges: who set what in a token, and what each rule did. Read from the tenant's log, and
//! from its recordings if it keeps any.

use super::page::{self, Page, Paged};
use super::{Error, require_tenant};
use crate::log::{self, LogEvent};
use crate::recording::Recorded;
use crate::server::Server;
use crate::tenant::TenantName;

/// Which exchanges are wanted; none of a kind is any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those of this client.
    pub client_id: Option<String>,
    /// Those about this user.
    pub user_id: Option<String>,
    /// Those in which this rule ran.
    pub rule: Option<String>,
    /// Those that ended with a token, or those that did not.
    pub issued: Option<bool>,
}

impl Filter {
    fn takes(&self, event: &LogEvent) -> bool {
        let ran = |rule: &String| {
            let reports = event.rules.iter().flat_map(|report| &report.rules);
            reports.into_iter().any(|report| report.rule == *rule)
        };
        is_exchange(event)
            && self
                .client_id
                .as_ref()
                .is_none_or(|id| event.client_id == *id)
            && self
                .user_id
                .as_ref()
                .is_none_or(|id| event.user_id.as_ref() == Some(id))
            && self.rule.as_ref().is_none_or(ran)
            && self
                .issued
                .is_none_or(|issued| event.event_type.is_issue() == issued)
    }
}

/// A part of the exchanges that the tenant's log has, newest first.
pub async fn list(
    server: &Server,
    tenant: &TenantName,
    page: &Page,
    filter: &Filter,
) -> Result<Paged<LogEvent>, Error> {
    require_tenant(server, tenant).await?;
    page::read(server, &[tenant.as_str()], page, |event| {
        filter.takes(event)
    })
    .await
}

/// One exchange, by its identity, which is also the `jti` of the token that came of it.
pub async fn get(server: &Server, tenant: &TenantName, id: &str) -> Result<LogEvent, Error> {
    let found = log::find(&server.records, tenant, id).await?;
    let found = found.filter(is_exchange);
    found.ok_or_else(Error::missing("exchange", id))
}

/// A part of the recorded exchanges.
pub async fn recordings(
    server: &Server,
    tenant: &TenantName,
    page: &Page,
) -> Result<Paged<Recorded>, Error> {
    require_tenant(server, tenant).await?;
    page::read(server, &[tenant.as_str()], page, |_| true).await
}

/// Other events of the log are about no exchange.
fn is_exchange(event: &LogEvent) -> bool {
    !event.grant_type.is_empty()
}
