//! What a running server says of itself: lines on the standard error stream, and spans if the
//! environment says where to.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use super::CliError;
use crate::http::outgoing::Collector;
use crate::trace;

/// Ends with [`Telemetry::stop`].
pub(super) struct Telemetry(Option<SdkTracerProvider>);

/// One JSON object for each line: nothing in a request can forge a line of its own.
pub(super) fn start(filter: &str) -> Result<Telemetry, CliError> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| CliError::usage(format!("--log `{filter}`: {error}")))?;
    let provider = match trace::is_configured(|name| std::env::var(name).ok()) {
        false => None,
        true => {
            let collector = Collector::new().map_err(CliError::failure)?;
            let provider = trace::export(collector);
            Some(provider.map_err(|error| CliError::usage(format!("OTEL_…: {error}")))?)
        }
    };
    let spans = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("claimsmith"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(trace::TARGET, LevelFilter::TRACE))
    });
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(std::io::stderr)
        .with_filter(filter);
    tracing_subscriber::registry()
        .with(lines)
        .with(spans)
        .try_init()
        .map_err(CliError::failure)?;
    Ok(Telemetry(provider))
}

impl Telemetry {
    /// Sends what still waits, for as long as one batch may take.
    pub(super) async fn stop(self) {
        let Some(provider) = self.0 else { return };
        // It blocks, and what it waits for runs on this runtime.
        let stopped = tokio::task::spawn_blocking(move || provider.shutdown()).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}
