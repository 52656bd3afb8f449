//! A password on its way to the hash function.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The longest password, in bytes of UTF-8. Every character counts: nothing is cut off.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// The most bytes that NFKC makes of one byte of UTF-8 (U+FDFA: 3 bytes become 33).
const NFKC_EXPANSION: usize = 11;

/// A password within bounds, normalised once. Wiped when dropped, never printed.
#[derive(Debug)]
pub struct Password {
    normal: Secret,
    /// As it was typed, where that differs.
    typed: Option<Secret>,
}

impl Password {
    /// Checks the length, then normalises to NFKC.
    ///
    /// NIST SP 800-63B-4, section 3.1.1.2 asks for NFKC or NFKD, so that a password typed on two
    /// keyboards is one password. The alternative, `OpaqueString` of RFC 8265, also limits the
    /// repertoire to what its Unicode tables know, which are of 2013 in the available library:
    /// newer emoji would be refused today and accepted after an update. Here any text will do.
    pub fn new(text: Secret) -> Result<Self, PasswordRefused> {
        let plain = text.expose();
        if plain.len() > MAX_PASSWORD_BYTES {
            return Err(PasswordRefused::TooLong);
        }
        if plain.is_empty() {
            return Err(PasswordRefused::Empty);
        }
        if is_nfkc_quick(plain.chars()) == IsNormalized::Yes {
            return Ok(Self {
                normal: text,
                typed: None,
            });
        }
        // Room for the worst case: a buffer that grows leaves copies behind that nobody wipes.
        let mut normal = Zeroizing::new(String::with_capacity(plain.len() * NFKC_EXPANSION));
        normal.extend(plain.nfkc());
        Ok(Self {
            normal: Secret::new(std::mem::take(&mut *normal)),
            typed: Some(text),
        })
    }

    /// What is hashed.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.normal.expose().as_bytes()
    }

    /// What other systems, which may not normalise, would have hashed.
    pub(super) fn typed(&self) -> &str {
        self.typed.as_ref().unwrap_or(&self.normal).expose()
    }
}

/// Why a text cannot be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Nothing was given.
    #[error("a password cannot be empty")]
    Empty,
    /// It is over [`MAX_PASSWORD_BYTES`].
    #[error("a password may have at most {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
}
