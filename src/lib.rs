//! Claimsmith: a token server whose tenants decide with WebAssembly rules.
//!
//! ```text
//!           POST /oauth/token   (the tenant is the Host name, or the only tenant there is)
//!                    │
//!   http ────────────┤ form or JSON, Basic header                      TokenRequest
//!                    ▼
//!   grant   1 authenticate the client                                  AuthenticatedClient
//!           2 is this grant allowed
//!                    ▼
//!   credential  3 whom is the token about                              Principal
//!                    ▼
//!   grant   4 which API, which scopes by policy                        GrantedScopes
//!                    ▼
//!   rule_host  5 run the tenant's rules in order                       ApprovedClaims | Denial
//!                    ▼
//!   token   6 mint: assemble claims, sign                              TokenResponse
//!                    ▼
//!   http ──── 7 respond: JSON, or one error → code, status, text
//!
//!   store   under grant, credential, token and admin: one small trait, sled
//!   cli     enters at 5 with a fixture instead of a login; `serve` enters at the top
//! ```
//!
//! Every arrow is a type that only the box above it can make. [`token::mint`] takes
//! [`rule_host::ApprovedClaims`] by value; only [`rule_host`] makes one, out of a
//! [`credential::AuthenticatedUser`] that only [`credential`] makes. A grant that leaves out a
//! phase does not compile.
//!
//! The modules stand here in the order in which data flows through them.

pub mod cli;
pub mod http;

pub mod grant;

pub mod checker;
pub mod credential;
pub mod rule_host;
pub mod token;

pub mod account;
pub mod admin;

pub mod action;
pub mod api;
pub mod client;
pub mod client_grant;
pub mod connection;
pub mod job;
pub mod log;
pub mod log_stream;
pub mod mail;
pub mod metrics;
pub mod quota;
pub mod role;
pub mod rule;
pub mod stats;
pub mod tenant;
pub mod user;

pub mod store;

pub mod clock;
pub mod config;
pub mod identity;
pub mod random;
pub mod recording;
pub(crate) mod replay;
pub mod secret;
pub mod server;
pub mod trace;
pub mod webhook;
