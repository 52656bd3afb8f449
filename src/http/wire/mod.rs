//! Strict HTTP/1.1 framing, underneath hyper.
//!
//! hyper accepts requests that a proxy in front of it may read differently: both `Content-Length` and
//! `Transfer-Encoding`, no `Host` or two, lines ended by a bare LF. Whoever finds two readers that disagree can hide a
//! request inside another (request smuggling) or reach another tenant's host. So [`StrictStream`] sits between socket
//! and hyper and lets a request through only when there is one way to read it.
//!
//! [`head`] judges a request head, [`chunked`] a chunked body, [`target`] the request target and the `Host` field.
//! All three are plain functions over bytes, which the tests and the fuzz targets call directly.

pub mod chunked;
pub mod head;
mod stream;
pub mod target;
mod timer;
mod violation;

pub use stream::{StreamLimits, StrictStream};
pub use violation::Violation;
pub(super) use violation::raw_response;
