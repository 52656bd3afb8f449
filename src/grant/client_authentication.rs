//! Authenticates the client of a request (RFC 6749, section 2.3; contract, section 1.2).

use std::net::IpAddr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{ClientCredentials, ClientProof, Error};
use crate::client::Client;
use crate::clock::Timestamp;
use crate::credential::guard::GuardError;
use crate::secret::{Digest, Secret};
use crate::server::Server;
use crate::store::{self, Batch, Record, Stored, Table};
use crate::tenant::Tenant;
use crate::token::{ClientAssertion, VerifyingKey};

/// A client that proved who it is, or a public one that had nothing to prove. Only [`authenticate`]
/// makes one.
#[derive(Clone)]
pub struct AuthenticatedClient(Box<Client>);

impl AuthenticatedClient {
    /// Its record.
    pub fn client(&self) -> &Client {
        &self.0
    }
}

/// Finds the client and checks what it presented: at the token endpoint, and at every other endpoint
/// where a client authenticates. What is wrong counts against the address that it came from, at all
/// of them together.
pub(super) async fn authenticate(
    server: &Server,
    tenant: &Tenant,
    presented: &ClientCredentials,
    address: IpAddr,
) -> Result<AuthenticatedClient, Error> {
    let now = server.clock.now();
    let reason = match check(server, tenant, presented, now).await {
        Err(Error::ClientAuthentication(reason)) => reason,
        checked => return checked,
    };
    let (client_id, guard) = (&presented.client_id, &server.guard);
    let counted = guard.wrong_secret(&tenant.name, client_id, address, now);
    Err(match counted.await {
        Err(GuardError::Stopped(stopped)) => Error::TooManyWrongSecrets(stopped),
        Err(error) => error.into(),
        Ok(()) => Error::ClientAuthentication(reason),
    })
}

async fn check(
    server: &Server,
    tenant: &Tenant,
    presented: &ClientCredentials,
    now: Timestamp,
) -> Result<AuthenticatedClient, Error> {
    let parts = [tenant.name.as_str(), presented.client_id.as_str()];
    let stored: Option<Stored<Client>> = server.records.get(&parts).await?;
    let client = stored.map(|stored| stored.record);

    let proved = match &presented.proof {
        ClientProof::Nothing => nothing(client.as_ref()),
        ClientProof::Secret(secret) => secret_of(client.as_ref(), secret, now),
        ClientProof::Assertion(assertion) => {
            signed(server, tenant, client.as_ref(), assertion, now).await?
        }
    };
    match (client, proved) {
        (None, _) => Err(Error::ClientAuthentication("there is no such client")),
        (Some(_), Err(reason)) => Err(Error::ClientAuthentication(reason)),
        (Some(client), Ok(())) => Ok(AuthenticatedClient(Box::new(client))),
    }
}

/// Whether the proof holds; if not, why, for the log.
type Proved = Result<(), &'static str>;

fn nothing(client: Option<&Client>) -> Proved {
    match client {
        Some(client) if client.is_public() => Ok(()),
        _ => Err("a confidential client presented nothing"),
    }
}

/// Two digests are compared whatever there is to compare, so that the time tells neither whether
/// there is such a client nor whether it has a second secret.
fn secret_of(client: Option<&Client>, presented: &Secret, now: Timestamp) -> Proved {
    static NOBODY_S: LazyLock<Digest> = LazyLock::new(|| Digest::of(&Secret::default()));
    let mut secrets = client.into_iter().flat_map(|client| client.secrets(now));
    let mut matches = false;
    for secret in [secrets.next(), secrets.next()] {
        let equal = secret.unwrap_or(&NOBODY_S).matches(presented);
        matches |= equal && secret.is_some();
    }
    if matches {
        return Ok(());
    }
    Err("the secret is wrong, or the client has none")
}

/// A client assertion that was used. Its key says which; that it exists says it all.
#[derive(Serialize, Deserialize)]
struct UsedAssertion {}

impl Record for UsedAssertion {
    const TABLE: Table = Table::UsedAssertion;
}

/// How much longer than it is good an assertion is remembered: on another machine, whose clock is
/// behind, it is good for longer.
const REMEMBERED_SECS: u64 = 60;

async fn signed(
    server: &Server,
    tenant: &Tenant,
    client: Option<&Client>,
    assertion: &ClientAssertion,
    now: Timestamp,
) -> Result<Proved, Error> {
    let Some(client) = client else {
        return Ok(Err("there is no such client"));
    };
    let credentials = client.credentials(now).filter_map(|credential| {
        let key = VerifyingKey::of_client(credential.alg, &credential.public).ok()?;
        Some((credential.kid.as_str(), key))
    });
    let verified = match assertion.verify(credentials, tenant.issuer.as_str(), now) {
        Ok(verified) => verified,
        Err(error) => return Ok(Err(error.0)),
    };

    // RFC 7523, section 3, item 7: good once. On disk before anything comes of it, so that neither
    // a restart nor another node forgets; of two at the same instant one finds the other's record.
    let digest = Digest::of(&Secret::new(verified.jti));
    let tenant = tenant.name.as_str();
    let parts = [tenant, client.client_id.as_str(), digest.as_str()];
    let until = verified.expires_at.plus_secs(REMEMBERED_SECS);
    let batch = Batch::durable().insert_until(&parts, &UsedAssertion {}, until);
    match server.records.commit(batch).await {
        Ok(()) => Ok(Ok(())),
        Err(store::Error::Conflict) => Ok(Err("the assertion was used before")),
        Err(error) => Err(error.into()),
    }
}
