//! One step of an import: some users of the file.
//!
//! Each user is stored by one commit that also says what became of its line, and that depends on the job and the
//! tenant as they were read. So a line is never worked on twice, whoever is killed in between or works on the same
//! job; and nothing is written for a job or a tenant that is gone. Many lines are on their way at a time, since each waits
//! for the disk. When all of a step are there they are counted into the job, and the next step begins behind them.

use std::collections::HashSet;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Map, Value};

use super::worker::Step;
use crate::admin::Error;
use crate::admin::users::documents::Documents;
use crate::admin::users::import::{self, ImportError, Imported, Problem};
use crate::job::{
    Failure, Fault, Import, Job, Line, Outcome, PART_BYTES, Status, Work, numbered, part_key,
};
use crate::server::Server;
use crate::store::{self, Batch, Key, KeyRange, Record as _, Stored};
use crate::tenant::{Tenant, TenantName};

/// The most users of a step, all on their way to the disk at a time: they share its fsyncs.
const AT_ONCE: usize = 64;

/// How many parts of the file are read at once: more than twice the longest document of a user.
const WINDOW: u64 = 9;

/// How often a user is tried again who lost against another at the same time.
const ATTEMPTS: usize = 3;

/// What the report says of a user, if it is there: what tells whom. Never hashes, and no metadata.
const SHOWN: [&str; 9] = [
    "email",
    "username",
    "user_id",
    "phone_number",
    "given_name",
    "family_name",
    "name",
    "nickname",
    "blocked",
];

/// The job and its tenant, as they were read.
struct Task<'a> {
    server: &'a Server,
    tenant: &'a Stored<Tenant>,
    job: &'a Stored<Job>,
    import: &'a Import,
}

/// Works through some users of the file.
pub(super) async fn step(
    server: &Server,
    tenant: &Stored<Tenant>,
    job: &Stored<Job>,
    import: &Import,
) -> Result<Step, Error> {
    let task = Task {
        server,
        tenant,
        job,
        import,
    };
    let window = task.window().await?;
    let is_last = import.offset + window.len() as u64 >= import.bytes;
    let between = window
        .iter()
        .take_while(|byte| b"[], \t\r\n".contains(byte))
        .count();
    // A step that begins with a user has one that is whole within the window.
    if between == window.len() || (between > PART_BYTES && !is_last) {
        return task.end(between, 0, None).await;
    }
    let portion = Portion::of(&window, is_last);
    task.work(&portion).await?;
    task.end(
        portion.consumed,
        portion.lines.len() as u64,
        portion.cut_short,
    )
    .await
}

/// Users that can be worked on at a time, and how much of the window they were.
struct Portion {
    lines: Vec<Result<Value, Problem>>,
    consumed: usize,
    /// Why there are no further users in the file.
    cut_short: Option<String>,
}

impl Portion {
    fn of(window: &[u8], is_last: bool) -> Self {
        let mut documents = Documents::new(window);
        let (mut lines, mut consumed, mut cut_short) = (Vec::new(), 0, None);
        let mut names = HashSet::new();
        while lines.len() < AT_ONCE {
            let text = match documents.next() {
                None => {
                    consumed = window.len();
                    break;
                }
                // It may go on behind the window.
                Some(Err(_)) if !is_last && !lines.is_empty() => break,
                Some(Err(error)) => {
                    cut_short = Some(error);
                    break;
                }
                Some(Ok(text)) => text,
            };
            let line = serde_json::from_slice(&text).map_err(|error| Problem {
                code: "INVALID_TYPE",
                message: format!("not JSON: line {}, column {}", error.line(), error.column()),
                path: String::new(),
            });
            // The second of two who have a name in common waits for the first.
            if let Ok(document) = &line
                && !names_of(document).all(|name| names.insert(name))
            {
                break;
            }
            lines.push(line);
            consumed = window.len() - documents.rest().len();
        }
        let cut_short = cut_short.map(|error| {
            lines.push(Err(Problem {
                code: "INVALID_TYPE",
                message: "the file ends here: a user begins with `{`, ends with `}` and has at most 256 KiB".to_owned(),
                path: String::new(),
            }));
            consumed = window.len();
            error.to_string()
        });
        Self {
            lines,
            consumed,
            cut_short,
        }
    }
}

