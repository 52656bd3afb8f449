//! The master key: a file of its own or an environment variable, never in the store.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::random::{self, NoRandomness};
use crate::secret::Secret;

const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 8;

/// Far above 44 characters and a line end; a file of another kind is not read whole.
const MAX_FILE_BYTES: u64 = 1024;

/// The key under which everything secret in the store is sealed. Cheap to clone, never printed.
///
/// The bytes themselves are not kept: one key derived from them seals, another value derived from
/// them names the key in what it sealed, so that a wrong key is told from a damaged value.
#[derive(Clone)]
pub struct MasterKey(Arc<Derived>);

struct Derived {
    id: String,
    sealing: LessSafeKey,
}

impl MasterKey {
    /// Reads the key from a file, or makes both if there is no file.
    ///
    /// The file appears whole or not at all, readable by its owner only and synced to disk, before
    /// this returns: a key that was lost with the power would take every signing key with it.
    pub fn load_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        let io = |error| MasterKeyError::File(path.display().to_string(), error);
        match File::open(path) {
            Ok(file) => return Self::load(path, file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
        let key = Zeroizing::new(random::bytes::<KEY_BYTES>()?);
        match create(path, key.as_slice()) {
            Ok(()) => Self::derive(&*key),
            // Another process was faster; its key is the key.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Self::load(path, File::open(path).map_err(io)?)
            }
            Err(error) => Err(io(error)),
        }
    }

    /// Reads the key from the text of an environment variable: 32 bytes in base64 or hexadecimal.
    pub fn from_env_text(text: &Secret) -> Result<Self, MasterKeyError> {
        let bytes = decode(text.expose()).ok_or(MasterKeyError::Text)?;
        Self::derive(bytes.as_slice())
    }

    /// Names the key without saying anything of it.
    pub(super) fn id(&self) -> &str {
        &self.0.id
    }

    pub(super) fn sealing(&self) -> &LessSafeKey {
        &self.0.sealing
    }

    fn load(path: &Path, file: File) -> Result<Self, MasterKeyError> {
        let name = || path.display().to_string();
        let io = |error| MasterKeyError::File(name(), error);
        // Asked of the open file, so that it cannot be exchanged in between.
        if is_open_to_others(&file.metadata().map_err(io)?) {
            return Err(MasterKeyError::OpenToOthers(name()));
        }
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE_BYTES as usize));
        file.take(MAX_FILE_BYTES)
            .read_to_string(&mut text)
            .map_err(io)?;
        let bytes = decode(&text).ok_or_else(|| MasterKeyError::Content(name()))?;
        Self::derive(bytes.as_slice())
    }

    fn derive(key: &[u8]) -> Result<Self, MasterKeyError> {
        let key = Salt::new(HKDF_SHA256, &[]).extract(key);
        let mut id = [0; ID_BYTES];
        let mut sealing = Zeroizing::new([0; KEY_BYTES]);
        let derive = |purpose: &[u8], out: &mut [u8]| {
            let purpose = [purpose];
            key.expand(&purpose, Length(out.len()))?.fill(out)
        };
        derive(b"claimsmith master key id", &mut id).map_err(|_| MasterKeyError::Crypto)?;
        derive(b"claimsmith sealing key", &mut *sealing).map_err(|_| MasterKeyError::Crypto)?;
        let sealing =
            UnboundKey::new(&AES_256_GCM, &*sealing).map_err(|_| MasterKeyError::Crypto)?;
        Ok(Self(Arc::new(Derived {
            id: URL_SAFE_NO_PAD.encode(id),
            sealing: LessSafeKey::new(sealing),
        })))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[master key]")
    }
}

struct Length(usize);

impl aws_lc_rs::hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim();
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes = if is_hex && text.len() == 2 * KEY_BYTES {
        let digits = text.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect::<Option<Vec<_>>>()?
    } else {
        let unpadded = text.trim_end_matches('=');
        let standard = Zeroizing::new(unpadded.replace('-', "+").replace('_', "/"));
        STANDARD_NO_PAD.decode(standard.as_bytes()).ok()?
    };
    let bytes = Zeroizing::new(bytes);
    (bytes.len() == KEY_BYTES).then_some(bytes)
}

/// Writes the key beside its place, syncs it, and gives it its name only if that is still free.
fn create(path: &Path, key: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let suffix = random::id().map_err(std::io::Error::other)?;
    let draft = folder.join(format!(".master-key-{suffix}"));
    let written = write_new(&draft, key).and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft).or_else(|error| if written.is_ok() { Err(error) } else { Ok(()) })?;
    written?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn write_new(path: &Path, key: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let text = Zeroizing::new(STANDARD.encode(key));
    writeln!(file, "{}", &*text)?;
    file.sync_all()
}

#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or written.
    #[error("the master key file `{0}` cannot be used: {1}")]
    File(String, #[source] std::io::Error),
    /// Other users of the machine can read the file.
    #[error(
        "the master key file `{0}` is open to other users of this machine: run `chmod 600 {0}`"
    )]
    OpenToOthers(String),
    /// The file holds something else.
    #[error("the file `{0}` holds no master key: it must be 32 bytes in base64 or hexadecimal")]
    Content(String),
    /// The variable holds something else.
    #[error(
        "the master key must be 32 bytes in base64 or hexadecimal: try `openssl rand -base64 32`"
    )]
    Text,
    /// There is no randomness to make one of.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The cryptographic library failed.
    #[error("the master key could not be prepared")]
    Crypto,
}
