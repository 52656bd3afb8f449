//! Whom to trust: the operating system's certificates, and those that an operator adds.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Reads the system's certificates, which takes milliseconds.
pub(crate) fn config(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    // Some are of kinds that TLS does not use; they are no reason to trust none.
    roots.add_parsable_certificates(system.certs);
    for certificate in extra {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err(
            "this machine has no root certificates; install `ca-certificates`, or name a file with `claimsmith serve --rules-ca FILE`"
                .to_owned(),
        );
    }
    // The provider is named rather than taken from the process, where anybody may set another.
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates of a PEM file, for [`super::NetworkOptions::extra_roots`]. At least one, and each
/// of a kind that can be trusted; the error says what is wrong with the file.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |what: String| format!("`{}`: {what}", path.display());
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(error.to_string()))?;
    if found.is_empty() {
        return Err(failed("there is no certificate in it (PEM)".to_owned()));
    }
    for certificate in &found {
        let mut trial = RootCertStore::empty();
        let added = trial.add(certificate.clone());
        added.map_err(|error| failed(error.to_string()))?;
    }
    Ok(found)
}
