//! TLS where it ends in this process, with the certificates of clients that have one (RFC 8705).
//!
//! A client's certificate proves one thing here: that the client holds its key. Who issued it does
//! not matter, since tokens are bound to the certificate itself, so self-signed ones are as good.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::server::{NoClientAuth, NoServerSessionStorage, ParsedCertificate};
use tokio_rustls::rustls::{
    self, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
};
use tokio_rustls::server::TlsStream;

/// The certificate that a client showed, by its SHA-256 in base64url: an extension of every request
/// over a listener that asks for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate(pub Option<String>);

/// What a listener needs to speak TLS. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    asks_for_certificates: bool,
}

impl Tls {
    /// Reads the server's certificate chain and private key from PEM files.
    pub fn from_files(
        chain: &Path,
        key: &Path,
        ask_for_certificates: bool,
    ) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| TlsError::File(path.to_owned(), error))
        };
        Self::from_pem(&read(chain)?, &read(key)?, ask_for_certificates)
    }

    /// The same from the text of such files.
    pub fn from_pem(
        chain: &[u8],
        key: &[u8],
        ask_for_certificates: bool,
    ) -> Result<Self, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|error| TlsError::Chain(error.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(key);
        let key = key.map_err(|error| TlsError::Key(error.to_string()))?;
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let verifier: Arc<dyn ClientCertVerifier> = match ask_for_certificates {
            true => Arc::new(AnyHolder::new(&provider)),
            false => Arc::new(NoClientAuth),
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if ask_for_certificates {
            // A resumed session would carry a certificate over from a connection whose key was
            // proved to one whose was not.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            asks_for_certificates: ask_for_certificates,
        })
    }

    /// Shakes hands. Takes as long as the peer likes.
    pub(super) async fn accept(
        &self,
        socket: TcpStream,
    ) -> std::io::Result<(TlsStream<TcpStream>, Option<ClientCertificate>)> {
        let stream = self.acceptor.accept(socket).await?;
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        let thumbprint =
            |shown: &CertificateDer<'_>| URL_SAFE_NO_PAD.encode(digest(&SHA256, shown));
        let certificate = self
            .asks_for_certificates
            .then(|| ClientCertificate(shown.map(thumbprint)));
        Ok((stream, certificate))
    }
}

/// Lets any certificate pass whose key signed the handshake, and connections without one.
#[derive(Debug)]
struct AnyHolder(WebPkiSupportedAlgorithms);

impl AnyHolder {
    fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ClientCertVerifier for AnyHolder {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        ParsedCertificate::try_from(end_entity)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {}", .0.display(), .1)]
    File(PathBuf, std::io::Error),
    /// No certificates.
    #[error("the certificate chain is not in PEM: {0}")]
    Chain(String),
    /// No key.
    #[error("the private key is not in PEM: {0}")]
    Key(String),
    /// The two do not fit together, or one is damaged.
    #[error("certificate and private key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}
