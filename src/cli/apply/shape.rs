//! What a file may say of a thing: read from the server's own OpenAPI document, so that a server and
//! what is checked against it never differ.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::yaml::{At, Node, What};

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Text {
        least: usize,
        most: usize,
    },
    Word(Vec<String>),
    Flag,
    Whole {
        least: i64,
        most: i64,
    },
    List {
        of: Box<Field>,
        most: usize,
        unique: bool,
    },
    Object(Fields),
    /// Any object.
    Map,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) shape: Shape,
    pub(super) nullable: bool,
    pub(super) required: bool,
}

pub(super) type Fields = BTreeMap<String, Field>;

/// Schemas that refer to one another more deeply than this are not read.
const DEEPEST: usize = 16;

impl Field {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            shape,
            nullable: false,
            required: false,
        }
    }

    pub(super) fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }
}

impl Shape {
    pub(super) const fn text(most: usize) -> Self {
        Self::Text { least: 1, most }
    }

    pub(super) fn list(of: Self, most: usize) -> Self {
        let unique = matches!(of, Self::Text { .. });
        Self::List {
            of: Box::new(Field::new(of)),
            most,
            unique,
        }
    }
}

/// The members of the body that an operation takes, from a server's OpenAPI document.
pub(super) fn body_of(document: &Value, method: &str, path: &str) -> Option<Fields> {
    let schema = document
        .get("paths")?
        .get(path)?
        .get(method)?
        .get("requestBody")?
        .get("content")?
        .get("application/json")?
        .get("schema")?;
    match field(document, schema, 0)?.shape {
        Shape::Object(fields) => Some(fields),
        _ => None,
    }
}

