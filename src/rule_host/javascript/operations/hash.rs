//! Hashes, HMAC and PBKDF2 for rules. Weak ones are here because others' interfaces want them; nothing of this
//! server relies on what a rule hashes.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac as hmac_aws, pbkdf2};
use hmac::{Hmac, Mac as _};
use md5::{Digest as _, Md5};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::parts;

/// Iterations times blocks of one derivation: some hundred milliseconds, in which no deadline is looked at.
const MOST_ROUNDS: u64 = 200_000;

/// Fuel of a round: about as long as the engine takes to use that much. A rule's fuel is enough for one derivation
/// of the longest.
const ROUND: u64 = 800;

pub(super) fn hash(name: &str, data: &[u8]) -> Result<Vec<u8>, String> {
    let algorithm = match name {
        "md5" => return Ok(Md5::digest(data).to_vec()),
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha224" => &digest::SHA224,
        "sha256" => &digest::SHA256,
        "sha384" => &digest::SHA384,
        "sha512" => &digest::SHA512,
        _ => return Err(unknown(name)),
    };
    Ok(digest::digest(algorithm, data).as_ref().to_vec())
}

/// Of key and data.
pub(super) fn hmac(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let [key, data] = parts::split(bytes)?;
    let algorithm = match name {
        // AWS-LC does not offer it.
        "md5" => {
            let mut code = Hmac::<Md5>::new_from_slice(key).map_err(|e| e.to_string())?;
            code.update(data);
            return Ok(code.finalize().into_bytes().to_vec());
        }
        "sha1" => hmac_aws::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha224" => hmac_aws::HMAC_SHA224,
        "sha256" => hmac_aws::HMAC_SHA256,
        "sha384" => hmac_aws::HMAC_SHA384,
        "sha512" => hmac_aws::HMAC_SHA512,
        _ => return Err(unknown(name)),
    };
    let key = hmac_aws::Key::new(algorithm, key);
    Ok(hmac_aws::sign(&key, data).as_ref().to_vec())
}

/// Whether two byte strings are equal, in a time that does not tell where they differ.
pub(super) fn equal(bytes: &[u8]) -> Result<bool, String> {
    let [one, other] = parts::split(bytes)?;
    Ok(one.ct_eq(other).into())
}

#[derive(Deserialize)]
struct Derivation {
    iterations: u32,
    length: usize,
    hash: String,
}

/// What a derivation costs in fuel. A malformed one costs nothing, since nothing is derived.
pub(super) fn price_of_pbkdf2(text: &str) -> u64 {
    let wanted: Option<Derivation> = serde_json::from_str(text).ok();
    let rounds = wanted.and_then(|wanted| Some(rounds(&wanted, derivation(&wanted.hash)?.1)));
    rounds.map_or(0, |rounds| rounds.min(MOST_ROUNDS).saturating_mul(ROUND))
}

/// The algorithm of a hash, and the size of a block.
fn derivation(hash: &str) -> Option<(pbkdf2::Algorithm, usize)> {
    Some(match hash {
        "sha1" => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
        "sha256" => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        "sha384" => (pbkdf2::PBKDF2_HMAC_SHA384, 48),
        "sha512" => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        _ => return None,
    })
}

/// Iterations times blocks.
fn rounds(wanted: &Derivation, size: usize) -> u64 {
    let blocks = u64::try_from(wanted.length.div_ceil(size)).unwrap_or(u64::MAX);
    blocks.saturating_mul(u64::from(wanted.iterations))
}

/// Of password and salt.
pub(super) fn pbkdf2(text: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let [password, salt] = parts::split(bytes)?;
    let wanted: Derivation = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let (algorithm, size) = derivation(&wanted.hash).ok_or_else(|| unknown(&wanted.hash))?;
    let iterations =
        NonZeroU32::new(wanted.iterations).ok_or("PBKDF2 takes one iteration at least")?;
    if !(1..=MOST_ROUNDS).contains(&rounds(&wanted, size)) {
        return Err(format!(
            "a rule may use {MOST_ROUNDS} rounds of PBKDF2, which are iterations times blocks of {size} bytes"
        ));
    }
    let mut key = vec![0; wanted.length];
    pbkdf2::derive(algorithm, iterations, salt, password, &mut key);
    Ok(key)
}

fn unknown(name: &str) -> String {
    format!(
        "there is no hash `{name}` here; md5, sha1, sha224, sha256, sha384 and sha512 there are"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(parts: &[&[u8]]) -> Vec<u8> {
        let part = |part: &&[u8]| {
            let length = u32::try_from(part.len()).unwrap();
            [&length.to_be_bytes()[..], part].concat()
        };
        parts.iter().flat_map(part).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn rfc_2202_section_2_hmac_with_md5() {
        let answer = |key: &[u8], data: &[u8]| hex(&hmac("md5", &pack(&[key, data])).unwrap());
        let short = answer(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(short, "750c783e6ab0b503eaa86e310a5db738");
        let long = answer(
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
        );
        assert_eq!(long, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
    }

    #[test]
    fn rfc_6070_section_2_pbkdf2_with_sha1() {
        let wanted = r#"{"iterations": 4096, "length": 20, "hash": "sha1"}"#;
        let key = pbkdf2(wanted, &pack(&[b"password", b"salt"])).unwrap();
        assert_eq!(hex(&key), "4b007901b765489abead49d926f721d065a429c1");
    }

    #[test]
    fn as_many_rounds_as_allowed_and_no_more() {
        let derive = |iterations: u64, length: usize| {
            let wanted =
                format!(r#"{{"iterations": {iterations}, "length": {length}, "hash": "sha512"}}"#);
            pbkdf2(&wanted, &pack(&[b"p", b"s"]))
        };
        assert!(derive(MOST_ROUNDS, 64).is_ok());
        assert!(derive(MOST_ROUNDS, 65).is_err());
        assert!(derive(MOST_ROUNDS + 1, 64).is_err());
        assert!(derive(0, 64).is_err());
        assert!(derive(1, 0).is_err());
    }

    #[test]
    fn equal_bytes_are_equal() {
        assert_eq!(equal(&pack(&[b"abc", b"abc"])), Ok(true));
        assert_eq!(equal(&pack(&[b"abc", b"abd"])), Ok(false));
        assert_eq!(equal(&pack(&[b"abc", b"ab"])), Ok(false));
    }
}
