//! `claimsmith serve`: the server, until it is told to stop.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::TcpListener;

use super::open::{NetworkArgs, OpenOptions};
use super::output::Output;
use super::{CliError, ExitCode, telemetry};
use crate::admin::{jobs, keys, log_settings, stats, tenants, users};
use crate::http::accept::{self, ConnectionLimits, Door};
use crate::http::observe;
use crate::http::tls::Tls;
use crate::mail::smtp::Smtp;
use crate::secret::Secret;
use crate::server::Server;
use crate::webhook;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The address to listen on. Speak TLS on anything but a loopback address, here or in a proxy
    /// in front: passwords cross this connection.
    #[arg(
        long,
        env = "CLAIMSMITH_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    listen: SocketAddr,
    /// Speak TLS with this certificate chain, a PEM file; read once, at the start
    #[arg(
        long,
        env = "CLAIMSMITH_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, a PEM file
    #[arg(
        long,
        env = "CLAIMSMITH_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Answer `/metrics` for Prometheus, `/health` and `/ready` on this address, such as
    /// `127.0.0.1:9090`; they name tenants and rules, and are not for everybody. Not at all if not said
    #[arg(long, env = "CLAIMSMITH_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Ask clients for a certificate of theirs, whoever issued it, so that tokens can be bound to
    /// it (RFC 8705)
    #[arg(long, requires = "tls_cert")]
    tls_client_auth: bool,
    /// What to log, in the words of `tracing`'s filters
    #[arg(
        long,
        env = "CLAIMSMITH_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    log: String,
    /// A proxy or a network of proxies whose `X-Forwarded-For` is believed; may be given several
    /// times, or as a list with commas. Without it a proxy's clients all count as one address.
    #[arg(
        long = "trusted-proxy",
        env = "CLAIMSMITH_TRUSTED_PROXIES",
        value_name = "CIDR",
        value_delimiter = ',',
        value_parser = network
    )]
    trusted_proxies: Vec<IpNet>,
    /// The mail server for messages to users, such as `smtps://user:password@mail.example`; without
    /// one nothing is sent, and the log says so
    #[arg(
        long,
        env = "CLAIMSMITH_SMTP_URL",
        value_name = "URL",
        hide_env_values = true,
        requires = "mail_from"
    )]
    smtp_url: Option<String>,
    /// The address that messages to users come from
    #[arg(long, env = "CLAIMSMITH_MAIL_FROM", value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// How many connections to hold at a time
    #[arg(long, value_name = "N", default_value_t = ConnectionLimits::default().connections)]
    connections: usize,
    /// How many of them from one address; behind a proxy, which has one address for everybody, as
    /// many as `--connections`
    #[arg(long, value_name = "N", default_value_t = ConnectionLimits::default().connections_per_address)]
    connections_per_address: usize,
    #[command(flatten)]
    network: NetworkArgs,
}

pub(super) async fn run(args: Args, open: &OpenOptions) -> Result<Output, CliError> {
    let telemetry = telemetry::start(&args.log)?;
    raise_open_files();
    let network = args.network.options()?;
    let smtp = match (&args.smtp_url, &args.mail_from) {
        (Some(url), Some(from)) => {
            let smtp = Smtp::new(&Secret::new(url), from);
            Some(smtp.map_err(|error| CliError::usage(format!("--smtp-url: {error}")))?)
        }
        _ => None,
    };
    let server = open
        .open_existing_with(|config| {
            config.trusted_proxies = args.trusted_proxies;
            config.network = network;
            config.uploads.spare = true;
            if let Some(smtp) = smtp {
                config.mailer = Arc::new(smtp);
            }
        })
        .await?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => {
            let tls = Tls::from_files(cert, key, args.tls_client_auth);
            Some(tls.map_err(CliError::usage)?)
        }
        _ => None,
    };
    let listener = bind(args.listen).await?;
    let address = listener.local_addr().map_err(CliError::failure)?;
    let observed = match args.metrics_listen {
        None => None,
        Some(address) => {
            let listener = bind(address).await?;
            let address = listener.local_addr().map_err(CliError::failure)?;
            tracing::info!(metrics_address = %address, "answering `/metrics`");
            Some(listener)
        }
    };
    tracing::info!(%address, "listening");
    let limits = ConnectionLimits {
        connections: args.connections,
        connections_per_address: args.connections_per_address,
        declared_body_bytes: ConnectionLimits::for_components(
            server.rule_host.limits().component_bytes,
        ),
        ..ConnectionLimits::default()
    };
    let listeners = Listeners {
        listener,
        tls,
        observed,
    };
    let code = serve(server, listeners, limits, stop_signal()).await;
    telemetry.stop().await;
    let code = code?;
    Ok(Output::silent(code))
}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse::<IpNet>().or_else(|_| single());
    network.map_err(|_| "neither an address nor a network such as 10.0.0.0/8".to_owned())
}

