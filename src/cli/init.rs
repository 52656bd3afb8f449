//! `claimsmith init`: the first tenant and its administrator, whose password is printed once.

use serde_json::json;

use super::CliError;
use super::open::OpenOptions;
use super::output::{Output, table};
use super::progress;
use super::tenant::default_issuer;
use crate::admin::tenants::FIRST_CONNECTION;
use crate::admin::users::NewUser;
use crate::admin::{tenants, users};
use crate::random;
use crate::tenant::{Issuer, TenantName};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The tenant's name: 1 to 63 of a-z, 0-9 and `-`
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// What its tokens name as `iss`; default `http://NAME.localhost:8080/`
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The administrator's e-mail address; default `admin@` and the issuer's host name
    #[arg(long, value_name = "ADDRESS")]
    admin_email: Option<String>,
}

/// The role of the user that `init` makes.
const ADMINISTRATOR: &str = "administrator";

pub(super) async fn run(args: Args, open: &OpenOptions) -> Result<Output, CliError> {
    let name = TenantName::parse(&args.tenant).map_err(CliError::usage)?;
    let issuer = args.issuer.unwrap_or_else(|| default_issuer(&name));
    let issuer = Issuer::parse(&issuer).map_err(CliError::usage)?;
    let email = args
        .admin_email
        .unwrap_or_else(|| format!("admin@{}", issuer.host()));

    let step = progress::step("opening the store");
    let server = open.open().await?;
    if !tenants::list(&server).await?.is_empty() {
        return Err(CliError::usage(
            "this data directory has a tenant already; make another with `claimsmith tenant create NAME`",
        ));
    }
    step.now("making keys");
    let tenant = tenants::create(&server, name, issuer).await?;
    step.now("hashing the administrator's password");
    let password = random::token().map_err(CliError::failure)?;
    let administrator = NewUser {
        connection: FIRST_CONNECTION.to_owned(),
        email: Some(email),
        email_verified: true,
        roles: vec![ADMINISTRATOR.to_owned()],
        ..NewUser::default()
    };
    let user = users::create(&server, &tenant.name, administrator, password.clone()).await?;
    server.close();
    drop(step);

    let email = user.email.clone().unwrap_or_default();
    let rows = [
        ["tenant".to_owned(), tenant.name.to_string()],
        ["issuer".to_owned(), tenant.issuer.as_str().to_owned()],
        ["administrator".to_owned(), email.clone()],
        [
            "password (shown once)".to_owned(),
            password.expose().to_owned(),
        ],
    ];
    let text = format!(
        "{}\n\nNext: claimsmith client create NAME --grant password, claimsmith api create IDENTIFIER, claimsmith serve",
        table(["", ""], rows).trim_start()
    );
    let document = json!({
        "tenant": tenant,
        "administrator": { "user_id": user.user_id, "email": email, "password": password.expose() },
    });
    Ok(Output::new(document, text))
}
