//! E-mail: written by whoever has something to tell, sent by a task of its own.
//!
//! A request never waits for a mail server: by how long it takes, it would tell whether somebody
//! got mail.

pub mod smtp;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

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
#[error("{0}")]
pub struct MailError(pub String);

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
pub struct Outbox(mpsc::Sender<Message>);

impl Outbox {
    /// Starts sending, on the current runtime.
    pub fn start(mailer: Arc<dyn Mailer>) -> Self {
        let (messages, mut inbox) = mpsc::channel::<Message>(WAITING);
        tokio::spawn(async move {
            while let Some(message) = inbox.recv().await {
                let subject = message.subject.clone();
                if let Err(error) = mailer.send(message).await {
                    tracing::error!(%error, subject, "a message could not be sent");
                }
            }
        });
        Self(messages)
    }

    /// Puts a message in.
    pub fn post(&self, message: Message) {
        if self.0.try_send(message).is_err() {
            tracing::error!("too many messages wait for the mail server; one was dropped");
        }
    }
}
