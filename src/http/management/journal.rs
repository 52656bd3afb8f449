//! What the tenant's log says of a request that changed something: `sapi` (contract, section 7.8).
//!
//! Reading is not logged: secrets are in no answer but the one that made them, and a log of those who
//! read the log would have no end.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::request::Parts;

use super::endpoint::{Caller, Endpoint, Method};
use crate::http::accept::PeerAddr;
use crate::http::forwarded::origin;
use crate::log::{ApiRequest, EventType, LogEvent};
use crate::server::Server;
use crate::tenant::{Tenant, TenantName};

/// The event of a request, before it is known what comes of it.
pub(super) struct Journal {
    server: Arc<Server>,
    tenant: TenantName,
    event: LogEvent,
}

impl Journal {
    /// None for a request that changes nothing.
    pub(super) fn of(
        endpoint: &Endpoint,
        server: &Arc<Server>,
        tenant: &Tenant,
        caller: &Caller,
        parts: &Parts,
        hostname: String,
    ) -> Option<Self> {
        if endpoint.method == Method::Get {
            return None;
        }
        let origin = parts
            .extensions
            .get::<PeerAddr>()
            .map(|peer| origin(server, *peer, &parts.headers, hostname));
        let (ip, user_agent, hostname) = origin
            .map(|origin| (origin.ip.to_string(), origin.user_agent, origin.hostname))
            .unwrap_or_default();
        let event = LogEvent {
            description: Some(endpoint.about.to_owned()),
            client_id: caller.access.client_id().to_owned(),
            ip,
            user_agent,
            hostname,
            request: Some(ApiRequest {
                method: parts.method.to_string(),
                path: format!("/api/v2{}", parts.uri.path()),
                status: 0,
            }),
            ..LogEvent::new(EventType::Managed, server.clock.now())
        };
        Some(Self {
            server: Arc::clone(server),
            tenant: tenant.name.clone(),
            event,
        })
    }

    /// Writes it, once the request has been carried out. A log that cannot be written does not change
    /// the answer.
    pub(super) async fn write(mut self, status: StatusCode) {
        if let Some(request) = &mut self.event.request {
            request.status = status.as_u16();
        }
        self.server.log.note(&self.tenant, self.event).await;
    }
}
