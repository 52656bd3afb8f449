//! AES for rules that keep what they encrypted elsewhere, or read what others did.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    self, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use serde::Deserialize;

use super::parts;

#[derive(Deserialize)]
struct Wanted {
    name: String,
    decrypt: bool,
}

/// Of key, IV, additional data and text. A text that is sealed ends with its code, of 16 bytes.
pub(super) fn cipher(text: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let wanted: Wanted = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let [key, iv, additional, data] = parts::split(bytes)?;
    let cbc = |algorithm| chained(algorithm, key, iv, data, wanted.decrypt);
    let gcm = |algorithm| sealed(algorithm, key, iv, additional, data, wanted.decrypt);
    match wanted.name.as_str() {
        "aes-128-cbc" => cbc(&cipher::AES_128),
        "aes-192-cbc" => cbc(&cipher::AES_192),
        "aes-256-cbc" => cbc(&cipher::AES_256),
        "aes-128-gcm" => gcm(&aead::AES_128_GCM),
        "aes-192-gcm" => gcm(&aead::AES_192_GCM),
        "aes-256-gcm" => gcm(&aead::AES_256_GCM),
        other => Err(format!("there is no cipher `{other}` here")),
    }
}

/// CBC with the padding of PKCS#7 (NIST SP 800-38A).
fn chained(
    algorithm: &'static cipher::Algorithm,
    key: &[u8],
    iv: &[u8],
    data: &[u8],
    decrypt: bool,
) -> Result<Vec<u8>, String> {
    let key = UnboundCipherKey::new(algorithm, key).map_err(|_| "Invalid key length")?;
    let iv = FixedLength::try_from(iv).map_err(|_| "Invalid initialization vector")?;
    let mut text = data.to_vec();
    if decrypt {
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| "Invalid key")?;
        let plain = key.decrypt(&mut text, DecryptionContext::Iv128(iv));
        return Ok(plain.map_err(|_| "bad decrypt")?.to_vec());
    }
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(|_| "Invalid key")?;
    key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(iv))
        .map_err(|_| "it cannot be encrypted")?;
    Ok(text)
}

/// GCM (NIST SP 800-38D).
fn sealed(
    algorithm: &'static aead::Algorithm,
    key: &[u8],
    iv: &[u8],
    additional: &[u8],
    data: &[u8],
    decrypt: bool,
) -> Result<Vec<u8>, String> {
    let key = UnboundKey::new(algorithm, key).map_err(|_| "Invalid key length")?;
    let key = LessSafeKey::new(key);
    let nonce = Nonce::try_assume_unique_for_key(iv)
        .map_err(|_| "Invalid initialization vector: it is 12 bytes with GCM")?;
    let mut text = data.to_vec();
    if decrypt {
        let plain = key.open_in_place(nonce, Aad::from(additional), &mut text);
        let plain = plain.map_err(|_| "Unsupported state or unable to authenticate data")?;
        return Ok(plain.to_vec());
    }
    key.seal_in_place_append_tag(nonce, Aad::from(additional), &mut text)
        .map_err(|_| "it cannot be encrypted")?;
    Ok(text)
}
