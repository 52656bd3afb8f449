//! `POST /oauth/token`.

mod audience;
mod client_authentication;
mod password;
mod refused;
mod rules;
mod scope;
mod tenants;
