//! TLS that ends in this process, and tokens bound to a client's certificate (RFC 8705), over real
//! connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimsmith::admin::clients;
use claimsmith::client::SenderConstraint;
use claimsmith::http::accept::{self, ConnectionLimits};
use claimsmith::http::tls::Tls;
use rcgen::{CertifiedKey, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion, sign,
};

use crate::support::app::{API, App};

const HOST: &str = "acme.localhost";

/// A second front door of an app, with TLS.
struct Door {
    address: SocketAddr,
    roots: Arc<RootCertStore>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Door {
    async fn open(app: &App, ask_for_certificates: bool, limits: ConnectionLimits) -> Self {
        let own = certificate();
        let tls = Tls::from_pem(
            own.cert.pem().as_bytes(),
            own.signing_key.serialize_pem().as_bytes(),
            ask_for_certificates,
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let router = claimsmith::http::router(Arc::clone(&app.server));
        let door = accept::Door {
            listener,
            tls: Some(tls.unwrap()),
            metrics: None,
        };
        tokio::spawn(accept::serve_with(door, router, limits, async {
            drop(stopped.await);
        }));
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        Self {
            address,
            roots: Arc::new(roots),
            _stop: stop,
        }
    }

    /// One request over a connection of its own: status, and the body if it is JSON.
    async fn ask(&self, request: String, shown: Option<Shown>) -> std::io::Result<(u16, Value)> {
        self.ask_with(&[&TLS13], request, shown).await
    }

    async fn ask_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        request: String,
        shown: Option<Shown>,
    ) -> std::io::Result<(u16, Value)> {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots));
        let config = match shown {
            None => config.with_no_client_auth(),
            Some(shown) => config.with_client_cert_resolver(Arc::new(shown)),
        };
        let socket = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from(HOST).unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, socket).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok((status, serde_json::from_str(body).unwrap_or_default()))
    }

    async fn token(&self, app: &App, with: &str, shown: Option<Shown>) -> (u16, Value) {
        self.ask(token_request(app, with), shown).await.unwrap()
    }

    async fn userinfo(&self, token: &str, shown: Option<Shown>) -> u16 {
        let request = get("/userinfo", &format!("authorization: Bearer {token}\r\n"));
        self.ask(request, shown).await.unwrap().0
    }
}

/// What a client shows of itself in the handshake, as it is.
#[derive(Clone, Debug)]
struct Shown(Arc<sign::CertifiedKey>);

impl Shown {
    /// A certificate, and the key that signs the handshake: its own, or another.
    fn new(certificate: &CertifiedKey<KeyPair>, key: &KeyPair) -> Self {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = any_supported_type(&key).unwrap();
        let chain = vec![certificate.cert.der().clone()];
        Self(Arc::new(sign::CertifiedKey::new(chain, key)))
    }

    fn of(certificate: &CertifiedKey<KeyPair>) -> Option<Self> {
        Some(Self::new(certificate, &certificate.signing_key))
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _root_hints: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap()
}

fn thumbprint(certificate: &CertifiedKey<KeyPair>) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate.cert.der()))
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n{headers}\r\n")
}

