//! What a client is made of (contract, section 7.3).

use super::endpoint::Resource;
use super::shape::{Field, Shape};

/// Grants of the contract that no endpoint of this server answers to; they are kept.
pub(super) const WITHOUT_MEANING: &[&str] = &[
    "authorization_code",
    "implicit",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:openid:params:grant-type:ciba",
    "http://auth0.com/oauth/grant-type/mfa-otp",
    "http://auth0.com/oauth/grant-type/mfa-oob",
    "http://auth0.com/oauth/grant-type/mfa-recovery-code",
    "http://auth0.com/oauth/grant-type/passwordless/otp",
];

const LINKS: Shape = Shape::List(&Shape::Text(2_048), 100);
const NAMES: Shape = Shape::List(&Shape::Text(255), 100);

pub(super) static CLIENT: Resource = Resource {
    name: "Client",
    fields: &[
        Field::output("client_id", Shape::Text(100), "Its identity."),
        Field::output(
            "client_secret",
            Shape::Text(100),
            "Its secret, in the answer to what made it.",
        ),
        Field::new("name", Shape::Text(200), "A name for people.").required(),
        Field::new(
            "token_endpoint_auth_method",
            Shape::Word(&["none", "client_secret_post", "client_secret_basic"]),
            "How it authenticates.",
        )
        .or_null(),
        Field::new(
            "grant_types",
            Shape::List(&Shape::Text(100), 50),
            "The grants that it may use.",
        ),
        Field::new(
            "is_first_party",
            Shape::Flag,
            "Whether the tenant itself runs it.",
        ),
        Field::new(
            "is_token_endpoint_ip_header_trusted",
            Shape::Flag,
            "Whether it is believed where its users are.",
        ),
        Field::new(
            "client_metadata",
            Shape::Map,
            "At most 10 names and texts for rules, of at most 255 characters; null takes one away.",
        ),
        Field::new("jwt_configuration", Shape::Object(JWT), "Its ID tokens."),
        Field::new(
            "refresh_token",
            Shape::Object(REFRESH_TOKEN),
            "How its refresh tokens live.",
        ),
        Field::new(
            "require_proof_of_possession",
            Shape::Flag,
            "Whether its tokens must be bound to a DPoP key.",
        ),
        Field::new(
            "client_authentication_methods",
            Shape::Map,
            "Public keys; only in answers, or null.",
        )
        .or_null(),
        Field::new(
            "token_quota",
            Shape::Map,
            "Must be null: clients have no quotas.",
        )
        .or_null(),
        Field::new(
            "compliance_level",
            Shape::Text(50),
            "Must be null or `none`.",
        )
        .or_null(),
        Field::kept("description", Shape::Prose(140)),
        Field::kept("app_type", Shape::Text(50)),
        Field::kept("logo_uri", Shape::Prose(2_048)),
        Field::kept("callbacks", LINKS),
        Field::kept("allowed_origins", LINKS),
        Field::kept("web_origins", LINKS),
        Field::kept("allowed_logout_urls", LINKS),
        Field::kept("client_aliases", NAMES),
        Field::kept("allowed_clients", NAMES),
        Field::kept("oidc_logout", Shape::Map),
        Field::kept("oidc_backchannel_logout", Shape::Map),
        Field::kept("session_transfer", Shape::Map),
        Field::kept("oidc_conformant", Shape::Flag),
        Field::kept("encryption_key", Shape::Map),
        Field::kept("sso", Shape::Flag),
        Field::kept("sso_disabled", Shape::Flag),
        Field::kept("cross_origin_authentication", Shape::Flag),
        Field::kept("cross_origin_loc", Shape::Prose(2_048)),
        Field::kept("custom_login_page_on", Shape::Flag),
        Field::kept("custom_login_page", Shape::Prose(20_000)),
        Field::kept("custom_login_page_preview", Shape::Prose(20_000)),
        Field::kept("form_template", Shape::Prose(20_000)),
        Field::kept("addons", Shape::Map),
        Field::kept("mobile", Shape::Map),
        Field::kept("initiate_login_uri", Shape::Prose(2_048)),
        Field::kept("native_social_login", Shape::Map),
        Field::kept("default_organization", Shape::Map),
        Field::kept(
            "organization_usage",
            Shape::Word(&["deny", "allow", "require"]),
        ),
        Field::kept(
            "organization_require_behavior",
            Shape::Word(&["no_prompt", "pre_login_prompt", "post_login_prompt"]),
        ),
        Field::kept("organization_discovery_methods", NAMES),
        Field::kept("require_pushed_authorization_requests", Shape::Flag),
        Field::kept("par_request_expiry", Shape::Whole(1, 600)),
        Field::kept("signed_request_object", Shape::Map),
        Field::new(
            "resource_server_identifier",
            Shape::Text(600),
            "The API whose tokens it may introspect.",
        )
        .or_null(),
        Field::kept(
            "skip_non_verifiable_callback_uri_confirmation_prompt",
            Shape::Flag,
        ),
        Field::kept("fedcm_login", Shape::Map),
        Field::kept("token_vault_privileged_access", Shape::Map),
        Field::kept("identity_assertion_authorization_grant", Shape::Map),
        Field::kept("anonymous_sessions", Shape::Map),
        Field::kept("third_party_security_mode", Shape::Text(50)),
        Field::kept("redirection_policy", Shape::Text(50)),
        Field::kept("express_configuration", Shape::Map),
        Field::kept("my_organization_configuration", Shape::Map),
        Field::kept("async_approval_notification_channels", NAMES),
        Field::kept("token_exchange", Shape::Map),
    ],
};

const JWT: &[Field] = &[
    Field::new(
        "lifetime_in_seconds",
        Shape::Whole(1, 2_592_000),
        "How long its ID tokens are valid.",
    ),
    Field::new(
        "alg",
        Shape::Word(&["HS256", "RS256", "RS512", "PS256"]),
        "Must be RS256.",
    ),
    Field::kept("secret_encoded", Shape::Flag),
    Field::kept("scopes", Shape::Map),
];

const REFRESH_TOKEN: &[Field] = &[
    Field::new(
        "rotation_type",
        Shape::Word(&["rotating", "non-rotating"]),
        "Whether each exchange returns a new one.",
    ),
    Field::new(
        "expiration_type",
        Shape::Word(&["expiring", "non-expiring"]),
        "Whether they end.",
    ),
    Field::new(
        "leeway",
        Shape::Whole(0, 600),
        "For how long the one before may be shown once more, in seconds.",
    ),
    Field::new(
        "token_lifetime",
        Shape::Whole(1, 31_557_600),
        "Seconds from the first to the end.",
    ),
    Field::new("infinite_token_lifetime", Shape::Flag, "Switches that off."),
    Field::new(
        "idle_token_lifetime",
        Shape::Whole(1, 31_557_600),
        "Seconds from one exchange to the end.",
    ),
    Field::new(
        "infinite_idle_token_lifetime",
        Shape::Flag,
        "Switches that off.",
    ),
    Field::kept("policies", Shape::List(&Shape::Map, 100)),
];
