//! Reading records straight from sled, beside the committer.

use ::sled::{Db, IVec};

use super::layout::{self, Head, damaged};
use crate::clock::Timestamp;
use crate::store::{Entry, Error, Key, KeyRange};

/// How often a reader starts again because a large value was replaced while it read the pieces.
const ATTEMPTS: usize = 100;

/// The live record of a key.
pub(super) fn get(db: &Db, key: &Key, now: Timestamp) -> Result<Option<Entry>, Error> {
    let Some(item) = db
        .get(layout::record_key(key))
        .map_err(|error| failed(key, error))?
    else {
        return Ok(None);
    };
    complete(db, key.clone(), &item, now)
}

/// The live records among the first `look_at` of a range, at most `limit`. Also says behind which
/// key to go on, if the range may have more.
pub(super) fn scan(
    db: &Db,
    range: &KeyRange,
    limit: usize,
    look_at: usize,
    now: Timestamp,
) -> Result<(Vec<Entry>, Option<Key>), Error> {
    let mut entries = Vec::new();
    let mut last = None;
    for (looked_at, item) in items(db, range).enumerate() {
        if entries.len() == limit || looked_at == look_at {
            return Ok((entries, last));
        }
        let (key, item) = item?;
        last = Some(key.clone());
        entries.extend(complete(db, key, &item, now)?);
    }
    Ok((entries, None))
}

/// All items of a range as they lie in sled. After an error there is nothing more to find.
pub(super) fn items(
    db: &Db,
    range: &KeyRange,
) -> impl Iterator<Item = Result<(Key, IVec), Error>> + use<> {
    let start = layout::record_key(&range.start);
    let end = match &range.end {
        Some(end) => layout::record_key(end),
        None => layout::records_end().to_vec(),
    };
    // `KeyRange::behind` its last key may leave a range that ends before it starts.
    let end = end.max(start.clone());
    let mut last = range.start.clone();
    db.range(start..end).map(move |item| match item {
        Ok((place, item)) => {
            last = layout::key_of_record(&place);
            Ok((last.clone(), item))
        }
        Err(error) => Err(failed(&last, error)),
    })
}

/// The head of a record, whether it has expired or not.
pub(super) fn head(db: &Db, key: &Key) -> Result<Option<Head>, Error> {
    let item = db
        .get(layout::record_key(key))
        .map_err(|error| failed(key, error))?;
    item.map(|item| Head::parse(key, &item).map(|(head, _)| head))
        .transpose()
}

/// What sled's error means for a reader: a page that does not hold together is damage to the
/// records on it, everything else is the end of the store's service.
pub(super) fn failed(key: &Key, error: ::sled::Error) -> Error {
    match error {
        ::sled::Error::Corruption { .. } => damaged(key, "the page it lies on cannot be read"),
        other => Error::Unavailable(other.to_string()),
    }
}

fn complete(db: &Db, key: Key, item: &[u8], now: Timestamp) -> Result<Option<Entry>, Error> {
    let (mut head, value) = Head::parse(&key, item)?;
    let mut value = value.to_vec();
    for _ in 0..ATTEMPTS {
        if !head.is_live(now) {
            return Ok(None);
        }
        for piece in head.piece_keys() {
            let piece = db.get(piece).map_err(|error| failed(&key, error))?;
            value.extend_from_slice(&piece.unwrap_or_default());
        }
        if head.check(&key, &value).is_ok() {
            return Ok(Some(Entry {
                key,
                value,
                version: head.version,
            }));
        }
        // Either it is damaged, or it was replaced and its pieces are gone with it.
        let Some(item) = db
            .get(layout::record_key(&key))
            .map_err(|error| failed(&key, error))?
        else {
            return Ok(None);
        };
        let (again, rest) = Head::parse(&key, &item)?;
        if again == head {
            head.check(&key, &value)?;
        }
        head = again;
        value = rest.to_vec();
    }
    Err(Error::Unavailable(format!(
        "`{key}` is replaced faster than it can be read"
    )))
}
