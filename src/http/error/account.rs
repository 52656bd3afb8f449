//! Refusals of `/dbconnections`, in the forms that Auth0's SDKs read (contract, section 6.5).

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::{Refusal, no_store, retry_after, too_many_requests};
use crate::account::Error;
use crate::credential::policy::TooWeak;

/// The answer to a refused wish.
pub(in crate::http) fn account(error: Error) -> Response {
    let bad_request = |description: &'static str| Refusal::invalid_request(description);
    let refusal = match error {
        Error::Missing(name) => {
            Refusal::invalid_request(format!("Missing required parameter: {name}"))
        }
        Error::Invalid(description) => Refusal::invalid_request(description),
        Error::UnknownClient => Refusal::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "There is no such client.",
        ),
        Error::UnknownConnection => bad_request("the connection was not found"),
        Error::SignUpDisabled => {
            return body(json!({
                "name": "BadRequestError",
                "code": "public_signup_disabled",
                "description": "Public signup is disabled",
                "statusCode": 400,
            }));
        }
        Error::InvalidSignUp(_) => {
            return body(json!({
                "name": "BadRequestError",
                "code": "invalid_signup",
                "description": "Invalid sign up",
                "statusCode": 400,
            }));
        }
        Error::TooWeak(too_weak) => return body(weak(too_weak)),
        Error::PasswordRefused(refused) => Refusal::invalid_request(refused.to_string()),
        Error::InvalidTicket => bad_request("The link is not valid, was used or has expired."),
        Error::Stopped(stopped) => retry_after(too_many_requests(), stopped),
        Error::Busy { retry_after_secs } => Refusal::unavailable(retry_after_secs),
        Error::Store(error) => error.into(),
        Error::Internal(detail) => Refusal::unexpected(&detail),
    };
    refusal.into_response()
}

fn weak(too_weak: TooWeak) -> Value {
    let simple = |name: &str, text: &str| {
        json!({
            "code": "invalid_password", "name": name, "statusCode": 400,
            "message": text, "description": text,
        })
    };
    match too_weak {
        TooWeak::Strength(rules) => json!({
            "code": "invalid_password",
            "name": "PasswordStrengthError",
            "statusCode": 400,
            "message": "Password is too weak",
            "description": { "verified": false, "rules": rules },
        }),
        TooWeak::Dictionary => simple("PasswordDictionaryError", "Password is too common"),
        TooWeak::PersonalInfo => simple(
            "PasswordNoUserInfoError",
            "Password is based on user information",
        ),
        TooWeak::History => simple("PasswordHistoryError", "Password has previously been used"),
    }
}

fn body(document: Value) -> Response {
    let mut response = (StatusCode::BAD_REQUEST, Json(document)).into_response();
    no_store(response.headers_mut());
    response
}
