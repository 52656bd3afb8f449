//! Users that are looked for.

mod query;

use serde_json::Value;

pub use self::query::Query;
use super::show;
use crate::admin::page::{Page, Paged};
use crate::admin::{Error, require_tenant};
use crate::server::Server;
use crate::store::{KeyRange, Record as _, Stored};
use crate::tenant::TenantName;
use crate::user::User;

/// How many users are read at once.
const STEP: usize = 200;

/// How far a listing can be followed by number (contract, section 7.6).
const REACH: usize = 1_000;

/// The most users that are sorted.
const MOST_SORTED: usize = 10_000;

/// Which users, and in which order.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those that a query means.
    pub query: Option<Query>,
    /// Those of a connection.
    pub connection: Option<String>,
    /// In the order of identities if none.
    pub sort: Option<Sort>,
}

/// A field, and which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    field: String,
    descending: bool,
}

impl Sort {
    /// Reads `field:1` or `field:-1`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (field, descending) = match text.rsplit_once(':') {
            Some((field, "1")) => (field, false),
            Some((field, "-1")) => (field, true),
            _ => return Err(Error::invalid("the order", "use `field:1` or `field:-1`")),
        };
        Ok(Self {
            field: field.to_owned(),
            descending,
        })
    }

    fn key(&self, user: &Value) -> (Option<f64>, String) {
        let mut value = Some(user);
        for name in self.field.split('.') {
            value = value.and_then(|value| value.get(name));
        }
        match value {
            Some(Value::String(text)) => (None, text.to_lowercase()),
            Some(value) => (value.as_f64(), value.to_string()),
            None => (None, String::new()),
        }
    }

    fn apply(&self, users: &mut [Value]) {
        users.sort_by(|one, other| {
            let (one, other) = (self.key(one), self.key(other));
            let order = match (one.0, other.0) {
                (Some(one), Some(other)) => one.total_cmp(&other),
                _ => one.1.cmp(&other.1),
            };
            match self.descending {
                true => order.reverse(),
                false => order,
            }
        });
    }
}

/// The wanted part of the wanted users, as the API shows them.
pub async fn run(
    server: &Server,
    tenant: &TenantName,
    page: &Page,
    wanted: &Wanted,
) -> Result<Paged<Value>, Error> {
    require_tenant(server, tenant).await?;
    let Page::Offset { skip, take, total } = *page else {
        return Err(Error::invalid("the page", "users are paged by number"));
    };
    let end = skip.saturating_add(take);
    if end > REACH {
        let reason = "only the first 1000 results can be reached; ask for less at once";
        return Err(Error::invalid("the page", reason));
    }
    let (mut found, mut count) = (Vec::new(), 0);
    let mut rest = KeyRange::prefix(User::TABLE, &[tenant.as_str()]);
    'all: loop {
        let users: Vec<Stored<User>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = users.last() else {
            break;
        };
        rest = rest.behind(&last.key);
        for Stored { record: user, .. } in &users {
            let of_other = |name: &String| user.connection != *name;
            if wanted.connection.as_ref().is_some_and(of_other) {
                continue;
            }
            let document = show::document(server, tenant, user).await?;
            if !wanted
                .query
                .as_ref()
                .is_none_or(|query| query.takes(&document))
            {
                continue;
            }
            count += 1;
            match &wanted.sort {
                Some(_) if found.len() >= MOST_SORTED => {
                    let reason = "too many users are found to be sorted; ask for less at once";
                    return Err(Error::invalid("the query", reason));
                }
                Some(_) => found.push(document),
                None if (skip..end).contains(&(count - 1)) => found.push(document),
                None if count > end && !total => break 'all,
                None => {}
            }
        }
    }
    if let Some(sort) = &wanted.sort {
        sort.apply(&mut found);
        found = found.into_iter().skip(skip).take(take).collect();
    }
    Ok(Paged {
        items: found,
        total: total.then_some(count),
        next: None,
    })
}
