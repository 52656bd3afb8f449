//! Does jobs in the background, step by step. A job that was begun by a server that is gone goes on where it was.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{export, import, places, upload};
use crate::admin::Error;
use crate::job::{Job, LONGEST_SECS, Status, Work};
use crate::log::{EventType, LogEvent};
use crate::server::Server;
use crate::store::{self, Batch, Key, KeyRange, Record as _, Stored};
use crate::tenant::{Status as TenantStatus, Tenant, TenantName};

/// Steps at a time, of all tenants' jobs, which take turns: each holds half a megabyte of a file.
const AT_ONCE: usize = 4;

/// How often all jobs are looked at, besides whenever there is a new one.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often a tenant that is suspended is looked at.
const UNSERVED: Duration = Duration::from_secs(60);

/// After an error of our own.
const OWN_FAULT: Duration = Duration::from_secs(5);

/// How many jobs are read at once.
const STEP: usize = 200;

/// What came of a step.
pub(super) enum Step {
    /// There may be more to do.
    Went,
    /// Not now.
    Later(Duration),
    /// There is nothing to do any more.
    Over,
}

/// Works until it is dropped.
pub async fn work_always(server: &Arc<Server>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut busy: HashMap<Key, Task> = HashMap::new();
    loop {
        match under_way(server).await {
            Err(error) => tracing::error!(%error, "the jobs cannot be read"),
            Ok(jobs) => {
                busy.retain(|_, task| !task.0.is_finished());
                for (key, id) in jobs {
                    let tenant = key.part(0).and_then(|name| TenantName::parse(&name).ok());
                    let Some(tenant) = tenant else { continue };
                    let (server, turns) = (Arc::clone(server), Arc::clone(&turns));
                    busy.entry(key).or_insert_with(|| {
                        Task(tokio::spawn(async move {
                            work(&server, &tenant, &id, &turns).await;
                        }))
                    });
                }
            }
        }
        tokio::select! {
            () = server.workers.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Does one job, as far as it can be done now.
///
/// # Errors
/// If the store fails; it can be called again.
pub async fn run(server: &Server, tenant: &TenantName, id: &str) -> Result<(), Error> {
    while let Step::Went = step(server, tenant, id).await? {}
    Ok(())
}

/// Ends when it is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn under_way(server: &Server) -> Result<Vec<(Key, String)>, store::Error> {
    let mut rest = KeyRange::prefix(Job::TABLE, &[]);
    let mut all = Vec::new();
    loop {
        let jobs: Vec<Stored<Job>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = jobs.last() else {
            return Ok(all);
        };
        rest = rest.behind(&last.key);
        let left = jobs.into_iter().filter(|job| job.record.is_under_way());
        all.extend(left.map(|job| (job.key, job.record.id)));
    }
}

async fn work(server: &Server, tenant: &TenantName, id: &str, turns: &Semaphore) {
    loop {
        let done = {
            let Ok(_turn) = turns.acquire().await else {
                return;
            };
            step(server, tenant, id).await
        };
        match done {
            Ok(Step::Went) => {}
            Ok(Step::Later(pause)) => tokio::time::sleep(pause).await,
            Ok(Step::Over) => return,
            Err(error) => {
                tracing::error!(%error, %tenant, job = id, "a job cannot go on");
                tokio::time::sleep(OWN_FAULT).await;
            }
        }
    }
}

async fn step(server: &Server, tenant: &TenantName, id: &str) -> Result<Step, Error> {
    let job: Option<Stored<Job>> = server.records.get(&[tenant.as_str(), id]).await?;
    let Some(job) = job.filter(|job| job.record.is_under_way()) else {
        return Ok(Step::Over);
    };
    let found: Option<Stored<Tenant>> = server.records.get(&[tenant.as_str()]).await?;
    let Some(found) = found.filter(|found| found.record.status != TenantStatus::Deleting) else {
        return Ok(Step::Over);
    };
    if found.record.status != TenantStatus::Active {
        return Ok(Step::Later(UNSERVED));
    }
    let too_late = job.record.created_at.plus_secs(LONGEST_SECS) <= server.clock.now();
    let done = match (&job.record.work, job.record.status) {
        (_, Status::Clearing) => end(server, &found, &job).await,
        _ if too_late => give_up(server, &found, &job).await,
        (Work::Import(import), _) => import::step(server, &found, &job, import).await,
        (Work::Export(export), _) => export::step(server, &found, &job, export).await,
    };
    match done {
        // The tenant was changed, or somebody else is at it: look again.
        Err(Error::Store(store::Error::Conflict)) => Ok(Step::Went),
        done => done,
    }
}

/// What was done until then stays done.
async fn give_up(
    server: &Server,
    tenant: &Stored<Tenant>,
    stored: &Stored<Job>,
) -> Result<Step, Error> {
    let hours = LONGEST_SECS / 3_600;
    let job = Job {
        status: Status::Clearing,
        status_details: Some(format!("It was not done within {hours} hours.")),
        ..stored.record.clone()
    };
    let batch = Batch::durable().expect(tenant);
    let batch = batch.replace_until(stored, &job, job.expires_at());
    server.records.commit(batch).await?;
    Ok(Step::Went)
}

/// Deletes the file that is not needed any more, and lets the job be over.
async fn end(
    server: &Server,
    tenant: &Stored<Tenant>,
    stored: &Stored<Job>,
) -> Result<Step, Error> {
    let name = &tenant.record.name;
    let mut job = stored.record.clone();
    job.status = match job.status_details {
        None => Status::Completed,
        Some(_) => Status::Failed,
    };
    let is_wanted = matches!(job.work, Work::Export(_)) && job.status == Status::Completed;
    if !is_wanted {
        upload::clear(server, name, &job.id).await?;
    }
    let now = server.clock.now();
    let places = places::find(server, name).await?;
    let batch = Batch::durable().expect(tenant);
    let batch = batch.replace_until(stored, &job, job.expires_at());
    let batch = places::free(batch, &places, name, &job.id, now);
    server.records.commit(batch).await?;
    if let Some(event) = event(&job, now) {
        server.log.note(name, event).await;
    }
    Ok(Step::Over)
}

/// What the tenant's log says of an import.
fn event(job: &Job, now: crate::clock::Timestamp) -> Option<LogEvent> {
    let Work::Import(import) = &job.work else {
        return None;
    };
    let event_type = match job.status {
        Status::Completed => EventType::UsersImported,
        _ => EventType::UsersNotImported,
    };
    let mut description = format!(
        "{}: {} inserted, {} updated, {} failed",
        job.id, import.inserted, import.updated, import.failed
    );
    if let Some(details) = &job.status_details {
        description.push_str(". ");
        description.push_str(details);
    }
    Some(LogEvent {
        description: Some(description),
        connection: Some(import.connection.name.clone()),
        ..LogEvent::new(event_type, now)
    })
}
