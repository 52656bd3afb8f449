//! The signature algorithms that an API can choose, and those that a client can.

use serde::{Deserialize, Serialize};

/// A JWS algorithm (RFC 7518, section 3.1; RFC 8037). Each key is used with one of them only
/// (RFC 8725, section 3.1).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every library verifies.
    #[default]
    #[value(name = "RS256")]
    RS256,
    /// RSASSA-PSS with SHA-256.
    #[value(name = "PS256")]
    PS256,
    /// ECDSA over P-256 with SHA-256.
    #[value(name = "ES256")]
    ES256,
    /// Ed25519.
    #[value(name = "EdDSA")]
    EdDSA,
    /// HMAC with SHA-256 under a secret shared with the API.
    #[value(name = "HS256")]
    HS256,
}

impl SigningAlgorithm {
    /// The algorithms that every tenant has a key pair for, the default first.
    pub const ASYMMETRIC: [Self; 4] = [Self::RS256, Self::PS256, Self::ES256, Self::EdDSA];

    /// Whether anyone can verify with a public key.
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self, Self::HS256)
    }
}

/// What a client signs its assertions with (contract, section 1.2). All are asymmetric: there is no
/// way to ask for an HMAC under what is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum AssertionAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[value(name = "RS256")]
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    #[value(name = "RS384")]
    RS384,
    /// RSASSA-PSS with SHA-256.
    #[value(name = "PS256")]
    PS256,
    /// RSASSA-PSS with SHA-384.
    #[value(name = "PS384")]
    PS384,
    /// ECDSA over P-256 with SHA-256.
    #[value(name = "ES256")]
    ES256,
    /// ECDSA over P-384 with SHA-384.
    #[value(name = "ES384")]
    ES384,
}

impl AssertionAlgorithm {
    /// All of them, as metadata names them.
    pub const ALL: [Self; 6] = [
        Self::RS256,
        Self::RS384,
        Self::PS256,
        Self::PS384,
        Self::ES256,
        Self::ES384,
    ];
}
