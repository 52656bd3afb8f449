//! How a client of the management API proves who it is, and the token that it gets.

use std::path::PathBuf;

use http::Method;
use serde_json::Value;

use super::CliError;
use super::assertion::sign;
use super::session::{MAX_JSON_BYTES, document, text};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::http::outgoing::{Outgoing, Sent};
use crate::secret::Secret;

/// What a client proves itself with.
pub(in crate::cli) enum Credential {
    /// Its secret.
    Secret(Secret),
    /// A file with its private key.
    PrivateKey(PathBuf),
}

/// What a server gave for it.
pub(in crate::cli) struct Grant {
    /// The tenant's issuer, as the server says.
    pub(in crate::cli) issuer: String,
    pub(in crate::cli) token: Secret,
    pub(in crate::cli) scope: String,
    pub(in crate::cli) expires_at: Timestamp,
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Grant {
    /// Gets a token for the tenant's management.
    pub(in crate::cli) async fn get(
        server: &Outgoing,
        client_id: &str,
        credential: &Credential,
    ) -> Result<Self, CliError> {
        let path = ".well-known/openid-configuration";
        let metadata = server.send(Method::GET, path, None, Sent::Nothing, MAX_JSON_BYTES);
        let metadata = document(metadata.await.map_err(CliError::failure)?)?;
        let issuer = text(&metadata, "issuer")?.to_owned();
        let audience = format!("{issuer}api/v2/");
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("audience", &audience),
        ];
        let assertion;
        match credential {
            Credential::Secret(secret) => form.push(("client_secret", secret.expose())),
            Credential::PrivateKey(file) => {
                assertion = sign(file, client_id, &issuer)?;
                form.push(("client_assertion_type", ASSERTION_TYPE));
                form.push(("client_assertion", &assertion));
            }
        }
        let sent = Sent::Form(&form);
        let asked = SystemClock.now();
        let answer = server.send(Method::POST, "oauth/token", None, sent, MAX_JSON_BYTES);
        let answer = document(answer.await.map_err(CliError::failure)?)?;
        let seconds = answer.get("expires_in").and_then(Value::as_u64);
        let scope = answer.get("scope").and_then(Value::as_str);
        Ok(Self {
            token: Secret::new(text(&answer, "access_token")?),
            scope: scope.unwrap_or_default().to_owned(),
            expires_at: asked.plus_secs(seconds.unwrap_or(0)),
            issuer,
        })
    }
}
