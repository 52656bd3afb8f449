//! Hashes that other systems made: taken over with their users, verified as they were made, and
//! replaced by one of our own at the first login (contract, section 7.7).
//!
//! The form is that of Auth0's `custom_password_hash`, and is stored as it came. It is checked when
//! it is imported and again when it is used: what asks for more work than this server does for one
//! password is refused both times.

mod digest;
mod verifier;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::verifier::Verifier;
use super::hash::{HashError, Workspace};
use super::password::Password;

/// A hash in the form of `custom_password_hash`. Not printed: it is what an attacker wants.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomHash {
    algorithm: String,
    hash: HashValue,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<Salt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<Transcoding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keylen: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    block_size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parallelization: Option<u32>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashValue {
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Encoded>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Salt {
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transcoding {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
}

/// The longest text within a custom hash.
const MAX_TEXT_BYTES: usize = 2_048;

impl CustomHash {
    /// Accepts a hash that this server would also verify.
    pub fn parse(document: &serde_json::Value) -> Result<Self, InvalidCustomHash> {
        // serde's message would quote the hash.
        let hash: Self = Deserialize::deserialize(document).map_err(|_| {
            InvalidCustomHash::new(
                Fault::InvalidType,
                "",
                "a member is missing, unknown or of another type",
            )
        })?;
        hash.check()?;
        Ok(hash)
    }

    /// A bare bcrypt hash: Auth0's `password_hash`.
    pub fn bcrypt(text: &str) -> Result<Self, InvalidCustomHash> {
        let hash = Self {
            algorithm: "bcrypt".to_owned(),
            hash: HashValue {
                value: text.to_owned(),
                encoding: None,
                digest: None,
                key: None,
            },
            salt: None,
            password: None,
            keylen: None,
            cost: None,
            block_size: None,
            parallelization: None,
        };
        hash.check()?;
        Ok(hash)
    }

    /// Whether it can be verified, within the caps.
    pub fn check(&self) -> Result<(), InvalidCustomHash> {
        Verifier::of(self).map(drop)
    }

    /// Whether `password` is the one that this was made from.
    pub(super) fn verify(
        &self,
        workspace: &mut Workspace,
        password: &Password,
    ) -> Result<bool, HashError> {
        match Verifier::of(self) {
            Ok(verifier) => verifier.verify(workspace, password.typed()),
            Err(invalid) => Err(HashError::Failed(invalid.to_string())),
        }
    }
}

impl fmt::Debug for CustomHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} hash]", self.algorithm)
    }
}

/// What is wrong with a custom hash, as an import reports it. It quotes nothing of the hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct InvalidCustomHash {
    /// The kind of fault.
    pub fault: Fault,
    /// Which member, from the custom hash down.
    pub path: &'static str,
    /// What would be right.
    pub message: &'static str,
}

/// Kinds of faults, as Auth0's import names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Neither the type nor the members that it must have.
    InvalidType,
    /// None of the values there are.
    EnumMismatch,
    /// Not in the form that the algorithm has.
    Format,
    /// Above a cap.
    Maximum,
    /// Below a floor.
    Minimum,
    /// Something that is not allowed here.
    NotPassed,
}

impl Fault {
    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidType => "INVALID_TYPE",
            Self::EnumMismatch => "ENUM_MISMATCH",
            Self::Format => "FORMAT",
            Self::Maximum => "MAXIMUM",
            Self::Minimum => "MINIMUM",
            Self::NotPassed => "NOT_PASSED",
        }
    }
}

impl InvalidCustomHash {
    fn new(fault: Fault, path: &'static str, message: &'static str) -> Self {
        Self {
            fault,
            path,
            message,
        }
    }
}
