//! The kinds of things that a tenant is made of, in the order in which they need one another.

use serde_json::{Map, Value};

use super::actions;
use super::shape::{Field, Fields, Shape, body_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Kind {
    ResourceServers,
    Clients,
    ClientGrants,
    Databases,
    Roles,
    RulesConfigs,
    Rules,
    Actions,
    PostLogin,
    CredentialsExchange,
    LogStreams,
    BruteForce,
    SuspiciousIp,
    Tenant,
}

/// How the management API of this tenant is called in files: its identifier has the tenant's name in it,
/// and files are for any tenant.
pub(super) const MANAGEMENT: &str = "@@MANAGEMENT_API@@";

impl Kind {
    pub(in crate::cli) const ALL: [Self; 14] = [
        Self::ResourceServers,
        Self::Clients,
        Self::ClientGrants,
        Self::Databases,
        Self::Roles,
        Self::RulesConfigs,
        Self::Rules,
        Self::Actions,
        Self::PostLogin,
        Self::CredentialsExchange,
        Self::LogStreams,
        Self::BruteForce,
        Self::SuspiciousIp,
        Self::Tenant,
    ];

    /// The name of its section, which is auth0-deploy-cli's.
    pub(in crate::cli) const fn section(self) -> &'static str {
        match self {
            Self::ResourceServers => "resourceServers",
            Self::Clients => "clients",
            Self::ClientGrants => "clientGrants",
            Self::Databases => "databases",
            Self::Roles => "roles",
            Self::RulesConfigs => "rulesConfigs",
            Self::Rules => "rules",
            Self::Actions => "actions",
            Self::PostLogin | Self::CredentialsExchange => "triggers",
            Self::LogStreams => "logStreams",
            Self::BruteForce | Self::SuspiciousIp => "attackProtection",
            Self::Tenant => "tenant",
        }
    }

    /// The member of the section that it is, if the section is a map of several.
    pub(in crate::cli) const fn part(self) -> Option<&'static str> {
        match self {
            Self::PostLogin => Some("post-login"),
            Self::CredentialsExchange => Some("credentials-exchange"),
            Self::BruteForce => Some("bruteForceProtection"),
            Self::SuspiciousIp => Some("suspiciousIpThrottling"),
            _ => None,
        }
    }

    /// Whether there is one of it in every tenant.
    pub(in crate::cli) const fn is_single(self) -> bool {
        self.part().is_some() || matches!(self, Self::Tenant)
    }

    /// What it is in a sentence.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::ResourceServers => "API",
            Self::Clients => "client",
            Self::ClientGrants => "client grant",
            Self::Databases => "connection",
            Self::Roles => "role",
            Self::RulesConfigs => "value for rules",
            Self::Rules => "rule",
            Self::Actions => "action",
            Self::PostLogin | Self::CredentialsExchange => "bindings of",
            Self::LogStreams => "log stream",
            Self::BruteForce | Self::SuspiciousIp => "attack protection",
            Self::Tenant => "settings",
        }
    }

    /// Where it is, behind `/api/v2/`.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::ResourceServers => "resource-servers",
            Self::Clients => "clients",
            Self::ClientGrants => "client-grants",
            Self::Databases => "connections",
            Self::Roles => "roles",
            Self::RulesConfigs => "rules-configs",
            Self::Rules => "rules",
            Self::Actions => "actions/actions",
            Self::PostLogin => "actions/triggers/post-login/bindings",
            Self::CredentialsExchange => "actions/triggers/credentials-exchange/bindings",
            Self::LogStreams => "log-streams",
            Self::BruteForce => "attack-protection/brute-force-protection",
            Self::SuspiciousIp => "attack-protection/suspicious-ip-throttling",
            Self::Tenant => "tenants/settings",
        }
    }

    /// What its file is called that `export` writes.
    pub(in crate::cli) const fn file(self) -> &'static str {
        match self {
            Self::ResourceServers => "resource-servers.yaml",
            Self::Clients => "clients.yaml",
            Self::ClientGrants => "client-grants.yaml",
            Self::Databases => "databases.yaml",
            Self::Roles => "roles.yaml",
            Self::RulesConfigs => "rules-configs.yaml",
            Self::Rules => "rules.yaml",
            Self::Actions => "actions.yaml",
            Self::PostLogin | Self::CredentialsExchange => "triggers.yaml",
            Self::LogStreams => "log-streams.yaml",
            Self::BruteForce | Self::SuspiciousIp => "attack-protection.yaml",
            Self::Tenant => "tenant.yaml",
        }
    }

    /// The variable segment of its path in the OpenAPI document.
    const fn segment(self) -> &'static str {
        match self {
            Self::Clients => "client_id",
            Self::Databases => "connection_id",
            Self::Roles => "role_id",
            Self::Rules => "rule_id",
            _ => "id",
        }
    }

    /// What a thing is called: two of one name are one.
    pub(super) fn key(self, members: &Map<String, Value>) -> String {
        let text = |name: &str| {
            let text = members.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        match self {
            Self::ResourceServers => text("identifier"),
            Self::Clients
            | Self::Databases
            | Self::Roles
            | Self::Rules
            | Self::Actions
            | Self::LogStreams => text("name"),
            Self::RulesConfigs => text("key"),
            Self::ClientGrants => {
                let about = match text("subject_type").as_str() {
                    "user" => ", about users",
                    _ => "",
                };
                format!("{} for {}{about}", text("client_id"), text("audience"))
            }
            Self::PostLogin | Self::CredentialsExchange | Self::BruteForce | Self::SuspiciousIp => {
                self.part().unwrap_or_default().to_owned()
            }
            Self::Tenant => String::new(),
        }
    }
}

