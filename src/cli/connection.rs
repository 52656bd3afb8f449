//! `claimsmith connection`.

use clap::Subcommand;

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table};
use crate::admin::connections;
use crate::credential::policy::{Level, PasswordPolicy};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Make a user directory
    ///
    /// Example: claimsmith connection create Employees
    Create {
        /// Letters, digits and `-`
        name: String,
        /// Only this client may use it; may be given several times
        #[arg(long = "client", value_name = "CLIENT_ID")]
        clients: Vec<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Change a connection's settings
    ///
    /// Example: claimsmith connection set Employees --disable-signup true --password-length 20
    Set {
        /// The connection
        name: String,
        /// Whether wrong passwords in a row block
        #[arg(long, value_name = "BOOL")]
        brute_force_protection: Option<bool>,
        /// Whether strangers may not make themselves users
        #[arg(long, value_name = "BOOL")]
        disable_signup: Option<bool>,
        /// Whether a user needs a user name
        #[arg(long, value_name = "BOOL")]
        requires_username: Option<bool>,
        /// Whether users may not ask for a link to a new password
        #[arg(long, value_name = "BOOL")]
        disable_password_change: Option<bool>,
        /// Which kinds of characters a new password must have
        #[arg(long, value_name = "LEVEL")]
        password_level: Option<Level>,
        /// How many characters a new password must have
        #[arg(long, value_name = "N")]
        password_length: Option<usize>,
        /// Whether easily guessed passwords are refused
        #[arg(long, value_name = "BOOL")]
        password_dictionary: Option<bool>,
        /// Whether passwords with the user's own data in them are refused
        #[arg(long, value_name = "BOOL")]
        password_no_personal_info: Option<bool>,
        /// How many former passwords are refused
        #[arg(long, value_name = "N")]
        password_history: Option<u8>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List the tenant's connections
    List {
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::Create {
            name,
            clients,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let made = connections::create(&server, &tenant.name, &name, clients).await?;
            Ok(Output::new(&made, format!("connection {name}")))
        }
        Verb::Set {
            name,
            brute_force_protection,
            disable_signup,
            requires_username,
            disable_password_change,
            password_level,
            password_length,
            password_dictionary,
            password_no_personal_info,
            password_history,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let all = connections::list(&server, &tenant.name).await?;
            let old = all.into_iter().find(|connection| connection.name == name);
            let old = old
                .map(|connection| connection.password_policy)
                .unwrap_or_default();
            let policy = PasswordPolicy {
                level: password_level.unwrap_or(old.level),
                min_length: password_length.unwrap_or(old.min_length),
                dictionary: password_dictionary.unwrap_or(old.dictionary),
                no_personal_info: password_no_personal_info.unwrap_or(old.no_personal_info),
                history: password_history.unwrap_or(old.history),
                ..old
            };
            let change = connections::Change {
                brute_force_protection,
                disable_signup,
                requires_username,
                disable_self_service_change_password: disable_password_change,
                password_policy: Some(policy),
                ..connections::Change::default()
            };
            let changed = connections::change(&server, &tenant.name, &name, change).await?;
            Ok(Output::new(&changed, format!("connection {name}")))
        }
        Verb::List { tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let connections = connections::list(&server, &tenant.name).await?;
            let rows = connections.iter().map(|connection| {
                let clients = match connection.enabled_for_all {
                    true => "every client".to_owned(),
                    false => connection.enabled_clients.join(", "),
                };
                [connection.name.clone(), clients]
            });
            Ok(Output::new(
                &connections,
                table(["CONNECTION", "ENABLED FOR"], rows),
            ))
        }
    }
}
