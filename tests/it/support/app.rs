//! A real server on a port of its own, with two tenants, and a client that talks HTTP to it.

use std::sync::Arc;
use std::time::Duration;

use claimsmith::admin::apis::{self, NewApi};
use claimsmith::admin::client_grants::{self, NewClientGrant};
use claimsmith::admin::clients::{self, NewClient};
use claimsmith::admin::rules::{self, NewBinding};
use claimsmith::admin::tenants::{self, FIRST_CONNECTION};
use claimsmith::admin::users::{self, NewUser};
use claimsmith::api::{ApiScope, TokenDialect};
use claimsmith::checker::UploadChecks;
use claimsmith::client::ClientAuthentication;
use claimsmith::client_grant::SubjectType;
use claimsmith::clock::{FixedClock, Timestamp};
use claimsmith::config::Config;
use claimsmith::credential::HashSettings;
use claimsmith::grant::GrantRequest;
use claimsmith::http::accept::{self, ConnectionLimits};
use claimsmith::rule_host::OnFault;
use claimsmith::secret::Secret;
use claimsmith::server::Server;
use claimsmith::store::Store;
use claimsmith::tenant::{ErrorProfile, Issuer, TenantName};
use claimsmith::token::SigningAlgorithm;
use claimsmith::user::User;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value};

use super::memory::Memory;

pub(crate) const EMAIL: &str = "ada@acme.example";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const API: &str = "https://orders.example/";
/// 2026-11-23T12:00:00Z, a Monday.
pub(crate) const NOW: u64 = 1_795_435_200_000;

pub(crate) struct App {
    pub(crate) server: Arc<Server>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) tenant: TenantName,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) user: User,
    http: reqwest::Client,
    node: Node,
    config: Config,
    _data: tempfile::TempDir,
}

