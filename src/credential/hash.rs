//! Argon2id and its stored form. The only file that knows the crate.

use std::fmt;

use argon2::password_hash::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::password::Password;
use crate::random;

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// No PHC string within the caps below is longer.
const MAX_PHC_BYTES: usize = 256;

/// How costly hashing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashSettings {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes. They are computed one after the other, so more than one only matches other systems.
    pub lanes: u32,
}

/// OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
impl Default for HashSettings {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
        }
    }
}

impl HashSettings {
    /// The most memory that is ever used for one password, in KiB.
    pub const MAX_MEMORY_KIB: u32 = 64 * 1024;
    /// The most passes.
    pub const MAX_PASSES: u32 = 10;
    /// The most lanes.
    pub const MAX_LANES: u32 = 4;

    /// Refuses what is beyond the caps, or what Argon2 cannot do (8 KiB a lane are its minimum).
    ///
    /// The caps hold for stored hashes too: an imported one that asks for 4 GiB would otherwise be
    /// an attack that is carried out at the next login.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        let fits = (1..=Self::MAX_LANES).contains(&self.lanes)
            && (8 * self.lanes..=Self::MAX_MEMORY_KIB).contains(&self.memory_kib)
            && (1..=Self::MAX_PASSES).contains(&self.passes);
        if fits {
            Ok(())
        } else {
            Err(InvalidSettings(*self))
        }
    }
}

/// A cost that is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "argon2id cannot run with {} KiB, {} passes, {} lanes: use 8 KiB a lane to {} KiB, 1 to {} passes, 1 to {} lanes",
    .0.memory_kib, .0.passes, .0.lanes,
    HashSettings::MAX_MEMORY_KIB, HashSettings::MAX_PASSES, HashSettings::MAX_LANES
)]
pub struct InvalidSettings(pub HashSettings);

/// A password's hash in the PHC string format, for example
/// `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`. Not printed: it is what an attacker wants.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phc(String);

impl Phc {
    /// Accepts a hash from elsewhere, if this server would also verify it.
    pub fn parse(text: &str) -> Result<Self, InvalidHash> {
        Parsed::of(text)?;
        Ok(Self(text.to_owned()))
    }

    /// A hash that no password has, at the cost of `settings`: what a login without an account is
    /// checked against, so that it costs what a wrong password costs.
    pub(super) fn unmatchable(settings: &HashSettings) -> Result<Self, random::NoRandomness> {
        Ok(Self::encode(
            settings,
            &random::bytes::<SALT_BYTES>()?,
            &random::bytes::<OUTPUT_BYTES>()?,
        ))
    }

    fn encode(settings: &HashSettings, salt: &[u8], output: &[u8]) -> Self {
        let HashSettings {
            memory_kib,
            passes,
            lanes,
        } = settings;
        let salt = STANDARD_NO_PAD.encode(salt);
        let output = STANDARD_NO_PAD.encode(output);
        Self(format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${output}"
        ))
    }

    /// The string itself, for an export. Every call is a place to review.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it was made with other settings than these, or cannot be read at all.
    pub fn needs_rehash(&self, settings: &HashSettings) -> bool {
        Parsed::of(&self.0).map_or(true, |parsed| parsed.settings != *settings)
    }
}

impl fmt::Debug for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

/// Why a stored hash is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHash {
    /// It is not a PHC string, or not of Argon2id in version 19.
    #[error("the hash is not a PHC string of argon2id, version 19")]
    Format,
    /// It asks for more work than this server does for one password.
    #[error(transparent)]
    Cost(#[from] InvalidSettings),
    /// Its salt is not 8 to 48 bytes, or its output not 16 to 64.
    #[error("the hash has a salt or an output of an unusual length")]
    Length,
}

/// The variant that new hashes are made with.
const OWN: (Algorithm, Version) = (Algorithm::Argon2id, Version::V0x13);

/// A hash of any variant of Argon2 that another system made, within the same caps.
pub(super) struct AnyArgon2(Parsed);

impl AnyArgon2 {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidHash> {
        Ok(Self(Parsed::of_any(text)?))
    }

    /// Whether `password`, byte for byte, is the one that this was made from.
    pub(super) fn verify(
        &self,
        workspace: &mut Workspace,
        password: &[u8],
    ) -> Result<bool, HashError> {
        workspace.matches(&self.0, password)
    }
}

/// The memory in which passwords are hashed, kept from one to the next: fresh pages for 19 MiB cost
/// a good part of a hash. One for each thread.
#[derive(Default)]
pub(super) struct Workspace {
    blocks: Vec<Block>,
}

impl Workspace {
    /// Hashes a password under a new random salt.
    pub(super) fn hash(
        &mut self,
        settings: &HashSettings,
        password: &Password,
    ) -> Result<Phc, HashError> {
        let salt = random::bytes::<SALT_BYTES>()?;
        let mut output = [0; OUTPUT_BYTES];
        self.argon2(OWN, settings, password.as_bytes(), &salt, &mut output)?;
        Ok(Phc::encode(settings, &salt, &output))
    }

    /// Whether `password` is the one that `phc` was made from.
    pub(super) fn verify(&mut self, phc: &Phc, password: &Password) -> Result<bool, HashError> {
        self.matches(&Parsed::of(&phc.0)?, password.as_bytes())
    }

