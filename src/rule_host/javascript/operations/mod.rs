//! What the driver leaves to the host because it is heavy or needs data: pure functions of what is passed, each of
//! them short, since no deadline is looked at before it is done. And the way to the network, in `fetch`.

mod cipher;
pub(super) mod fetch;
mod hash;
mod key;
mod parts;
mod signature;
mod time;
mod url;

use super::door::Answer;

/// Does it, or says in words for the rule's author why not.
pub(super) fn call(operation: &str, text: &str, bytes: &[u8]) -> Result<Answer, String> {
    match operation {
        "url.parse" => url::parse(text).map(words),
        "url.set" => url::set(text).map(words),
        "time.zone" => time::zone(text).map(words),
        "crypto.hash" => hash::hash(text, bytes).map(octets),
        "crypto.hmac" => hash::hmac(text, bytes).map(octets),
        "crypto.equal" => hash::equal(bytes).map(|equal| words(equal.to_string())),
        "crypto.pbkdf2" => hash::pbkdf2(text, bytes).map(octets),
        "crypto.cipher" => cipher::cipher(text, bytes).map(octets),
        "crypto.key" => key::describe(text, bytes).map(words),
        "crypto.sign" => signature::sign(text, bytes).map(octets),
        "crypto.verify" => signature::verify(text, bytes).map(|good| words(good.to_string())),
        _ => Err(format!("the host has no operation `{operation}`")),
    }
}

/// What an operation costs in fuel, beside the call: nothing, if it is short whatever is asked.
pub(super) fn price(operation: &str, text: &str) -> u64 {
    match operation {
        "crypto.pbkdf2" => hash::price_of_pbkdf2(text),
        _ => 0,
    }
}

fn words(text: String) -> Answer {
    Answer {
        text,
        bytes: Vec::new(),
    }
}

fn octets(bytes: Vec<u8>) -> Answer {
    Answer {
        text: String::new(),
        bytes,
    }
}
