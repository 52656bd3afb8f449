//! What an endpoint is: one row from which the route, the checks before it and its place in the
//! OpenAPI document are made.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::query::Query;
use super::shape::Field;
use crate::admin::page::{Page, Paged};
use crate::http::accept::Stopping;
use crate::http::error::management::Refused;
use crate::server::Server;
use crate::tenant::Tenant;
use crate::token::management::ManagementAccess;

/// A request that may be carried out: its sender has one of the endpoint's scopes, its query and body
/// are what the endpoint declares.
pub(super) struct Call {
    pub(super) server: Arc<Server>,
    /// The tenant of the host name and of the token.
    pub(super) tenant: Tenant,
    pub(super) caller: Caller,
    /// The variable segments of the path, decoded, in order.
    pub(super) path: Vec<String>,
    pub(super) query: Query,
    pub(super) body: Map<String, Value>,
    /// A body that the endpoint reads as it arrives.
    pub(super) form: Option<Form>,
    /// Where an answer that does not end by itself was broken off.
    pub(super) last_event_id: Option<String>,
    /// When such an answer has to end.
    pub(super) stopping: Option<Stopping>,
}

impl Call {
    /// A segment of the path.
    pub(super) fn segment(&self, index: usize) -> &str {
        self.path.get(index).map_or("", String::as_str)
    }
}

/// A form of several parts (RFC 7578), as it arrives.
pub(super) struct Form {
    /// What stands between its parts.
    pub(super) boundary: String,
    /// Behind a lock that nobody waits for: a call can be shared, and a body cannot.
    pub(super) body: Mutex<Body>,
}

/// Who asks.
pub(super) struct Caller {
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    /// What its token says.
    pub(super) access: ManagementAccess,
}

