//! The store of the integration tests, for the tests that must stand inside the crate: those of the
//! mint, which takes nothing that a test outside could make.

use crate::{clock, store};

#[path = "../../tests/it/support/memory.rs"]
pub(super) mod memory;
