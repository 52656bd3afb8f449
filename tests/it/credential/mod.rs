//! Identifiers, password hashes, the hashing pool, and logins as a whole.
mod authenticate;
mod canonical;
mod foreign;
mod guard;
mod hash;
mod pool;
