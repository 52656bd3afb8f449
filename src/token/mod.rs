//! Tokens: their claims, the one place that signs them, and the keys it signs with.

pub mod access;
mod access_token;
mod algorithm;
pub mod claims;
mod client_assertion;
mod confirmation;
pub mod dpop;
pub mod introspection;
mod jwk;
mod jws;
mod key_pair;
mod keys;
pub mod management;
mod master_key;
mod mint;
mod public_key_text;
pub mod refresh;
pub mod revocation;
mod rotation;
mod seal;
#[cfg(test)]
mod testing;

pub use self::access_token::LookupError;
pub use self::algorithm::{AssertionAlgorithm, SigningAlgorithm};
pub use self::client_assertion::{ClientAssertion, InvalidAssertion, VerifiedAssertion};
pub use self::confirmation::{Confirmation, Possession};
pub use self::jwk::{InvalidKey, PublicKey, VerifyingKey};
pub use self::jws::{InvalidSignature, Unverified, Verified};
pub use self::keys::{JWKS_MAX_AGE, KeyError, KeyState, Keyring, MIN_API_SECRET_BYTES, SigningKey};
pub use self::master_key::{MasterKey, MasterKeyError};
pub use self::mint::{
    Mint, MintError, OPAQUE_TOKEN_LIFETIME, Offline, TokenResponse, TokenSubject, mint,
};
pub use self::public_key_text::PublicKeyText;
pub use self::rotation::{MAX_PREVIOUS, NOTICE, Notice, RotationError};
pub use self::seal::{SealError, Sealed};

/// The scope that asks for a refresh token (OpenID Connect Core, section 11).
pub const OFFLINE_ACCESS: &str = "offline_access";
