//! `claimsmith api`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table, word};
use crate::admin::apis::{self, Change, NewApi};
use crate::api::{Api, ApiScope, ClientPolicy, TokenDialect, UserPolicy};
use crate::token::SigningAlgorithm;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Register an API (a resource server)
    ///
    /// Example: claimsmith api create https://orders.acme.example/ --scope read:orders="Read orders"
    Create {
        /// The `audience`; never changes
        identifier: String,
        /// A name for people
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// A scope, with a description if you like; may be given several times
        #[arg(long = "scope", value_name = "SCOPE[=TEXT]", value_parser = scope)]
        scopes: Vec<ApiScope>,
        /// What its access tokens are signed with
        #[arg(long, value_name = "ALG", default_value = "RS256")]
        signing_alg: SigningAlgorithm,
        /// Which claims and header its access tokens have
        #[arg(long, value_name = "DIALECT", default_value = "access_token")]
        token_dialect: TokenDialect,
        /// How long its access tokens are valid, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = Api::DEFAULT_TOKEN_LIFETIME)]
        token_lifetime: u64,
        /// Clients may get refresh tokens for it, for the scope `offline_access`
        #[arg(long)]
        allow_offline_access: bool,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Change who may have tokens for an API, and what they say
    Set {
        /// The `audience`
        identifier: String,
        /// Which clients may have a token about themselves
        #[arg(long, value_name = "POLICY")]
        client_policy: Option<ClientPolicy>,
        /// Through which clients a user may have a token
        #[arg(long, value_name = "POLICY")]
        user_policy: Option<UserPolicy>,
        /// Whether a user gets only those scopes that are its permissions
        #[arg(long, value_name = "BOOL")]
        enforce_policies: Option<bool>,
        /// Which claims and header access tokens have
        #[arg(long, value_name = "DIALECT")]
        token_dialect: Option<TokenDialect>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List the tenant's APIs
    List {
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::Create {
            identifier,
            name,
            scopes,
            signing_alg,
            token_dialect,
            token_lifetime,
            allow_offline_access,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let new = NewApi {
                identifier,
                name,
                scopes,
                signing_alg,
                token_dialect,
                token_lifetime,
                allow_offline_access,
            };
            let (api, secret) = apis::create(&server, &tenant.name, new).await?;
            let mut document = document(&api);
            let mut text = table(HEADER, [row(&api)]);
            if let Some(secret) = secret {
                if let Some(fields) = document.as_object_mut() {
                    fields.insert("signing_secret".to_owned(), json!(secret.expose()));
                }
                text.push_str(&format!(
                    "\n\nsigning secret (shown once): {}",
                    secret.expose()
                ));
            }
            Ok(Output::new(document, text))
        }
        Verb::Set {
            identifier,
            client_policy,
            user_policy,
            enforce_policies,
            token_dialect,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let change = Change {
                client_policy,
                user_policy,
                enforce_policies,
                token_dialect,
                ..Change::default()
            };
            let api = apis::change(&server, &tenant.name, &identifier, change).await?;
            Ok(Output::new(document(&api), table(HEADER, [row(&api)])))
        }
        Verb::List { tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let apis = apis::list(&server, &tenant.name).await?;
            let documents: Vec<Value> = apis.iter().map(document).collect();
            Ok(Output::new(documents, table(HEADER, apis.iter().map(row))))
        }
    }
}

const HEADER: [&str; 4] = ["API", "SIGNED WITH", "LIFETIME", "SCOPES"];

fn row(api: &Api) -> [String; 4] {
    let scopes: Vec<&str> = api
        .scopes
        .iter()
        .map(|scope| scope.value.as_str())
        .collect();
    [
        api.identifier.clone(),
        word(api.signing_alg),
        format!("{} s", api.token_lifetime),
        scopes.join(" "),
    ]
}

/// An API without its sealed secret.
fn document(api: &Api) -> Value {
    let mut document = serde_json::to_value(api).unwrap_or_default();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("signing_secret");
    }
    document
}

fn scope(text: &str) -> Result<ApiScope, String> {
    let (value, description) = text.split_once('=').unwrap_or((text, ""));
    Ok(ApiScope {
        value: value.to_owned(),
        description: description.to_owned(),
    })
}
