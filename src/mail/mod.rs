//! E-mail: written by whoever has something to tell, sent by a task of its own.
//!
//! A request never waits for a mail server: by how long it takes, it would tell whether somebody
//! got mail.

pub mod smtp;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::metrics::Metrics;

/// Messages that may wait. What does not fit is dropped and logged: asking again is cheap.
const WAITING: usize = 1_000;

/// A message to one person.
#[derive(Clone)]
pub struct Message {
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text. It may hold a link that is as good as a password.
    pub text: String,
}

/// Sends a message.
#[async_trait]
pub trait Mailer: std::fmt::Debug + Send + Sync + 'static {
    /// Returns when somebody else is responsible for it.
    async fn send(&self, message: Message) -> Result<(), MailError>;
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It may go through later: the server is away, or busy.
    #[error("{0}")]
    ForNow(String),
    /// It never will.
    #[error("{0}")]
    ForGood(String),
}

/// The default: sends nothing, and says so in the operator's log. What the message says is not
/// logged, since its link is as good as a password.
#[derive(Debug)]
pub struct LogOnly;

#[async_trait]
impl Mailer for LogOnly {
    async fn send(&self, message: Message) -> Result<(), MailError> {
        tracing::warn!(
            subject = message.subject,
            "no mail server is configured, so a message was not sent"
        );
        Ok(())
    }
}

/// Takes messages and sends them later, one after the other. Cheap to clone.
#[derive(Clone)]
pub struct Outbox(mpsc::Sender<Attempt>);

/// A message and how often it failed.
struct Attempt {
    message: Message,
    failures: usize,
}

/// How long a message waits after each failure; after one more it is given up. A link in it is good
/// for an hour, and a mail server is rarely away for longer than it takes to start again.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
];

impl Outbox {
    /// Starts sending, on the current runtime. What waits is in memory: it is lost with the process,
    /// and asking again is cheap.
    pub fn start(mailer: Arc<dyn Mailer>) -> Self {
        Self::start_with(mailer, &PAUSES)
    }

    /// The same, and counts.
    pub fn start_measured(mailer: Arc<dyn Mailer>, metrics: Arc<Metrics>) -> Self {
        Self::run(mailer, &PAUSES, metrics)
    }

    /// The same with other pauses, one after each failure.
    pub fn start_with(mailer: Arc<dyn Mailer>, pauses: &'static [Duration]) -> Self {
        Self::run(mailer, pauses, Arc::default())
    }

    fn run(mailer: Arc<dyn Mailer>, pauses: &'static [Duration], metrics: Arc<Metrics>) -> Self {
        let (messages, mut inbox) = mpsc::channel::<Attempt>(WAITING);
        // Weak, so that the task ends with the last outbox.
        let again = messages.downgrade();
        tokio::spawn(async move {
            while let Some(attempt) = inbox.recv().await {
                let subject = &attempt.message.subject;
                match mailer.send(attempt.message.clone()).await {
                    Ok(()) => metrics.mail("sent"),
                    Err(error @ MailError::ForGood(_)) => {
                        metrics.mail("refused");
                        tracing::error!(%error, subject, "a message could not be sent");
                    }
                    Err(error @ MailError::ForNow(_)) => match pauses.get(attempt.failures) {
                        None => {
                            metrics.mail("given_up");
                            tracing::error!(%error, subject, "a message was given up");
                        }
                        Some(pause) => {
                            metrics.mail("delayed");
                            tracing::warn!(%error, subject, "a message has to wait");
                            tokio::spawn(later(*pause, again.clone(), attempt));
                        }
                    },
                }
            }
        });
        Self(messages)
    }

    /// Puts a message in.
    pub fn post(&self, message: Message) {
        let failures = 0;
        put(&self.0, Attempt { message, failures });
    }
}

/// Puts a message in again after a pause; others are sent meanwhile.
async fn later(pause: Duration, outbox: mpsc::WeakSender<Attempt>, mut attempt: Attempt) {
    tokio::time::sleep(pause).await;
    attempt.failures += 1;
    if let Some(messages) = outbox.upgrade() {
        put(&messages, attempt);
    }
}

fn put(messages: &mpsc::Sender<Attempt>, attempt: Attempt) {
    if messages.try_send(attempt).is_err() {
        tracing::error!("too many messages wait for the mail server; one was dropped");
    }
}
