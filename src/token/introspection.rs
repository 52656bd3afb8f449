//! What a token is worth at this moment (RFC 7662): looked up afresh each time, with everything that
//! it depends on.

use serde_json::{Map, Value, json};

use super::access_token::{AccessToken, LookupError};
use super::refresh::{self, Family, RefreshError};
use super::{Confirmation, Keyring, SigningAlgorithm};
use crate::api::{Api, ClientPolicy, UserPolicy};
use crate::client::Client;
use crate::client_grant::{ClientGrant, SubjectType};
use crate::clock::Timestamp;
use crate::credential::LoginEnded;
use crate::secret::Secret;
use crate::store::{self, Records};
use crate::tenant::Tenant;
use crate::user::User;

/// The media type of a signed answer (RFC 9701, section 4), and without `application/` its `typ`.
pub const SIGNED_ANSWER: &str = "application/token-introspection+jwt";

/// What signed answers are signed with: the default of RFC 9701, section 6.
pub const SIGNING_ALGORITHM: SigningAlgorithm = SigningAlgorithm::RS256;

/// Who wants to know, and when.
#[derive(Clone, Copy)]
pub struct Inquiry<'a> {
    /// Where tokens and what they depend on are read.
    pub records: &'a Records,
    /// What verifies tokens, and signs answers.
    pub keyring: &'a Keyring,
    /// Whose tokens are meant.
    pub tenant: &'a Tenant,
    /// Who asks; it authenticated.
    pub client: &'a Client,
    /// The time of the question.
    pub now: Timestamp,
}

/// What the token says, if it is good and concerns whoever asks. Of any other token nothing is said
/// but that it is not active (RFC 7662, section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspection(Option<Map<String, Value>>);

impl Introspection {
    /// The answer's members.
    pub fn to_wire(&self) -> Map<String, Value> {
        let mut members = self.0.clone().unwrap_or_default();
        members.insert("active".into(), self.0.is_some().into());
        members
    }
}

