//! Keys: `table | tenant | id…`, so that a tenant's records are one range of each table and no
//! identifier of one tenant or table can be read as another's.

use std::fmt;

/// What kind of record a key holds. The number is part of the stored format and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Table {
    /// `(tenant)` → the tenant's settings.
    Tenant = 1,
    /// `(tenant, client_id)`.
    Client = 2,
    /// `(tenant, connection name)`.
    Connection = 3,
    /// `(tenant, user_id)`.
    User = 4,
    /// `(tenant, connection name, canonical identifier)` → `user_id`. Uniqueness lives here.
    Identifier = 5,
    /// `(tenant, user_id)` → the password hash.
    Password = 6,
    /// `(tenant, user_id)` → counts and times of logins.
    LoginStats = 7,
    /// `(tenant, API identifier)`.
    Api = 8,
    /// `(tenant, rule name, version)`.
    RuleVersion = 9,
    /// `(tenant, rule name)` → the tenant's use of the rule.
    Binding = 10,
    /// `(tenant, key)` → a value that rules may read, sealed.
    Configuration = 11,
    /// `(tenant, kid)` → a signing key, its private half sealed.
    SigningKey = 12,
    /// `(tenant, SHA-256 of the token)` → what an opaque access token stands for.
    OpaqueToken = 13,
    /// `(tenant, time-ordered id)` → an event of the tenant's log.
    Log = 14,
    /// `("", SHA-256 of the whole, part number)` → a part of a blob.
    BlobPart = 15,
    /// `("", SHA-256 of the whole)` → the blob's length and number of parts.
    Blob = 16,
    /// `(host name)` → the tenant it belongs to.
    Host = 17,
    /// `(tenant, user_id, client_id)` → claims that rules last set for /userinfo.
    UserinfoClaims = 18,
    /// Facts about the store itself.
    Meta = 19,
    /// `(tenant)` → whether and how exchanges are recorded.
    RecordingSettings = 40,
    /// `(tenant)` → where in the ring the next recording goes.
    RecordingCursor = 41,
    /// `(tenant, place in the ring)` → an exchange as it happened.
    Recording = 42,
    /// `(tenant, family)` → what is kept of a login for its refresh tokens.
    RefreshFamily = 20,
    /// `(tenant, user_id, client_id, family)` → that there is such a family; in the order of age.
    RefreshMembership = 21,
    /// `(tenant, SHA-256 of an access token)` → the family it came with, or that it was revoked.
    AccessTokenState = 22,
    /// `(tenant, family)` → that it was revoked, while an access token that came with it may live.
    RevokedFamily = 23,
    /// `(tenant, client_id, kind of subject, API identifier)` → a client grant.
    ClientGrant = 25,
    /// `(tenant, client_id, SHA-256 of the `jti`)` → a client assertion that was used, until it
    /// would be refused for its age.
    UsedAssertion = 26,
    /// `(tenant, role name)`.
    Role = 27,
    /// `(tenant, kind of holder, role name or user_id, API identifier)` → the scopes held.
    Permissions = 28,
    /// `(tenant, SHA-256 of key and `jti`)` → a DPoP proof that was used, until it would be refused
    /// for its age.
    UsedDpopProof = 35,
    /// `(tenant, what is counted, …)` → attempts that were used up.
    Budget = 30,
    /// `(tenant)` → how guessing is stopped.
    Protection = 31,
    /// `(tenant, SHA-256 of the ticket)` → whose password it may set.
    Ticket = 32,
    /// `(tenant, user_id)` → hashes of passwords that the user had.
    PasswordHistory = 33,
    /// `(tenant, SHA-256 of a blob)` → that the tenant needs it.
    BlobUse = 60,
    /// `("", SHA-256 of a blob, tenant)` → the same, to find who needs it.
    BlobUser = 61,
    /// `(tenant)` → how much of what has a quota the tenant has.
    Tally = 62,
    /// `(tenant, number)` → the event of the tenant's log that was written with this number.
    LogNumber = 70,
    /// `(tenant, id)` → a log stream: where events are delivered to.
    LogStream = 71,
    /// `(tenant, id of a log stream)` → how far it has been delivered.
    LogStreamCursor = 72,
    /// `(tenant, id)` → an action.
    Action = 80,
    /// `(tenant, name)` → the action that has the name. Uniqueness lives here.
    ActionName = 81,
    /// `(tenant, action's id, key)` → a value of an action's secret, sealed.
    ActionSecret = 82,
    /// `(tenant, trigger)` → that its bindings were set.
    TriggerBindings = 83,
    /// `(tenant, id)` → a job: work on users that goes on after the answer.
    Job = 90,
    /// `(tenant, id of a job, number)` → a part of the file that it reads or writes; bytes, no record.
    JobPart = 91,
    /// `(tenant, id of a job, number)` → what became of a line of its file.
    JobLine = 92,
    /// `(tenant)` → the jobs that are under way.
    JobPlaces = 93,
    /// `(tenant, day)` → what was counted of a day.
    DailyStats = 94,
    /// `(tenant, user_id)` → the day of the last login that was counted.
    LastSeen = 95,
    /// `(tenant)` → how far the log has been counted.
    StatsCursor = 96,
    /// `(tenant)` → for how long its log is kept, and what of it is not written.
    LogSettings = 97,
    /// `(tenant, user_id)` → that the user was deleted, until all that was its own is.
    UserDeletion = 98,
    /// `(tenant, user_id, SHA-256 of an opaque token)` → that the user has such a token.
    OpaqueOfUser = 99,
}

