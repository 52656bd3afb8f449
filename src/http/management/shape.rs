//! What a body, a query and an answer are made of: tables of fields, from which requests are checked
//! and the OpenAPI document is made, so that neither can say what the other does not.

use serde_json::{Map, Value};

/// What a value is.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Text of one line, of at least one and at most so many characters.
    Text(usize),
    /// Any text, of at most so many characters.
    Prose(usize),
    /// Bytes, in at most so many characters of base64; in a form, as they are.
    Base64(usize),
    /// A file of at most so many bytes, in a form that its endpoint reads as it arrives.
    File(u64),
    /// One of these.
    Word(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A whole number between two.
    Whole(i64, i64),
    /// A moment, as RFC 3339 writes it; only in answers.
    Moment,
    /// Values of one shape, at most so many; of texts and words, no two alike.
    List(&'static Self, usize),
    /// These fields and no others.
    Object(&'static [Field]),
    /// Any object.
    Map,
}

/// When a field may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the body that makes the thing; and in a query.
    Create,
    /// In the body that changes it.
    Update,
    /// In the answer.
    Answer,
}

/// One member of an object.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// One line for people.
    pub(super) about: &'static str,
    create: bool,
    required: bool,
    update: bool,
    answer: bool,
    pub(super) nullable: bool,
    /// Documented in the contract and without a meaning here: kept, and returned as it was set.
    pub(super) kept: bool,
}

impl Field {
    /// A field that is set, changed and returned.
    pub(super) const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self {
            name,
            shape,
            about,
            create: true,
            required: false,
            update: true,
            answer: true,
            nullable: false,
            kept: false,
        }
    }

    /// A field of the contract without a meaning here.
    pub(super) const fn kept(name: &'static str, shape: Shape) -> Self {
        let about = "Kept and returned; without effect on this server.";
        let field = Self::new(name, shape, about).or_null();
        Self {
            kept: true,
            ..field
        }
    }

    /// A field that only answers have.
    pub(super) const fn output(name: &'static str, shape: Shape, about: &'static str) -> Self {
        let field = Self::new(name, shape, about);
        Self {
            create: false,
            update: false,
            ..field
        }
    }

    /// A field that only the body has that makes the thing: a parameter of a query, or of an action.
    pub(super) const fn input(name: &'static str, shape: Shape, about: &'static str) -> Self {
        let field = Self::new(name, shape, about);
        Self {
            update: false,
            answer: false,
            ..field
        }
    }

    /// Must stand in the body that makes the thing.
    pub(super) const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    /// Cannot be changed.
    pub(super) const fn fixed(self) -> Self {
        Self {
            update: false,
            ..self
        }
    }

    /// May stand in the body that changes the thing, too.
    pub(super) const fn also_later(self) -> Self {
        Self {
            update: true,
            ..self
        }
    }

    /// Cannot be set when the thing is made.
    pub(super) const fn later(self) -> Self {
        Self {
            create: false,
            ..self
        }
    }

    /// Never returned.
    pub(super) const fn secret(self) -> Self {
        Self {
            answer: false,
            ..self
        }
    }

    /// May be null, which takes it away.
    pub(super) const fn or_null(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }

    /// Whether it may stand there.
    pub(super) const fn stands_in(&self, stage: Stage) -> bool {
        match stage {
            Stage::Create => self.create,
            Stage::Update => self.update,
            Stage::Answer => self.answer,
        }
    }

    /// Whether it must.
    pub(super) const fn is_required_in(&self, stage: Stage) -> bool {
        self.required && matches!(stage, Stage::Create)
    }
}

/// What is wrong with a value, and where it stands; in the words of the contract's validator.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    path: String,
    what: String,
    about: &'static str,
}

