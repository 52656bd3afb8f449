//! Identities on the wire of what is stored under a name.

use aws_lc_rs::digest::{SHA256, digest};

/// The identity of a record that an earlier version of the server made without one: 24 hexadecimal
/// digits that follow from its kind and name, so that it is always the same.
pub fn derived(kind: &str, name: &str) -> String {
    let sha256 = digest(&SHA256, format!("{kind}\n{name}").as_bytes());
    let bytes = sha256.as_ref().iter().take(12);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