/// A server that listens, until it is dropped.
pub(crate) struct Node {
    address: std::net::SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Node {
    async fn start(server: Arc<Server>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let router = claimsmith::http::router(server);
        tokio::spawn(accept::serve(
            listener,
            router,
            ConnectionLimits::default(),
            async {
                drop(stopped.await);
            },
        ));
        Self {
            address,
            _stop: stop,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// The checks of production, by the program that was built beside the tests, with time to spare: debug builds
/// are slow, and machines busy.
fn checks() -> UploadChecks {
    let patient = Duration::from_secs(120);
    let mut checks = UploadChecks {
        program: Some(env!("CARGO_BIN_EXE_claimsmith").into()),
        wait: patient,
        start: patient,
        ..UploadChecks::default()
    };
    checks.usual.time = patient;
    checks
}

impl App {
    /// A server with the tenant `acme`: a confidential client that may use both password grants, a
    /// user, and an API with three scopes.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings of the process.
    pub(crate) async fn start_with(set: impl FnOnce(&mut Config)) -> Self {
        Self::build(None, set).await
    }

    /// The same on a store of another kind.
    pub(crate) async fn start_on(store: Arc<dyn Store>) -> Self {
        Self::build(Some(store), |_| {}).await
    }

    /// The same on each store there is, by its name.
    pub(crate) async fn start_on_each_store() -> [(&'static str, Self); 2] {
        [
            ("sled", Self::start().await),
            ("memory", Self::start_on(Memory::records().0).await),
        ]
    }

    async fn build(store: Option<Arc<dyn Store>>, set: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(NOW)));
        let mut config = Config {
            reserve_bytes: 0,
            compiled: super::compiled().to_owned(),
            uploads: checks(),
            // The cheapest that Argon2 allows: these tests are about everything else.
            hashing: HashSettings {
                memory_kib: 8,
                passes: 1,
                lanes: 1,
            },
            ..Config::new(data.path().join("data"))
        };
        set(&mut config);
        let server = match store {
            None => Server::open_at(&config, Arc::clone(&clock) as _).await,
            Some(store) => Server::open_on(&config, Arc::clone(&clock) as _, store).await,
        };
        let server = Arc::new(server.unwrap());
        let node = Node::start(Arc::clone(&server)).await;

        let tenant = TenantName::parse("acme").unwrap();
        let issuer = format!("http://acme.localhost:{}/", node.address.port());
        tenants::create(&server, tenant.clone(), Issuer::parse(&issuer).unwrap())
            .await
            .unwrap();
        let mut app = Self {
            server,
            clock,
            tenant,
            issuer,
            client_id: String::new(),
            client_secret: String::new(),
            user: User::default(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            node,
            config,
            _data: data,
        };
        app.add_api(API, SigningAlgorithm::RS256, TokenDialect::AccessToken)
            .await;
        let (client_id, secret) = app
            .add_client(ClientAuthentication::ClientSecretPost, true)
            .await;
        app.client_id = client_id;
        app.client_secret = secret.unwrap();
        app.user = app.add_user(EMAIL, PASSWORD).await;
        app
    }

    pub(crate) async fn add_client(
        &self,
        authentication: ClientAuthentication,
        allowed: bool,
    ) -> (String, Option<String>) {
        self.add_client_of(&self.tenant, authentication, allowed)
            .await
    }

    /// Another tenant, `NAME.localhost`, with a client of the same kind and the same user; a request
    /// as that user makes it.
    pub(crate) async fn add_tenant(&self, name: &str) -> (TenantName, TokenForm<'_>) {
        let tenant = TenantName::parse(name).unwrap();
        let issuer = Issuer::parse(&format!("https://{name}.example/")).unwrap();
        tenants::create(&self.server, tenant.clone(), issuer)
            .await
            .unwrap();
        let authentication = ClientAuthentication::ClientSecretPost;
        let (client_id, secret) = self.add_client_of(&tenant, authentication, true).await;
        self.add_user_of(&tenant, EMAIL, PASSWORD).await;
        let request = self
            .request()
            .at(&format!("{name}.localhost"))
            .with("client_id", &client_id)
            .with("client_secret", &secret.unwrap());
        (tenant, request)
    }

    async fn add_client_of(
        &self,
        tenant: &TenantName,
        authentication: ClientAuthentication,
        allowed: bool,
    ) -> (String, Option<String>) {
        let mut grants = GrantRequest::ALL.map(str::to_owned).to_vec();
        if authentication == ClientAuthentication::None {
            grants.retain(|grant| grant != GrantRequest::CLIENT_CREDENTIALS);
        }
        let new = NewClient {
            name: "Till".to_owned(),
            authentication,
            grant_types: if allowed { grants } else { Vec::new() },
            is_first_party: true,
            metadata: [("region".to_owned(), "north".to_owned())].into(),
        };
        let (client, secret) = clients::create(&self.server, tenant, new).await.unwrap();
        (
            client.client_id,
            secret.map(|secret| secret.expose().to_owned()),
        )
    }

    pub(crate) async fn add_api(
        &self,
        identifier: &str,
        signing_alg: SigningAlgorithm,
        token_dialect: TokenDialect,
    ) -> Option<Secret> {
        let new = Self::orders(identifier, signing_alg, token_dialect);
        apis::create(&self.server, &self.tenant, new)
            .await
            .unwrap()
            .1
    }

    pub(crate) async fn add_api_without_offline_access(&self, identifier: &str) {
        let orders = Self::orders(
            identifier,
            SigningAlgorithm::RS256,
            TokenDialect::AccessToken,
        );
        let new = NewApi {
            allow_offline_access: false,
            ..orders
        };
        apis::create(&self.server, &self.tenant, new).await.unwrap();
    }

    fn orders(
        identifier: &str,
        signing_alg: SigningAlgorithm,
        token_dialect: TokenDialect,
    ) -> NewApi {
        let scope = |value: &str| ApiScope {
            value: value.to_owned(),
            description: String::new(),
        };
        NewApi {
            identifier: identifier.to_owned(),
            name: None,
            scopes: vec![
                scope("read:orders"),
                scope("write:orders"),
                scope("export:orders"),
            ],
            signing_alg,
            token_dialect,
            token_lifetime: 86_400,
            allow_offline_access: true,
        }
    }

    pub(crate) async fn add_user(&self, email: &str, password: &str) -> User {
        self.add_user_of(&self.tenant, email, password).await
    }

    async fn add_user_of(&self, tenant: &TenantName, email: &str, password: &str) -> User {
        let new = NewUser {
            connection: FIRST_CONNECTION.to_owned(),
            email: Some(email.to_owned()),
            email_verified: true,
            name: Some("Ada Lovelace".to_owned()),
            roles: vec!["editor".to_owned()],
            ..NewUser::default()
        };
        users::create(&self.server, tenant, new, Secret::new(password))
            .await
            .unwrap()
    }

    /// Uploads a component and binds it behind those that are bound.
    pub(crate) async fn bind_rule(&self, name: &str, component: Vec<u8>, on_fault: OnFault) {
        rules::upload(&self.server, &self.tenant, name, component, None)
            .await
            .unwrap();
        let binding = NewBinding {
            version: None,
            order: None,
            grants: Vec::new(),
            on_fault: Some(on_fault),
            permissions: None,
        };
        rules::bind(&self.server, &self.tenant, name, binding)
            .await
            .unwrap();
    }

    pub(crate) async fn configure(&self, key: &str, value: &str) {
        rules::configure(&self.server, &self.tenant, key, &Secret::new(value))
            .await
            .unwrap();
    }

    /// One more server on the same store.
    pub(crate) async fn another_node(&self) -> Node {
        let store = Arc::clone(self.server.records.store());
        let clock = Arc::clone(&self.clock) as _;
        let server = Server::open_on(&self.config, clock, store).await.unwrap();
        Node::start(Arc::new(server)).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.node.url(path)
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A correct password grant.
    pub(crate) fn request(&self) -> TokenForm<'_> {
        TokenForm {
            app: self,
            node: &self.node,
            host: "acme.localhost".to_owned(),
            path: "/oauth/token".to_owned(),
            fields: [
                ("grant_type", "password"),
                ("username", EMAIL),
                ("password", PASSWORD),
                ("client_id", &self.client_id),
                ("client_secret", &self.client_secret),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            authorization: None,
            headers: Vec::new(),
        }
    }

    /// A client credentials grant for [`API`], by the same client.
    pub(crate) fn machine_request(&self) -> TokenForm<'_> {
        self.request()
            .without("username")
            .without("password")
            .with("grant_type", "client_credentials")
            .with("audience", API)
    }

    /// Lets the client have scopes of [`API`], for itself or for users.
    pub(crate) async fn grant_client(&self, subject_type: SubjectType, scope: &[&str]) {
        let new = NewClientGrant {
            client_id: self.client_id.clone(),
            audience: API.to_owned(),
            scope: scope.iter().map(|&scope| scope.to_owned()).collect(),
            subject_type,
            ..NewClientGrant::default()
        };
        client_grants::create(&self.server, &self.tenant, new)
            .await
            .unwrap();
    }

    pub(crate) async fn answer_errors_as(&self, profile: ErrorProfile) {
        let change = tenants::Change {
            errors: Some(profile),
            ..tenants::Change::default()
        };
        tenants::change(&self.server, &self.tenant, change)
            .await
            .unwrap();
    }

    /// The newest event of the tenant's log, as its readers see it.
    pub(crate) async fn newest_event(&self) -> Value {
        let newest = claimsmith::log::newest(&self.server.records, &self.tenant, 1).await;
        serde_json::to_value(&newest.unwrap()[0]).unwrap()
    }

    /// A correct exchange of a refresh token.
    pub(crate) fn refresh(&self, token: &str) -> TokenForm<'_> {
        self.request()
            .without("username")
            .without("password")
            .with("grant_type", "refresh_token")
            .with("refresh_token", token)
    }

    /// Hands a token back (RFC 7009).
    pub(crate) fn revoke(&self, token: &str) -> TokenForm<'_> {
        self.about_token("/oauth/revoke", token)
    }

    /// Asks what a token is worth (RFC 7662).
    pub(crate) fn introspect(&self, token: &str) -> TokenForm<'_> {
        self.about_token("/oauth/introspect", token)
    }

    fn about_token(&self, path: &str, token: &str) -> TokenForm<'_> {
        let mut form = self.request().with("token", token);
        path.clone_into(&mut form.path);
        form.without("grant_type")
            .without("username")
            .without("password")
    }

