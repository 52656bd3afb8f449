//! Listings a page at a time, whatever the length of the whole.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Error;
use crate::server::Server;
use crate::store::{Key, KeyRange, Record, Stored};

/// How many records are read at once.
const STEP: usize = 200;

/// Which part of a listing is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// So many, after the first so many.
    Offset {
        /// How many are left out.
        skip: usize,
        /// The most that are returned.
        take: usize,
        /// Whether to count the rest too.
        total: bool,
    },
    /// So many, behind the last one of the page before.
    Behind {
        /// What the page before gave out; none at the beginning.
        cursor: Option<String>,
        /// The most that are returned.
        take: usize,
    },
}

/// A part of a listing.
#[derive(Clone, Debug)]
pub struct Paged<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many there are in all, if that was asked.
    pub total: Option<usize>,
    /// Where the next page begins, if there is one and the pages are followed by cursor.
    pub next: Option<String>,
}

impl<T> Paged<T> {
    /// The same with other items.
    pub fn map<U>(self, to: impl FnMut(T) -> U) -> Paged<U> {
        Paged {
            items: self.items.into_iter().map(to).collect(),
            total: self.total,
            next: self.next,
        }
    }

    /// A part of what is in memory already.
    pub fn of(all: Vec<T>, page: &Page, key: impl Fn(&T) -> String) -> Result<Self, Error> {
        match page {
            Page::Offset { skip, take, total } => Ok(Self {
                total: total.then_some(all.len()),
                items: all.into_iter().skip(*skip).take(*take).collect(),
                next: None,
            }),
            Page::Behind { cursor, take } => {
                let behind = match cursor {
                    None => 0,
                    Some(cursor) => {
                        let last = String::from_utf8(decode(cursor)?).map_err(|_| unknown())?;
                        let at = all.iter().position(|item| key(item) == last);
                        at.ok_or_else(unknown)? + 1
                    }
                };
                let more = all.len() > behind.saturating_add(*take);
                let items: Vec<T> = all.into_iter().skip(behind).take(*take).collect();
                let next = items.last().filter(|_| more);
                let next = next.map(|last| URL_SAFE_NO_PAD.encode(key(last)));
                Ok(Self {
                    items,
                    total: None,
                    next,
                })
            }
        }
    }
}

/// The wanted part of the records whose key begins with `parts`, in the order of their keys, of those
/// that are `wanted`.
pub async fn read<R: Record>(
    server: &Server,
    parts: &[&str],
    page: &Page,
    wanted: impl Fn(&R) -> bool,
) -> Result<Paged<R>, Error> {
    let whole = KeyRange::prefix(R::TABLE, parts);
    let (mut skip, take, count_all, mut rest) = match page {
        Page::Offset { skip, take, total } => (*skip, *take, *total, whole.clone()),
        Page::Behind { cursor: None, take } => (0, *take, false, whole.clone()),
        Page::Behind {
            cursor: Some(cursor),
            take,
        } => (0, *take, false, behind(&whole, cursor)?),
    };
    let (mut items, mut total, mut more) = (Vec::new(), 0, false);
    let mut last_taken = None;
    'all: loop {
        let stored: Vec<Stored<R>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = stored.last() else {
            break;
        };
        rest = rest.behind(&last.key);
        for Stored { record, key, .. } in stored {
            if !wanted(&record) {
                continue;
            }
            total += 1;
            if skip > 0 {
                skip -= 1;
            } else if items.len() < take {
                last_taken = Some(key);
                items.push(record);
            } else {
                more = true;
                if !count_all {
                    break 'all;
                }
            }
        }
    }
    let next = match (page, last_taken) {
        (Page::Behind { .. }, Some(last)) if more => Some(cursor(&whole, &last)),
        _ => None,
    };
    Ok(Paged {
        items,
        total: count_all.then_some(total),
        next,
    })
}

/// The first record that is meant, for what has an identity that is not its key.
pub async fn find<R: Record>(
    server: &Server,
    parts: &[&str],
    meant: impl Fn(&R) -> bool,
) -> Result<Option<Stored<R>>, Error> {
    let mut rest = KeyRange::prefix(R::TABLE, parts);
    loop {
        let stored: Vec<Stored<R>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = stored.last() else {
            return Ok(None);
        };
        rest = rest.behind(&last.key);
        if let Some(found) = stored.into_iter().find(|stored| meant(&stored.record)) {
            return Ok(Some(found));
        }
    }
}

/// The key without what all of the listing have in common: the tenant is not in it, so that a cursor
/// is a place in whosever listing it is shown to.
fn cursor(whole: &KeyRange, last: &Key) -> String {
    let common = whole.start.as_bytes().len();
    URL_SAFE_NO_PAD.encode(last.as_bytes().get(common..).unwrap_or_default())
}

fn behind(whole: &KeyRange, cursor: &str) -> Result<KeyRange, Error> {
    let mut key = whole.start.as_bytes().to_vec();
    key.extend(decode(cursor)?);
    // Its end stays the whole's end, whatever the cursor says.
    Ok(whole.behind(&Key::from_bytes(key)))
}

fn decode(cursor: &str) -> Result<Vec<u8>, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| unknown())?;
    (bytes.len() <= crate::store::MAX_KEY_BYTES)
        .then_some(bytes)
        .ok_or_else(unknown)
}

fn unknown() -> Error {
    Error::invalid("the cursor", "it is none of this listing's")
}