fn names_of(document: &Value) -> impl Iterator<Item = String> {
    let names = ["email", "username", "user_id"].map(|member| document.get(member));
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    names.map(|name| name.trim_start_matches("auth0|").to_lowercase())
}

/// How a line ended.
enum Done {
    /// Its outcome is in the store.
    Marked,
    /// The job or the tenant was changed, or somebody else did the line: it is to be read again.
    Stale,
}

impl Task<'_> {
    fn name(&self) -> &TenantName {
        &self.tenant.record.name
    }

    fn id(&self) -> &str {
        &self.job.record.id
    }

    /// What comes next in the file.
    async fn window(&self) -> Result<Vec<u8>, Error> {
        let store = self.server.records.store();
        let size = PART_BYTES as u64;
        let (first, parts) = (self.import.offset / size, self.import.bytes.div_ceil(size));
        let mut window = Vec::new();
        for number in first..parts.min(first + WINDOW) {
            let key = part_key(self.name().as_str(), self.id(), number);
            let part = store.get(&key).await?;
            let part = part.ok_or_else(Error::missing("file of the job", self.id()))?;
            window.extend_from_slice(&part.value);
        }
        let done = usize::try_from(self.import.offset % size).unwrap_or(window.len());
        window.drain(..done.min(window.len()));
        Ok(window)
    }

    /// Works on all lines that nobody worked on.
    async fn work(&self, portion: &Portion) -> Result<(), Error> {
        let known: HashSet<Key> = self.marked(portion.lines.len() as u64).await?;
        let lines = (self.import.lines..).zip(&portion.lines);
        let left = lines.filter(|(number, _)| !known.contains(&self.key(*number)));
        let mut done = FuturesUnordered::new();
        for (number, line) in left {
            done.push(self.line(number, line));
        }
        while let Some(outcome) = done.next().await {
            if matches!(outcome?, Done::Stale) {
                return Err(store::Error::Conflict.into());
            }
        }
        Ok(())
    }

    async fn line(&self, number: u64, line: &Result<Value, Problem>) -> Result<Done, Error> {
        let name = self.name();
        let (connection, upsert) = (self.import.connection.name.as_str(), self.import.upsert);
        let begin = |imported| {
            self.marking(
                number,
                match imported {
                    Imported::Inserted => Outcome::Inserted,
                    Imported::Updated => Outcome::Updated,
                },
            )
        };
        let refused = |problem: Problem, user: Map<String, Value>| {
            self.marking(
                number,
                Outcome::Failed(Failure {
                    user,
                    errors: vec![Fault {
                        code: problem.code.to_owned(),
                        message: problem.message,
                        path: problem.path,
                    }],
                }),
            )
        };
        let batch = match line {
            Err(problem) => refused(problem.clone(), Map::new()),
            Ok(document) => {
                let mut attempt = 0;
                let problem = loop {
                    attempt += 1;
                    let done =
                        import::user_with(self.server, name, connection, document, upsert, begin);
                    match done.await {
                        Ok(_) => return Ok(Done::Marked),
                        // Another user of these names came or went just now; or it is not ours any more.
                        Err(ImportError::Refused(problem))
                            if problem.code == "CONFLICT" && attempt < ATTEMPTS => {}
                        Err(ImportError::Failed(Error::NotFound { .. })) if attempt < ATTEMPTS => {}
                        Err(ImportError::Refused(problem)) => break problem,
                        Err(ImportError::Failed(error)) => return Err(error),
                    }
                };
                refused(problem, shown(document))
            }
        };
        match self.server.records.commit(batch).await {
            Ok(()) => Ok(Done::Marked),
            Err(store::Error::Conflict) => Ok(Done::Stale),
            Err(error) => Err(error.into()),
        }
    }

    /// A batch that says what became of a line, as long as the job is ours.
    fn marking(&self, number: u64, outcome: Outcome) -> Batch {
        let number = numbered(number);
        let parts = [self.name().as_str(), self.id(), &number];
        Batch::durable()
            .expect(self.tenant)
            .expect(self.job)
            .insert_until(&parts, &Line { outcome }, self.job.record.expires_at())
    }

    fn key(&self, number: u64) -> Key {
        Key::new(
            Line::TABLE,
            &[self.name().as_str(), self.id(), &numbered(number)],
        )
    }

    fn range(&self, lines: u64) -> KeyRange {
        KeyRange {
            start: self.key(self.import.lines),
            end: Some(self.key(self.import.lines + lines)),
        }
    }

    async fn marked(&self, lines: u64) -> Result<HashSet<Key>, Error> {
        let found = self
            .server
            .records
            .store()
            .scan(&self.range(lines), AT_ONCE + 1)
            .await?;
        Ok(found.into_iter().map(|entry| entry.key).collect())
    }

    /// Counts a step into the job. What went well needs no line of the report.
    async fn end(
        &self,
        consumed: usize,
        lines: u64,
        cut_short: Option<String>,
    ) -> Result<Step, Error> {
        let records = &self.server.records;
        let marked: Vec<Stored<Line>> = match lines {
            0 => Vec::new(),
            lines => records.list_range(&self.range(lines), AT_ONCE + 1).await?,
        };
        if marked.len() as u64 != lines {
            return Err(store::Error::Conflict.into());
        }
        let mut job = self.job.record.clone();
        let mut import = self.import.clone();
        let mut batch = Batch::durable().expect(self.tenant);
        for line in &marked {
            match line.record.outcome {
                Outcome::Inserted => import.inserted += 1,
                Outcome::Updated => import.updated += 1,
                Outcome::Failed(_) => import.failed += 1,
            }
            if !matches!(line.record.outcome, Outcome::Failed(_)) {
                batch = batch.delete(line);
            }
        }
        import.lines += lines;
        import.offset += consumed as u64;
        if import.offset >= import.bytes || cut_short.is_some() {
            job.status = Status::Clearing;
            job.status_details =
                cut_short.map(|reason| format!("The file was not read to its end: {reason}"));
        }
        job.work = Work::Import(import);
        let batch = batch.replace_until(self.job, &job, job.expires_at());
        records.commit(batch).await?;
        Ok(Step::Went)
    }
}

