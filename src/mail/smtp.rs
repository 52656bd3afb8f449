//! E-mail by SMTP. The only file that knows the crate.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::{MailError, Mailer, Message};
use crate::secret::Secret;

/// How long one step of the conversation may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A mail server that takes messages for delivery.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// `smtps://user:password@host` (TLS from the start), `smtp://host:587?tls=required`
    /// (STARTTLS), or `smtp://host:25` for a server on the same machine, in clear.
    pub fn new(url: &Secret, from: &str) -> Result<Self, MailError> {
        let from = from.parse().map_err(|_| {
            MailError::ForGood(format!("`{from}` is no e-mail address to send from"))
        })?;
        // The error is not passed on: it may quote the password.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
            .map_err(|_| {
                MailError::ForGood("the URL is not of the form smtps://user:password@host".into())
            })?
            .timeout(Some(TIMEOUT))
            .build();
        Ok(Self { transport, from })
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smtp from {}", self.from)
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, message: Message) -> Result<(), MailError> {
        // lettre parses the address, so none can add a recipient or a header.
        let to: Mailbox = Mailbox::new(
            None,
            message.to.parse().map_err(|_| {
                MailError::ForGood("the user's address is none that mail can go to".into())
            })?,
        );
        let message = lettre::Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(message.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(message.text)
            .map_err(|error| MailError::ForGood(error.to_string()))?;
        self.transport
            .send(message)
            .await
            .map(drop)
            .map_err(|error| match error.is_permanent() {
                // RFC 5321, section 4.2.1: 5yz says not to try again.
                true => MailError::ForGood(error.to_string()),
                false => MailError::ForNow(error.to_string()),
            })
    }
}
