//! YAML, with the place of every value; and back, so that what is written reads as the same.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

/// Where something stands in its file, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; no name stands there twice.
    Map(Vec<(String, At, Node)>),
}

/// Reads one document. An empty one is null.
pub(super) fn read(text: &str) -> Result<Node, (At, String)> {
    let options = serde_saphyr::options! {
        // `no` is a country, and `010` no number that anybody means.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map_or(At::default(), At::from);
        (at, error.without_snippet().to_string())
    })
}

impl From<Location> for At {
    fn from(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

impl Node {
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match &self.what {
            What::Map(members) => members
                .iter()
                .find(|(known, ..)| known == name)
                .map(|(_, _, node)| node),
            _ => None,
        }
    }

    /// Those of a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.what {
            What::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.what {
            What::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match &self.what {
            What::Null => "nothing",
            What::Flag(_) => "true or false",
            What::Number(number) if number.is_f64() => "a fraction",
            What::Number(_) => "a whole number",
            What::Text(_) => "text",
            What::List(_) => "a list",
            What::Map(_) => "a map",
        }
    }

    /// Without the places.
    pub(super) fn value(&self) -> Value {
        match &self.what {
            What::Null => Value::Null,
            What::Flag(flag) => (*flag).into(),
            What::Number(number) => number.clone().into(),
            What::Text(text) => text.as_str().into(),
            What::List(items) => items.iter().map(Self::value).collect(),
            What::Map(members) => {
                let members = members.iter();
                let members = members.map(|(name, _, node)| (name.clone(), node.value()));
                members.collect::<Map<_, _>>().into()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<What>::deserialize(deserializer)?;
        Ok(Self {
            at: spanned.referenced.into(),
            what: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for What {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = What;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<What, E> {
        Ok(What::Null)
    }

    fn visit_none<E>(self) -> Result<What, E> {
        Ok(What::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<What, D::Error> {
        What::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<What, E> {
        Ok(What::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<What, E> {
        Ok(What::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<What, E> {
        Ok(What::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<What, E> {
        let number = Number::from_f64(number);
        number
            .map(What::Number)
            .ok_or_else(|| E::custom("a number that is finite is needed"))
    }

    fn visit_str<E>(self, text: &str) -> Result<What, E> {
        Ok(What::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<What, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(What::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<What, A::Error> {
        let mut map = Vec::new();
        while let Some((name, node)) = members.next_entry::<Spanned<String>, Node>()? {
            map.push((name.value, name.referenced.into(), node));
        }
        Ok(What::Map(map))
    }
}

/// Writes a map, its members indented by so many spaces. `first` names stand first, the others in
/// alphabetical order.
pub(in crate::cli) fn write(
    members: &Map<String, Value>,
    first: &[&str],
    indent: usize,
    out: &mut String,
) {
    let of_first = first.iter().filter_map(|&name| members.get_key_value(name));
    let others = members
        .iter()
        .filter(|(name, _)| !first.contains(&name.as_str()));
    for (index, (name, value)) in of_first.chain(others).enumerate() {
        if index > 0 || indent == 0 {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&scalar(name));
        out.push(':');
        write_value(value, first, indent, out);
    }
}

fn write_value(value: &Value, first: &[&str], indent: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            out.push_str(&" ".repeat(indent + 2));
            write(members, first, indent + 2, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                out.push_str(&" ".repeat(indent + 2));
                out.push('-');
                match item {
                    Value::Object(members) if !members.is_empty() => {
                        out.push(' ');
                        write(members, first, indent + 4, out);
                    }
                    // A list in a list begins on a line of its own.
                    item => write_value(item, first, indent + 2, out),
                }
            }
        }
        Value::Array(_) => out.push_str(" []\n"),
        Value::Object(_) => out.push_str(" {}\n"),
        Value::String(text) => {
            out.push(' ');
            out.push_str(&scalar(text));
            out.push('\n');
        }
        other => {
            out.push(' ');
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

/// Words that some reader of YAML takes for something else than text.
const RESERVED: [&str; 11] = [
    "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
];

/// Text, quoted unless it is plain beyond doubt.
fn scalar(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fits = |c: char| c.is_ascii_alphanumeric() || " _-./@+:()".contains(c);
    let plain = begins
        && text.len() <= 1_000
        && text.chars().all(fits)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains("  ")
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-zA-Z0-9_.:# -]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{1,8}", inner, 0..4)
                    .prop_map(|members| Value::from(Map::from_iter(members))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same(value in any_value(), more in any_value()) {
            let members = Map::from_iter([("name".to_owned(), value), ("more".to_owned(), more)]);
            let mut text = String::new();
            write(&members, &["name"], 0, &mut text);
            let read = read(&text).map_err(|error| TestCaseError::fail(format!("{error:?} in\n{text}")))?;
            prop_assert_eq!(read.value(), Value::from(members), "in\n{}", text);
        }
    }

    #[test]
    fn every_value_has_its_place() {
        let node = read("clients:\n  - name: Till\n    grant_types: [password]\n").unwrap();
        let What::List(items) = &node.member("clients").unwrap().what else {
            panic!("{node:?}");
        };
        let name = items[0].member("name").unwrap();
        assert_eq!(
            name.at,
            At {
                line: 2,
                column: 11
            }
        );
        assert_eq!(name.value(), json!("Till"));
        let What::Map(members) = &items[0].what else {
            panic!("{node:?}");
        };
        assert_eq!(members[1].1, At { line: 3, column: 5 });
    }

    #[test]
    fn what_is_no_yaml_is_named_with_its_place() {
        let (at, message) = read("a: 1\nb: [\n").unwrap_err();
        assert!(at.line >= 2, "{at:?} {message}");
        let (at, message) = read("a: 1\na: 2\n").unwrap_err();
        assert_eq!(at.line, 2, "{message}");
        assert_eq!(read("").unwrap().value(), Value::Null);
        assert_eq!(read("a: no\n").unwrap().value(), json!({"a": "no"}));
        assert_eq!(read("a: 010\n").unwrap().value(), json!({"a": "010"}));
    }
}
