//! The `options` of a connection (contract, section 7.5).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::fields::with_kept;
use super::shape::{Field, Shape};
use crate::admin::connections::Change;
use crate::connection::Connection;
use crate::credential::policy::{Level, MAX_HISTORY, PasswordPolicy};
use crate::http::error::management::Refused;

const LEVELS: &[&str] = &["none", "low", "fair", "good", "excellent"];

/// Auth0's minimal length where a level is set and no length.
const LEGACY_MIN_LENGTH: usize = 8;

pub(super) const OPTIONS: &[Field] = &[
    Field::new(
        "passwordPolicy",
        Shape::Word(LEVELS),
        "Which kinds of characters new passwords need.",
    )
    .or_null(),
    Field::new(
        "password_complexity_options",
        Shape::Object(COMPLEXITY),
        "How long they are.",
    )
    .or_null(),
    Field::new(
        "password_history",
        Shape::Object(HISTORY),
        "How many former passwords are refused.",
    )
    .or_null(),
    Field::new(
        "password_dictionary",
        Shape::Object(DICTIONARY),
        "Whether easily guessed passwords are refused.",
    )
    .or_null(),
    Field::new(
        "password_no_personal_info",
        Shape::Object(SWITCH),
        "Whether the user's own data is.",
    )
    .or_null(),
    Field::new(
        "requires_username",
        Shape::Flag,
        "Whether a user needs a user name.",
    ),
    Field::new(
        "brute_force_protection",
        Shape::Flag,
        "Whether wrong passwords in a row block.",
    ),
    Field::new(
        "disable_signup",
        Shape::Flag,
        "Whether strangers may not sign up.",
    ),
    Field::new(
        "disable_self_service_change_password",
        Shape::Flag,
        "Whether users may not ask for a new password.",
    ),
    Field::new(
        "password_options",
        Shape::Map,
        "Must be null: use the fields above.",
    )
    .or_null(),
    Field::new(
        "enabledDatabaseCustomization",
        Shape::Flag,
        "Must be false: users are stored here.",
    ),
    Field::new("import_mode", Shape::Flag, "Must be false."),
    Field::new(
        "configuration",
        Shape::Map,
        "Must be empty: there are no scripts to read it.",
    )
    .or_null(),
    Field::kept("customScripts", Shape::Map),
    Field::kept("mfa", Shape::Map),
    Field::kept("validation", Shape::Map),
    Field::kept("attributes", Shape::Map),
    Field::kept("non_persistent_attrs", Shape::List(&Shape::Text(100), 100)),
    Field::kept("upstream_params", Shape::Map),
    Field::kept("strategy_version", Shape::Whole(1, 2)),
    Field::kept("authentication_methods", Shape::Map),
    Field::kept("passkey_options", Shape::Map),
    Field::kept("set_user_root_attributes", Shape::Text(50)),
];

const COMPLEXITY: &[Field] = &[Field::new(
    "min_length",
    Shape::Whole(1, 128),
    "The fewest characters.",
)];

const HISTORY: &[Field] = &[
    Field::new("enable", Shape::Flag, "Whether it is on."),
    Field::new("size", Shape::Whole(0, MAX_HISTORY as i64), "How many."),
];

const DICTIONARY: &[Field] = &[
    Field::new("enable", Shape::Flag, "Whether it is on."),
    Field::new(
        "dictionary",
        Shape::List(&Shape::Text(50), 200),
        "Further words.",
    ),
];

const SWITCH: &[Field] = &[Field::new("enable", Shape::Flag, "Whether it is on.")];

