//! Requests to another Claimsmith server: for the command line, which administers one over HTTP.

mod collector;
mod events;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderName, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use url::{Host, Url};

pub use self::collector::Collector;
pub use self::events::{Event, Events};
use crate::rule_host::fetch::client_tls;
use crate::secret::Secret;

/// For a request as a whole, the answer's body included.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, at its issuer's URL.
pub struct Outgoing {
    base: Url,
    tls: Arc<ClientConfig>,
}

/// An answer, whole.
pub struct Incoming {
    /// Its status.
    pub status: StatusCode,
    /// After how many seconds to ask again, if it says so (RFC 9110, section 10.2.3).
    pub retry_after: Option<u64>,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer: a sentence.
#[derive(Debug, thiserror::Error)]
#[error("`{url}`: {reason}")]
pub struct OutgoingError {
    url: String,
    reason: String,
}

/// What is sent.
pub enum Sent<'a> {
    /// Nothing.
    Nothing,
    /// A form.
    Form(&'a [(&'a str, &'a str)]),
    /// JSON.
    Json(&'a serde_json::Value),
}

impl Outgoing {
    /// A server, trusted by the operating system's certificates and by `extra`.
    ///
    /// # Errors
    /// A sentence: secrets do not travel in the clear, but on this machine.
    pub fn to(base: &str, extra: Vec<CertificateDer<'static>>) -> Result<Self, OutgoingError> {
        let failed = |reason: &str| OutgoingError {
            url: base.chars().take(200).collect(),
            reason: reason.to_owned(),
        };
        let mut base = Url::parse(base).map_err(|_| failed("this is not an absolute URL"))?;
        let here = match base.host() {
            None => return Err(failed("it names no host")),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
        };
        match base.scheme() {
            "https" => {}
            "http" if here => {}
            _ => return Err(failed("use https; http is for servers on this machine")),
        }
        base.set_path("/");
        base.set_query(None);
        base.set_fragment(None);
        let tls = client_tls(extra).map_err(|reason| failed(&reason))?;
        Ok(Self {
            base,
            tls: Arc::new(tls),
        })
    }

    /// Sends one request and reads at most `most` bytes of the answer. Redirects are not followed: a
    /// token is for this server and no other.
    ///
    /// # Errors
    /// A sentence that says what failed.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&Secret>,
        sent: Sent<'_>,
        most: usize,
    ) -> Result<Incoming, OutgoingError> {
        let url = format!("{}{path}", self.base);
        let failed = |reason: String| OutgoingError {
            url: url.clone(),
            reason,
        };
        let exchange = async {
            let answer = self.begin(method, &url, token, sent, &[]).await?;
            answer.whole(most).await
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(answer) => answer.map_err(failed),
            Err(_) => Err(failed("no answer within a minute".to_owned())),
        }
    }

    /// Asks for an answer that goes on: its beginning has to come within a minute.
    ///
    /// # Errors
    /// A sentence that says what failed.
    pub async fn open(
        &self,
        path: &str,
        token: &Secret,
        headers: &[(HeaderName, &str)],
    ) -> Result<Begun, OutgoingError> {
        let url = format!("{}{path}", self.base);
        let beginning = self.begin(Method::GET, &url, Some(token), Sent::Nothing, headers);
        let begun = tokio::time::timeout(PATIENCE, beginning).await;
        let begun = begun.unwrap_or_else(|_| Err("no answer within a minute".to_owned()));
        begun.map_err(|reason| OutgoingError { url, reason })
    }

    async fn begin(
        &self,
        method: Method,
        url: &str,
        token: Option<&Secret>,
        sent: Sent<'_>,
        headers: &[(HeaderName, &str)],
    ) -> Result<Begun, String> {
        let target = Url::parse(url).map_err(|error| error.to_string())?;
        let path = match target.query() {
            Some(query) => format!("{}?{query}", target.path()),
            None => target.path().to_owned(),
        };
        let host = target.authority();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(
                USER_AGENT,
                concat!("claimsmith/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let body = match sent {
            Sent::Nothing => Bytes::new(),
            Sent::Form(fields) => {
                request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields).finish().into()
            }
            Sent::Json(document) => {
                request = request.header(CONTENT_TYPE, "application/json");
                document.to_string().into()
            }
        };
        let request = request
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;

        let port = target.port_or_known_default().unwrap_or(443);
        let name = target.host_str().unwrap_or_default();
        let stream = connect(name, port).await?;
        if target.scheme() == "http" {
            return converse(stream, request).await;
        }
        converse(encrypt(Arc::clone(&self.tls), name, stream).await?, request).await
    }
}

/// `NAME.localhost` is this machine (RFC 6761, section 6.3), whether or not its resolver knows.
async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let stream = match host.ends_with(".localhost") {
        true => {
            let here: [(IpAddr, u16); 2] = [
                ([127, 0, 0, 1].into(), port),
                (std::net::Ipv6Addr::LOCALHOST.into(), port),
            ];
            TcpStream::connect(here.map(std::net::SocketAddr::from).as_slice()).await
        }
        false => TcpStream::connect((host.trim_matches(['[', ']']), port)).await,
    };
    stream.map_err(|error| format!("cannot connect: {error}"))
}

async fn encrypt(
    tls: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    let bare = host.trim_matches(['[', ']']).to_owned();
    let server = ServerName::try_from(bare).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(tls).connect(server, stream).await;
    stream.map_err(|error| error.to_string())
}

/// An answer of which the head is there.
pub struct Begun {
    /// Its status.
    pub status: StatusCode,
    retry_after: Option<u64>,
    body: hyper::body::Incoming,
    /// Reads and writes the connection; it ends with this.
    driver: JoinSet<hyper::Result<()>>,
}

impl Begun {
    /// Waits for the rest of it.
    ///
    /// # Errors
    /// A sentence: the connection broke, or there is more than `most`.
    pub async fn whole(self, most: usize) -> Result<Incoming, String> {
        let body = Limited::new(self.body, most).collect().await;
        Ok(Incoming {
            status: self.status,
            retry_after: self.retry_after,
            body: body.map_err(|error| error.to_string())?.to_bytes(),
        })
    }

    /// Reads it as server-sent events.
    pub fn events(self) -> Events {
        Events::new(self.body, self.driver)
    }
}

async fn converse<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Begun, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let retry_after = answer.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|after| after.to_str().ok()?.parse().ok());
    Ok(Begun {
        status: answer.status(),
        retry_after,
        body: answer.into_body(),
        driver,
    })
}
