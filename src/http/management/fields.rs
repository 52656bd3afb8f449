//! What handlers do with the members of a checked body.

use serde_json::{Map, Value};

use super::shape::Field;
use crate::http::error::management::Refused;

/// Takes the documented members without a meaning here out of a body.
pub(super) fn take_kept(body: &mut Map<String, Value>, fields: &[Field]) -> Map<String, Value> {
    let mut kept = Map::new();
    for field in fields.iter().filter(|field| field.kept) {
        if let Some(value) = body.remove(field.name) {
            kept.insert(field.name.to_owned(), value);
        }
    }
    kept
}

/// A document: members, and what is kept beside them.
pub(super) fn with_kept(document: Value, kept: &Map<String, Value>) -> Value {
    let Value::Object(mut members) = document else {
        return document;
    };
    for (name, value) in kept {
        members.insert(name.clone(), value.clone());
    }
    members.into()
}

/// A body as the type that says what it means. Its shape was checked; what can still be wrong is what
/// a shape does not say.
pub(super) fn read<T: serde::de::DeserializeOwned>(body: Map<String, Value>) -> Result<T, Refused> {
    serde_json::from_value(Value::Object(body))
        .map_err(|error| Refused::invalid_body(format!("Payload validation error: '{error}'.")))
}

/// Null is a wish, and its absence none.
pub(super) fn given<'de, D>(deserializer: D) -> Result<Option<Option<String>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}
