//! A file of users as it arrives: put into the store part by part, so that none of it waits in memory, and made a
//! job when all of it is there.

use super::places;
use super::{Error, directory};
use crate::job::{
    Import, Job, KEPT_SECS, LONGEST_SECS, MAX_UPLOAD_BYTES, PART_BYTES, Place, Status, Work,
    part_key,
};
use crate::random;
use crate::server::Server;
use crate::store::{self, Batch, KeyRange, Table};
use crate::tenant::TenantName;

/// For how long a file that is being sent has a place. A body has less time than that.
const ARRIVAL_SECS: u64 = 120;

/// How many parts are deleted at once: a megabyte.
const STEP: usize = 16;

/// What an import is to do.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// The connection's identity.
    pub connection_id: String,
    /// Whether a user who is there is overwritten.
    pub upsert: bool,
    /// What whoever asks calls the job.
    pub external_id: Option<String>,
}

/// A file that arrives. It has a place among the tenant's jobs; whoever drops it gives that back first, by
/// [`Upload::give_up`].
pub struct Upload<'a> {
    server: &'a Server,
    tenant: &'a TenantName,
    id: String,
    bytes: u64,
    parts: u64,
    rest: Vec<u8>,
}

impl<'a> Upload<'a> {
    /// Takes a place for it.
    pub async fn begin(server: &'a Server, tenant: &'a TenantName) -> Result<Self, Error> {
        super::require_tenant(server, tenant).await?;
        let id = format!("job_{}", random::id()?);
        let place = Place {
            id: id.clone(),
            imports: true,
            until: server.clock.now().plus_secs(ARRIVAL_SECS),
        };
        places::take(server, tenant, place).await?;
        Ok(Self {
            server,
            tenant,
            id,
            bytes: 0,
            parts: 0,
            rest: Vec::with_capacity(PART_BYTES),
        })
    }

    /// Takes in what comes next.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_UPLOAD_BYTES {
            return Err(Error::FileTooLarge {
                most: MAX_UPLOAD_BYTES,
            });
        }
        while !bytes.is_empty() {
            let room = PART_BYTES - self.rest.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.rest.extend_from_slice(now);
            bytes = later;
            if self.rest.len() == PART_BYTES {
                self.put().await?;
            }
        }
        Ok(())
    }

    async fn put(&mut self) -> Result<(), Error> {
        let key = part_key(self.tenant.as_str(), &self.id, self.parts);
        let expires_at = self.server.clock.now().plus_secs(KEPT_SECS);
        let part = std::mem::replace(&mut self.rest, Vec::with_capacity(PART_BYTES));
        // The job's own commit, later, is durable: those before it are on disk then, too.
        let batch = Batch::relaxed().put_bytes_until(key, part, expires_at);
        self.server.records.commit(batch).await?;
        self.parts += 1;
        Ok(())
    }

    /// Makes it a job.
    pub async fn finish(&mut self, new: NewImport) -> Result<Job, Error> {
        if self.bytes == 0 {
            return Err(Error::invalid("the file of users", "it is empty"));
        }
        if !self.rest.is_empty() {
            self.put().await?;
        }
        let connection = directory(self.server, self.tenant, &new.connection_id).await?;
        let now = self.server.clock.now();
        let job = Job {
            id: self.id.clone(),
            status: Status::Pending,
            status_details: None,
            work: Work::Import(Import {
                connection,
                upsert: new.upsert,
                external_id: new.external_id,
                bytes: self.bytes,
                offset: 0,
                lines: 0,
                inserted: 0,
                updated: 0,
                failed: 0,
            }),
            created_at: now,
        };
        let place = Place {
            id: self.id.clone(),
            imports: true,
            until: now.plus_secs(LONGEST_SECS),
        };
        begin(self.server, self.tenant, &job, place).await?;
        Ok(job)
    }

    /// Gives the place back and deletes what arrived. That this fails is no news to who sent it: the place and the
    /// parts go by themselves, later.
    pub async fn give_up(self) {
        let (server, tenant) = (self.server, self.tenant);
        let freed = async {
            clear(server, tenant, &self.id).await?;
            loop {
                let found = places::find(server, tenant).await?;
                let now = server.clock.now();
                let batch = places::free(Batch::durable(), &found, tenant, &self.id, now);
                match server.records.commit(batch).await {
                    Err(store::Error::Conflict) => {}
                    done => return Ok::<_, Error>(done?),
                }
            }
        };
        if let Err(error) = freed.await {
            tracing::error!(%error, %tenant, "what was sent in vain could not be deleted");
        }
    }
}

/// Stores a new job and takes its place, together.
pub(super) async fn begin(
    server: &Server,
    tenant: &TenantName,
    job: &Job,
    place: Place,
) -> Result<(), Error> {
    loop {
        let found = places::find(server, tenant).await?;
        let batch =
            Batch::durable().insert_until(&[tenant.as_str(), &job.id], job, job.expires_at());
        let batch = places::taken(batch, &found, tenant, place.clone(), job.created_at)?;
        match server.records.commit(batch).await {
            Err(store::Error::Conflict) => {}
            done => {
                done?;
                server.workers.notify_one();
                return Ok(());
            }
        }
    }
}

/// Deletes a job's file.
pub(super) async fn clear(
    server: &Server,
    tenant: &TenantName,
    id: &str,
) -> Result<(), store::Error> {
    let file = KeyRange::prefix(Table::JobPart, &[tenant.as_str(), id]);
    loop {
        let some = server.records.store().scan(&file, STEP).await?;
        if some.is_empty() {
            return Ok(());
        }
        let batch = Batch::durable();
        let batch = some
            .into_iter()
            .fold(batch, |batch, part| batch.remove_key(part.key));
        server.records.commit(batch).await?;
    }
}
