//! Encryption at rest: values sealed under the master key and bound to the place they are stored in.

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::MasterKey;
use crate::random::{self, NoRandomness};

/// A value encrypted under the master key and bound to the place it is stored in:
/// `v1.<key id>.<nonce, ciphertext and tag>`, the last two in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// Encrypts `plain` with AES-256-GCM under a random nonce. `context` says where the value
    /// belongs (what it is, tenant, id): opened with another context it is refused, so that
    /// nobody who writes to the store can put one tenant's key in the place of another's.
    pub fn seal(master: &MasterKey, context: &[&str], plain: &[u8]) -> Result<Self, SealError> {
        let nonce = random::bytes::<NONCE_LEN>()?;
        let mut text = Zeroizing::new(plain.to_vec());
        let tag = master.sealing().seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            aad(context),
            &mut text,
        );
        let tag = tag.map_err(|_| SealError::Crypto)?;
        let sealed = [nonce.as_slice(), &text, tag.as_ref()].concat();
        let (id, sealed) = (master.id(), URL_SAFE_NO_PAD.encode(sealed));
        Ok(Self(format!("v1.{id}.{sealed}")))
    }

    /// A sealed value that was sent to somebody and came back, or anything else: [`Self::open`] tells.
    pub(super) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The value as text, to be sent to somebody.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// Decrypts it, if it was sealed under this key for this place.
    pub fn open(
        &self,
        master: &MasterKey,
        context: &[&str],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut parts = self.0.split('.');
        let (Some(version), Some(id), Some(sealed), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SealError::Form);
        };
        if version != "v1" {
            return Err(SealError::Version(version.chars().take(20).collect()));
        }
        if id != master.id() {
            return Err(SealError::OtherKey);
        }
        let sealed = URL_SAFE_NO_PAD
            .decode(sealed)
            .map_err(|_| SealError::Form)?;
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Form)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Form)?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = master
            .sealing()
            .open_in_place(nonce, aad(context), &mut text);
        let length = opened.map_err(|_| SealError::Refused)?.len();
        text.truncate(length);
        Ok(text)
    }
}

/// The context as bytes, each part after its length: no two contexts give the same.
fn aad(context: &[&str]) -> Aad<Vec<u8>> {
    let mut bytes = Vec::new();
    for part in context {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    Aad::from(bytes)
}

/// Why a value was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The master key is not the one that this value was sealed under.
    #[error(
        "sealed under another master key: start the server with the key this store was made with"
    )]
    OtherKey,
    /// It was changed, or moved here from another place.
    #[error("a sealed value was changed, or belongs to another record")]
    Refused,
    /// It is not a sealed value.
    #[error("this is not a sealed value")]
    Form,
    /// A newer program sealed it.
    #[error("sealed in the form `{0}`, which this version does not know")]
    Version(String),
    /// There is no randomness to make a nonce of.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The cryptographic library failed.
    #[error("the value could not be sealed")]
    Crypto,
}
