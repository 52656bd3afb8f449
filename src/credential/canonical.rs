//! The one form in which user names and e-mail addresses are compared.
//!
//! Two spellings of one identifier must never be two accounts, nor two budgets of guesses. So every
//! place that compares, stores or counts by an identifier goes through [`canonical`], and the store
//! keeps its result as a key: uniqueness is a property of the store, not of a look-up before.

use std::fmt;

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::Error as Precis;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use unicode_normalization::UnicodeNormalization;

/// The longest identifier, in bytes: 64 for a local part, `@`, 255 for a domain (RFC 5321, 4.5.3.1).
pub const MAX_IDENTIFIER_BYTES: usize = 320;

/// An identifier in the form in which it is compared. Only [`canonical`] makes one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalIdentifier(String);

impl CanonicalIdentifier {
    /// The identifier as text: the last part of its key in the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CanonicalIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    /// Nothing is left to compare.
    #[error("a user name or e-mail address cannot be empty")]
    Empty,
    /// It is over [`MAX_IDENTIFIER_BYTES`].
    #[error("a user name or e-mail address may have at most {MAX_IDENTIFIER_BYTES} bytes")]
    TooLong,
    /// Spaces, controls, invisible and unassigned characters, symbols other than ASCII's.
    #[error("a user name or e-mail address cannot contain the character U+{0:04X}")]
    Character(u32),
    /// Letters of both directions, so mixed that they display as something else (RFC 5893).
    #[error("a user name or e-mail address cannot mix left-to-right and right-to-left text")]
    Direction,
    /// Its canonical form is not its own canonical form.
    #[error("this user name or e-mail address has no stable form; spell it with other characters")]
    Unstable,
}

/// The canonical form of a user name or an e-mail address: NFKC, then the profile
/// `UsernameCaseMapped` of [RFC 8265, section 3.3](https://www.rfc-editor.org/rfc/rfc8265#section-3.3).
///
/// - Case, width and compatibility forms are folded: `Ａlice`, `ALICE` and `alice` are one, the
///   Kelvin sign is a `k`, `ſ` an `s`. What differs in any language stays apart: `ß` and `ss`,
///   `ı` and `i`, `σ` and `ς`.
/// - All of printable ASCII is allowed, so an e-mail address passes as it is, the case of its local
///   part folded as well. No DNS is done: `xn--` and Unicode spellings of a domain, with or without
///   a trailing dot, are different identifiers.
/// - The joiners U+200C and U+200D are refused even where RFC 8264 allows them in context: an
///   identifier must not differ from another by something nobody sees.
///
/// `canonical(canonical(x)) == canonical(x)` for every `x` it accepts.
pub fn canonical(text: &str) -> Result<CanonicalIdentifier, InvalidIdentifier> {
    // Before anything else, so that a megabyte costs nothing.
    if text.len() > MAX_IDENTIFIER_BYTES {
        return Err(InvalidIdentifier::TooLong);
    }
    let form = fold(text)?;
    if form.len() > MAX_IDENTIFIER_BYTES {
        return Err(InvalidIdentifier::TooLong);
    }
    // Lower-casing can produce what normalises further. No such text is known to be accepted, but a
    // key that is not a fixed point would let one identifier exist twice.
    if fold(&form)? != form {
        return Err(InvalidIdentifier::Unstable);
    }
    Ok(CanonicalIdentifier(form))
}

fn fold(text: &str) -> Result<String, InvalidIdentifier> {
    let text: String = text.nfkc().collect();
    if text.is_empty() {
        return Err(InvalidIdentifier::Empty);
    }
    if let Some(joiner) = text.chars().find(|c| matches!(c, '\u{200c}' | '\u{200d}')) {
        return Err(InvalidIdentifier::Character(joiner.into()));
    }
    match UsernameCaseMapped::enforce(text) {
        Ok(form) => Ok(form.into_owned()),
        Err(Precis::BadCodepoint(bad)) => Err(InvalidIdentifier::Character(bad.cp)),
        // The text is not empty, so what is left is the directionality rule.
        Err(Precis::Invalid) => Err(InvalidIdentifier::Direction),
        Err(Precis::Unexpected(_)) => Err(InvalidIdentifier::Unstable),
    }
}