impl Problem {
    fn new(path: &str, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            what: what.into(),
            about: "",
        }
    }

    /// `Payload validation error: '…' on property … (…).`
    pub(super) fn message(&self, prefix: &str) -> String {
        let Self { path, what, about } = self;
        let about = about.trim_end_matches('.');
        match (path.as_str(), about) {
            ("", _) => format!("{prefix} validation error: '{what}'."),
            (path, "") => format!("{prefix} validation error: '{what}' on property {path}."),
            (path, about) => {
                format!("{prefix} validation error: '{what}' on property {path} ({about}).")
            }
        }
    }
}

/// Checks an object against a table of fields.
pub(super) fn check(
    members: &Map<String, Value>,
    fields: &[Field],
    stage: Stage,
) -> Result<(), Problem> {
    check_object(members, fields, stage, "")
}

fn check_object(
    members: &Map<String, Value>,
    fields: &[Field],
    stage: Stage,
    at: &str,
) -> Result<(), Problem> {
    let allowed = |name: &str| {
        let field = fields.iter().find(|field| field.name == name);
        field.filter(|field| field.stands_in(stage))
    };
    for (name, value) in members {
        let Some(field) = allowed(name) else {
            let name: String = name.escape_debug().take(100).collect();
            let what = format!("Additional properties not allowed: {name}");
            return Err(Problem::new(at, what));
        };
        let path = join(at, name);
        if value.is_null() && field.nullable {
            continue;
        }
        check_value(value, field.shape, stage, &path).map_err(|problem| Problem {
            about: match problem.path == path {
                true => field.about,
                false => problem.about,
            },
            ..problem
        })?;
    }
    let missing = fields.iter().find(|field| {
        field.is_required_in(stage) && members.get(field.name).is_none_or(Value::is_null)
    });
    match missing {
        None => Ok(()),
        Some(field) => {
            let what = format!("Missing required property: {}", field.name);
            Err(Problem::new(at, what))
        }
    }
}

fn check_value(value: &Value, shape: Shape, stage: Stage, at: &str) -> Result<(), Problem> {
    let problem = |what: String| Err(Problem::new(at, what));
    let expected = |name: &str| {
        let found = kind(value);
        Problem::new(at, format!("Expected type {name} but found type {found}"))
    };
    match shape {
        Shape::Text(most) => {
            let text = value.as_str().ok_or_else(|| expected("string"))?;
            if text.is_empty() {
                return problem("String is too short (0 chars), minimum 1".to_owned());
            }
            if text.chars().any(char::is_control) {
                return problem("String has control characters in it".to_owned());
            }
            check_length(text, most, at)
        }
        Shape::Prose(most) | Shape::Base64(most) => {
            let text = value.as_str().ok_or_else(|| expected("string"))?;
            check_length(text, most, at)
        }
        // Who reads the form counts its bytes.
        Shape::File(_) | Shape::Moment => match value {
            Value::String(_) => Ok(()),
            _ => Err(expected("string")),
        },
        Shape::Word(words) => match value.as_str() {
            Some(word) if words.contains(&word) => Ok(()),
            Some(word) => {
                let word: String = word.escape_debug().take(100).collect();
                problem(format!("No enum match for: {word}"))
            }
            None => Err(expected("string")),
        },
        Shape::Flag => match value {
            Value::Bool(_) => Ok(()),
            _ => Err(expected("boolean")),
        },
        Shape::Whole(least, most) => {
            let number = value.as_i64().ok_or_else(|| expected("integer"))?;
            if number < least {
                return problem(format!("Value {number} is less than minimum {least}"));
            }
            if number > most {
                return problem(format!("Value {number} is greater than maximum {most}"));
            }
            Ok(())
        }
        Shape::List(item, most) => {
            let items = value.as_array().ok_or_else(|| expected("array"))?;
            check_list(items, *item, most, stage, at)
        }
        Shape::Object(fields) => {
            let members = value.as_object().ok_or_else(|| expected("object"))?;
            check_object(members, fields, stage, at)
        }
        Shape::Map => match value {
            Value::Object(_) => Ok(()),
            _ => Err(expected("object")),
        },
    }
}

