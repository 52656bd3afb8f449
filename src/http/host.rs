//! Which tenant a request is for: its `Host`, or the only tenant there is.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;

use super::error::Refusal;
use crate::server::Server;
use crate::store;
use crate::tenant::Tenant;

/// The tenant, and the host name that was asked.
pub(super) struct AtTenant {
    pub(super) tenant: Tenant,
    pub(super) hostname: String,
}

impl FromRequestParts<Arc<Server>> for AtTenant {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Refusal> {
        let at = Self::of(parts, server).await?;
        at.ok_or_else(Refusal::unknown_tenant)
    }
}

impl AtTenant {
    /// The tenant that is asked, if any is.
    pub(super) async fn of(parts: &Parts, server: &Server) -> Result<Option<Self>, store::Error> {
        let hostname = hostname(parts);
        let tenant = server.tenant_at(&hostname).await?;
        Ok(tenant.map(|tenant| Self { tenant, hostname }))
    }
}

/// The host in lower case, without the port. The wire layer made sure that there is exactly one,
/// and that it agrees with the request target if that names one too.
fn hostname(parts: &Parts) -> String {
    let from_target = parts.uri.host();
    let host = from_target.or_else(|| {
        let host = parts.headers.get(HOST)?.to_str().ok()?;
        // An IPv6 address has colons of its own, in brackets.
        match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => Some(name),
            _ => Some(host),
        }
    });
    host.unwrap_or_default()
        .trim_end_matches('.')
        .to_ascii_lowercase()
}
