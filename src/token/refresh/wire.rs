//! What a refresh token looks like: `v1.` and base64url of its family's name, 256 random bits, and a
//! mark.
//!
//! The mark is an HMAC under a key that the family keeps. It tells a token that was once issued from
//! one that somebody made up, without a record for each token that was ever spent: an old token is an
//! alarm for as long as the family lives, a mistyped one never is. Whoever reads the store could forge
//! such an alarm, and nothing else: a token that works must have the digest that is kept.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::random::{self, NoRandomness};
use crate::secret::{Digest, Secret};

const PREFIX: &str = "v1.";

/// Bytes of a family's name: a time, so that older families come first, and 72 random bits.
const NAME: usize = 6 + 9;
const SECRET: usize = 32;
const MARK: usize = 16;

/// Together a multiple of three, so that no character of the base64 has bits to spare and a token has
/// one spelling.
const TOKEN: usize = NAME + SECRET + MARK;

/// Whether a text claims to be a refresh token: no JWT and no opaque access token begins like this.
pub fn is_one(token: &Secret) -> bool {
    token.expose().starts_with(PREFIX)
}

/// A family's name: 30 hexadecimal digits, in the order of their making.
pub(super) fn family_name(now: Timestamp) -> Result<String, NoRandomness> {
    let millis = now.as_millis() & 0xffff_ffff_ffff;
    let random = random::bytes::<{ NAME - 6 }>()?;
    let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{millis:012x}{random}"))
}

/// The key of a family's marks.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct MarkKey(String);

impl MarkKey {
    pub(super) fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::bytes::<32>()?)))
    }

    fn mark(&self, message: &[u8]) -> [u8; MARK] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let tag = hmac::sign(&key, message);
        let mut mark = [0; MARK];
        for (to, from) in mark.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        mark
    }
}

impl std::fmt::Debug for MarkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A new token of a family.
pub(super) fn make(family: &str, mark: &MarkKey) -> Result<Secret, NoRandomness> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(TOKEN));
    bytes.extend(from_hex(family));
    bytes.extend(random::bytes::<SECRET>()?);
    let mark = mark.mark(&bytes);
    bytes.extend(mark);
    Ok(Secret::new(format!(
        "{PREFIX}{}",
        URL_SAFE_NO_PAD.encode(&bytes)
    )))
}

/// A token as a client shows it, taken apart. Nothing of it has been verified.
pub(super) struct Shown {
    pub(super) family: String,
    pub(super) digest: Digest,
    marked: Zeroizing<Vec<u8>>,
    mark: Vec<u8>,
}

impl Shown {
    /// None for what never was a token of ours.
    pub(super) fn parse(token: &Secret) -> Option<Self> {
        let text = token.expose().strip_prefix(PREFIX)?;
        // Before decoding: a long one must not cost.
        if text.len() != TOKEN / 3 * 4 {
            return None;
        }
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let (marked, mark) = bytes.split_at_checked(TOKEN - MARK)?;
        let (family, _) = marked.split_at_checked(NAME)?;
        Some(Self {
            family: family.iter().map(|byte| format!("{byte:02x}")).collect(),
            digest: Digest::of(token),
            marked: Zeroizing::new(marked.to_vec()),
            mark: mark.to_vec(),
        })
    }

    /// Whether the family made it, now or earlier.
    pub(super) fn bears(&self, key: &MarkKey) -> bool {
        key.mark(&self.marked).ct_eq(&self.mark).into()
    }
}

fn from_hex(text: &str) -> impl Iterator<Item = u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default();
    let pairs = text.as_bytes().chunks(2);
    pairs.map(move |pair| {
        let value = pair.iter().fold(0, |sum, byte| sum * 16 + digit(byte));
        u8::try_from(value).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> (Secret, MarkKey) {
        let family = family_name(Timestamp::from_millis(1_795_435_200_000)).unwrap();
        let key = MarkKey::generate().unwrap();
        (make(&family, &key).unwrap(), key)
    }

    #[test]
    fn a_token_names_its_family_and_bears_its_mark() {
        let now = Timestamp::from_millis(1_795_435_200_000);
        let (family, key) = (family_name(now).unwrap(), MarkKey::generate().unwrap());
        let token = make(&family, &key).unwrap();
        assert_eq!((token.expose().len(), family.len()), (87, 30));
        let shown = Shown::parse(&token).unwrap();
        assert_eq!(shown.family, family);
        assert!(shown.bears(&key));
        assert!(!shown.bears(&MarkKey::generate().unwrap()));
        assert!(
            family < family_name(now.plus_millis(1)).unwrap(),
            "in order"
        );
    }

    #[test]
    fn no_prefix_of_a_token_and_nothing_longer_is_one() {
        let (token, _) = token();
        let text = token.expose();
        for end in 0..text.len() {
            assert!(Shown::parse(&Secret::new(&text[..end])).is_none(), "{end}");
        }
        for more in ["A", "=", "AAAA", " ", "\n"] {
            assert!(Shown::parse(&Secret::new(format!("{text}{more}"))).is_none());
        }
    }

    proptest! {
        /// Whatever is changed, nobody is accused of having kept an old token.
        #[test]
        fn a_token_with_another_character_bears_no_mark(at in 3..87_usize, to in "[A-Za-z0-9_-]") {
            let (token, key) = token();
            let mut text = token.expose().to_owned();
            text.replace_range(at..=at, &to);
            let same = text == token.expose();
            let shown = Shown::parse(&Secret::new(text)).unwrap();
            prop_assert_eq!(shown.bears(&key), same);
        }

        #[test]
        fn any_text_can_be_shown(text in ".{0,200}") {
            drop(Shown::parse(&Secret::new(format!("{PREFIX}{text}"))));
        }
    }
}
