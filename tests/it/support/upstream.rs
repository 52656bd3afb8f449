//! A server on the other side: HTTPS on a port of its own, answering whatever a test wants, and the
//! network in which rules find it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex};

use claimsmith::rule_host::fetch::{NetworkOptions, Resolve};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What the upstream's certificate is good for.
pub(crate) const HOST: &str = "api.upstream.example";
const NAMES: [&str; 4] = [HOST, "*.upstream.example", "other.example", "localhost"];

/// A request as it came over the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Up to the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// `GET /path`
    pub(crate) fn line(&self) -> &str {
        self.head.split(" HTTP/").next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// What to answer.
pub(crate) enum Reply {
    /// These bytes, then the end.
    Raw(Vec<u8>),
    /// These, then nothing, with the connection held open.
    Stall(Vec<u8>),
    /// The first, then the second over and over.
    Endless(Vec<u8>, Vec<u8>),
    /// Once [`Upstream::release`] lets it go.
    Held(Vec<u8>),
}

/// A response with a body.
pub(crate) fn ok(body: &str) -> Reply {
    with_status("200 OK", "", body)
}

/// A response with a status and more headers, each ended by `\r\n`.
pub(crate) fn with_status(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
    Reply::Raw(text.into_bytes())
}

/// The same, once it is released.
pub(crate) fn held(body: &str) -> Reply {
    match ok(body) {
        Reply::Raw(bytes) => Reply::Held(bytes),
        other => other,
    }
}

pub(crate) fn redirect(status: u16, location: &str) -> Reply {
    with_status(
        &format!("{status} Moved"),
        &format!("location: {location}\r\n"),
        "",
    )
}

/// The server. It ends with its test.
pub(crate) struct Upstream {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    held: Arc<Semaphore>,
    task: tokio::task::JoinHandle<()>,
}

type Answer = dyn Fn(&Seen) -> Reply + Send + Sync;

impl Upstream {
    /// Answers requests over TLS.
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(true, answer).await
    }

    /// Answers requests without TLS.
    pub(crate) async fn plain(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(false, answer).await
    }

    async fn listen(tls: bool, answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, held) = (Arc::default(), Arc::new(Semaphore::new(0)));
        let each = Connection {
            answer: Arc::new(answer),
            seen: Arc::clone(&seen),
            held: Arc::clone(&held),
        };
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                let each = each.clone();
                connections.spawn(async move {
                    if !tls {
                        return each.serve(tcp).await;
                    }
                    let acceptor = TlsAcceptor::from(Arc::clone(&IDENTITY.server));
                    // A client that does not trust us hangs up.
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        each.serve(stream).await;
                    }
                });
            }
        });
        Self {
            port,
            seen,
            held,
            task,
        }
    }

    /// `https://api.upstream.example:PORT/path`
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.port)
    }

    /// What a binding has to allow.
    pub(crate) fn pattern(&self) -> String {
        format!("{HOST}:{}", self.port)
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Lets all held answers go, those to come as well.
    pub(crate) fn release(&self) {
        self.held.close();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Connection {
    answer: Arc<Answer>,
    seen: Arc<Mutex<Vec<Seen>>>,
    held: Arc<Semaphore>,
}

impl Connection {
    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Some(seen) = read(&mut stream).await else {
            return;
        };
        self.seen.lock().unwrap().push(seen.clone());
        // Whoever hangs up in the middle has had enough.
        let _ = match (self.answer)(&seen) {
            Reply::Raw(bytes) => send(&mut stream, &bytes).await,
            Reply::Stall(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.flush().await;
                std::future::pending().await
            }
            Reply::Held(bytes) => {
                let _ = self.held.acquire().await;
                send(&mut stream, &bytes).await
            }
            Reply::Endless(first, more) => {
                let mut sent = stream.write_all(&first).await;
                while sent.is_ok() {
                    sent = stream.write_all(&more).await;
                }
                sent
            }
        };
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.shutdown().await
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let mut seen = Seen {
        head: String::from_utf8(head).unwrap(),
        body: Vec::new(),
    };
    let length = seen.header("content-length").unwrap_or("0");
    seen.body.resize(length.parse().unwrap(), 0);
    stream.read_exact(&mut seen.body).await.ok()?;
    Some(seen)
}

/// The upstream's certificate, and the one that signed it.
struct Identity {
    root: CertificateDer<'static>,
    server: Arc<ServerConfig>,
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    Identity {
        root: authority.der().clone(),
        server: Arc::new(server),
    }
});

/// The certificate that signed the upstream's.
pub(crate) fn root() -> CertificateDer<'static> {
    IDENTITY.root.clone()
}

/// Names and what they are said to be, an answer for each time they are asked.
#[derive(Default)]
pub(crate) struct Names(Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>);

impl Names {
    /// The next answer for a name; the last one is given over and over.
    pub(crate) fn then(self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let mut names = self.0.into_inner().unwrap();
        names.entry(name.to_owned()).or_default().push(addresses);
        Self(Mutex::new(names))
    }
}

impl Resolve for Names {
    fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut names = self.0.lock().unwrap();
        let Some(answers) = names.get_mut(host) else {
            return Err(std::io::Error::other("no such name"));
        };
        Ok(match answers.len() {
            1 => answers[0].clone(),
            _ => answers.remove(0),
        })
    }
}

/// A network in which the upstream's names lead to this machine, and rules may reach it.
pub(crate) fn network() -> NetworkOptions {
    network_of(
        Names::default()
            .then(HOST, &["127.0.0.1"])
            .then("other.example", &["127.0.0.1"]),
    )
}

pub(crate) fn network_of(names: Names) -> NetworkOptions {
    NetworkOptions {
        may_reach: vec!["127.0.0.1/32".parse().unwrap()],
        extra_roots: vec![root()],
        resolver: Arc::new(names),
    }
}
