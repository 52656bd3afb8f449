//! `claimsmith tenant set-quota`.

use std::str::FromStr;

use super::show;
use crate::admin::tenants::{self, QuotaChange};
use crate::cli::CliError;
use crate::cli::open::OpenOptions;
use crate::cli::output::Output;
use crate::quota::Quotas;
use crate::tenant::TenantName;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// Its name
    name: String,
    /// Rules that may be bound, or `none` for as many as the server takes
    #[arg(long, value_name = "N")]
    rules: Option<Most<u32>>,
    /// Users of all its connections together, or `none`
    #[arg(long, value_name = "N")]
    users: Option<Most<u64>>,
    /// Fuel that its rules may use in a second, or `none`
    #[arg(long, value_name = "N")]
    fuel_per_second: Option<Most<u64>>,
    /// Requests for tokens in a second, or `none`
    #[arg(long, value_name = "N")]
    exchanges_per_second: Option<Most<u32>>,
}

/// A number, or `none`.
#[derive(Clone, Copy)]
struct Most<N>(Option<N>);

impl<N: FromStr> FromStr for Most<N> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(None)),
            number => match number.parse() {
                Ok(number) => Ok(Self(Some(number))),
                Err(_) => Err("neither a whole number nor `none`"),
            },
        }
    }
}

pub(super) async fn run(args: Args, open: &OpenOptions) -> Result<Output, CliError> {
    let name = TenantName::parse(&args.name).map_err(CliError::usage)?;
    let change = QuotaChange {
        rules: args.rules.map(|most| most.0),
        users: args.users.map(|most| most.0),
        fuel_per_second: args.fuel_per_second.map(|most| most.0),
        exchanges_per_second: args.exchanges_per_second.map(|most| most.0),
    };
    let server = open.open_existing().await?;
    show(&tenants::set_quotas(&server, &name, change).await?)
}

pub(super) fn text(quotas: Quotas) -> String {
    let all = [
        (quotas.rules.map(u64::from), "rules"),
        (quotas.users, "users"),
        (quotas.fuel_per_second, "fuel/s"),
        (quotas.exchanges_per_second.map(u64::from), "exchanges/s"),
    ];
    let set = all
        .into_iter()
        .filter_map(|(most, what)| Some(format!("{} {what}", most?)));
    let set: Vec<String> = set.collect();
    match set.is_empty() {
        true => "(none)".to_owned(),
        false => set.join(", "),
    }
}
