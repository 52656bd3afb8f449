//! `application/json`: one object, whose members are the parameters.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{Builder, ParamValue, Params, ParamsError, check_text};

/// How deep arrays and objects may nest; the outermost object counts. No request needs more than three.
pub(super) const MAX_DEPTH: usize = 32;

pub(super) fn parse(body: &[u8]) -> Result<Params, ParamsError> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(ParamsError::NotAnObject);
    }
    // Before the parser, so that no parser's own handling of depth matters.
    if depth(body) > MAX_DEPTH {
        return Err(ParamsError::TooDeep);
    }
    let members: Members<'_> = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    let mut params = Builder::default();
    for (name, value) in members.0 {
        params.name(&name)?;
        add(&mut params, name, value.get())?;
    }
    Ok(params.finish())
}

fn add(params: &mut Builder, name: String, json: &str) -> Result<(), ParamsError> {
    match json.as_bytes().first() {
        Some(b'"') => {
            // The syntax has been checked: what can still fail is an escape for half a surrogate pair.
            let text = serde_json::from_str(json).map_err(|_error| ParamsError::not_utf8(&name))?;
            return params.text(name, Zeroizing::new(text));
        }
        Some(b'n') => {}
        Some(b'[') => match serde_json::from_str::<Vec<String>>(json) {
            Ok(list) => {
                let list: Vec<_> = list.into_iter().map(Zeroizing::new).collect();
                for text in &list {
                    check_text(&name, text)?;
                }
                params.push(name, ParamValue::List(list));
            }
            Err(_not_all_strings) => params.push(name, ParamValue::Other),
        },
        Some(b'{') | None => params.push(name, ParamValue::Other),
        Some(_number_or_boolean) => {
            let text = Zeroizing::new(json.to_owned());
            params.push(name, ParamValue::Literal(text));
        }
    }
    Ok(())
}

/// The deepest nesting in a JSON text. Brackets inside strings do not count; whether they balance is the parser's
/// question.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut in_string = false;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn malformed(error: &serde_json::Error) -> ParamsError {
    ParamsError::Json {
        line: error.line(),
        column: error.column(),
    }
}

/// The members of an object in their order, repeated names included: a map would have dropped them.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::depth;

    #[test]
    fn depth_counts_brackets_outside_strings_only() {
        assert_eq!(depth(br#"{"a":[[1],{}]}"#), 3);
        assert_eq!(depth(br#"{"[[[\"[[[":"]]]\\","b":[]}"#), 2);
    }
}
