//! A JSON body, read strictly: one object, no member twice at any depth. Readers disagree on which of
//! two counts, and what checked the first must not let the second in.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The members of a body.
///
/// # Errors
/// Where it is wrong, quoting nothing of it. Nesting is bounded by the parser, at 128 levels.
pub(super) fn parse(body: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(body) {
        Ok(Strict(Value::Object(members))) => Ok(members),
        Ok(_) => Err("Expected type object".to_owned()),
        Err(error) if error.is_data() => Err("A member stands there twice".to_owned()),
        Err(error) => Err(format!(
            "Invalid JSON in line {}, column {}",
            error.line(),
            error.column()
        )),
    }
}

/// Any value, with the same strictness.
///
/// # Errors
/// Where it is wrong, quoting nothing of it.
pub(super) fn value(text: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(text) {
        Ok(Strict(value)) => Ok(value),
        Err(error) if error.is_data() => Err("A member stands there twice".to_owned()),
        Err(_) => Err("Invalid JSON".to_owned()),
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = map.next_entry::<String, _>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_object_without_anything_twice() {
        let read = |text: &str| parse(text.as_bytes());
        let text = r#"{"a":[1,-2,1.5,true,null,"x",{"b":{}}]}"#;
        assert_eq!(Value::from(read(text).unwrap()).to_string(), text);
        for twice in [r#"{"a":1,"a":2}"#, r#"{"x":[{"a":1,"\u0061":1}]}"#] {
            assert_eq!(read(twice).unwrap_err(), "A member stands there twice");
        }
        for other in ["[]", "1", "null"] {
            assert_eq!(read(other).unwrap_err(), "Expected type object");
        }
        assert_eq!(
            read("{\n\"a\" 1}").unwrap_err(),
            "Invalid JSON in line 2, column 5"
        );
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        assert!(read(&deep).unwrap_err().starts_with("Invalid JSON"));
    }
}
