//! `claimsmith demo`: the main job on real input, in one step.
//!
//! Makes a tenant with a user, a client, an API and the shipped rules; serves it; posts the user's
//! password over HTTP as any client would; shows the token, and which rule set what.

mod client;
mod rules;
mod seed;
mod show;

use std::net::SocketAddr;
use std::sync::Arc;

use super::open::OpenOptions;
use super::output::Output;
use super::serve::Listeners;
use super::{CliError, progress, serve};
use crate::http::accept::ConnectionLimits;
use crate::log;
use crate::rule_host::Provenance;
use crate::server::Server;
use crate::tenant::Issuer;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Exit after the token is printed
    #[arg(long)]
    once: bool,
}

/// Where the demo keeps its data unless `--data` says otherwise.
const DATA: &str = "claimsmith-demo";

pub(super) async fn run(args: Args, open: &OpenOptions, json: bool) -> Result<Output, CliError> {
    let data = open.data_or(DATA);
    let data = std::path::absolute(&data).unwrap_or(data);

    let step = progress::step("opening the store");
    let server = open.open_at(&data, |_| {}).await?;
    let listener = serve::bind(args.listen).await?;
    let listen = listener.local_addr().map_err(CliError::failure)?;
    let issuer = Issuer::parse(&format!("http://{listen}/")).map_err(CliError::failure)?;
    let seeded = seed::seed(&server, issuer.clone(), &step).await?;

    step.now("asking for a token");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn({
        let server = Arc::clone(&server);
        async move {
            let stop = async { drop(stopped.await) };
            let listeners = Listeners {
                listener,
                tls: None,
                observed: None,
            };
            serve::serve(server, listeners, ConnectionLimits::default(), stop).await
        }
    });
    let request = client::Request::new(&issuer, &seeded);
    let response = request.send().await?;
    let provenance = provenance(&server, &seeded).await?;
    drop(step);

    let shown = show::Shown {
        issuer: issuer.as_str(),
        listen,
        data: &data,
        request: &request,
        response: &response,
        provenance: &provenance,
    };
    if json {
        println!("{:#}", shown.document()?);
    } else {
        println!("{}", shown.text()?);
    }

    if !args.once {
        if !json {
            println!(
                "\nserving on {issuer}; stop with Ctrl-C",
                issuer = issuer.as_str()
            );
        }
        serve::stop_signal().await;
    }
    // The server may have ended by itself: then there is nobody to tell.
    let _ = stop.send(());
    let code = serving.await.map_err(CliError::failure)??;
    Ok(Output::silent(code))
}

/// Which rule set what in the exchange that just happened, from the tenant's log.
async fn provenance(server: &Server, seeded: &seed::Seeded) -> Result<Vec<Provenance>, CliError> {
    let newest = log::newest(&server.records, &seeded.tenant, 1).await?;
    let report = newest.into_iter().next().and_then(|event| event.rules);
    Ok(report.unwrap_or_default().provenance)
}
