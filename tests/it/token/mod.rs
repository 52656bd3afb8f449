//! Sealing, keys, signatures, and access tokens as /userinfo receives them.
mod access;
mod dpop;
mod jwk;
mod keys;
mod master_key;
mod rotation;
mod seal;
mod wycheproof;
