//! A client that administers a tenant over HTTP.

use claimsmith::admin::client_grants::{self, NewClientGrant};
use claimsmith::admin::tenants;
use claimsmith::client::ClientAuthentication;
use reqwest::Method;
use serde_json::Value;

use super::app::{Answer, App};

pub(crate) struct Manager<'a> {
    pub(super) app: &'a App,
    pub(crate) client_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
}

impl App {
    /// The audience of the tenant's management.
    pub(crate) fn management(&self) -> String {
        format!("{}api/v2/", self.issuer)
    }

    /// A client that may do all that there is.
    pub(crate) async fn manager(&self) -> Manager<'_> {
        self.manager_with(None).await
    }

    /// A client with these scopes, or all.
    pub(crate) async fn manager_with(&self, scopes: Option<&[&str]>) -> Manager<'_> {
        let authentication = ClientAuthentication::ClientSecretPost;
        let (client_id, secret) = self.add_client(authentication, true).await;
        self.grant_management(&client_id, scopes).await;
        let answer = self
            .machine_request()
            .with("client_id", &client_id)
            .with("client_secret", secret.as_deref().unwrap())
            .with("audience", &self.management())
            .send()
            .await;
        let token = answer.access_token().to_owned();
        Manager {
            app: self,
            client_id,
            secret: secret.unwrap(),
            token,
        }
    }

    /// Lets a client administer the tenant, with these scopes or all.
    pub(crate) async fn grant_management(&self, client_id: &str, scopes: Option<&[&str]>) {
        let new = NewClientGrant {
            client_id: client_id.to_owned(),
            audience: self.management(),
            scope: scopes
                .unwrap_or_default()
                .iter()
                .map(|&scope| scope.to_owned())
                .collect(),
            allow_all_scopes: scopes.is_none(),
            ..NewClientGrant::default()
        };
        client_grants::create(&self.server, &self.tenant, new)
            .await
            .unwrap();
    }

    /// Lets the tenant's management API administer all tenants.
    pub(crate) async fn become_operator(&self) {
        tenants::set_operator(&self.server, &self.tenant, true)
            .await
            .unwrap();
    }

    /// Lets the App's own client administer the tenant.
    pub(crate) async fn grant_client_management(&self, scopes: &[&str]) {
        self.grant_management(&self.client_id, Some(scopes)).await;
    }

    /// A request to the management API, with this token or none.
    pub(crate) async fn manage(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self
            .http()
            .request(method, self.url(&format!("/api/v2{path}")))
            .header("host", "acme.localhost");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::read_or_empty(request.send().await.unwrap()).await
    }
}

impl<'a> Manager<'a> {
    pub(crate) fn app(&self) -> &'a App {
        self.app
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.app.manage(Some(&self.token), method, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }
}

impl Answer {
    /// `400 invalid_body: …`
    #[track_caller]
    pub(crate) fn refused(&self) -> String {
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        assert_eq!(self.body["statusCode"], self.status, "{self:?}");
        let code = self.body.get("errorCode").and_then(Value::as_str);
        format!(
            "{} {}: {}",
            self.status,
            code.unwrap_or("-"),
            self.text("message")
        )
    }

    /// The document, once the status is this.
    #[track_caller]
    pub(crate) fn document(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }
}
