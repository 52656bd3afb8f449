//! The way to an OpenTelemetry collector. The operator names it, so it may be anywhere, and spoken to
//! without TLS.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;
use tokio_rustls::rustls::ClientConfig;

use super::{connect, converse, encrypt};
use crate::rule_host::fetch::client_tls;

/// For one batch of spans. The next waits meanwhile, and what is too much is dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// A collector says little.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Sends what the exporter has, on a runtime of the caller's: the exporter has a thread without one.
#[derive(Debug)]
pub struct Collector {
    tls: Arc<ClientConfig>,
    runtime: Handle,
}

impl Collector {
    /// On the current runtime, with the trust of the operating system.
    ///
    /// # Errors
    /// A sentence: there are no certificates to trust.
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            tls: Arc::new(client_tls(Vec::new())?),
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let tls = Arc::clone(&self.tls);
        // Timers, too, are the runtime's.
        let sending = async move { tokio::time::timeout(PATIENCE, send(tls, request)).await };
        let sent = self.runtime.spawn(sending).await;
        let answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("no answer within 10 seconds".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        answer.map_err(|reason| {
            tracing::warn!(reason, "spans could not be exported");
            reason.into()
        })
    }
}

async fn send(tls: Arc<ClientConfig>, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let (mut parts, body) = request.into_parts();
    let target = std::mem::take(&mut parts.uri);
    let host = target.host().ok_or("the endpoint names no host")?;
    let encrypted = match target.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err("the endpoint is neither http nor https".to_owned()),
    };
    let port = target
        .port_u16()
        .unwrap_or(if encrypted { 443 } else { 80 });
    let authority = target
        .authority()
        .map_or(host, |authority| authority.as_str());
    let authority = HeaderValue::from_str(authority).map_err(|error| error.to_string())?;
    parts.headers.insert(HOST, authority);
    parts.uri = match target.path_and_query() {
        Some(path) => Uri::from(path.clone()),
        None => Uri::from_static("/"),
    };
    let request = Request::from_parts(parts, Full::new(body));
    let stream = connect(host, port).await?;
    let begun = match encrypted {
        true => converse(encrypt(tls, host, stream).await?, request).await?,
        false => converse(stream, request).await?,
    };
    let answer = begun.whole(MAX_ANSWER_BYTES).await?;
    let mut response = Response::new(answer.body);
    *response.status_mut() = answer.status;
    Ok(response)
}
