//! One step of an export: some users, whose lines are stored by the commit that also says how far it has come.

use super::rendering::{header, line};
use super::worker::Step;
use super::{Error, directory};
use crate::admin::users;
use crate::clock::Timestamp;
use crate::job::{
    Column, Export, Format, Job, LONGEST_SECS, MAX_EXPORT_BYTES, PART_BYTES, Place, Status, Work,
    part_key,
};
use crate::random;
use crate::server::Server;
use crate::store::{Batch, Key, KeyRange, Record as _, Stored};
use crate::tenant::{Tenant, TenantName};
use crate::user::User;

/// How many users are read at once.
const USERS: usize = 100;

/// When a step has written enough: a commit has room for more than twice as much.
const ENOUGH_BYTES: usize = 256 * 1024;

/// What an export is to do.
#[derive(Clone, Debug, Default)]
pub struct NewExport {
    /// The connection's identity; all of the tenant's if none.
    pub connection_id: Option<String>,
    /// The file's form.
    pub format: Format,
    /// The most users.
    pub limit: Option<u64>,
    /// Which members, and what they are called.
    pub fields: Vec<Column>,
}

/// Makes a job of it.
pub async fn begin_export(
    server: &Server,
    tenant: &TenantName,
    new: NewExport,
) -> Result<Job, Error> {
    super::require_tenant(server, tenant).await?;
    let connection = match &new.connection_id {
        None => None,
        Some(id) => Some(directory(server, tenant, id).await?),
    };
    let now = server.clock.now();
    let job = Job {
        id: format!("job_{}", random::id()?),
        status: Status::Pending,
        status_details: None,
        work: Work::Export(Export {
            connection,
            format: new.format,
            limit: new.limit,
            fields: new.fields,
            behind: None,
            users: 0,
            parts: 0,
            bytes: 0,
        }),
        created_at: now,
    };
    let place = Place {
        id: job.id.clone(),
        imports: false,
        until: now.plus_secs(LONGEST_SECS),
    };
    super::upload::begin(server, tenant, &job, place).await?;
    Ok(job)
}

/// Writes some users into the file.
pub(super) async fn step(
    server: &Server,
    tenant: &Stored<Tenant>,
    stored: &Stored<Job>,
    export: &Export,
) -> Result<Step, Error> {
    let name = &tenant.record.name;
    let (mut job, mut export) = (stored.record.clone(), export.clone());
    let mut text = match export.behind {
        None => header(&export),
        Some(_) => String::new(),
    };
    let all = KeyRange::prefix(User::TABLE, &[name.as_str()]);
    let rest = match &export.behind {
        None => all,
        Some(last) => all.behind(&Key::new(User::TABLE, &[name.as_str(), last])),
    };
    let users: Vec<Stored<User>> = server.records.list_range(&rest, USERS).await?;
    let mut is_over = users.is_empty();
    for Stored { record: user, .. } in &users {
        if export.limit.is_some_and(|most| export.users >= most) {
            is_over = true;
            break;
        }
        if text.len() >= ENOUGH_BYTES {
            break;
        }
        export.behind = Some(user.user_id.clone());
        let wanted = export.connection.as_ref();
        if wanted.is_some_and(|wanted| wanted.name != user.connection) {
            continue;
        }
        let document = users::document(server, name, user).await?;
        text.push_str(&line(&export, &document));
        export.users += 1;
    }

    let mut batch = Batch::durable().expect(tenant);
    for part in text.as_bytes().chunks(PART_BYTES) {
        let key = part_key(name.as_str(), &job.id, export.parts);
        batch = batch.put_bytes_until(key, part.to_vec(), job.expires_at());
        export.parts += 1;
        export.bytes += part.len() as u64;
    }
    if export.bytes > MAX_EXPORT_BYTES {
        let reason = format!(
            "The file would have more than {MAX_EXPORT_BYTES} bytes; export one connection at a time, or fewer fields."
        );
        job.status_details = Some(reason);
        is_over = true;
    }
    if is_over {
        job.status = Status::Clearing;
    }
    job.work = Work::Export(export);
    let until: Timestamp = job.expires_at();
    server
        .records
        .commit(batch.replace_until(stored, &job, until))
        .await?;
    Ok(Step::Went)
}
