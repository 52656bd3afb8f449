//! Gathers what becomes known of an exchange, and writes it to the tenant's log at its end.

use std::net::IpAddr;

use super::{Error, GrantRequest, Origin, TokenRequest};
use crate::credential::Rejection;
use crate::credential::guard::Stopped;
use crate::log::{self, EventType, LogEvent};
use crate::rule_host::{Outcome, Report};
use crate::server::Server;
use crate::tenant::TenantName;
use crate::token::TokenResponse;
use crate::user::User;

/// The event of one exchange while it happens.
pub(super) struct Trail {
    tenant: TenantName,
    address: IpAddr,
    event: LogEvent,
}

impl Trail {
    pub(super) fn begin(server: &Server, request: &TokenRequest) -> Result<Self, Error> {
        let date = server.clock.now();
        let log_id = log::exchange_id(date)?;
        Ok(Self {
            tenant: request.tenant.name.clone(),
            address: request.origin.ip,
            event: LogEvent {
                exchange_id: log_id.clone(),
                log_id,
                event_type: EventType::TokenRefused,
                date,
                description: None,
                client_id: request.client.client_id.clone(),
                user_id: None,
                connection: None,
                grant_type: request.grant.grant_type().to_owned(),
                audience: request.audience.clone(),
                scope: request.scope.as_ref().map(|scopes| scopes.join(" ")),
                ip: request.origin.ip.to_string(),
                client_ip: None,
                user_agent: request.origin.user_agent.clone(),
                hostname: request.origin.hostname.clone(),
                rules: None,
                request: None,
                anonymous: false,
                number: 0,
            },
        })
    }

    /// The exchange's identity.
    pub(super) fn id(&self) -> &str {
        &self.event.exchange_id
    }

    /// Where the user is, once it is known whom to believe.
    pub(super) fn origin(&mut self, origin: &Origin) {
        self.address = origin.ip;
        self.event.ip = origin.ip.to_string();
        self.event.client_ip = origin.client_ip.map(|ip| ip.to_string());
    }

    pub(super) fn connection(&mut self, name: &str) {
        self.event.connection = Some(name.to_owned());
    }

    pub(super) fn user(&mut self, user: &User) {
        self.user_id(&user.user_id);
    }

    pub(super) fn user_id(&mut self, user_id: &str) {
        self.event.user_id = Some(user_id.to_owned());
    }

    pub(super) fn scopes(&mut self, scopes: &[String]) {
        self.event.scope = Some(scopes.join(" "));
    }

    pub(super) fn report(&mut self, report: Report) {
        self.event.rules = Some(report);
    }

    /// Writes the event. A log that cannot be written does not change the answer.
    ///
    /// Who is no client of the tenant writes nothing into its log: otherwise anybody could fill the
    /// disk by asking. The operator's log has the line.
    pub(super) async fn end(mut self, server: &Server, result: &Result<TokenResponse, Error>) {
        let (issued, refused) = event_types(&self.event.grant_type);
        match result {
            Ok(_) => self.event.event_type = issued,
            Err(error) => {
                self.event.event_type = event_type(error).unwrap_or(refused);
                self.event.description = Some(error.to_string());
            }
        }
        self.trace();
        let worth_it = match result {
            Err(Error::ClientAuthentication(_) | Error::TooManyWrongSecrets(_)) => false,
            Err(Error::OverRate(over)) => over.is_news,
            Err(Error::Stopped(stopped)) => {
                let (guard, date) = (&server.guard, self.event.date);
                guard.is_worth_logging(&self.tenant, *stopped, self.address, date)
            }
            _ => true,
        };
        if !worth_it {
            return;
        }
        let failed = self.failed_actions(server);
        server.log.note(&self.tenant, self.event).await;
        for event in failed {
            server.log.note(&self.tenant, event).await;
        }
    }

    /// An event for each action that failed (contract, section 3.6). They are about no exchange of their
    /// own: their `exchange_id` names this one.
    fn failed_actions(&self, server: &Server) -> Vec<LogEvent> {
        let reports = self.event.rules.iter().flat_map(|report| &report.rules);
        let failed = reports.filter_map(|report| {
            let action = report.action.as_ref()?;
            let Outcome::Faulted { fault, detail, .. } = &report.outcome else {
                return None;
            };
            let (version, fault) = (report.version, fault.word());
            Some(LogEvent {
                log_id: log::event_id(server.clock.now()),
                event_type: EventType::ActionFailed,
                description: Some(format!("{action}@{version}: {fault}: {detail}")),
                grant_type: String::new(),
                audience: None,
                scope: None,
                rules: None,
                ..self.event.clone()
            })
        });
        failed.collect()
    }

    /// The operator's line, and one for each rule that failed.
    fn trace(&self) {
        let LogEvent {
            exchange_id,
            client_id,
            description,
            ..
        } = &self.event;
        let tenant = self.tenant.as_str();
        match description {
            None => tracing::info!(tenant, exchange_id, client_id, "token issued"),
            Some(reason) => {
                tracing::info!(
                    tenant,
                    exchange_id,
                    client_id,
                    reason,
                    "token request refused"
                );
            }
        }
        for report in self.event.rules.iter().flat_map(|report| &report.rules) {
            if let Outcome::Faulted {
                fault,
                detail,
                skipped,
            } = &report.outcome
            {
                let (rule, version) = (&report.rule, report.version);
                let action = report.action.as_deref();
                tracing::warn!(
                    tenant,
                    exchange_id,
                    rule,
                    action,
                    version,
                    ?fault,
                    detail,
                    skipped,
                    "a rule failed"
                );
            }
        }
    }
}

/// What a token, and no token, are called in the log.
fn event_types(grant_type: &str) -> (EventType, EventType) {
    match grant_type {
        GrantRequest::CLIENT_CREDENTIALS => (
            EventType::MachineTokenIssued,
            EventType::MachineTokenRefused,
        ),
        GrantRequest::REFRESH_TOKEN => (EventType::Refreshed, EventType::RefreshRefused),
        _ => (EventType::TokenIssued, EventType::TokenRefused),
    }
}

/// The errors that have a type of their own.
fn event_type(error: &Error) -> Option<EventType> {
    match error {
        Error::WrongCredentials(Rejection::UnknownUser) => Some(EventType::UnknownUser),
        Error::WrongCredentials(_) => Some(EventType::WrongPassword),
        Error::Stopped(Stopped::Blocked) => Some(EventType::Blocked),
        Error::Stopped(Stopped::SuspiciousAddress { .. }) => Some(EventType::AddressStopped),
        Error::Stopped(Stopped::SameUser { .. }) => Some(EventType::TooManyLogins),
        Error::OverRate(_) => Some(EventType::RateExceeded),
        Error::MfaRequired => Some(EventType::FactorRequired),
        Error::RefreshTokenReused => Some(EventType::RefreshTokenReused),
        _ => None,
    }
}
