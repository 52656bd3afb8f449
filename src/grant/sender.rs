//! What the tokens of a request will be bound to.

use super::Error;
use crate::client::{Client, SenderConstraint};
use crate::clock::Timestamp;
use crate::server::Server;
use crate::tenant::Tenant;
use crate::token::dpop::{self, DpopError, Target};
use crate::token::{Confirmation, Possession};

/// The key that the sender proved to hold; none if it need not and did not.
pub(super) async fn confirm(
    server: &Server,
    tenant: &Tenant,
    client: &Client,
    possession: &Possession,
    now: Timestamp,
) -> Result<Option<Confirmation>, Error> {
    let refused = |text: &str| Err(Error::InvalidRequest(text.to_owned()));
    let Possession { dpop, certificate } = possession;
    match (client.sender_constraint, dpop, certificate) {
        (SenderConstraint::Certificate, None, Some(certificate)) => {
            Ok(Some(Confirmation::Certificate(certificate.clone())))
        }
        (SenderConstraint::Certificate, None, None) => {
            refused("This client must use a TLS certificate.")
        }
        // One token is bound to one key, and nobody is left to guess to which.
        (SenderConstraint::Certificate, Some(_), _) => refused(
            "The tokens of this client are bound to its TLS certificate, not to a DPoP key.",
        ),
        (SenderConstraint::Dpop, None, _) => refused("This client must send a DPoP proof."),
        (SenderConstraint::Optional, None, _) => Ok(None),
        (SenderConstraint::Dpop | SenderConstraint::Optional, Some(proof), _) => {
            let target = Target {
                method: "POST",
                uri: &tenant.issuer.endpoint("oauth/token"),
                access_token: None,
            };
            let Server {
                records, keyring, ..
            } = server;
            let key = dpop::verify(records, keyring, tenant, proof, target, now).await?;
            Ok(Some(key))
        }
    }
}

impl From<DpopError> for Error {
    fn from(error: DpopError) -> Self {
        match error {
            DpopError::Invalid(reason) => Self::InvalidDpopProof(reason),
            DpopError::NonceNeeded(nonce) => Self::DpopNonceNeeded(nonce),
            DpopError::Seal(error) => Self::Internal(error.to_string()),
            DpopError::Store(error) => Self::Store(error),
        }
    }
}