/// Where a value is stored. Ordered by its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// The key of `parts` in a table. By convention the first part is the tenant's name.
    ///
    /// Parts are ended by a zero byte; within a part `00` is written as `01 01` and `01` as `01 02`.
    /// So no two lists of parts give the same key, no part is a prefix of another, and the order of
    /// keys is the order of their parts.
    pub fn new(table: Table, parts: &[&str]) -> Self {
        Self(encode(table, parts))
    }

    /// A key from the bytes of [`Key::as_bytes`].
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes that order keys.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The part at `index`, if the key has that many and it is text.
    pub fn part(&self, index: usize) -> Option<String> {
        let (last, parts) = self.0.get(1..)?.split_last()?;
        let part = parts.split(|b| *b == 0).nth(index).filter(|_| *last == 0)?;
        let mut plain = Vec::with_capacity(part.len());
        let mut bytes = part.iter();
        while let Some(byte) = bytes.next() {
            plain.push(if *byte == 1 { bytes.next()? - 1 } else { *byte });
        }
        String::from_utf8(plain).ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// For logs: the table's number and the parts, everything unprintable escaped.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((table, parts)) = self.0.split_first() else {
            return f.write_str("(empty)");
        };
        write!(f, "{table}")?;
        for part in parts.strip_suffix(&[0]).unwrap_or(parts).split(|b| *b == 0) {
            write!(f, "/{}", part.escape_ascii())?;
        }
        Ok(())
    }
}

/// Keys from `start` (included) to `end` (excluded).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key of the range.
    pub start: Key,
    /// The first key after the range; none means to the end of all keys.
    pub end: Option<Key>,
}

impl KeyRange {
    /// All keys of a table whose first parts are `parts`.
    pub fn prefix(table: Table, parts: &[&str]) -> Self {
        let start = encode(table, parts);
        Self {
            end: after(&start),
            start: Key(start),
        }
    }

    /// All that a tenant has in any table, those included that a later version adds: its records are
    /// one range of each. Left out are its own record, which goes last, which blobs it needs, which
    /// [`blob::release`](super::blob::release) ends, and the two tables whose first part is no tenant's name
    /// but could look like one.
    pub fn of_tenant(tenant: &str) -> impl Iterator<Item = Self> {
        const OTHERS: [Table; 4] = [Table::Tenant, Table::BlobUse, Table::Host, Table::Meta];
        let name = encode(Table::Tenant, &[tenant]);
        let numbers = (1..=u8::MAX).filter(|number| OTHERS.iter().all(|&t| t as u8 != *number));
        numbers.map(move |number| {
            let mut start = name.clone();
            if let Some(first) = start.first_mut() {
                *first = number;
            }
            Self {
                end: after(&start),
                start: Key(start),
            }
        })
    }

    /// The rest of this range behind `key`: how a listing goes on.
    #[must_use]
    pub fn behind(&self, key: &Key) -> Self {
        let mut start = key.0.clone();
        start.push(0);
        Self {
            start: Key(start).max(self.start.clone()),
            end: self.end.clone(),
        }
    }
}

fn encode(table: Table, parts: &[&str]) -> Vec<u8> {
    let mut bytes = vec![table as u8];
    for part in parts {
        for byte in part.bytes() {
            match byte {
                0 | 1 => bytes.extend([1, byte + 1]),
                other => bytes.push(other),
            }
        }
        bytes.push(0);
    }
    bytes
}

/// The first key that does not begin with `prefix`.
fn after(prefix: &[u8]) -> Option<Key> {
    let keep = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix.get(..=keep)?.to_vec();
    if let Some(last) = end.last_mut() {
        *last = last.checked_add(1)?;
    }
    Some(Key(end))
}
