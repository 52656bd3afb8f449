//! E-mail over a real SMTP conversation.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use claimsmith::mail::smtp::Smtp;
use claimsmith::mail::{MailError, Mailer, Message, Outbox};
use claimsmith::secret::Secret;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// A mail server for one conversation (RFC 5321). Returns its address, and later the envelope's
/// commands and the message.
async fn server(
    answer_to_data: &'static str,
) -> (String, oneshot::Receiver<(Vec<String>, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (done, conversation) = oneshot::channel();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = BufReader::new(socket);
        socket.write_all(b"220 test ESMTP\r\n").await.unwrap();
        let (mut commands, mut message) = (Vec::new(), String::new());
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await.unwrap() == 0 {
                break;
            }
            let command = line.trim_end().to_owned();
            let answer = match command.split([' ', ':']).next().unwrap() {
                "EHLO" => "250 test",
                "DATA" => {
                    socket.write_all(b"354 go on\r\n").await.unwrap();
                    loop {
                        let mut line = String::new();
                        socket.read_line(&mut line).await.unwrap();
                        if line == ".\r\n" {
                            break;
                        }
                        message.push_str(&line);
                    }
                    answer_to_data
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            socket
                .write_all(format!("{answer}\r\n").as_bytes())
                .await
                .unwrap();
            let last = command == "QUIT" || command == "DATA";
            commands.push(command);
            if last {
                break;
            }
        }
        done.send((commands, message)).unwrap();
    });
    (url, conversation)
}

fn message() -> Message {
    Message {
        to: "ada@acme.example".into(),
        subject: "Choose a new password f\u{fc}r Acme".into(),
        text: "http://acme.localhost/dbconnections/reset?ticket=abc\n.\nRCPT TO:<x@y.example>\n"
            .into(),
    }
}

#[tokio::test]
async fn a_message_in_the_outbox_reaches_the_mail_server() {
    let (url, conversation) = server("250 taken").await;
    let smtp = Smtp::new(&Secret::new(url), "Acme <no-reply@acme.example>").unwrap();
    Outbox::start(Arc::new(smtp)).post(message());
    let (commands, message) = conversation.await.unwrap();
    assert!(
        commands.contains(&"MAIL FROM:<no-reply@acme.example>".to_owned()),
        "{commands:?}"
    );
    let recipients = commands
        .iter()
        .filter(|command| command.starts_with("RCPT"));
    assert_eq!(
        recipients.collect::<Vec<_>>(),
        ["RCPT TO:<ada@acme.example>"]
    );
    assert!(message.contains("To: ada@acme.example"), "{message}");
    assert!(
        message.contains("reset?ticket=abc") || message.contains("reset?ticket=3Dabc"),
        "{message}"
    );
}

#[tokio::test]
async fn a_message_that_the_server_does_not_take_is_an_error() {
    let (url, _conversation) = server("554 no").await;
    let smtp = Smtp::new(&Secret::new(url), "no-reply@acme.example").unwrap();
    let error = smtp.send(message()).await.unwrap_err();
    assert!(
        error.to_string().contains("554") || error.to_string().contains("permanent"),
        "{error}"
    );
    for to in [
        "",
        "no address",
        "a@b.example\r\nRCPT TO:<x@y.example>",
        "a@b.example, c@d.example",
    ] {
        let message = Message {
            to: to.into(),
            ..message()
        };
        assert!(smtp.send(message).await.is_err(), "{to:?}");
    }
}

/// A mail server that refuses what is called `lost`.
#[derive(Debug)]
struct Refusing {
    error: fn(String) -> MailError,
    asked: mpsc::UnboundedSender<String>,
}

#[async_trait]
impl Mailer for Refusing {
    async fn send(&self, message: Message) -> Result<(), MailError> {
        self.asked.send(message.subject.clone()).unwrap();
        match message.subject.as_str() {
            "lost" => Err((self.error)("away".to_owned())),
            _ => Ok(()),
        }
    }
}

/// An outbox on a mail server that refuses so, and what that server is asked for.
fn refusing(
    error: fn(String) -> MailError,
    pauses: &'static [Duration],
) -> (Outbox, mpsc::UnboundedReceiver<String>) {
    let (asked, seen) = mpsc::unbounded_channel();
    let mailer = Arc::new(Refusing { error, asked });
    (Outbox::start_with(mailer, pauses), seen)
}

fn post(outbox: &Outbox, subject: &str) {
    outbox.post(Message {
        subject: subject.into(),
        ..message()
    });
}

#[tokio::test]
async fn a_message_that_fails_for_now_is_tried_again_as_often_as_there_are_pauses() {
    let (outbox, mut seen) = refusing(MailError::ForNow, &[Duration::ZERO; 4]);
    post(&outbox, "lost");
    for _ in 0..5 {
        assert_eq!(seen.recv().await.unwrap(), "lost");
    }
    for _ in 0..100 {
        post(&outbox, "other");
        assert_eq!(seen.recv().await.unwrap(), "other", "it was given up");
    }
}

#[tokio::test]
async fn a_message_that_waits_holds_no_other_up() {
    const A_DAY: [Duration; 1] = [Duration::from_secs(86_400)];
    let (outbox, mut seen) = refusing(MailError::ForNow, &A_DAY);
    for subject in ["lost", "other", "lost", "other"] {
        post(&outbox, subject);
        assert_eq!(seen.recv().await.unwrap(), subject);
    }
}

#[tokio::test]
async fn a_message_that_never_will_go_through_is_tried_once() {
    let (outbox, mut seen) = refusing(MailError::ForGood, &[Duration::ZERO; 4]);
    post(&outbox, "lost");
    assert_eq!(seen.recv().await.unwrap(), "lost");
    for _ in 0..100 {
        post(&outbox, "other");
        assert_eq!(seen.recv().await.unwrap(), "other");
    }
}

#[tokio::test]
async fn rfc5321_4_2_1_a_mail_server_says_whether_to_try_again() {
    for (answer, again) in [("451 busy", true), ("554 no", false)] {
        let (url, _conversation) = server(answer).await;
        let smtp = Smtp::new(&Secret::new(url), "no-reply@acme.example").unwrap();
        let error = smtp.send(message()).await.unwrap_err();
        assert_eq!(matches!(error, MailError::ForNow(_)), again, "{error}");
    }
    let nobody = Smtp::new(&Secret::new("smtp://127.0.0.1:1"), "no-reply@acme.example");
    let error = nobody.unwrap().send(message()).await.unwrap_err();
    assert!(matches!(error, MailError::ForNow(_)), "{error}");
}

#[test]
fn settings_that_cannot_be_are_refused_without_quoting_the_password() {
    for (url, from) in [
        ("http://user:SECRET@host", "a@b.example"),
        ("SECRET", "a@b.example"),
        ("smtp://localhost", "nobody"),
    ] {
        let error = Smtp::new(&Secret::new(url), from).unwrap_err().to_string();
        assert!(!error.contains("SECRET"), "{error}");
    }
    let smtp = Smtp::new(&Secret::new("smtps://user:SECRET@localhost"), "a@b.example").unwrap();
    assert!(!format!("{smtp:?}").contains("SECRET"));
}
