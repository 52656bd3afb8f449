//! Tokens: their claims, the one place that signs them, and the keys it signs with.

mod algorithm;
mod seal;

pub use self::algorithm::SigningAlgorithm;
pub use self::seal::Sealed;
