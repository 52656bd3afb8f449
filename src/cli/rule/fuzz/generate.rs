//! Exchanges within the schema, from the plainest to the oddest: missing addresses, empty and huge
//! metadata, text in every script, all grants.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::BoxedStrategy;
use proptest::{option, prop_oneof, sample};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::rule_host::exchange::{Api, Client, Request, User};
use crate::rule_host::{Draft, Exchange, Grant};

/// What one run is given, as a case holds it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Input {
    pub(super) exchange: Exchange,
    pub(super) configuration: BTreeMap<String, String>,
}

/// Inputs with some of these keys configured.
pub(super) fn inputs(keys: &[String]) -> BoxedStrategy<Input> {
    let values: Vec<_> = keys
        .iter()
        .map(|key| (Just(key.clone()), option::of(text())))
        .collect();
    (exchange(), values)
        .prop_map(|(exchange, values)| Input {
            exchange,
            configuration: values
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .collect(),
        })
        .boxed()
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let who = (
        option::weighted(0.9, user()),
        client(),
        grant(),
        any::<u32>(),
    );
    let what = (option::of(api()), request(), names(3), draft(), shared());
    (who, what).prop_map(
        |((user, client, grant, seconds), (api, request, methods, draft, shared))| Exchange {
            id: "fuzz".to_owned(),
            tenant: "acme".to_owned(),
            grant,
            now: Timestamp::from_millis(u64::from(seconds) * 1000),
            client,
            user,
            api,
            request,
            authentication_methods: methods,
            draft,
            shared,
        },
    )
}

fn user() -> impl Strategy<Value = User> {
    let names = (
        text(),
        option::of(text()),
        option::of(email()),
        any::<bool>(),
    );
    let objects = (object(), object(), object());
    let rest = (text(), self::names(20), self::names(20), any::<u32>());
    (names, objects, rest).prop_map(
        |(
            (id, username, email, email_verified),
            (profile, user_metadata, app_metadata),
            (connection, roles, permissions, logins),
        )| User {
            id,
            username,
            email,
            email_verified,
            connection,
            profile,
            user_metadata,
            app_metadata,
            roles,
            permissions,
            logins_count: logins.into(),
            ..User::default()
        },
    )
}

fn client() -> impl Strategy<Value = Client> {
    (text(), text(), pairs()).prop_map(|(id, name, metadata)| Client { id, name, metadata })
}

fn api() -> impl Strategy<Value = Api> {
    (text(), names(20)).prop_map(|(identifier, scopes)| Api { identifier, scopes })
}

fn request() -> impl Strategy<Value = Request> {
    (text(), option::of(text()), text(), pairs()).prop_map(
        |(ip, user_agent, hostname, parameters)| Request {
            ip,
            user_agent,
            hostname,
            parameters,
        },
    )
}

fn draft() -> impl Strategy<Value = Draft> {
    (names(20), object(), object()).prop_map(|(scopes, access_claims, id_claims)| Draft {
        scopes,
        access_claims,
        id_claims,
    })
}

fn grant() -> impl Strategy<Value = Grant> {
    sample::select(vec![
        Grant::Password,
        Grant::PasswordRealm,
        Grant::RefreshToken,
        Grant::ClientCredentials,
        Grant::MfaOtp,
        Grant::MfaOob,
        Grant::MfaRecoveryCode,
    ])
}

fn email() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,8}@[a-z]{1,8}\\.example",
        1 => text(),
    ]
}

fn names(most: usize) -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..most)
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((text(), text()), 0..5)
}

fn shared() -> impl Strategy<Value = Vec<(String, Value)>> {
    vec((text(), json()), 0..3)
}

/// Mostly plain, at times of any script, empty, full of control characters, or long.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        8 => "[a-z0-9@.:/_ -]{0,20}",
        4 => "\\PC{0,20}",
        2 => any::<String>(),
        1 => "x{3000,5000}",
    ]
    .boxed()
}

fn object() -> BoxedStrategy<Map<String, Value>> {
    prop_oneof![
        4 => btree_map(text(), json(), 0..6),
        1 => btree_map("[a-z]{4,12}", text().prop_map(Value::from), 100..150),
    ]
    .prop_map(|members| members.into_iter().collect())
    .boxed()
}

fn json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e12..1e12_f64).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    let nested = leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(text(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    nested.boxed()
}
