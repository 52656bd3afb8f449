//! Unguessable values, all from the operating system's generator by way of AWS-LC.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::Secret;

/// The operating system gave no randomness; nothing secret can be made.
#[derive(Debug, thiserror::Error)]
#[error("the operating system's random number generator failed")]
pub struct NoRandomness;

/// `N` random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// 256 random bits as 43 characters of base64url: above the 160 bits that RFC 6749,
/// section 10.10 recommends for tokens and other credentials no person types.
pub fn token() -> Result<Secret, NoRandomness> {
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes::<32>()?)))
}

/// 96 random bits as 24 hexadecimal digits, the form of identifiers on the wire.
pub fn id() -> Result<String, NoRandomness> {
    Ok(bytes::<12>()?.iter().map(|b| format!("{b:02x}")).collect())
}
