//! Deletes what belongs to something that goes.

use super::Error;
use crate::server::Server;
use crate::store::{self, Batch, KeyRange, Record, Stored};

/// How many records one commit deletes.
const STEP: usize = 100;

/// Deletes the records whose key begins with `parts` and that are `meant`.
pub(super) async fn sweep<R: Record>(
    server: &Server,
    parts: &[&str],
    meant: impl Fn(&R) -> bool,
) -> Result<(), Error> {
    let mut rest = KeyRange::prefix(R::TABLE, parts);
    loop {
        let stored: Vec<Stored<R>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = stored.last() else {
            return Ok(());
        };
        let behind = rest.behind(&last.key);
        let doomed = stored.iter().filter(|stored| meant(&stored.record));
        let batch = doomed.fold(Batch::durable(), |batch, stored| batch.delete(stored));
        match server.records.commit(batch).await {
            Ok(()) => rest = behind,
            // One of them changed just now: look again.
            Err(store::Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
