//! Whom requests trust.

use claimsmith::rule_host::fetch::{NetworkOptions, read_certificates};

use super::super::fetch_guest::get;
use super::super::harness::limits;
use super::*;
use crate::support::upstream::{Names, Upstream, network, network_of, ok};

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let upstream = Upstream::start(|_| ok("secret")).await;
    let stranger = NetworkOptions {
        extra_roots: Vec::new(),
        ..network()
    };
    let host = host_of(limits(), stranger);
    let chain = rule(&host, &[get(&upstream.url("/"))], &[&upstream.pattern()]);
    let (_, report) = run(&host, &chain).await;
    // On a machine without any root certificates TLS is not there at all.
    assert!(
        ["TLS failed", "TLS is not available"].contains(&answers(&report.rules[0])[0]),
        "{report:?}"
    );
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let upstream = Upstream::start(|_| ok("secret")).await;
    let names = Names::default().then("api.globex.example", &["127.0.0.1"]);
    let host = host_of(limits(), network_of(names));
    let name = format!("api.globex.example:{}", upstream.port);
    let urls = [
        format!("https://{name}/"),
        format!("https://127.0.0.1:{}/", upstream.port),
    ];
    let address = format!("127.0.0.1:{}", upstream.port);
    let chain = rule(&host, &urls.map(|url| get(&url)), &[&name, &address]);
    let (_, report) = run(&host, &chain).await;
    assert_eq!(answers(&report.rules[0]), ["TLS failed", "TLS failed"]);
    assert!(
        complaints(&report.rules[0])[0].contains("certificate"),
        "{report:?}"
    );
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_not_taken_for_one_with() {
    let upstream = Upstream::plain(|_| ok("secret")).await;
    let (answers, _) = fetch(&upstream, &[get(&upstream.url("/")).within(2_000)]).await;
    assert_ne!(answers, ["secret"]);
}

#[test]
fn a_file_of_certificates_is_read_or_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let made = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    let pem = made.self_signed(&key).unwrap().pem();
    std::fs::write(&file, format!("{pem}{pem}")).unwrap();
    assert_eq!(read_certificates(&file).unwrap().len(), 2);
    for (content, complaint) in [
        ("", "no certificate in it"),
        ("hello", "no certificate in it"),
        (&key.serialize_pem(), "no certificate in it"),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "roots.pem",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "roots.pem",
        ),
    ] {
        std::fs::write(&file, content).unwrap();
        let error = read_certificates(&file).unwrap_err();
        assert!(error.contains(complaint), "{content}: {error}");
    }
    assert!(
        read_certificates(&folder.path().join("none"))
            .unwrap_err()
            .contains("none")
    );
}
