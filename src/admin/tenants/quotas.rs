//! Sets how much a tenant may have and use.

use super::stored;
use crate::admin::Error;
use crate::quota::{Quotas, Tally};
use crate::server::Server;
use crate::store::Batch;
use crate::tenant::{Tenant, TenantName};

/// Quotas to change; none leaves one as it is, and none within takes it away.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuotaChange {
    /// Rules.
    pub rules: Option<Option<u32>>,
    /// Users.
    pub users: Option<Option<u64>>,
    /// Fuel in a second.
    pub fuel_per_second: Option<Option<u64>>,
    /// Requests for tokens in a second.
    pub exchanges_per_second: Option<Option<u32>>,
}

impl QuotaChange {
    /// What is set when nothing was.
    pub fn of(self, quotas: Quotas) -> Quotas {
        Quotas {
            rules: self.rules.unwrap_or(quotas.rules),
            users: self.users.unwrap_or(quotas.users),
            fuel_per_second: self.fuel_per_second.unwrap_or(quotas.fuel_per_second),
            exchanges_per_second: self
                .exchanges_per_second
                .unwrap_or(quotas.exchanges_per_second),
        }
    }
}

/// Changes quotas. Who has more already keeps what there is, and gets no more.
pub async fn set_quotas(
    server: &Server,
    name: &TenantName,
    change: QuotaChange,
) -> Result<Tenant, Error> {
    let stored = stored(server, name).await?;
    let tenant = Tenant {
        quotas: change.of(stored.record.quotas),
        ..stored.record.clone()
    };
    let mut batch = Batch::durable().replace(&stored, &tenant);
    if tenant.quotas.users.is_none() || stored.record.quotas.users.is_none() {
        // Nobody counted meanwhile: the next user that is made is counted with all that are there.
        batch = batch.remove::<Tally>(&[name.as_str()]);
    }
    server.records.commit(batch).await?;
    Ok(tenant)
}