impl Caller {
    pub(super) fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

/// What an endpoint returns.
pub(super) enum Answer {
    /// One document.
    One(Value),
    /// The same, of something that was made.
    Made(Value),
    /// Something was made, and there is nothing to say of it.
    MadeWithoutWords,
    /// The same, of something that will be.
    Accepted(Value),
    /// A part of a listing, in the form that the page was asked for.
    Part(&'static str, Page, Paged<Value>),
    /// The same, of something that is being undone, without a word.
    AcceptedWithoutWords,
    /// A bare array, and where the next one is.
    Linked(Vec<Value>, Option<String>),
    /// An array that has no pages.
    All(Vec<Value>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A body of this media type, as it is made.
    Streamed(&'static str, Body),
    /// Nothing: it is done.
    Done,
}

/// The work of an endpoint.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<Answer, Refused>> + Send>>;
pub(super) type Run = fn(Call) -> Running;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What a body has.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    Nothing,
    /// The fields with which a thing is made.
    New(&'static Resource),
    /// The fields with which it is changed.
    Change(&'static Resource),
    /// Fields of no thing. The name is the document's.
    Input(&'static Resource),
    /// The same, in a form with a file, which the endpoint reads itself: so large a body is not read into
    /// memory.
    Form(&'static Resource),
}

/// What an answer has.
#[derive(Clone, Copy)]
pub(super) enum Gives {
    Nothing(StatusCode),
    One(StatusCode, &'static Resource),
    /// A page: a bare array, or an object with the array under this name.
    Part(&'static str, &'static Resource),
    /// A bare array.
    All(&'static Resource),
    /// The same, or 204 if there are none.
    AllOrNothing(&'static Resource),
    /// A whole number.
    Number,
    /// Bytes, of one of these media types.
    Bytes(&'static [&'static str]),
    /// Server-sent events, each with a document in its data.
    Events(&'static Resource),
}

/// A kind of document.
pub(super) struct Resource {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// One endpoint.
#[derive(Clone, Copy)]
pub(super) struct Endpoint {
    pub(super) method: Method,
    /// Behind `/api/v2`.
    pub(super) path: &'static str,
    pub(super) about: &'static str,
    /// Any one suffices.
    pub(super) scopes: &'static [&'static str],
    pub(super) query: &'static [&'static [Field]],
    pub(super) takes: Takes,
    pub(super) gives: Gives,
    /// Whether the body may be as large as a component, and a form with the component as a file.
    pub(super) large: bool,
    /// Whether the body may be left out.
    pub(super) or_empty: bool,
    /// Whether it is refused while as many are at it as may.
    pub(super) limited: bool,
    pub(super) run: Run,
}

impl Endpoint {
    const fn new(
        method: Method,
        path: &'static str,
        about: &'static str,
        scopes: &'static [&'static str],
        run: Run,
    ) -> Self {
        Self {
            method,
            path,
            about,
            scopes,
            query: &[],
            takes: Takes::Nothing,
            gives: Gives::Nothing(StatusCode::NO_CONTENT),
            large: false,
            or_empty: false,
            limited: false,
            run,
        }
    }

    pub(super) const fn get(
        path: &'static str,
        about: &'static str,
        scopes: &'static [&'static str],
        gives: Gives,
        run: Run,
    ) -> Self {
        let endpoint = Self::new(Method::Get, path, about, scopes, run);
        Self { gives, ..endpoint }
    }

    pub(super) const fn post(
        path: &'static str,
        about: &'static str,
        scopes: &'static [&'static str],
        (takes, gives): (Takes, Gives),
        run: Run,
    ) -> Self {
        let endpoint = Self::new(Method::Post, path, about, scopes, run);
        Self {
            takes,
            gives,
            ..endpoint
        }
    }

    pub(super) const fn put(
        path: &'static str,
        about: &'static str,
        scopes: &'static [&'static str],
        (takes, gives): (Takes, Gives),
        run: Run,
    ) -> Self {
        let endpoint = Self::post(path, about, scopes, (takes, gives), run);
        Self {
            method: Method::Put,
            ..endpoint
        }
    }

    pub(super) const fn patch(
        path: &'static str,
        about: &'static str,
        scopes: &'static [&'static str],
        (takes, gives): (Takes, Gives),
        run: Run,
    ) -> Self {
        let endpoint = Self::post(path, about, scopes, (takes, gives), run);
        Self {
            method: Method::Patch,
            ..endpoint
        }
    }

    /// Answers with 204 and nothing.
    pub(super) const fn delete(
        path: &'static str,
        about: &'static str,
        scopes: &'static [&'static str],
        run: Run,
    ) -> Self {
        Self::new(Method::Delete, path, about, scopes, run)
    }

    pub(super) const fn query(self, query: &'static [&'static [Field]]) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }

    pub(super) const fn gives(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }

    /// Its body may be as large as a component, and a form.
    pub(super) const fn large(self) -> Self {
        Self {
            large: true,
            ..self
        }
    }

    /// It is refused while as many are at it as may.
    pub(super) const fn limited(self) -> Self {
        Self {
            limited: true,
            ..self
        }
    }

    /// Its body may be left out.
    pub(super) const fn or_empty(self) -> Self {
        Self {
            or_empty: true,
            ..self
        }
    }
}

impl Endpoint {
    /// What its body may be.
    pub(super) const fn media_types(&self) -> &'static str {
        match (self.takes, self.large) {
            (Takes::Form(_), _) => "multipart/form-data",
            (_, true) => "application/json or multipart/form-data",
            (_, false) => "application/json",
        }
    }

    /// Whether it may be a form of several parts.
    pub(super) const fn takes_forms(&self) -> bool {
        self.large || matches!(self.takes, Takes::Form(_))
    }
}

/// A listing in the form of contract, section 7.1.
pub(super) fn envelope(name: &str, page: Page, part: Paged<Value>) -> Value {
    let items = Value::Array(part.items);
    let mut members = Map::new();
    match page {
        Page::Offset { total: false, .. } => return items,
        Page::Offset { skip, take, .. } => {
            members.insert("start".to_owned(), skip.into());
            members.insert("limit".to_owned(), take.into());
            members.insert("total".to_owned(), part.total.into());
        }
        Page::Behind { .. } => {
            if let Some(next) = part.next {
                members.insert("next".to_owned(), next.into());
            }
        }
    }
    members.insert(name.to_owned(), items);
    members.into()
}
