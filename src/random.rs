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

/// A UUID of 122 random bits (RFC 9562, section 5.4), where a wire format asks for one.
pub fn uuid() -> Result<String, NoRandomness> {
    let mut bytes = bytes::<16>()?;
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_that_it_is_random() {
        for _ in 0..100 {
            let uuid = uuid().unwrap();
            let parts: Vec<&str> = uuid.split('-').collect();
            let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
            assert!(parts[2].starts_with('4'), "{uuid}");
            assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
        }
        assert_ne!(uuid().unwrap(), uuid().unwrap());
    }
}