fn token_request(app: &App, with: &str) -> String {
    let (id, secret) = (&app.client_id, &app.client_secret);
    let body = format!(
        "grant_type=password&username=ada%40acme.example&password=correct+horse+battery\
         &client_id={id}&client_secret={secret}{with}"
    );
    format!(
        "POST /oauth/token HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn tokens_are_given_over_tls_1_3_and_1_2() {
    let app = App::start().await;
    let door = Door::open(&app, false, ConnectionLimits::default()).await;
    for version in [&TLS13, &TLS12] {
        let request = token_request(&app, "&scope=openid");
        let (status, body) = door.ask_with(&[version], request, None).await.unwrap();
        assert_eq!(
            (status, &body["token_type"]),
            (200, &json!("Bearer")),
            "{body}"
        );
    }
    // Nobody was asked for a certificate, so nobody's is looked at, and none is promised.
    let client = certificate();
    let request = get("/.well-known/openid-configuration", "");
    let (_, metadata) = door.ask(request.clone(), Shown::of(&client)).await.unwrap();
    assert_eq!(
        metadata["tls_client_certificate_bound_access_tokens"],
        json!(false)
    );
    let asking = Door::open(&app, true, ConnectionLimits::default()).await;
    let (_, metadata) = asking.ask(request, None).await.unwrap();
    assert_eq!(
        metadata["tls_client_certificate_bound_access_tokens"],
        json!(true)
    );
}

#[tokio::test]
async fn rfc8705_3_a_bound_token_is_good_with_its_certificate_only() {
    let app = App::start().await;
    let door = Door::open(&app, true, ConnectionLimits::default()).await;
    let constraint = SenderConstraint::Certificate;
    clients::set_sender_constraint(&app.server, &app.tenant, &app.client_id, constraint)
        .await
        .unwrap();
    let (own, other) = (certificate(), certificate());
    for with in [
        "&scope=openid&audience=https%3A%2F%2Forders.example%2F",
        "&scope=openid",
    ] {
        let (status, body) = door.token(&app, with, None).await;
        assert_eq!(
            (status, &body["error"]),
            (400, &json!("invalid_request")),
            "{body}"
        );

        let (status, body) = door.token(&app, with, Shown::of(&own)).await;
        assert_eq!(
            (status, &body["token_type"]),
            (200, &json!("Bearer")),
            "{body}"
        );
        let token = body["access_token"].as_str().unwrap();
        if with.contains("audience") {
            let (_, claims) = app.verify(token, API).await;
            assert_eq!(claims["cnf"], json!({ "x5t#S256": thumbprint(&own) }));
        }
        assert_eq!(door.userinfo(token, Shown::of(&own)).await, 200);
        assert_eq!(door.userinfo(token, Shown::of(&other)).await, 401);
        assert_eq!(door.userinfo(token, None).await, 401);
        // Where no certificate can be seen there is none.
        assert_eq!(app.userinfo(token).await.status, 401);
    }
    // A header that says so is no certificate.
    let forged = app.request().send().await;
    assert_eq!(forged.text("error"), "invalid_request");
}

#[tokio::test]
async fn a_certificate_that_nobody_asked_for_binds_nothing() {
    let app = App::start().await;
    let door = Door::open(&app, true, ConnectionLimits::default()).await;
    let own = certificate();
    let (_, body) = door.token(&app, "&scope=openid", Shown::of(&own)).await;
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(door.userinfo(token, Shown::of(&own)).await, 200);
    assert_eq!(app.userinfo(token).await.status, 200);
}

#[tokio::test]
async fn a_certificate_is_shown_by_the_holder_of_its_key_only() {
    let app = App::start().await;
    let door = Door::open(&app, true, ConnectionLimits::default()).await;
    let (own, thief) = (certificate(), KeyPair::generate().unwrap());
    for version in [&TLS13, &TLS12] {
        let stolen = Shown::new(&own, &thief);
        let request = get("/health", "");
        let refused = door
            .ask_with(&[version], request.clone(), Some(stolen))
            .await;
        assert!(refused.is_err(), "{refused:?}");
        let (status, _) = door
            .ask_with(&[version], request, Shown::of(&own))
            .await
            .unwrap();
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn who_speaks_no_tls_or_nothing_at_all_is_let_go_and_others_are_served() {
    let app = App::start().await;
    let limits = ConnectionLimits {
        handshake_timeout: Duration::from_millis(300),
        ..ConnectionLimits::default()
    };
    let door = Door::open(&app, true, limits).await;
    let mut silent = TcpStream::connect(door.address).await.unwrap();
    for garbage in [
        &b"GET / HTTP/1.1\r\nhost: acme.localhost\r\n\r\n"[..],
        &[0x16; 64],
        &[0xff; 4_096],
    ] {
        let mut socket = TcpStream::connect(door.address).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        let mut answer = Vec::new();
        // An alert, or a reset: no HTTP.
        drop(socket.read_to_end(&mut answer).await);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    let (status, _) = door.ask(get("/health", ""), None).await.unwrap();
    assert_eq!(status, 200);
    // Its time is up.
    let mut nothing = Vec::new();
    drop(silent.read_to_end(&mut nothing).await);
    assert!(nothing.is_empty());
}

#[tokio::test]
async fn beyond_the_cap_a_connection_is_closed_without_a_handshake() {
    let app = App::start().await;
    let limits = ConnectionLimits {
        connections: 1,
        ..ConnectionLimits::default()
    };
    let door = Door::open(&app, false, limits).await;
    let _first = TcpStream::connect(door.address).await.unwrap();
    let refused = door.ask(get("/health", ""), None).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn a_chain_and_a_key_that_do_not_fit_are_refused_at_the_start() {
    let (one, two) = (certificate(), certificate());
    let chain = one.cert.pem();
    let from = |chain: &str, key: &str| Tls::from_pem(chain.as_bytes(), key.as_bytes(), true);
    assert!(from(&chain, &one.signing_key.serialize_pem()).is_ok());
    for (chain, key) in [
        (chain.as_str(), two.signing_key.serialize_pem()),
        (&chain, String::new()),
        ("", one.signing_key.serialize_pem()),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            one.signing_key.serialize_pem(),
        ),
    ] {
        assert!(from(chain, &key).is_err());
    }
}
