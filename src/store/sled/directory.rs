//! The data directory: one owner, one format, and sled opened in it, repaired if it can be.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::sled::Db;

use crate::clock::Timestamp;
use crate::store::Error;

/// What the file `format` holds, before the number of the format and a line's end.
const FORMAT_NAME: &str = "claimsmith store ";

/// The format that this version writes, and the only one it reads.
const FORMAT: u32 = 1;

/// sled moves whatever is larger than a quarter of a segment to a file that it never syncs. At this
/// size its largest pages stay below: 321 children with keys of 1 KiB, 21 records with pieces of
/// 8 KiB. Part of the format: sled refuses to open a directory with another size.
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;

/// How long a store that was just closed in this process may take to let go of its files: a thread
/// of sled can hold them for a moment after the last handle is gone.
const RELEASE_TIME: Duration = Duration::from_secs(5);

/// The right to use a data directory, held until dropped or until the process ends.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that was just forked has it open too.
        self.0.unlock().ok();
    }
}

/// Makes the directory if need be, takes it, and refuses it if another version has written it.
pub(super) fn take(dir: &Path) -> Result<Lock, Error> {
    let make = || -> io::Result<File> {
        // Password hashes and sealed keys: nobody else's to read.
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join("lock"))
    };
    let lock = make().map_err(|error| cannot_use(dir, &error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(dir)),
        Err(TryLockError::Error(error)) => return Err(cannot_use(dir, &error)),
    }
    check_format(dir)?;
    Ok(Lock(lock))
}

/// Opens sled in a directory that was taken.
pub(super) fn open(dir: &Path, cache_bytes: u64, now: Timestamp) -> Result<Db, Error> {
    let db = match open_sled(dir, cache_bytes) {
        Err(Failure::Corrupt) => {
            // The snapshot only saves sled from reading its whole log; 0.34 does not open the store
            // if it is damaged or half written, although it can do without.
            let moved = set_snapshots_aside(dir, now).map_err(|error| cannot_use(dir, &error))?;
            tracing::error!(
                directory = %dir.display(),
                ?moved,
                "the store did not open; its snapshots were moved to `quarantine` and are made again"
            );
            open_sled(dir, cache_bytes)
        }
        other => other,
    };
    let db = db.map_err(|failure| match failure {
        Failure::Locked => in_use(dir),
        Failure::Io(error) => cannot_use(dir, &error),
        Failure::Corrupt => Error::Open(format!(
            "the store in `{}` is damaged beyond what can be repaired by itself; \
             restore the directory from a backup",
            dir.display()
        )),
        Failure::Other(reason) => Error::Open(format!(
            "the store in `{}` cannot be opened: {reason}",
            dir.display()
        )),
    })?;
    sync_new_files(dir).map_err(|error| cannot_use(dir, &error))?;
    Ok(db)
}

enum Failure {
    Corrupt,
    Locked,
    Io(io::Error),
    Other(String),
}

fn open_sled(dir: &Path, cache_bytes: u64) -> Result<Db, Failure> {
    let config = ::sled::Config::new()
        .path(dir)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(cache_bytes)
        // Its background thread would only log a failed fsync; the committer does this work.
        .flush_every_ms(None);
    let deadline = Instant::now() + RELEASE_TIME;
    loop {
        // A truncated file can make sled panic.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()))
            .map_err(|_panic| Failure::Other("sled panicked, see above".to_owned()))?;
        match opened {
            Ok(db) => return Ok(db),
            Err(::sled::Error::Corruption { .. }) => return Err(Failure::Corrupt),
            Err(::sled::Error::Io(error)) if error.to_string().contains("acquire lock") => {
                if Instant::now() > deadline {
                    return Err(Failure::Locked);
                }
                sleep(Duration::from_millis(5));
            }
            Err(::sled::Error::Io(error)) => return Err(Failure::Io(error)),
            Err(other) => return Err(Failure::Other(other.to_string())),
        }
    }
}

fn set_snapshots_aside(dir: &Path, now: Timestamp) -> io::Result<Vec<String>> {
    let aside = dir.join("quarantine").join(now.as_millis().to_string());
    fs::create_dir_all(&aside)?;
    let mut moved = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("snap.") {
            fs::rename(dir.join(&name), aside.join(&name))?;
            moved.push(name);
        }
    }
    Ok(moved)
}

/// Before sled is opened: another version may not even use sled.
fn check_format(dir: &Path) -> Result<(), Error> {
    let path = dir.join("format");
    let shown = dir.display();
    let foreign = |what: &str| {
        Err(Error::Open(format!(
            "the data directory `{shown}` {what}; choose another directory with --data"
        )))
    };
    match fs::read_to_string(&path) {
        Ok(text) => match text.strip_prefix(FORMAT_NAME).map(|n| n.trim_end().parse()) {
            Some(Ok(FORMAT)) => Ok(()),
            Some(Ok(number)) if number > FORMAT => Err(Error::Open(format!(
                "the data directory `{shown}` is of a newer version of claimsmith \
                 (its format is {number}, this version reads {FORMAT}); use that version, \
                 or choose another directory with --data"
            ))),
            _ => foreign("has a file `format` that is not claimsmith's"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if dir.join("db").exists() || dir.join("conf").exists() {
                return foreign("holds a database that is not claimsmith's");
            }
            write_format(dir).map_err(|error| cannot_use(dir, &error))
        }
        Err(error) => Err(cannot_use(dir, &error)),
    }
}

fn write_format(dir: &Path) -> io::Result<()> {
    let draft = dir.join("format.new");
    let mut file = File::create(&draft)?;
    writeln!(file, "{FORMAT_NAME}{FORMAT}")?;
    file.sync_all()?;
    fs::rename(&draft, dir.join("format"))?;
    sync(dir)
}

/// sled 0.34.7 syncs neither its settings nor the directories it makes files in.
fn sync_new_files(dir: &Path) -> io::Result<()> {
    for path in ["conf", "db", "blobs", "."] {
        sync(&dir.join(path))?;
    }
    match dir.canonicalize()?.parent() {
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn in_use(dir: &Path) -> Error {
    Error::Open(format!(
        "the data directory `{}` is in use by another process; \
         stop that server or choose another directory with --data",
        dir.display()
    ))
}

fn cannot_use(dir: &Path, error: &io::Error) -> Error {
    Error::Open(format!(
        "the data directory `{}` cannot be used: {error}",
        dir.display()
    ))
}
