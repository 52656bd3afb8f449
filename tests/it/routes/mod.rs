//! The HTTP interface, laid out as its URLs are. Every test talks to a real server over a socket.

mod api_v2;
mod dbconnections;
mod dpop;
mod health;
mod keys;
mod oauth_introspect;
mod oauth_revoke;
mod oauth_token;
mod userinfo;
mod well_known;
