//! Keeps the exchange for tenants that record theirs.

use crate::clock::Timestamp;
use crate::log::LogSettings;
use crate::recording::{Recorded, RecordedRule, RecordingCursor, RecordingSettings};
use crate::rule_host::{BoundRule, Exchange, Report, Subject, Verdict};
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::TenantName;

/// An exchange that will be kept when its rules are through.
pub(super) struct Pending {
    settings: RecordingSettings,
    /// When the tenant wants it to be gone.
    expires_at: Timestamp,
    /// Whether what came of it may say what is not to be written.
    hides_output: bool,
    exchange: Exchange,
    rules: Vec<RecordedRule>,
}

/// Remembers the exchange if the tenant records.
pub(super) async fn begin(
    server: &Server,
    tenant: &TenantName,
    exchange: &Exchange,
    chain: &[BoundRule],
) -> Result<Option<Pending>, store::Error> {
    let stored: Option<Stored<RecordingSettings>> = server.records.get(&[tenant.as_str()]).await?;
    let Some(mut settings) = stored.map(|stored| stored.record) else {
        return Ok(None);
    };
    let log: Option<Stored<LogSettings>> = server.records.get(&[tenant.as_str()]).await?;
    let log = log.map(|stored| stored.record).unwrap_or_default();
    // What is not written into the log is not written beside it.
    let pointers = log.redact.iter().flat_map(|personal| personal.pointers());
    settings
        .redact
        .extend(pointers.map(|pointer| (*pointer).to_owned()));
    Ok(Some(Pending {
        expires_at: log.expiry(exchange.now),
        hides_output: !log.redact.is_empty(),
        settings,
        exchange: exchange.clone(),
        rules: RecordedRule::of(chain),
    }))
}

impl Pending {
    /// Stores it, relaxed: it may lag, and a recording that cannot be kept does not change the answer.
    pub(super) async fn end<S: Subject>(
        self,
        server: &Server,
        tenant: &TenantName,
        verdict: &Verdict<S>,
        report: &Report,
    ) {
        if let Err(error) = self.store(server, tenant, verdict, report).await {
            tracing::error!(%error, %tenant, "an exchange could not be recorded");
        }
    }

    async fn store<S: Subject>(
        self,
        server: &Server,
        tenant: &TenantName,
        verdict: &Verdict<S>,
        report: &Report,
    ) -> Result<(), store::Error> {
        let keep = u64::from(self.settings.keep.max(1));
        let recorded = self
            .settings
            .record(self.exchange, self.rules, verdict, report);
        let recorded = recorded.map(|recorded| Recorded {
            output: recorded.output.filter(|_| !self.hides_output),
            ..recorded
        });
        let Some(recorded) = recorded else {
            tracing::info!(%tenant, "an exchange was too large to be recorded");
            return Ok(());
        };
        // Two logins at once may want the same place.
        for _ in 0..8 {
            let cursor: Option<Stored<RecordingCursor>> =
                server.records.get(&[tenant.as_str()]).await?;
            let place = cursor.as_ref().map_or(0, |stored| stored.record.next);
            let next = RecordingCursor {
                next: place.wrapping_add(1),
            };
            let slot = Recorded::slot(place, keep);
            let batch =
                Batch::relaxed().put_until(&[tenant.as_str(), &slot], &recorded, self.expires_at);
            let batch = match &cursor {
                Some(stored) => batch.replace(stored, &next),
                None => batch.insert(&[tenant.as_str()], &next),
            };
            match server.records.commit(batch).await {
                Err(store::Error::Conflict) => {}
                done => return done,
            }
        }
        Err(store::Error::Conflict)
    }
}
