//! Log streams, as administrators make and change them.

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::Url;

use super::{Error, require_tenant};
use crate::clock::Timestamp;
use crate::log_stream::{Category, Cursor, Format, LogStream, Sink, Status};
use crate::random;
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;
use crate::token::Sealed;

/// How many a tenant may have: each is a connection and a reader of the log.
pub const MOST: usize = 10;

/// What a stream is made of, or what is changed of one: none leaves a member as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// For people.
    pub name: Option<String>,
    /// Active or paused.
    pub status: Option<Status>,
    /// Where to.
    pub endpoint: Option<String>,
    /// In which form.
    pub format: Option<Format>,
    /// The body's media type.
    pub content_type: Option<String>,
    /// The `Authorization` header; none within takes it away.
    pub authorization: Option<Option<Secret>>,
    /// Further headers.
    pub headers: Option<Vec<(String, String)>>,
    /// Which categories.
    pub filters: Option<Vec<Category>>,
    /// Documented fields without a meaning here; null takes one away.
    pub kept: Map<String, Value>,
}

/// Makes a stream, and the secret that its deliveries are signed with, which nobody is told again.
/// It begins with what happens from now on, or from a moment of the past.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    new: Change,
    since: Option<Timestamp>,
) -> Result<(LogStream, Secret), Error> {
    require_tenant(server, tenant).await?;
    let there: Vec<Stored<LogStream>> = server.records.list(&[tenant.as_str()], MOST).await?;
    if there.len() >= MOST {
        return Err(Error::invalid(
            "the log stream",
            format!("a tenant has at most {MOST}; delete one first"),
        ));
    }
    let id = format!("lst_{}", random::id()?);
    let parts = [tenant.as_str(), id.as_str()];
    // The form of Standard Webhooks: its libraries take it as it is.
    let secret = random::token()?;
    let sealed = Sealed::seal(
        server.keyring.master(),
        &secret_context(tenant, &id),
        secret.expose().as_bytes(),
    )?;
    let mut stream = LogStream {
        id: id.clone(),
        name: String::new(),
        status: Status::Active,
        sink: Sink {
            endpoint: String::new(),
            format: Format::default(),
            content_type: "application/json".to_owned(),
            authorization: None,
            headers: Vec::new(),
        },
        filters: Vec::new(),
        secret: sealed,
        kept: Map::new(),
        created_at: server.clock.now(),
    };
    apply(server, tenant, &mut stream, new)?;
    let number = match since {
        Some(at) => server.log.since(tenant, at).await?,
        None => server.log.end().await?,
    };
    let cursor = Cursor {
        number,
        ..Cursor::default()
    };
    let batch = Batch::durable()
        .insert(&parts, &stream)
        .insert(&parts, &cursor);
    server.records.commit(batch).await?;
    server.couriers.notify_one();
    Ok((stream, signing_key(&secret)))
}

/// What the receiver is given, and what the bytes of it are, to sign with.
pub fn signing_key(secret: &Secret) -> Secret {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(secret.expose());
    Secret::new(format!("whsec_{encoded}"))
}

/// What seals a stream's secret to its place.
pub fn secret_context<'a>(tenant: &'a TenantName, id: &'a str) -> [&'a str; 3] {
    ["log stream's secret", tenant.as_str(), id]
}

/// Likewise, its `Authorization` header.
pub fn authorization_context<'a>(tenant: &'a TenantName, id: &'a str) -> [&'a str; 3] {
    ["log stream's authorization", tenant.as_str(), id]
}

/// All streams of a tenant, each with how its delivery goes.
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<(LogStream, Cursor)>, Error> {
    require_tenant(server, tenant).await?;
    let stored: Vec<Stored<LogStream>> = server.records.list(&[tenant.as_str()], MOST).await?;
    let mut all = Vec::new();
    for Stored { record, .. } in stored {
        let cursor = cursor(server, tenant, &record.id).await?;
        all.push((record, cursor));
    }
    Ok(all)
}

/// One stream, and how its delivery goes.
pub async fn get(
    server: &Server,
    tenant: &TenantName,
    id: &str,
) -> Result<(LogStream, Cursor), Error> {
    let stream = stored(server, tenant, id).await?.record;
    let cursor = cursor(server, tenant, id).await?;
    Ok((stream, cursor))
}

