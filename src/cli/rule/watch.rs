//! Doing something again whenever files change.
//!
//! By looking at them, not by being told: a few dozen files cost nothing to look at, editors that
//! write a new file and rename it are no special case, and it works on every file system.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::{CliError, Output};

/// How often files are looked at.
const PERIOD: Duration = Duration::from_millis(300);
/// Folders within folders, as deep as cases lie in a rule's folder.
const DEPTH: usize = 4;
/// More files than this are not looked at.
const MOST: usize = 10_000;

/// Does it, prints what came of it, and does it again at every change. Ends by Ctrl-C.
pub(super) async fn forever(
    mut work: impl AsyncFnMut() -> (Result<Output, CliError>, Vec<PathBuf>),
) -> Result<Output, CliError> {
    loop {
        let (done, sources) = work().await;
        let seen = snapshot(&sources);
        match done {
            Ok(output) => drop(output.print(false)),
            Err(error) => drop(error.print(false)),
        }
        eprintln!("watching for changes; Ctrl-C ends it");
        while snapshot(&sources) == seen {
            tokio::time::sleep(PERIOD).await;
        }
    }
}

type Snapshot = Vec<(PathBuf, u64, Option<Duration>)>;

fn snapshot(sources: &[PathBuf]) -> Snapshot {
    let mut found = Vec::new();
    for source in sources {
        look(source, DEPTH, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn look(path: &Path, depth: usize, found: &mut Snapshot) {
    let Ok(metadata) = path.metadata() else {
        return;
    };
    if found.len() >= MOST {
        return;
    }
    if metadata.is_file() {
        let modified = metadata.modified().ok();
        let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        found.push((path.to_owned(), metadata.len(), modified));
    } else if depth > 0 && !path.ends_with("target") {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries {
            look(&entry.path(), depth - 1, found);
        }
    }
}
