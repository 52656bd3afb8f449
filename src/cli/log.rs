//! `claimsmith log`.

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table};
use crate::log::{self, LogEvent};

#[derive(clap::Args)]
pub(super) struct Args {
    /// How many events at most
    #[arg(long, default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    tenant: TenantOption,
}

pub(super) async fn run(args: Args, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    let tenant = args.tenant.resolve(&server).await?;
    let events = log::newest(&server.records, &tenant.name, args.limit).await?;
    let text = table(
        ["TIME", "TYPE", "USER", "CLIENT", "DESCRIPTION"],
        events.iter().map(row),
    );
    Ok(Output::new(&events, text))
}

fn row(event: &LogEvent) -> [String; 5] {
    let code = serde_json::to_value(event.event_type).unwrap_or_default();
    [
        event.date.to_string(),
        code.as_str().unwrap_or_default().to_owned(),
        event.user_id.clone().unwrap_or_default(),
        event.client_id.clone(),
        event.description.clone().unwrap_or_default(),
    ]
}
