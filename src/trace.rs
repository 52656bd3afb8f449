//! Spans of what happens to a request, for OpenTelemetry: made with `tracing`, exported by OTLP over
//! HTTP when the standard variables say where to, and otherwise not made at all.
//!
//! A span says what was done and how long it took. It never holds what a client sent, but the names
//! of things that the tenant has.

use opentelemetry::KeyValue;
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

/// What tells spans from the lines of the log. They are made at the level TRACE, which nobody's log
/// lets through unless asked.
pub const TARGET: &str = "claimsmith::span";

/// A span: the arguments are those of `tracing`'s macros.
macro_rules! span {
    ($($arguments:tt)*) => {
        tracing::trace_span!(target: $crate::trace::TARGET, $($arguments)*)
    };
}
pub(crate) use span;

/// Whether the environment says where spans go to (OpenTelemetry specification, "OTLP Exporter
/// Configuration" and "General SDK Configuration").
pub fn is_configured(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let somewhere = set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").is_some()
        || set("OTEL_EXPORTER_OTLP_ENDPOINT").is_some();
    let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let elsewhere = set("OTEL_TRACES_EXPORTER").is_some_and(|value| value != "otlp");
    somewhere && !disabled && !elsewhere
}

/// Starts exporting, as the environment says. Dropping it does not send what waits;
/// `SdkTracerProvider::shutdown` does, and blocks meanwhile.
///
/// # Errors
/// A sentence: a variable cannot be understood.
pub fn export(client: impl HttpClient + 'static) -> Result<SdkTracerProvider, String> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .build()
        .map_err(|error| error.to_string())?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let mut resource = Resource::builder().with_attribute(version);
    if std::env::var_os("OTEL_SERVICE_NAME").is_none_or(|name| name.is_empty())
        && !std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|all| all.contains("service.name="))
    {
        resource = resource.with_service_name("claimsmith");
    }
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_exported_only_where_the_environment_says_where_to() {
        let configured = |variables: &[(&str, &str)]| {
            is_configured(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert!(!configured(&[]));
        assert!(!configured(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
        assert!(configured(&[endpoint]));
        assert!(configured(&[(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://c/v1/traces"
        )]));
        assert!(!configured(&[endpoint, ("OTEL_SDK_DISABLED", "True")]));
        assert!(!configured(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]));
        assert!(configured(&[endpoint, ("OTEL_TRACES_EXPORTER", "otlp")]));
    }
}
