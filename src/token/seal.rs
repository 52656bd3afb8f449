//! To come.

use serde::{Deserialize, Serialize};

/// A value encrypted under the master key and bound to the place it is stored in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);