/// The members that count.
#[derive(Deserialize)]
pub(super) struct Options {
    #[serde(rename = "passwordPolicy")]
    level: Option<Level>,
    password_complexity_options: Option<Complexity>,
    password_history: Option<History>,
    password_dictionary: Option<Dictionary>,
    password_no_personal_info: Option<Switch>,
    requires_username: Option<bool>,
    brute_force_protection: Option<bool>,
    disable_signup: Option<bool>,
    disable_self_service_change_password: Option<bool>,
    password_options: Option<Value>,
    #[serde(rename = "enabledDatabaseCustomization")]
    customized: Option<bool>,
    import_mode: Option<bool>,
    configuration: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Complexity {
    min_length: Option<usize>,
}

#[derive(Deserialize)]
struct History {
    enable: Option<bool>,
    size: Option<u8>,
}

#[derive(Deserialize)]
struct Dictionary {
    enable: Option<bool>,
    dictionary: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Switch {
    enable: Option<bool>,
}

impl Options {
    /// All of them at once: what is not said has its default again.
    pub(super) fn apply(self, change: &mut Change) -> Result<(), Refused> {
        if self.password_options.is_some() {
            let message =
                "Set `passwordPolicy` and the `password_…` fields instead of `password_options`.";
            return Err(Refused::not_supported(message));
        }
        let has_configuration = self
            .configuration
            .as_ref()
            .is_some_and(|values| !values.is_empty());
        if self.customized == Some(true) || self.import_mode == Some(true) || has_configuration {
            let message = "This server has no custom databases; users are stored in it.";
            return Err(Refused::not_supported(message));
        }
        let default = Connection::default();
        change.requires_username =
            Some(self.requires_username.unwrap_or(default.requires_username));
        let brute_force = self.brute_force_protection;
        change.brute_force_protection = Some(brute_force.unwrap_or(default.brute_force_protection));
        change.disable_signup = Some(self.disable_signup.unwrap_or(default.disable_signup));
        let no_self_service = self.disable_self_service_change_password;
        change.disable_self_service_change_password =
            Some(no_self_service.unwrap_or(default.disable_self_service_change_password));
        change.password_policy = Some(self.policy());
        Ok(())
    }

    /// Who says nothing of passwords has this server's default, which is stricter than Auth0's; who
    /// says something has what it says and no more.
    fn policy(self) -> PasswordPolicy {
        let Self {
            level,
            password_complexity_options: complexity,
            password_history: history,
            password_dictionary: dictionary,
            password_no_personal_info: personal,
            ..
        } = self;
        let default = PasswordPolicy::default();
        if level.is_none()
            && complexity.is_none()
            && history.is_none()
            && dictionary.is_none()
            && personal.is_none()
        {
            return default;
        }
        let history = history.filter(|history| history.enable == Some(true));
        let dictionary = dictionary.filter(|dictionary| dictionary.enable == Some(true));
        PasswordPolicy {
            level: level.unwrap_or(default.level),
            min_length: complexity
                .and_then(|complexity| complexity.min_length)
                .unwrap_or(LEGACY_MIN_LENGTH),
            dictionary: dictionary.is_some(),
            dictionary_words: dictionary
                .and_then(|dictionary| dictionary.dictionary)
                .unwrap_or_default(),
            no_personal_info: personal.is_some_and(|personal| personal.enable == Some(true)),
            history: history.map_or(0, |history| history.size.unwrap_or(5)),
        }
    }
}

/// The settings as the contract has them.
pub(super) fn as_options(connection: &Connection, kept: Option<&Map<String, Value>>) -> Value {
    let policy = &connection.password_policy;
    let options = json!({
        "passwordPolicy": policy.level,
        "password_complexity_options": { "min_length": policy.min_length },
        "password_history": { "enable": policy.history > 0, "size": policy.history },
        "password_dictionary": {
            "enable": policy.dictionary, "dictionary": policy.dictionary_words,
        },
        "password_no_personal_info": { "enable": policy.no_personal_info },
        "requires_username": connection.requires_username,
        "brute_force_protection": connection.brute_force_protection,
        "disable_signup": connection.disable_signup,
        "disable_self_service_change_password": connection.disable_self_service_change_password,
        "enabledDatabaseCustomization": false,
        "import_mode": false,
    });
    match kept {
        Some(kept) => with_kept(options, kept),
        None => options,
    }
}