/// Changes a stream. One that is made active again is tried at once.
pub async fn update(
    server: &Server,
    tenant: &TenantName,
    id: &str,
    change: Change,
) -> Result<(LogStream, Cursor), Error> {
    let found = stored(server, tenant, id).await?;
    let mut stream = found.record.clone();
    let cursor = Cursor {
        number: cursor(server, tenant, id).await?.number,
        ..Cursor::default()
    };
    apply(server, tenant, &mut stream, change)?;
    let batch = Batch::durable()
        .replace(&found, &stream)
        .put(&[tenant.as_str(), id], &cursor);
    server.records.commit(batch).await?;
    server.couriers.notify_one();
    Ok((stream, cursor))
}

/// Takes a stream away. What it did not get yet, it does not get.
pub async fn delete(server: &Server, tenant: &TenantName, id: &str) -> Result<(), Error> {
    let found = stored(server, tenant, id).await?;
    let batch = Batch::durable()
        .delete(&found)
        .remove::<Cursor>(&[tenant.as_str(), id]);
    server.records.commit(batch).await?;
    server.couriers.notify_one();
    Ok(())
}

async fn stored(
    server: &Server,
    tenant: &TenantName,
    id: &str,
) -> Result<Stored<LogStream>, Error> {
    let found = server.records.get(&[tenant.as_str(), id]).await?;
    found.ok_or_else(Error::missing("log stream", id))
}

async fn cursor(server: &Server, tenant: &TenantName, id: &str) -> Result<Cursor, Error> {
    let found: Option<Stored<Cursor>> = server.records.get(&[tenant.as_str(), id]).await?;
    Ok(found.map(|found| found.record).unwrap_or_default())
}

fn apply(
    server: &Server,
    tenant: &TenantName,
    stream: &mut LogStream,
    change: Change,
) -> Result<(), Error> {
    if let Some(endpoint) = change.endpoint {
        check_endpoint(&endpoint)?;
        stream.sink.endpoint = endpoint;
    }
    if let Some(content_type) = change.content_type {
        check_value("the content type", &content_type)?;
        stream.sink.content_type = content_type;
    }
    if let Some(headers) = change.headers {
        check_headers(&headers)?;
        stream.sink.headers = headers;
    }
    if let Some(authorization) = change.authorization {
        stream.sink.authorization = match authorization {
            None => None,
            Some(value) => {
                check_value("the authorization", value.expose())?;
                let context = authorization_context(tenant, &stream.id);
                let master = server.keyring.master();
                let value = value.expose().as_bytes();
                Some(Sealed::seal(master, &context, value)?)
            }
        };
    }
    stream.name = change
        .name
        .unwrap_or_else(|| std::mem::take(&mut stream.name));
    stream.status = change.status.unwrap_or(stream.status);
    stream.sink.format = change.format.unwrap_or(stream.sink.format);
    if let Some(filters) = change.filters {
        stream.filters = filters;
    }
    super::keep(&mut stream.kept, change.kept);
    Ok(())
}

/// Where it leads is checked when it is connected to: a name may lead elsewhere by then.
fn check_endpoint(text: &str) -> Result<(), Error> {
    let refused = |reason: &str| Err(Error::invalid("the endpoint", reason));
    let Ok(url) = Url::parse(text) else {
        return refused("it is no absolute URL");
    };
    if url.scheme() != "https" {
        return refused("use https: events are about people");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return refused("it names no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("put credentials into httpAuthorization, where they are sealed");
    }
    Ok(())
}

fn check_value(what: &'static str, value: &str) -> Result<(), Error> {
    match HeaderValue::from_str(value) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::invalid(what, "it cannot be the value of a header")),
    }
}

/// A header that deliveries have anyway cannot be set: a receiver trusts what those say.
fn check_headers(headers: &[(String, String)]) -> Result<(), Error> {
    const OURS: [&str; 4] = ["content-type", "authorization", "user-agent", "host"];
    for (name, value) in headers {
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(Error::invalid("a header", "its name is none"));
        };
        let parsed = parsed.as_str();
        if OURS.contains(&parsed) || parsed.starts_with("webhook-") {
            let reason = format!("`{parsed}` is not for you to set");
            return Err(Error::invalid("a header", reason));
        }
        check_value("a header", value)?;
    }
    Ok(())
}
