//! Prints the demo's exchange.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::client::Request;
use crate::cli::CliError;
use crate::rule_host::{Provenance, Provenanced};

/// Everything that is shown.
pub(super) struct Shown<'a> {
    pub(super) issuer: &'a str,
    pub(super) listen: SocketAddr,
    pub(super) data: &'a Path,
    pub(super) request: &'a Request<'a>,
    pub(super) response: &'a Value,
    pub(super) provenance: &'a [Provenance],
}

impl Shown<'_> {
    /// As one JSON document.
    pub(super) fn document(&self) -> Result<Value, CliError> {
        let mut request = Map::new();
        request.insert("url".to_owned(), json!(self.request.url()));
        for (name, value) in self.request.parameters() {
            request.insert(name.to_owned(), json!(value));
        }
        Ok(json!({
            "issuer": self.issuer,
            "listen": self.listen.to_string(),
            "data": self.data.display().to_string(),
            "request": request,
            "response": self.response,
            "claims": self.claims()?,
            "provenance": self.of_access_token().collect::<Vec<_>>(),
        }))
    }

    /// For people.
    pub(super) fn text(&self) -> Result<String, CliError> {
        let claims = self.claims()?;
        let mut text = format!(
            "data in {}\n\nrequest\n\n{}\n",
            self.data.display(),
            self.curl()
        );
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\nresponse\n\n{:#}\n\naccess token\n\n",
            self.response
        );
        for (name, value) in claims.iter().filter(|(name, _)| *name != "scope") {
            let _ = writeln!(
                text,
                "  {name}: {value}{}",
                self.set_by(Provenanced::Claim, name)
            );
        }
        let scopes = claims
            .get("scope")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for scope in scopes.split(' ') {
            let _ = writeln!(
                text,
                "  scope {scope}{}",
                self.set_by(Provenanced::Scope, scope)
            );
        }
        Ok(text.trim_end().to_owned())
    }

    /// A line that can be pasted into a shell.
    fn curl(&self) -> String {
        let mut line = format!("curl -s {}", self.request.url());
        for (name, value) in self.request.parameters() {
            let quoted = value.replace('\'', r"'\''");
            let _ = write!(line, " \\\n  --data-urlencode '{name}={quoted}'");
        }
        line
    }

    /// The access token's claims, decoded without checking: its own issuer shows them.
    fn claims(&self) -> Result<Map<String, Value>, CliError> {
        let token = self.response.get("access_token").and_then(Value::as_str);
        let payload = token.and_then(|token| token.split('.').nth(1));
        let bytes = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        bytes
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(|| CliError::failure("the access token of the demo is not a JWT"))
    }

    fn set_by(&self, kind: Provenanced, name: &str) -> String {
        let setter = self
            .provenance
            .iter()
            .find(|setter| setter.kind == kind && setter.name == name);
        match setter {
            Some(setter) => format!("    <- set by {}@{}", setter.rule, setter.version),
            None => String::new(),
        }
    }

    /// Claims of the ID token are not shown here, so neither is who set them.
    fn of_access_token(&self) -> impl Iterator<Item = &Provenance> {
        let shown = |setter: &&Provenance| setter.kind != Provenanced::IdClaim;
        self.provenance.iter().filter(shown)
    }
}