    fn matches(&mut self, parsed: &Parsed, password: &[u8]) -> Result<bool, HashError> {
        let mut output = vec![0; parsed.output.len()];
        let variant = (parsed.algorithm, parsed.version);
        self.argon2(
            variant,
            &parsed.settings,
            password,
            &parsed.salt,
            &mut output,
        )?;
        Ok(output.ct_eq(&parsed.output).into())
    }

    /// Gives memory back that only an unusually costly hash needed.
    pub(super) fn trim(&mut self, settings: &HashSettings) {
        let usual = settings.memory_kib as usize;
        if self.blocks.len() > usual {
            self.blocks.truncate(usual);
            self.blocks.shrink_to_fit();
        }
    }

    fn argon2(
        &mut self,
        (algorithm, version): (Algorithm, Version),
        settings: &HashSettings,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), HashError> {
        let params = Params::new(
            settings.memory_kib,
            settings.passes,
            settings.lanes,
            Some(output.len()),
        )
        .map_err(|_| InvalidSettings(*settings))?;
        let needed = params.block_count();
        if self.blocks.len() < needed {
            self.blocks.resize(needed, Block::default());
        }
        Argon2::new(algorithm, version, params)
            .hash_password_into_with_memory(password, salt, output, &mut self.blocks)
            .map_err(|error| HashError::Failed(error.to_string()))
    }
}

/// Why no hash was computed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HashError {
    #[error(transparent)]
    Random(#[from] random::NoRandomness),
    #[error(transparent)]
    Invalid(#[from] InvalidHash),
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    #[error("argon2 failed: {0}")]
    Failed(String),
}

struct Parsed {
    algorithm: Algorithm,
    version: Version,
    settings: HashSettings,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Parsed {
    /// A hash of our own kind.
    fn of(text: &str) -> Result<Self, InvalidHash> {
        let parsed = Self::of_any(text)?;
        match (parsed.algorithm, parsed.version) == OWN {
            true => Ok(parsed),
            false => Err(InvalidHash::Format),
        }
    }

    /// Reads a PHC string and applies the caps, before a byte is allocated for the work itself.
    fn of_any(text: &str) -> Result<Self, InvalidHash> {
        if text.len() > MAX_PHC_BYTES {
            return Err(InvalidHash::Format);
        }
        let phc = PasswordHash::new(text).map_err(|_| InvalidHash::Format)?;
        let algorithm = Algorithm::new(phc.algorithm.as_str()).map_err(|_| InvalidHash::Format)?;
        // A string without a version is of the time before there were two.
        let version = Version::try_from(phc.version.unwrap_or(16));
        let version = version.map_err(|_| InvalidHash::Format)?;
        let cost = |name| {
            let value = phc.params.get_decimal(name);
            value.ok_or(InvalidHash::Format)
        };
        let settings = HashSettings {
            memory_kib: cost("m")?,
            passes: cost("t")?,
            lanes: cost("p")?,
        };
        // `keyid` and `data` belong to hashes with a secret that this server does not have.
        if phc.params.iter().count() != 3 {
            return Err(InvalidHash::Format);
        }
        settings.check()?;
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
            return Err(InvalidHash::Format);
        };
        let salt = STANDARD_NO_PAD
            .decode(salt.as_str())
            .map_err(|_| InvalidHash::Format)?;
        let output = output.as_bytes().to_vec();
        if !(8..=48).contains(&salt.len()) || !(16..=64).contains(&output.len()) {
            return Err(InvalidHash::Length);
        }
        Ok(Self {
            algorithm,
            version,
            settings,
            salt,
            output,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9106, section 5.3.
    #[test]
    fn argon2id_gives_the_answer_of_rfc_9106() {
        let params = argon2::ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
            .output_len(32)
            .build()
            .unwrap();
        let secret = [3; 8];
        let argon2 =
            Argon2::new_with_secret(&secret, Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut output = [0; 32];
        argon2
            .hash_password_into(&[1; 32], &[2; 16], &mut output)
            .unwrap();
        let hex: String = output.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
        );
    }

    fn password(text: &str) -> Password {
        Password::new(crate::secret::Secret::new(text)).unwrap()
    }

    const CHEAP: HashSettings = HashSettings {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };

    #[test]
    fn used_memory_does_not_change_the_answer_and_is_given_back() {
        let mut used = Workspace::default();
        let large = HashSettings {
            memory_kib: 256,
            passes: 2,
            lanes: 2,
        };
        let phc = used.hash(&large, &password("one")).unwrap();
        assert!(!used.verify(&phc, &password("two")).unwrap());
        assert!(used.verify(&phc, &password("one")).unwrap());
        assert!(Workspace::default().verify(&phc, &password("one")).unwrap());
        used.trim(&CHEAP);
        assert_eq!(used.blocks.len(), 8);
        assert!(used.verify(&phc, &password("one")).unwrap());
    }

    #[test]
    fn a_salt_is_never_used_twice() {
        let mut workspace = Workspace::default();
        let one = workspace.hash(&CHEAP, &password("same")).unwrap();
        let two = workspace.hash(&CHEAP, &password("same")).unwrap();
        assert_ne!(one, two);
    }

    /// From the test suite of the reference implementation: `password` under `somesalt`.
    #[test]
    fn a_hash_of_the_reference_implementation_verifies() {
        let phc = Phc::parse(
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        )
        .unwrap();
        let mut workspace = Workspace::default();
        assert!(workspace.verify(&phc, &password("password")).unwrap());
        assert!(!workspace.verify(&phc, &password("Password")).unwrap());
    }
}
