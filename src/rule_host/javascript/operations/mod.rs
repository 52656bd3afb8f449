//! What the driver leaves to the host because it is heavy or needs data: pure functions of what is passed.

use super::door::Answer;

/// Does it, or says in words for the rule's author why not.
pub(super) fn call(operation: &str, _text: &str, _bytes: &[u8]) -> Result<Answer, String> {
    Err(format!("the host has no operation `{operation}`"))
}