/// What is listened on.
pub(super) struct Listeners {
    /// For clients.
    pub(super) listener: TcpListener,
    /// How those are spoken with.
    pub(super) tls: Option<Tls>,
    /// For the operator.
    pub(super) observed: Option<TcpListener>,
}

/// Serves until `stop`, or until the store fails for good.
pub(super) async fn serve(
    server: Arc<Server>,
    listeners: Listeners,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<ExitCode, CliError> {
    let (failed, failure) = tokio::sync::oneshot::channel();
    let (watched, stopping) = (Arc::clone(&server), Arc::clone(&server));
    let stop = async move {
        tokio::select! {
            () = stop => {}
            () = store_failure(watched) => {
                let _ = failed.send(());
            }
        }
        stopping.stop_soon();
    };
    let router = crate::http::router(Arc::clone(&server));
    let door = Door {
        listener: listeners.listener,
        tls: listeners.tls,
        metrics: Some(Arc::clone(&server.metrics)),
    };
    // It answers until the last request of a client is answered, and says that nothing new is welcome.
    let (_done, all_done) = tokio::sync::oneshot::channel::<()>();
    if let Some(listener) = listeners.observed {
        let router = observe::router(Arc::clone(&server));
        tokio::spawn(accept::serve(listener, router, observe::limits(), async {
            drop(all_done.await);
        }));
    }
    let served = tokio::select! {
        served = accept::serve_with(door, router, limits, stop) => served,
        () = tend(&server) => Ok(()),
        () = webhook::deliver_always(&server) => Ok(()),
        () = jobs::work_always(&server) => Ok(()),
        () = stats::count_always(&server) => Ok(()),
    };
    served.map_err(CliError::failure)?;
    server.close();
    let failed = failure.await.is_ok();
    Ok(if failed {
        ExitCode::StoreFailed
    } else {
        ExitCode::Success
    })
}

/// What a running server does unasked, for as long as it runs.
async fn tend(server: &Arc<Server>) {
    let deletions = async {
        if let Err(error) = tenants::finish_deletions(server).await {
            tracing::error!(%error, "the deletion of a tenant could not be completed");
        }
        if let Err(error) = users::finish_deletions(server).await {
            tracing::error!(%error, "the deletion of a user could not be completed");
        }
    };
    tokio::join!(
        deletions,
        keys::tend_always(server),
        log_settings::sweep_always(server)
    );
}

/// Clients' connections (768), those of rules (512) and the store's files. Many systems start a process
/// with 1,024 and let it raise that; beyond them clients are not accepted and rules reach nobody.
const OPEN_FILES: u64 = 4096;

fn raise_open_files() {
    match rlimit::increase_nofile_limit(OPEN_FILES) {
        Ok(limit) if limit >= OPEN_FILES => {}
        Ok(limit) => tracing::warn!(
            limit,
            wanted = OPEN_FILES,
            "this process may open few files"
        ),
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// Ends when the store will not take writes again in this process: after a failed fsync nothing
/// is known of what is on disk, and only opening it anew tells. A full disk passes.
async fn store_failure(server: Arc<Server>) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        if let Err(error @ crate::store::Error::Unavailable(_)) = server.records.store().health() {
            tracing::error!(%error, "the store failed; stopping so that a supervisor can start again");
            return;
        }
    }
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| {
        CliError::failure(format!(
            "cannot listen on {address}: {error}; choose another with --listen"
        ))
    })
}

/// Ctrl-C, or what a supervisor sends.
pub(super) async fn stop_signal() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
