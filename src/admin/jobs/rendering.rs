//! How a user stands in a file: as a document of its own line, or as a line of RFC 4180.

use serde_json::{Map, Value};

use crate::job::{Column, Export, Format};

/// The members of a file of lines for whom names none.
const USUAL: [&str; 14] = [
    "user_id",
    "email",
    "email_verified",
    "username",
    "name",
    "given_name",
    "family_name",
    "nickname",
    "phone_number",
    "identities[0].connection",
    "blocked",
    "created_at",
    "last_login",
    "logins_count",
];

/// What stands before the first user.
pub(super) fn header(export: &Export) -> String {
    match export.format {
        Format::Json => String::new(),
        Format::Csv if export.fields.is_empty() => cells(USUAL.into_iter().map(str::to_owned)),
        Format::Csv => cells(export.fields.iter().map(|column| column.title().to_owned())),
    }
}

/// A user.
pub(super) fn line(export: &Export, document: &Value) -> String {
    match export.format {
        Format::Json if export.fields.is_empty() => format!("{document}\n"),
        Format::Json => {
            let member = |column: &Column| {
                let value = at(document, &column.name)?;
                Some((column.title().to_owned(), value.clone()))
            };
            let members: Map<String, Value> = export.fields.iter().filter_map(member).collect();
            format!("{}\n", Value::Object(members))
        }
        Format::Csv if export.fields.is_empty() => {
            cells(USUAL.into_iter().map(|name| plain(at(document, name))))
        }
        Format::Csv => {
            let names = export.fields.iter().map(|column| column.name.as_str());
            cells(names.map(|name| plain(at(document, name))))
        }
    }
}

/// What a path leads to: `app_metadata.plan`, `identities[0].connection`.
fn at<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(document, |value, step| {
        let (name, index) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
            Some((name, index)) => (name, Some(index.parse::<usize>().ok()?)),
            None => (step, None),
        };
        let member = value.get(name)?;
        match index {
            None => Some(member),
            Some(index) => member.get(index),
        }
    })
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

fn cells(cells: impl Iterator<Item = String>) -> String {
    let mut line = cells
        .map(|cell| cell_of(&cell))
        .collect::<Vec<_>>()
        .join(",");
    line.push_str("\r\n");
    line
}

/// A spreadsheet takes a cell that begins so for a formula: whoever chose a name would run it on the
/// administrator's machine.
fn cell_of(text: &str) -> String {
    let text = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_members_and_items() {
        let document = json!({"a": {"b": [1, {"c": true}]}, "d": null});
        assert_eq!(at(&document, "a.b[1].c"), Some(&json!(true)));
        for nothing in ["a.c", "a.b[2]", "a.b[x]", "a.b[", "", "d.e", "a.b[0].c"] {
            assert_eq!(at(&document, nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        for (text, cell) in [
            ("Ada", "Ada"),
            ("Ada, \"the\" Countess", "\"Ada, \"\"the\"\" Countess\""),
            ("two\nlines", "\"two\nlines\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("@x,y", "\"'@x,y\""),
        ] {
            assert_eq!(cell_of(text), cell);
        }
    }
}
