//! Many cases in one file: JSON, TOML or YAML, with what they have in common written once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::expect::Expectation;
use super::suite::{Case, Suite, name};
use crate::cli::rule::fixture::{self, Fixture};
use crate::cli::rule::{CliError, read_bounded};
use crate::rule_host::fetch::RecordedFetch;
use crate::rule_host::{Exchange, printable};
use crate::secret::Secret;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The chain, relative to the table; the rule beside it if none is said.
    #[serde(default)]
    rules: Vec<PathBuf>,
    /// What every case's exchange begins with.
    #[serde(default)]
    exchange: Map<String, Value>,
    #[serde(default)]
    configuration: BTreeMap<String, String>,
    cases: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    /// Merged over what is common (RFC 7396: null takes a member out).
    #[serde(default)]
    exchange: Map<String, Value>,
    #[serde(default)]
    configuration: BTreeMap<String, String>,
    /// What the network would answer.
    #[serde(default)]
    fetches: Vec<RecordedFetch>,
    expect: Expectation,
}

/// Reads a table.
pub(super) fn read(path: &Path, rules: &[PathBuf]) -> Result<Suite, CliError> {
    let invalid = |problem: String| CliError::invalid(format!("`{}`: {problem}", path.display()));
    let bytes = read_bounded(path, fixture::MAX_BYTES, "a table of cases")?;
    let text = String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8 text".to_owned()))?;
    let extension = path.extension().and_then(|extension| extension.to_str());
    let table: Table = parse(extension, &text).map_err(invalid)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let rules = match (rules, table.rules.is_empty()) {
        ([], true) => vec![folder.to_owned()],
        ([], false) => table.rules.iter().map(|rule| folder.join(rule)).collect(),
        (named, _) => named.to_vec(),
    };
    let (common, values) = (Value::Object(table.exchange), table.configuration);
    let case = |row: Row| -> Result<Case, CliError> {
        let mut exchange = common.clone();
        merge(&mut exchange, Value::Object(row.exchange));
        let exchange: Exchange = serde_json::from_value(exchange)
            .map_err(|error| invalid(format!("case `{}`: exchange: {error}", row.name)))?;
        let values = values.iter().chain(&row.configuration);
        let configuration = values
            .map(|(key, value)| (key.clone(), Secret::new(value.clone())))
            .collect();
        Ok(Case {
            name: row.name,
            input: Fixture {
                exchange,
                configuration,
                fetches: row.fetches,
                order: Vec::new(),
            },
            expectation: Some(row.expect),
            file: None,
        })
    };
    Ok(Suite {
        name: name(beside(path)),
        sources: [vec![path.to_owned()], rules.clone()].concat(),
        rules,
        cases: table
            .cases
            .into_iter()
            .map(case)
            .collect::<Result<_, _>>()?,
    })
}

/// A table called `cases` is known by its folder.
fn beside(path: &Path) -> &Path {
    let is_cases = path.file_stem().is_some_and(|stem| stem == "cases");
    let folder = path.parent().filter(|_| is_cases);
    folder.map_or(path, |folder| match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    })
}

fn parse<T: DeserializeOwned>(extension: Option<&str>, text: &str) -> Result<T, String> {
    match extension {
        Some("json") => serde_json::from_str(text).map_err(|error| error.to_string()),
        Some("toml") => toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
            format!("line {line}: {}", printable(error.message(), 300))
        }),
        Some("yaml" | "yml") => serde_saphyr::from_str(text).map_err(|error| {
            // Its message draws the place below the first line.
            let error = error.to_string();
            printable(error.lines().next().unwrap_or_default(), 300)
        }),
        _ => Err("a table of cases is a `.json`, `.toml` or `.yaml` file".to_owned()),
    }
}

/// RFC 7396.
fn merge(base: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *base = patch;
        return;
    };
    if !base.is_object() {
        *base = Value::Object(Map::new());
    }
    if let Some(base) = base.as_object_mut() {
        for (name, value) in patch {
            match value {
                Value::Null => {
                    base.remove(&name);
                }
                value => merge(base.entry(name).or_insert(Value::Null), value),
            }
        }
    }
}