/// What files may say of each kind, and what of that can be changed later.
pub(in crate::cli) struct Shapes(Vec<(Kind, Fields, Fields)>);

impl Shapes {
    /// Reads a server's OpenAPI document. None if it describes another API.
    pub(super) fn of(document: &Value) -> Option<Self> {
        let mut all = Vec::new();
        for kind in Kind::ALL {
            let path = format!("/api/v2/{}", kind.path());
            let one = format!("{path}/{{{}}}", kind.segment());
            let (mut create, mut update) = match kind {
                Kind::RulesConfigs => (Fields::new(), Fields::new()),
                Kind::PostLogin | Kind::CredentialsExchange => {
                    (actions::of_trigger(), actions::of_trigger())
                }
                kind if kind.is_single() => {
                    let fields = body_of(document, "patch", &path)?;
                    (fields.clone(), fields)
                }
                _ => (
                    body_of(document, "post", &path)?,
                    body_of(document, "patch", &one)?,
                ),
            };
            for fields in [&mut create, &mut update] {
                adapt(kind, fields);
            }
            all.push((kind, create, update));
        }
        Some(Self(all))
    }

    pub(super) fn create(&self, kind: Kind) -> &Fields {
        static NONE: Fields = Fields::new();
        let found = self.0.iter().find(|(known, ..)| *known == kind);
        found.map_or(&NONE, |(_, create, _)| create)
    }

    /// Whether a member can be changed of a thing that is there.
    pub(super) fn can_change(&self, kind: Kind, name: &str) -> bool {
        let found = self.0.iter().find(|(known, ..)| *known == kind);
        found.is_some_and(|(_, _, update)| update.contains_key(name))
    }
}

/// Where files differ from bodies: names stand for identities, and secrets are in neither.
fn adapt(kind: Kind, fields: &mut Fields) {
    let names = Shape::list(Shape::text(200), 1_000);
    match kind {
        Kind::ResourceServers => {
            fields.remove("signing_secret");
        }
        Kind::Clients => {
            fields.remove("client_secret");
            fields.remove("client_authentication_methods");
        }
        Kind::ClientGrants => {
            fields.insert(
                "client_id".to_owned(),
                Field::new(Shape::text(200)).required(),
            );
        }
        Kind::Databases => {
            fields.insert("enabled_clients".to_owned(), Field::new(names));
        }
        Kind::Roles => {
            let of = |name: &str| (name.to_owned(), Field::new(Shape::text(600)).required());
            let one = Fields::from_iter([of("permission_name"), of("resource_server_identifier")]);
            let permissions = Shape::list(Shape::Object(one), 10_000);
            fields.insert("permissions".to_owned(), Field::new(permissions));
        }
        Kind::RulesConfigs => {
            for name in ["key", "from_env"] {
                fields.insert(name.to_owned(), Field::new(Shape::text(128)).required());
            }
        }
        Kind::Rules => {
            // Paths of files beside this one.
            for name in ["script", "component"] {
                fields.insert(name.to_owned(), Field::new(Shape::text(1_000)));
            }
            let manifest = Field {
                nullable: true,
                ..Field::new(Shape::Map)
            };
            fields.insert("manifest".to_owned(), manifest);
        }
        Kind::LogStreams => {
            fields.remove("startFrom");
            // Headers may be credentials. They stay as they are.
            if let Some(Shape::Object(sink)) = fields.get_mut("sink").map(|sink| &mut sink.shape) {
                sink.remove("httpAuthorization");
                sink.remove("httpCustomHeaders");
            }
            let words = ["active", "paused"].map(str::to_owned).to_vec();
            fields.insert("status".to_owned(), Field::new(Shape::Word(words)));
        }
        Kind::Actions => actions::adapt(fields),
        Kind::PostLogin
        | Kind::CredentialsExchange
        | Kind::BruteForce
        | Kind::SuspiciousIp
        | Kind::Tenant => {}
    }
}