    /// Moves the clock.
    pub(crate) fn later(&self, seconds: u64) {
        self.clock.set(self.server.clock.now().plus_secs(seconds));
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let host = "acme.localhost";
        Answer::read(
            self.http
                .get(self.url(path))
                .header("host", host)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Answer {
        let request = self
            .http
            .get(self.url("/userinfo"))
            .header("host", "acme.localhost");
        Answer::read(request.bearer_auth(token).send().await.unwrap()).await
    }

    /// Verifies a token as a resource server would: by the published keys, algorithm, issuer and
    /// audience. Returns its header and claims.
    pub(crate) async fn verify(
        &self,
        token: &str,
        audience: &str,
    ) -> (jsonwebtoken::Header, Value) {
        let jwks = self.get("/.well-known/jwks.json").await.body;
        let jwks: JwkSet = serde_json::from_value(jwks).unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        let jwk = jwks.find(header.kid.as_deref().unwrap()).unwrap();
        assert_eq!(
            jwk.common.key_algorithm.unwrap().to_string(),
            format!("{:?}", header.alg)
        );
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.issuer]);
        // The server's clock stands still; the machine's does not.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["iss", "aud"]);
        let key = DecodingKey::from_jwk(jwk).unwrap();
        let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
            .unwrap()
            .claims;
        (header, claims)
    }
}