impl Inquiry<'_> {
    /// Looks at a token of either kind.
    pub async fn introspect(&self, token: &Secret) -> Result<Introspection, LookupError> {
        let members = match refresh::is_one(token) {
            true => self.refresh_token(token).await?,
            false => self.access_token(token).await?,
        };
        Ok(Introspection(members))
    }

    /// The answer as a JWT for whoever asked (RFC 9701, section 5). It has neither `sub` nor `exp` of
    /// its own, so that it cannot pass for the token.
    pub async fn sign(&self, answer: &Introspection) -> Result<Secret, LookupError> {
        let tenant = self.tenant;
        let claims = [
            ("iss", json!(tenant.issuer.as_str())),
            ("aud", json!(self.client.client_id)),
            ("iat", json!(self.now.as_secs())),
            ("token_introspection", Value::Object(answer.to_wire())),
        ];
        let claims = claims.map(|(name, value)| (name.to_owned(), value));
        let signer = self
            .keyring
            .signer(self.records, &tenant.name, SIGNING_ALGORITHM);
        let typ = SIGNED_ANSWER.trim_start_matches("application/");
        Ok(signer.await?.sign(typ, &claims.into_iter().collect())?)
    }

    async fn access_token(
        &self,
        token: &Secret,
    ) -> Result<Option<Map<String, Value>>, LookupError> {
        let Self {
            records,
            keyring,
            tenant,
            client,
            now,
        } = *self;
        let access = AccessToken::find(records, keyring, tenant, token, now).await?;
        let Some(access) = access else {
            return Ok(None);
        };
        // Its client, and the API that it is for; nobody else learns anything of it.
        let mut of_api = client.resource_server_identifier.iter();
        let concerns =
            access.client_id == client.client_id || of_api.any(|api| access.audience.contains(api));
        if !concerns || !self.still_stands(&access).await? {
            return Ok(None);
        }
        let mut members = access.claims;
        members.insert("client_id".into(), access.client_id.into());
        let token_type = Confirmation::token_type(access.confirmation.as_ref());
        members.insert("token_type".into(), token_type.into());
        Ok(Some(members))
    }

    /// Whether all that the token was issued for is still there: its client, its user, its API, and
    /// the client grant if the API's policy asks for one.
    async fn still_stands(&self, access: &AccessToken) -> Result<bool, store::Error> {
        let (records, tenant) = (self.records, self.tenant.name.as_str());
        let client_id = access.client_id.as_str();
        if records.get::<Client>(&[tenant, client_id]).await?.is_none() {
            return Ok(false);
        }
        let is_machine = access.sub.strip_suffix("@clients") == Some(client_id);
        if !is_machine {
            let user = records.get::<User>(&[tenant, &access.sub]).await?;
            if user.is_none_or(|stored| stored.record.blocked) {
                return Ok(false);
            }
        }
        let subject_type = match is_machine {
            true => SubjectType::Client,
            false => SubjectType::User,
        };
        let userinfo = self.tenant.issuer.endpoint("userinfo");
        for audience in &access.audience {
            if *audience != userinfo && !self.may_have(client_id, subject_type, audience).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the API is still there, and still lets the client have tokens of this kind.
    async fn may_have(
        &self,
        client_id: &str,
        subject_type: SubjectType,
        audience: &str,
    ) -> Result<bool, store::Error> {
        let (records, tenant) = (self.records, self.tenant.name.as_str());
        let Some(api) = records.get::<Api>(&[tenant, audience]).await? else {
            return Ok(false);
        };
        let policies = api.record.subject_type_authorization;
        match (subject_type, policies.client.policy, policies.user.policy) {
            (SubjectType::User, _, UserPolicy::AllowAll) => return Ok(true),
            (SubjectType::Client, ClientPolicy::DenyAll, _)
            | (SubjectType::User, _, UserPolicy::DenyAll) => return Ok(false),
            (SubjectType::Client, ClientPolicy::RequireClientGrant, _)
            | (SubjectType::User, _, UserPolicy::RequireClientGrant) => {}
        }
        let parts = ClientGrant::parts(tenant, client_id, subject_type, audience);
        Ok(records.get::<ClientGrant>(&parts).await?.is_some())
    }

    async fn refresh_token(
        &self,
        token: &Secret,
    ) -> Result<Option<Map<String, Value>>, LookupError> {
        let Self {
            records,
            tenant,
            client,
            now,
            ..
        } = *self;
        let family = match refresh::peek(records, &tenant.name, client, token, now).await {
            Ok(Some(family)) => family,
            Err(RefreshError::Store(error)) => return Err(error.into()),
            Ok(None) | Err(_) => return Ok(None),
        };
        let outlives_password = tenant.refresh_tokens_outlive_password;
        let login = family.login();
        match login.again(records, &tenant.name, outlives_password).await {
            Ok(_) => {}
            Err(LoginEnded::Store(error)) => return Err(error.into()),
            Err(_) => return Ok(None),
        }
        if let Some(audience) = &family.audience {
            let (client_id, subject_type) = (&family.client_id, SubjectType::User);
            if !self.may_have(client_id, subject_type, audience).await? {
                return Ok(None);
            }
        }
        Ok(Some(self.of_family(&family)))
    }

    fn of_family(&self, family: &Family) -> Map<String, Value> {
        let members = [
            ("iss", Some(json!(self.tenant.issuer.as_str()))),
            ("sub", Some(json!(family.login().user_id()))),
            ("aud", family.audience.as_ref().map(|api| json!(api))),
            ("client_id", Some(json!(family.client_id))),
            ("scope", Some(json!(family.granted().join(" ")))),
            ("iat", Some(json!(family.issued_at.as_secs()))),
            ("exp", family.ends_at().map(|end| json!(end.as_secs()))),
            ("cnf", family.confirmation.as_ref().map(|key| json!(key))),
        ];
        let members = members.into_iter();
        members
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}
