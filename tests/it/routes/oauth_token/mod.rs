//! `POST /oauth/token`.

mod audience;
mod client_authentication;
mod client_credentials;
mod fetch;
mod guessing;
mod javascript;
mod password;
mod permissions;
mod private_key_jwt;
mod refresh_token;
mod refused;
mod rules;
mod scope;
mod tenants;
