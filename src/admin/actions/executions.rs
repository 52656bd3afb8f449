//! What actions came to in an exchange.

use crate::action::Trigger;
use crate::admin::{Error, exchanges};
use crate::clock::Timestamp;
use crate::log::EventType;
use crate::rule_host::RuleReport;
use crate::server::Server;
use crate::tenant::TenantName;

/// The actions of one exchange.
pub struct Execution {
    /// The exchange's identity.
    pub id: String,
    /// What set them off.
    pub trigger: Trigger,
    /// When the exchange began.
    pub at: Timestamp,
    /// What each came to, in the order they ran.
    pub reports: Vec<RuleReport>,
}

/// The actions of an exchange, by its identity. One in which none ran is no execution.
pub async fn get(server: &Server, tenant: &TenantName, id: &str) -> Result<Execution, Error> {
    let missing = Error::missing("execution", id);
    let event = match exchanges::get(server, tenant, id).await {
        Err(Error::NotFound { .. }) => return Err(missing()),
        found => found?,
    };
    let mut reports = event.rules.map(|report| report.rules).unwrap_or_default();
    reports.retain(|report| report.action.is_some());
    if reports.is_empty() {
        return Err(missing());
    }
    Ok(Execution {
        id: event.exchange_id,
        trigger: match event.event_type {
            EventType::MachineTokenIssued | EventType::MachineTokenRefused => {
                Trigger::CredentialsExchange
            }
            _ => Trigger::PostLogin,
        },
        at: event.date,
        reports,
    })
}