fn check_list(
    items: &[Value],
    item: Shape,
    most: usize,
    stage: Stage,
    at: &str,
) -> Result<(), Problem> {
    if items.len() > most {
        let what = format!("Array is too long ({}), maximum {most}", items.len());
        return Err(Problem::new(at, what));
    }
    let mut seen = std::collections::HashMap::new();
    for (index, value) in items.iter().enumerate() {
        check_value(value, item, stage, &format!("{at}[{index}]"))?;
        if let Some(text) = value.as_str()
            && let Some(first) = seen.insert(text, index)
        {
            let what = format!("Array items are not unique (indexes {first} and {index})");
            return Err(Problem::new(at, what));
        }
    }
    Ok(())
}

fn check_length(text: &str, most: usize, at: &str) -> Result<(), Problem> {
    let length = text.chars().count();
    if length > most {
        let what = format!("String is too long ({length} chars), maximum {most}");
        return Err(Problem::new(at, what));
    }
    Ok(())
}

fn join(at: &str, name: &str) -> String {
    match at {
        "" => name.to_owned(),
        at => format!("{at}.{name}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const INNER: &[Field] = &[Field::new("on", Shape::Flag, "Whether it is on.")];
    const FIELDS: &[Field] = &[
        Field::new("name", Shape::Text(5), "A name.").required(),
        Field::new("kinds", Shape::List(&Shape::Word(&["a", "b"]), 3), ""),
        Field::new("inner", Shape::Object(INNER), ""),
        Field::new("count", Shape::Whole(1, 9), "").fixed(),
        Field::output("id", Shape::Text(9), "An identity."),
        Field::kept("logo", Shape::Text(9)),
    ];

    #[track_caller]
    fn problem(stage: Stage, body: Value) -> String {
        let body = body.as_object().unwrap().clone();
        let problem = check(&body, FIELDS, stage).err();
        problem.map_or_else(|| "fine".to_owned(), |problem| problem.message("Payload"))
    }

    #[test]
    fn a_problem_is_named_with_its_place_and_what_the_field_is() {
        let create = |body| problem(Stage::Create, body);
        assert_eq!(create(json!({"name": "x", "logo": null})), "fine");
        for (body, expected) in [
            (json!({}), "'Missing required property: name'."),
            (
                json!({"name": null}),
                "'Expected type string but found type null' on property name (A name).",
            ),
            (
                json!({"name": "x", "id": "y"}),
                "'Additional properties not allowed: id'.",
            ),
            (
                json!({"name": "abcdef"}),
                "'String is too long (6 chars), maximum 5' on property name (A name).",
            ),
            (
                json!({"name": "x", "kinds": ["a", "a"]}),
                "'Array items are not unique (indexes 0 and 1)' on property kinds.",
            ),
            (
                json!({"name": "x", "kinds": ["c"]}),
                "'No enum match for: c' on property kinds[0].",
            ),
            (
                json!({"name": "x", "inner": {"on": 1}}),
                "'Expected type boolean but found type integer' on property inner.on (Whether it is on).",
            ),
            (
                json!({"name": "x", "inner": {"off": 1}}),
                "'Additional properties not allowed: off' on property inner.",
            ),
            (
                json!({"name": "x", "count": 10}),
                "'Value 10 is greater than maximum 9' on property count.",
            ),
            (
                json!({"name": "x", "count": 1.5}),
                "'Expected type integer but found type number' on property count.",
            ),
        ] {
            assert_eq!(
                create(body),
                format!("Payload validation error: {expected}")
            );
        }
    }

    #[test]
    fn what_cannot_be_changed_is_unknown_to_the_body_that_changes() {
        let update = |body| problem(Stage::Update, body);
        assert_eq!(update(json!({})), "fine");
        assert_eq!(
            update(json!({"count": 1})),
            "Payload validation error: 'Additional properties not allowed: count'."
        );
    }
}
