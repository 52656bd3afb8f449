//! `claimsmith user`.

mod import;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::CliError;
use super::input::first_line;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table};
use crate::admin::tenants::FIRST_CONNECTION;
use crate::admin::users::{self, NewUser};
use crate::random;
use crate::secret::Secret;
use crate::user::User;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Make a user
    ///
    /// Example: claimsmith user create --email ada@acme.example --email-verified --role editor
    Create {
        /// The e-mail address
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// The address was shown to be the user's
        #[arg(long)]
        email_verified: bool,
        /// The user name
        #[arg(long, value_name = "NAME")]
        username: Option<String>,
        /// The full name
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// A role; may be given several times
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// A JSON object that the user may have written
        #[arg(long, value_name = "JSON", value_parser = object)]
        user_metadata: Option<Map<String, Value>>,
        /// A JSON object that only the tenant writes
        #[arg(long, value_name = "JSON", value_parser = object)]
        app_metadata: Option<Map<String, Value>>,
        /// Read the password from the first line of the standard input; without this one is made
        /// up and printed once
        #[arg(long)]
        password_stdin: bool,
        /// The connection
        #[arg(long, value_name = "NAME", default_value = FIRST_CONNECTION)]
        connection: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Import users with the hashes of their passwords
    ///
    /// Example: claimsmith user import users.ndjson --report report.ndjson
    Import(import::Args),
    /// List the tenant's users
    List {
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Find a user by e-mail address or user name
    Find {
        /// The address or name
        identifier: String,
        /// The connection
        #[arg(long, value_name = "NAME", default_value = FIRST_CONNECTION)]
        connection: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Set a user's password, read from the first line of the standard input
    SetPassword {
        /// The `user_id`
        user_id: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Shut a user out
    Block {
        /// The `user_id`
        user_id: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Let a user in again
    Unblock {
        /// The `user_id`
        user_id: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::Create {
            email,
            email_verified,
            username,
            name,
            roles,
            user_metadata,
            app_metadata,
            password_stdin,
            connection,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let new = NewUser {
                connection,
                email,
                email_verified,
                username,
                name,
                roles,
                user_metadata,
                app_metadata,
                ..NewUser::default()
            };
            let (password, made_up) = match password_stdin {
                true => (first_line()?, None),
                false => {
                    let password = random::token().map_err(CliError::failure)?;
                    (password.clone(), Some(password))
                }
            };
            let user = users::create(&server, &tenant.name, new, password).await?;
            Ok(with_password(&user, made_up))
        }
        Verb::Import(args) => {
            let tenant = args.tenant.resolve(&server).await?;
            import::run(args, &server, &tenant.name).await
        }
        Verb::List { tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let users = users::list(&server, &tenant.name).await?;
            Ok(Output::new(&users, table(HEADER, users.iter().map(row))))
        }
        Verb::Find {
            identifier,
            connection,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            match users::find(&server, &tenant.name, &connection, &identifier).await? {
                Some(user) => Ok(Output::new(&user, table(HEADER, [row(&user)]))),
                None => Err(CliError::usage(format!(
                    "no user of the connection `{connection}` answers to `{identifier}`"
                ))),
            }
        }
        Verb::SetPassword { user_id, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            users::set_password(&server, &tenant.name, &user_id, first_line()?).await?;
            Ok(Output::new(
                json!({ "user_id": user_id }),
                "the password was set",
            ))
        }
        Verb::Block { user_id, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let user = users::set_blocked(&server, &tenant.name, &user_id, true).await?;
            Ok(Output::new(&user, format!("{user_id} is blocked")))
        }
        Verb::Unblock { user_id, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let user = users::set_blocked(&server, &tenant.name, &user_id, false).await?;
            Ok(Output::new(&user, format!("{user_id} is not blocked")))
        }
    }
}

const HEADER: [&str; 5] = ["USER_ID", "E-MAIL", "USER NAME", "ROLES", "BLOCKED"];

fn row(user: &User) -> [String; 5] {
    [
        user.user_id.clone(),
        user.email.clone().unwrap_or_default(),
        user.username.clone().unwrap_or_default(),
        user.roles.join(" "),
        if user.blocked { "blocked" } else { "" }.to_owned(),
    ]
}

fn with_password(user: &User, made_up: Option<Secret>) -> Output {
    let mut document = serde_json::to_value(user).unwrap_or_default();
    let mut text = table(HEADER, [row(user)]);
    if let Some(password) = made_up {
        if let Some(fields) = document.as_object_mut() {
            fields.insert("password".to_owned(), json!(password.expose()));
        }
        text.push_str(&format!("\n\npassword (shown once): {}", password.expose()));
    }
    Output::new(document, text)
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}
