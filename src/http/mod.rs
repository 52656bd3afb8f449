//! The front door: connections, HTTP/1.1 framing, request parameters.
//!
//! A request passes [`accept`] (how many, how long), [`wire`] (is its framing beyond doubt), the router, and then
//! [`body`], [`params`] and [`authorization`], which turn bytes into values the endpoints can trust.

pub mod accept;
pub mod authorization;
pub mod body;
pub mod params;
pub mod wire;
