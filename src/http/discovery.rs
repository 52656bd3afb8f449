//! Metadata of the tenant's issuer (RFC 8414; OpenID Connect Discovery, section 3), naming only
//! what exists.

use axum::http::header;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::json;

use super::host::AtTenant;
use super::tls::ClientCertificate;
use crate::grant::GrantRequest;
use crate::token::{AssertionAlgorithm, dpop, introspection};

/// Answers with the metadata.
///
/// There is no `authorization_endpoint`: RFC 8414, section 2 allows to leave it out where no grant
/// uses it. OpenID Connect Discovery has no such exception, so this server cannot conform to it to
/// the letter. `response_types_supported` is required by both and is empty for the same reason.
pub(super) async fn metadata(
    at: AtTenant,
    certificate: Option<Extension<ClientCertificate>>,
) -> impl IntoResponse {
    let issuer = &at.tenant.issuer;
    let with_public_clients = [CONFIDENTIAL.as_slice(), &["none"]].concat();
    let metadata = json!({
        "issuer": issuer.as_str(),
        "token_endpoint": issuer.endpoint("oauth/token"),
        "revocation_endpoint": issuer.endpoint("oauth/revoke"),
        "introspection_endpoint": issuer.endpoint("oauth/introspect"),
        "userinfo_endpoint": issuer.endpoint("userinfo"),
        "jwks_uri": issuer.endpoint(".well-known/jwks.json"),
        "grant_types_supported": GrantRequest::ALL,
        "response_types_supported": [],
        "scopes_supported": crate::grant::STANDARD_SCOPES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": with_public_clients,
        "token_endpoint_auth_signing_alg_values_supported": AssertionAlgorithm::ALL,
        "revocation_endpoint_auth_methods_supported": with_public_clients,
        "revocation_endpoint_auth_signing_alg_values_supported": AssertionAlgorithm::ALL,
        "introspection_endpoint_auth_methods_supported": CONFIDENTIAL,
        "introspection_endpoint_auth_signing_alg_values_supported": AssertionAlgorithm::ALL,
        // RFC 9701, section 7.
        "introspection_signing_alg_values_supported": [introspection::SIGNING_ALGORITHM],
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS,
        // RFC 8705, section 3.3: where TLS ends in a proxy, no certificate is ever seen.
        "tls_client_certificate_bound_access_tokens": certificate.is_some(),
        "claims_supported": [
            "aud", "at_hash", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss",
            "name", "nickname", "phone_number", "phone_number_verified", "picture", "sub", "updated_at",
        ],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    (PUBLIC, Json(metadata))
}

/// How clients prove who they are.
const CONFIDENTIAL: [&str; 3] = [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
];

/// Public facts: any page may read them, and they may be kept for five minutes.
const PUBLIC: [(header::HeaderName, &str); 2] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::CACHE_CONTROL, "public, max-age=300"),
];
