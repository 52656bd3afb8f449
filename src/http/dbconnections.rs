//! `POST /dbconnections/…`: signing up, choosing a new password (contract, section 6.5), and lifting a
//! block with a link.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use super::accept::PeerAddr;
use super::body::read_request;
use super::error::{Refusal, account as refuse, no_store};
use super::forwarded::client_address;
use super::host::AtTenant;
use super::params::{Params, ParamsError, content_type};
use crate::account::{self, Asker, Error, SignUp};
use crate::secret::Secret;
use crate::server::Server;
use crate::user::User;

/// `POST /dbconnections/signup`.
pub(super) async fn sign_up(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    Extension(peer): Extension<PeerAddr>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, body) = read_request(request).await?;
    let result = async {
        let mut params = parse(&parts, &body)?;
        let (client_id, connection) = (need(&params, "client_id")?, need(&params, "connection")?);
        let asker = Asker {
            tenant: &at.tenant,
            client_id: &client_id,
            connection: &connection,
            address: client_address(peer, &parts.headers, &server.trusted_proxies),
        };
        let new = SignUp {
            password: take(&mut params, "password")?,
            email: need(&params, "email")?,
            username: text(&params, "username")?,
            given_name: text(&params, "given_name")?,
            family_name: text(&params, "family_name")?,
            name: text(&params, "name")?,
            nickname: text(&params, "nickname")?,
            picture: text(&params, "picture")?,
            user_metadata: user_metadata(&params, &body)?,
        };
        account::sign_up(&server, &asker, new).await
    };
    Ok(match result.await {
        Ok(user) => no_cache(Json(to_wire(&user)).into_response()),
        Err(error) => refuse(error),
    })
}

/// `POST /dbconnections/change_password`: the answer is the same whether or not somebody has the
/// address.
pub(super) async fn change_password(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    Extension(peer): Extension<PeerAddr>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, body) = read_request(request).await?;
    let result = async {
        let params = parse(&parts, &body)?;
        let (client_id, connection) = (need(&params, "client_id")?, need(&params, "connection")?);
        let asker = Asker {
            tenant: &at.tenant,
            client_id: &client_id,
            connection: &connection,
            address: client_address(peer, &parts.headers, &server.trusted_proxies),
        };
        account::request(&server, &asker, need(&params, "email")?).await
    };
    Ok(match result.await {
        Ok(()) => no_cache("We've just sent you an email to reset your password.".into_response()),
        Err(error) => refuse(error),
    })
}

/// `POST /dbconnections/reset`: the link's ticket and the new password.
pub(super) async fn reset(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, body) = read_request(request).await?;
    let result = async {
        let mut params = parse(&parts, &body)?;
        let ticket = take(&mut params, "ticket")?;
        let password = take(&mut params, "new_password")?;
        account::reset(&server, &at.tenant, &ticket, password).await
    };
    Ok(match result.await {
        Ok(()) => no_cache("Your password was changed.".into_response()),
        Err(error) => refuse(error),
    })
}

/// `GET /dbconnections/reset?ticket=…`: the least page that a link in an e-mail can lead to. It says
/// nothing of whether the ticket is good.
pub(super) async fn reset_form(request: Request<Body>) -> Response {
    let field = "<label>New password <input type=\"password\" name=\"new_password\" \
         autocomplete=\"new-password\" required></label> <button>Change</button>";
    form(&request, "New password", "reset", field)
}

/// `POST /dbconnections/unblock`: the link's ticket.
pub(super) async fn unblock(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, body) = read_request(request).await?;
    let result = async {
        let ticket = take(&mut parse(&parts, &body)?, "ticket")?;
        account::unblock(&server, &at.tenant, &ticket).await
    };
    Ok(match result.await {
        Ok(()) => no_cache("You can log in again.".into_response()),
        Err(error) => refuse(error),
    })
}

/// `GET /dbconnections/unblock?ticket=…`: a button, since programs that read mail follow links.
pub(super) async fn unblock_form(request: Request<Body>) -> Response {
    let field = "<button>Lift the block</button>";
    form(&request, "Blocked account", "unblock", field)
}

/// A page that sends the ticket of its address with what is typed.
fn form(request: &Request<Body>, title: &str, action: &str, fields: &str) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let ticket = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "ticket")
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if ticket.is_empty() || ticket.len() > 100 || !ticket.bytes().all(plain) {
        return refuse(Error::InvalidTicket);
    }
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <form method=\"post\" action=\"{action}\">\
         <input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">{fields}</form></html>"
    );
    let mut response = no_cache(Html(page).into_response());
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        // The ticket is in the address.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn no_cache(mut response: Response) -> Response {
    no_store(response.headers_mut());
    response
}

fn parse(parts: &Parts, body: &[u8]) -> Result<Params, Error> {
    let content_type = content_type(&parts.headers).map_err(invalid)?;
    Params::parse(content_type, body).map_err(invalid)
}

fn invalid(error: ParamsError) -> Error {
    Error::Invalid(error.to_string())
}

fn text(params: &Params, name: &str) -> Result<Option<String>, Error> {
    Ok(params.get(name).map_err(invalid)?.map(str::to_owned))
}

fn need(params: &Params, name: &'static str) -> Result<String, Error> {
    text(params, name)?.ok_or(Error::Missing(name))
}

fn take(params: &mut Params, name: &'static str) -> Result<Secret, Error> {
    let secret = params.take_secret(name).map_err(invalid)?;
    secret.ok_or(Error::Missing(name))
}

/// An object of a JSON body; the parameters, which were checked before, keep texts only.
fn user_metadata(params: &Params, body: &[u8]) -> Result<Option<Map<String, Value>>, Error> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        user_metadata: Option<Map<String, Value>>,
    }
    if !params.names().any(|name| name == "user_metadata") {
        return Ok(None);
    }
    serde_json::from_slice::<Metadata>(body)
        .map(|document| document.user_metadata)
        .map_err(|_| Error::Invalid("user_metadata is no JSON object".to_owned()))
}

fn to_wire(user: &User) -> Value {
    let id = user.user_id.strip_prefix("auth0|").unwrap_or(&user.user_id);
    let mut wire = json!({
        "_id": id,
        "email": user.email,
        "email_verified": user.email_verified,
        "username": user.username,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "name": user.name,
        "nickname": user.nickname,
        "picture": user.picture,
        "user_metadata": user.user_metadata,
    });
    if let Some(members) = wire.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    wire
}
