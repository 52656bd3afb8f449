//! Jobs: asked for, looked at, and done in the background ([`work_always`]).

mod export;
mod import;
mod places;
mod rendering;
mod upload;
mod worker;

use futures_util::Stream;
use serde_json::{Value, json};

pub use self::export::{NewExport, begin_export};
pub use self::upload::{NewImport, Upload};
pub use self::worker::{run, work_always};
use super::{Error, page, require_tenant};
use crate::connection::Connection;
use crate::job::{Directory, Failure, Format, Job, Line, Outcome, Status, Work, part_key};
use crate::server::Server;
use crate::store::{KeyRange, Record as _, Stored};
use crate::tenant::TenantName;

/// How many lines of a report are read at once.
const STEP: usize = 50;

/// A job.
pub async fn get(server: &Server, tenant: &TenantName, id: &str) -> Result<Job, Error> {
    require_tenant(server, tenant).await?;
    let found: Option<Stored<Job>> = server.records.get(&[tenant.as_str(), id]).await?;
    let found = found.ok_or_else(Error::missing("job", id))?;
    Ok(found.record)
}

/// The users of a job that were refused, each with what was wrong, in the order of the file; none if there were
/// none. No more than a few are in memory at a time.
pub async fn failures(
    server: std::sync::Arc<Server>,
    tenant: TenantName,
    id: &str,
) -> Result<Option<impl Stream<Item = Result<Failure, Error>> + Send + 'static>, Error> {
    get(&server, &tenant, id).await?;
    let whole = KeyRange::prefix(Line::TABLE, &[tenant.as_str(), id]);
    let first = next_failures(&server, whole).await?;
    if first.0.is_empty() {
        return Ok(None);
    }
    let pages = futures_util::stream::try_unfold(Some(first), move |found| {
        let server = std::sync::Arc::clone(&server);
        async move {
            let Some((some, rest)) = found else {
                return Ok(None);
            };
            let next = match rest {
                None => None,
                Some(rest) => Some(next_failures(&server, rest).await?),
            };
            let some = futures_util::stream::iter(some.into_iter().map(Ok));
            Ok::<_, Error>(Some((some, next)))
        }
    });
    Ok(Some(futures_util::TryStreamExt::try_flatten(pages)))
}

/// Some failures and where there may be more; at least one if there are any more.
async fn next_failures(
    server: &Server,
    mut rest: KeyRange,
) -> Result<(Vec<Failure>, Option<KeyRange>), Error> {
    loop {
        let lines: Vec<Stored<Line>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = lines.last() else {
            return Ok((Vec::new(), None));
        };
        rest = rest.behind(&last.key);
        let failures = lines
            .into_iter()
            .filter_map(|line| match line.record.outcome {
                Outcome::Failed(failure) => Some(failure),
                Outcome::Inserted | Outcome::Updated => None,
            });
        let failures: Vec<Failure> = failures.collect();
        if !failures.is_empty() {
            return Ok((failures, Some(rest)));
        }
    }
}

/// The file that a completed export wrote: its form, and its parts one after the other.
pub async fn file(
    server: std::sync::Arc<Server>,
    tenant: TenantName,
    id: &str,
) -> Result<
    (
        Format,
        impl Stream<Item = Result<Vec<u8>, Error>> + Send + 'static,
    ),
    Error,
> {
    let job = get(&server, &tenant, id).await?;
    let (Work::Export(export), Status::Completed) = (&job.work, job.status) else {
        return Err(Error::missing("file of the job", id)());
    };
    let (format, parts) = (export.format, export.parts);
    let stream = futures_util::stream::try_unfold(0, move |number| {
        let (server, tenant, id) = (
            std::sync::Arc::clone(&server),
            tenant.clone(),
            job.id.clone(),
        );
        async move {
            if number == parts {
                return Ok(None);
            }
            let key = part_key(tenant.as_str(), &id, number);
            let part = server.records.store().get(&key).await?;
            // Its day is over, or the tenant's.
            let part = part.ok_or_else(Error::missing("file of the job", &id))?;
            Ok(Some((part.value, number + 1)))
        }
    });
    Ok((format, stream))
}

/// A job as the contract shows it; `location` is where its file is.
pub fn document(job: &Job, location: impl FnOnce(&str) -> String) -> Value {
    let status = match job.status {
        Status::Pending | Status::Clearing => "pending",
        Status::Completed => "completed",
        Status::Failed => "failed",
    };
    let over = !job.is_under_way();
    let mut document = json!({
        "id": job.id,
        "status": status,
        "created_at": job.created_at.to_string(),
    });
    let further = match &job.work {
        Work::Import(import) => json!({
            "type": "users_import",
            "connection_id": import.connection.id,
            "connection": import.connection.name,
            "upsert": import.upsert,
            "external_id": import.external_id,
            "percentage_done": percentage(import.offset, import.bytes),
            "summary": over.then(|| json!({
                "total": import.lines,
                "inserted": import.inserted,
                "updated": import.updated,
                "failed": import.failed,
            })),
        }),
        Work::Export(export) => json!({
            "type": "users_export",
            "connection_id": export.connection.as_ref().map(|connection| &connection.id),
            "connection": export.connection.as_ref().map(|connection| &connection.name),
            "format": export.format,
            "limit": export.limit,
            "fields": (!export.fields.is_empty()).then_some(&export.fields),
            "location": (job.status == Status::Completed).then(|| location(&job.id)),
        }),
    };
    let details = over.then_some(&job.status_details);
    if let (Some(members), Value::Object(further)) = (document.as_object_mut(), further) {
        members.extend(further);
        members.insert("status_details".to_owned(), json!(details));
        members.retain(|_, value| !value.is_null());
    }
    document
}

fn percentage(done: u64, of: u64) -> u64 {
    (done * 100).checked_div(of).unwrap_or(100)
}

/// A connection by its identity.
async fn directory(server: &Server, tenant: &TenantName, id: &str) -> Result<Directory, Error> {
    let meant = |connection: &Connection| connection.id() == id;
    let found = page::find(server, &[tenant.as_str()], meant).await?;
    let found = found.ok_or_else(Error::missing("connection", id))?;
    Ok(Directory {
        id: found.record.id(),
        name: found.record.name,
    })
}
