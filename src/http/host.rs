//! Which tenant a request is for: its `Host`, or the only tenant there is.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;

use super::error::Refusal;
use crate::server::Server;
use crate::store;
use crate::tenant::{ErrorProfile, Status, Tenant};

/// The tenant, and the host name that was asked.
pub(super) struct AtTenant {
    pub(super) tenant: Tenant,
    pub(super) hostname: String,
}

/// Why there is no tenant to answer.
pub(super) enum NoTenant {
    /// None answers to the host name, or it is being deleted.
    Unknown,
    /// The operator suspended it.
    Suspended(ErrorProfile),
    /// Nobody knows.
    Store(store::Error),
}

impl From<store::Error> for NoTenant {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl FromRequestParts<Arc<Server>> for AtTenant {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Refusal> {
        Ok(Self::of(parts, server).await?)
    }
}

impl AtTenant {
    /// The tenant that is asked, if it is one that is served.
    pub(super) async fn of(parts: &Parts, server: &Server) -> Result<Self, NoTenant> {
        let hostname = hostname(parts);
        let tenant = server.tenant_at(&hostname).await?;
        let tenant = tenant.ok_or(NoTenant::Unknown)?;
        match tenant.status {
            Status::Active => Ok(Self { tenant, hostname }),
            Status::Suspended => Err(NoTenant::Suspended(tenant.errors)),
            Status::Deleting => Err(NoTenant::Unknown),
        }
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
