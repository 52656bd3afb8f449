//! The front door, from outside: raw bytes in, raw bytes out.
mod authorization;
mod connections;
mod head;
mod params;
mod requests;
mod server;
mod stream;
mod tls;