fn shown(document: &Value) -> Map<String, Value> {
    let mut user = Map::new();
    for name in SHOWN {
        let value = match document.get(name) {
            Some(Value::String(text)) => text.chars().take(320).collect::<String>().into(),
            Some(scalar @ (Value::Bool(_) | Value::Number(_))) => scalar.clone(),
            _ => continue,
        };
        user.insert(name.to_owned(), value);
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(window: &str, is_last: bool) -> (usize, usize, bool) {
        let portion = Portion::of(window.as_bytes(), is_last);
        (
            portion.lines.len(),
            portion.consumed,
            portion.cut_short.is_some(),
        )
    }

    #[test]
    fn a_step_ends_where_a_user_may_go_on_and_before_a_name_that_it_has() {
        let one = r#"[{"email":"a@x"},"#;
        assert_eq!(texts(one, false), (1, one.len(), false));
        assert_eq!(
            texts(&format!("{one}{{\"ema"), false),
            (1, one.len() - 1, false)
        );
        assert_eq!(
            texts(&format!("{one}{{\"ema"), true),
            (2, one.len() + 5, true)
        );
        let twice = format!(r#"{one}{{"username":"A@X"}}]"#);
        assert_eq!(texts(&twice, true), (1, one.len() - 1, false));
        let same = format!(r#"{one}{{"email":"b@x","user_id":"auth0|a@x"}}]"#);
        assert_eq!(texts(&same, true), (1, one.len() - 1, false));
        let many = r#"{"email":1}"#.repeat(AT_ONCE + 1);
        assert_eq!(texts(&many, true), (AT_ONCE, 11 * AT_ONCE, false));
        assert!(texts("{]} x", true).2);
    }
}