/// A token request that can be bent.
#[derive(Clone)]
pub(crate) struct TokenForm<'a> {
    app: &'a App,
    node: &'a Node,
    host: String,
    path: String,
    fields: Vec<(String, String)>,
    authorization: Option<String>,
    headers: Vec<(String, String)>,
}

impl<'a> TokenForm<'a> {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// Sends a parameter once more.
    pub(crate) fn again(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends it to another endpoint.
    pub(crate) fn to(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Sends it to this server.
    pub(crate) fn at_node(mut self, node: &'a Node) -> Self {
        self.node = node;
        self
    }

    pub(crate) fn at(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(crate) fn basic(mut self, client_id: &str, secret: &str) -> Self {
        use base64::Engine as _;
        let pair =
            base64::engine::general_purpose::STANDARD.encode(format!("{client_id}:{secret}"));
        self.authorization = Some(format!("Basic {pair}"));
        self
    }

    /// Sends a proof of possession; a second one in a field of its own.
    pub(crate) fn dpop(self, proof: &str) -> Self {
        self.header("dpop", proof)
    }

    /// Sends a header more.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn request(&self) -> reqwest::RequestBuilder {
        let mut request = self
            .app
            .http
            .post(self.node.url(&self.path))
            .header("host", &self.host);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    pub(crate) async fn send(self) -> Answer {
        Answer::read(self.request().form(&self.fields).send().await.unwrap()).await
    }

    pub(crate) async fn send_json(self) -> Answer {
        let fields: Map<String, Value> = self
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.clone())))
            .collect();
        Answer::read(self.request().json(&fields).send().await.unwrap()).await
    }

    /// Sends it, where the answer is not JSON: its media type and text.
    pub(crate) async fn send_for_text(self) -> (String, String) {
        let response = self.request().form(&self.fields).send().await.unwrap();
        let media_type = response.headers()["content-type"].to_str().unwrap();
        (media_type.to_owned(), response.text().await.unwrap())
    }

    /// Sends a body as it is.
    pub(crate) async fn send_raw(
        self,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let request = self.request().header("content-type", content_type);
        Answer::read(request.body(body).send().await.unwrap()).await
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = match text.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(&text)
                .unwrap_or_else(|_| panic!("every answer is JSON, but this is `{text}`")),
        };
        Self {
            status,
            headers,
            body,
        }
    }

    /// The same, where an answer may have no body: it is null then.
    pub(crate) async fn read_or_empty(response: Response) -> Self {
        if response.status() == 204 || response.content_length() == Some(0) {
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            assert_eq!(response.text().await.unwrap(), "");
            return Self {
                status,
                headers,
                body: Value::Null,
            };
        }
        Self::read(response).await
    }

    /// A member of the body that is text.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> &str {
        let value = self.body.get(name).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no `{name}` in {self:?}"))
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_else(|| panic!("no header `{name}` in {self:?}"))
    }

    /// `403 invalid_grant: Wrong email or password.`
    #[track_caller]
    pub(crate) fn refusal(&self) -> String {
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        assert_eq!(self.body.as_object().unwrap().len(), 2, "{self:?}");
        format!(
            "{} {}: {}",
            self.status,
            self.text("error"),
            self.text("error_description")
        )
    }

    #[track_caller]
    pub(crate) fn access_token(&self) -> &str {
        assert_eq!(self.status, 200, "{self:?}");
        self.text("access_token")
    }
}
