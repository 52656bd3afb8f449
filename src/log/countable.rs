//! What of an event is counted in statistics: it stands beside the event's number, so that who counts need not
//! read events, and has nothing to do at a login.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{EventType, LogEvent};
use crate::clock::Timestamp;
use crate::tenant::TenantName;

/// An event that is counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Countable {
    /// As what.
    pub kind: Kind,
    /// When it happened.
    pub at: Timestamp,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A password became a token.
    Login,
    /// Somebody signed up.
    SignUp,
}

impl Countable {
    /// What there is to count of an event.
    pub(super) fn of(event: &LogEvent) -> Option<Self> {
        let kind = match event.event_type {
            EventType::TokenIssued => Kind::Login,
            EventType::SignedUp => Kind::SignUp,
            _ => return None,
        };
        Some(Self {
            kind,
            at: event.date,
            user_id: event.user_id.clone().filter(|_| kind == Kind::Login),
        })
    }
}

/// The tenants of whom something was written that is not counted yet, as far as this process wrote it.
#[derive(Default)]
pub(super) struct Uncounted {
    tenants: Mutex<BTreeSet<TenantName>>,
    some: Notify,
}

impl Uncounted {
    pub(super) fn add(&self, tenant: &TenantName) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if !tenants.contains(tenant) {
            tenants.insert(tenant.clone());
            self.some.notify_one();
        }
    }

    /// Waits for some, and for those that come soon after.
    pub(super) async fn take(&self, gather: Duration) -> BTreeSet<TenantName> {
        self.some.notified().await;
        tokio::time::sleep(gather).await;
        std::mem::take(&mut *self.tenants.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
