//! For `cargo test` of a rule, without a host: an exchange, settings, and what was logged.
//!
//! ```
//! # use claimsmith_rule::{Denial, Effect, Exchange, add_scope, setting};
//! # fn decide(_: Exchange) -> Result<Vec<Effect>, Denial> {
//! #     Ok(setting("SCOPE").map(|scope| add_scope(&scope)).into_iter().collect())
//! # }
//! use claimsmith_rule::testing;
//!
//! testing::set("SCOPE", "export");
//! let effects = decide(testing::exchange()).unwrap();
//! assert_eq!(effects.len(), 1);
//! assert!(testing::logs().is_empty());
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::bindings::claimsmith::rules::log::Level;
use crate::{Api, Client, Draft, Exchange, Grant, Request, User};

thread_local! {
    static SETTINGS: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
    static LOGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Stores a value for the rule to read, in this test's thread.
pub fn set(key: &str, value: &str) {
    SETTINGS.with_borrow_mut(|settings| settings.insert(key.to_owned(), value.to_owned()));
}

/// What the rule logged in this thread, as `level message`, and forgets it.
pub fn logs() -> Vec<String> {
    LOGS.take()
}

/// A verified user logs in with a password.
pub fn exchange() -> Exchange {
    Exchange {
        id: "exchange-1".into(),
        tenant: "acme".into(),
        grant: Grant::Password,
        now: 1_700_000_000_000,
        client: Client {
            id: "client-1".into(),
            name: "Shop".into(),
            metadata: Vec::new(),
        },
        user: Some(user()),
        api: Some(Api {
            identifier: "https://api.example.com/".into(),
            scopes: Vec::new(),
        }),
        request: Request {
            ip: "203.0.113.7".into(),
            user_agent: None,
            hostname: "acme.localhost".into(),
            parameters: Vec::new(),
        },
        authentication_methods: vec!["pwd".into()],
        draft: Draft {
            scopes: vec!["openid".into()],
            access_claims: "{}".into(),
            id_claims: "{}".into(),
        },
        shared: Vec::new(),
    }
}

fn user() -> User {
    User {
        id: "auth0|ada".into(),
        username: None,
        email: Some("ada@example.com".into()),
        email_verified: true,
        connection: "Username-Password-Authentication".into(),
        profile: "{}".into(),
        user_metadata: "{}".into(),
        app_metadata: "{}".into(),
        roles: Vec::new(),
        permissions: Vec::new(),
        logins_count: 1,
        created_at: 1_600_000_000_000,
        last_login: None,
        last_password_reset: None,
    }
}

#[cfg_attr(target_family = "wasm", expect(dead_code, reason = "a real host answers"))]
pub(crate) fn get(key: &str) -> Option<String> {
    SETTINGS.with_borrow(|settings| settings.get(key).cloned())
}

#[cfg_attr(target_family = "wasm", expect(dead_code, reason = "a real host listens"))]
pub(crate) fn write(level: Level, message: &str) {
    let level = match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    LOGS.with_borrow_mut(|logs| logs.push(format!("{level} {message}")));
}