fn field(document: &Value, schema: &Value, depth: usize) -> Option<Field> {
    if depth > DEEPEST {
        return None;
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.strip_prefix("#/components/schemas/")?;
        let schema = document.get("components")?.get("schemas")?.get(name)?;
        return field(document, schema, depth + 1);
    }
    let types: Vec<&str> = match schema.get("type")? {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    let size = |name: &str| {
        let size = schema.get(name).and_then(Value::as_u64);
        size.map(|size| usize::try_from(size).unwrap_or(usize::MAX))
    };
    let kind = types.iter().find(|kind| **kind != "null")?;
    let shape = match *kind {
        "string" => match schema.get("enum").and_then(Value::as_array) {
            Some(words) => {
                let words = words.iter().filter_map(Value::as_str);
                Shape::Word(words.map(str::to_owned).collect())
            }
            None => Shape::Text {
                least: size("minLength").unwrap_or(0),
                most: size("maxLength").unwrap_or(usize::MAX),
            },
        },
        "boolean" => Shape::Flag,
        "integer" => Shape::Whole {
            least: number("minimum").map_or(i64::MIN, |least| least as i64),
            most: number("maximum").map_or(i64::MAX, |most| most as i64),
        },
        "array" => Shape::List {
            of: Box::new(field(document, schema.get("items")?, depth + 1)?),
            most: size("maxItems").unwrap_or(usize::MAX),
            unique: schema.get("uniqueItems") == Some(&Value::Bool(true)),
        },
        "object" => match schema.get("properties").and_then(Value::as_object) {
            Some(properties) => Shape::Object(fields(document, schema, properties, depth)?),
            None => Shape::Map,
        },
        _ => return None,
    };
    Some(Field {
        shape,
        nullable: types.contains(&"null"),
        required: false,
    })
}

fn fields(
    document: &Value,
    schema: &Value,
    properties: &Map<String, Value>,
    depth: usize,
) -> Option<Fields> {
    let required = schema.get("required").and_then(Value::as_array);
    let mut fields = Fields::new();
    for (name, property) in properties {
        let mut field = field(document, property, depth + 1)?;
        field.required = required.is_some_and(|names| names.iter().any(|known| known == name));
        fields.insert(name.clone(), field);
    }
    Some(fields)
}

/// Checks a thing; every problem is said, with its place.
pub(super) fn check(node: &Node, fields: &Fields, say: &mut impl FnMut(At, String)) {
    check_object(node, fields, "", say);
}

fn check_object(node: &Node, fields: &Fields, at: &str, say: &mut impl FnMut(At, String)) {
    let What::Map(members) = &node.what else {
        let what = format!("{}a map is needed, and this is {}", prefix(at), node.kind());
        return say(node.at, what);
    };
    for (name, place, value) in members {
        let path = match at {
            "" => name.clone(),
            at => format!("{at}.{name}"),
        };
        match fields.get(name) {
            Some(field) => check_value(value, field, &path, say),
            None => {
                let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                let near = nearest(name, &known);
                say(*place, format!("`{path}` is not known here{near}"));
            }
        }
    }
    for (name, _) in fields.iter().filter(|(_, field)| field.required) {
        if node.member(name).is_none() {
            say(node.at, format!("{}`{name}` is missing", prefix(at)));
        }
    }
}

fn check_value(node: &Node, field: &Field, at: &str, say: &mut impl FnMut(At, String)) {
    if matches!(node.what, What::Null) && field.nullable {
        return;
    }
    let mut wrong = |needed: &str| {
        let found = node.kind();
        let quotes = match (&field.shape, &node.what) {
            (Shape::Text { .. } | Shape::Word(_), What::Number(_) | What::Flag(_)) => {
                "; put it in quotes"
            }
            _ => "",
        };
        say(
            node.at,
            format!("`{at}`: {needed} is needed, and this is {found}{quotes}"),
        );
    };
    match (&field.shape, &node.what) {
        (Shape::Text { least, most }, What::Text(text)) => {
            let length = text.chars().count();
            if length < *least || length > *most {
                let what =
                    format!("`{at}`: it has {length} characters, and {least} to {most} may be");
                say(node.at, what);
            }
        }
        (Shape::Text { .. }, _) => wrong("text"),
        (Shape::Word(words), What::Text(text)) if words.contains(text) => {}
        (Shape::Word(words), _) => wrong(&format!("one of {}", words.join(", "))),
        (Shape::Flag, What::Flag(_)) => {}
        (Shape::Flag, _) => wrong("true or false"),
        (Shape::Whole { least, most }, What::Number(number)) => {
            let number = number.as_i64();
            if number.is_none_or(|number| number < *least || number > *most) {
                wrong(&format!("a whole number from {least} to {most}"));
            }
        }
        (Shape::Whole { .. }, _) => wrong("a whole number"),
        (Shape::List { of, most, unique }, What::List(items)) => {
            if items.len() > *most {
                let what = format!(
                    "`{at}`: it has {} items, and at most {most} may be",
                    items.len()
                );
                say(node.at, what);
            }
            let mut seen = std::collections::BTreeSet::new();
            for (index, item) in items.iter().enumerate() {
                check_value(item, of, &format!("{at}[{index}]"), say);
                if *unique && item.text().is_some_and(|text| !seen.insert(text)) {
                    say(item.at, format!("`{at}[{index}]` stands there twice"));
                }
            }
        }
        (Shape::List { .. }, _) => wrong("a list"),
        (Shape::Object(fields), _) => check_object(node, fields, at, say),
        (Shape::Map, What::Map(_)) => {}
        (Shape::Map, _) => wrong("a map"),
    }
}

fn prefix(at: &str) -> String {
    match at {
        "" => String::new(),
        at => format!("`{at}`: "),
    }
}

/// `; did you mean …?`, if something is near.
pub(super) fn nearest(name: &str, known: &[&str]) -> String {
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let wanted = plain(name);
    let length = wanted.chars().count();
    let near = known.iter().find(|known| {
        let known = plain(known);
        let same = |(a, b): &(char, char)| a == b;
        let begins = wanted.chars().zip(known.chars()).take_while(same).count();
        let ends = wanted.chars().rev().zip(known.chars().rev());
        let ends = ends.take_while(same).count();
        let most = length.max(known.chars().count());
        // All but two characters, which stand together.
        length >= 4 && begins + ends + 2 >= most
    });
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// Whether a thing is not as it is wanted. Members that nobody mentions are as they should be; so is what
/// shall not be there and is not.
pub(super) fn differs(shape: &Shape, have: Option<&Value>, want: &Value) -> bool {
    match (shape, have, want) {
        (_, None | Some(Value::Null), Value::Null) => false,
        (Shape::Object(fields), Some(Value::Object(have)), Value::Object(want)) => {
            want.iter().any(|(name, want)| {
                let shape = fields.get(name).map_or(&Shape::Map, |field| &field.shape);
                differs(shape, have.get(name), want)
            })
        }
        (Shape::List { of, .. }, Some(Value::Array(have)), Value::Array(want)) => {
            have.len() != want.len()
                || have
                    .iter()
                    .zip(want)
                    .any(|(have, want)| differs(&of.shape, Some(have), want))
        }
        (_, have, want) => have != Some(want),
    }
}

/// What there is, with what is wanted put over it.
pub(super) fn merge(shape: &Shape, have: Option<&Value>, want: &Value) -> Value {
    match (shape, have, want) {
        (Shape::Object(fields), Some(Value::Object(have)), Value::Object(want)) => {
            let mut merged = have.clone();
            for (name, want) in want {
                let shape = fields.get(name).map_or(&Shape::Map, |field| &field.shape);
                let value = merge(shape, have.get(name), want);
                merged.insert(name.clone(), value);
            }
            // What an answer says and no body may.
            merged.retain(|name, _| fields.contains_key(name));
            merged.into()
        }
        // A scope that is there keeps its description if the file has none.
        (Shape::List { of, .. }, Some(Value::Array(have)), Value::Array(want)) => want
            .iter()
            .map(|want| {
                let name = want.get("value");
                let known = have
                    .iter()
                    .find(|have| name.is_some() && have.get("value") == name);
                merge(&of.shape, known, want)
            })
            .collect(),
        (_, _, want) => want.clone(),
    }
}
