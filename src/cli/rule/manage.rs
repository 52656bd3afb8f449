//! `claimsmith rule` on a tenant's rules: upload, bind, configure.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::check::describe;
use super::load::Source;
use super::{CliError, OpenOptions, Output};
use crate::admin::rules::versions::{self, Upload};
use crate::admin::rules::{self, NewBinding};
use crate::cli::input::first_line;
use crate::cli::open::TenantOption;
use crate::cli::output::{table, word};
use crate::rule::{Binding, COMMAND_LINE};
use crate::rule_host::fetch::HostPattern;
use crate::rule_host::{Grant, OnFault, Permissions};
use crate::secret::Secret;

#[derive(Subcommand)]
pub(in crate::cli) enum Verb {
    /// Store a component, or a source in JavaScript, as the next version of a rule; nothing runs it until it is bound
    ///
    /// Example: claimsmith rule upload email-allow-list my-rule.wasm
    Upload {
        /// The rule's name
        name: String,
        /// The component, the source in JavaScript, or the folder of a rule
        file: PathBuf,
        /// The manifest; `rule.toml` beside the component if not said
        #[arg(long, value_name = "FILE")]
        manifest: Option<PathBuf>,
        /// What is to be remembered of this version
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Put a rule to use, or change how it is used
    ///
    /// Example: claimsmith rule bind email-allow-list --version 2 --order 10
    ///
    /// Example: claimsmith rule bind risk-score --allow-host api.risk.example
    Bind {
        /// The rule's name
        name: String,
        /// Which version; the newest if not said
        #[arg(long, value_name = "N")]
        version: Option<u32>,
        /// Rules run in ascending order; behind all others if not said
        #[arg(long, value_name = "N")]
        order: Option<u32>,
        /// A grant it runs on; all that have a user if none is said
        #[arg(long = "grant", value_name = "GRANT")]
        grants: Vec<Grant>,
        /// What becomes of the login when the rule fails; what its manifest says if not said, and
        /// else `deny`
        #[arg(long, value_name = "POLICY")]
        on_fault: Option<OnFault>,
        /// A host that it may send HTTPS requests to: `api.example.com`, `*.example.com` for the
        /// names below it, either with `:PORT`; those of before if none is said
        #[arg(long = "allow-host", value_name = "HOST")]
        hosts: Vec<HostPattern>,
        /// Let it ask those hosts without TLS, too: whoever sits on the way reads and changes it
        #[arg(long, requires = "hosts")]
        allow_http: bool,
        /// Take back every host that it was allowed
        #[arg(long, conflicts_with = "hosts")]
        no_hosts: bool,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Take a rule out of use; its versions stay
    ///
    /// Example: claimsmith rule unbind email-allow-list
    Unbind {
        /// The rule's name
        name: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List the rules in use, in the order they run
    ///
    /// Example: claimsmith rule list --tenant acme
    List {
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Store a value that the tenant's rules may read; without VALUE the first line of the
    /// standard input, so that a secret need not be on the command line
    ///
    /// Example: claimsmith rule configure ALLOWED_EMAIL_DOMAINS acme.example
    Configure {
        /// Letters, digits, `_` and `-`
        key: String,
        /// The value
        value: Option<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    match verb {
        Verb::Upload {
            name,
            file,
            manifest,
            note,
            tenant,
        } => {
            let source = Source::read(&file, manifest.as_deref())?;
            let manifest = source.manifest.as_deref().cloned();
            let server = open.open_existing().await?;
            let tenant = tenant.resolve(&server).await?;
            let upload = Upload {
                rule: name.clone(),
                code: source.component,
                manifest,
                note,
                author: COMMAND_LINE.to_owned(),
                action: None,
            };
            let (version, inspection) = versions::upload(&server, &tenant.name, upload).await?;
            let limits = server.rule_host.limits();
            let shown = describe(&inspection, version.manifest.as_ref(), limits);
            let text = format!("{}@{}\n{shown}", name, version.version);
            Ok(Output::new(
                json!({ "version": version, "inspection": inspection }),
                text,
            ))
        }
        Verb::Bind {
            name,
            version,
            order,
            grants,
            on_fault,
            hosts,
            allow_http,
            no_hosts,
            tenant,
        } => {
            let server = open.open_existing().await?;
            let tenant = tenant.resolve(&server).await?;
            let new = NewBinding {
                version,
                order,
                grants,
                on_fault,
                permissions: (no_hosts || !hosts.is_empty())
                    .then_some(Permissions { hosts, allow_http }),
            };
            let binding = rules::bind(&server, &tenant.name, &name, new).await?;
            Ok(Output::new(&binding, table(HEADER, [row(&binding)])))
        }
        Verb::Unbind { name, tenant } => {
            let server = open.open_existing().await?;
            let tenant = tenant.resolve(&server).await?;
            rules::unbind(&server, &tenant.name, &name).await?;
            Ok(Output::new(
                json!({ "rule": name }),
                format!("{name} is not in use any more"),
            ))
        }
        Verb::List { tenant } => {
            let server = open.open_existing().await?;
            let tenant = tenant.resolve(&server).await?;
            let bindings = rules::bindings(&server, &tenant.name).await?;
            Ok(Output::new(
                &bindings,
                table(HEADER, bindings.iter().map(row)),
            ))
        }
        Verb::Configure { key, value, tenant } => {
            let server = open.open_existing().await?;
            let tenant = tenant.resolve(&server).await?;
            let value = match value {
                Some(value) => Secret::new(value),
                None => first_line()?,
            };
            rules::configure(&server, &tenant.name, &key, &value).await?;
            Ok(Output::new(json!({ "key": key }), format!("{key} is set")))
        }
    }
}

const HEADER: [&str; 6] = [
    "ORDER",
    "RULE",
    "VERSION",
    "GRANTS",
    "ON FAULT",
    "MAY REACH",
];

fn row(binding: &Binding) -> [String; 6] {
    let grants: Vec<String> = binding.grants.iter().map(|grant| word(*grant)).collect();
    [
        binding.order.to_string(),
        binding.rule.clone(),
        binding.version.to_string(),
        grants.join(" "),
        word(binding.on_fault),
        may_reach(&binding.permissions),
    ]
}

fn may_reach(permissions: &Permissions) -> String {
    let mut hosts: Vec<String> = permissions
        .hosts
        .iter()
        .map(HostPattern::to_string)
        .collect();
    if hosts.is_empty() {
        hosts.push("-".to_owned());
    } else if permissions.allow_http {
        hosts.push("(http too)".to_owned());
    }
    hosts.join(" ")
}
