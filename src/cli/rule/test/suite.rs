//! Where cases come from: folders of cases beside a rule, or one table.

use std::path::{Path, PathBuf};

use super::expect::Expectation;
use super::table;
use crate::cli::rule::fixture::{self, Fixture};
use crate::cli::rule::{CliError, read_bounded};

/// Cases for one chain.
pub(super) struct Suite {
    pub(super) name: String,
    /// The rules, in order.
    pub(super) rules: Vec<PathBuf>,
    pub(super) cases: Vec<Case>,
    /// Files and folders to look at for changes.
    pub(super) sources: Vec<PathBuf>,
}

/// One exchange and what is expected of it.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) input: Fixture,
    /// None if nobody has said yet.
    pub(super) expectation: Option<Expectation>,
    /// The file of the expectation, if it has one of its own.
    pub(super) file: Option<PathBuf>,
}

/// The names under which a table of cases is found in a rule's folder.
const TABLES: [&str; 4] = ["cases.json", "cases.toml", "cases.yaml", "cases.yml"];

/// All suites at a path: a table, a rule's folder, or a folder of rules' folders.
pub(super) fn find(path: &Path, rules: &[PathBuf]) -> Result<Vec<Suite>, CliError> {
    if !path.exists() {
        return Err(CliError::usage(format!("there is no `{}`", path.display())));
    }
    let suites = if path.is_file() {
        vec![table::read(path, rules)?]
    } else if has_cases(path) {
        in_folder(path, rules)?
    } else {
        let mut suites = Vec::new();
        for folder in folders(path)? {
            if has_cases(&folder) {
                suites.extend(in_folder(&folder, rules)?);
            }
        }
        suites
    };
    if suites.iter().all(|suite| suite.cases.is_empty()) {
        return Err(CliError::usage(format!(
            "`{}` has no cases: a case is a folder `cases/NAME` with `input.json` and `expect.json`, or a row of `cases.json`, `cases.toml` or `cases.yaml`",
            path.display()
        )));
    }
    Ok(suites)
}

fn has_cases(folder: &Path) -> bool {
    folder.join("cases").is_dir() || TABLES.iter().any(|table| folder.join(table).is_file())
}

fn in_folder(folder: &Path, rules: &[PathBuf]) -> Result<Vec<Suite>, CliError> {
    let mut suites = Vec::new();
    let cases = folder.join("cases");
    if cases.is_dir() {
        let rules = match rules {
            [] => vec![folder.to_owned()],
            named => named.to_vec(),
        };
        suites.push(Suite {
            name: name(folder),
            sources: [vec![cases.clone()], rules.clone()].concat(),
            rules,
            cases: folders(&cases)?
                .iter()
                .map(|case| read(case))
                .collect::<Result<_, _>>()?,
        });
    }
    for table in TABLES.map(|table| folder.join(table)) {
        if table.is_file() {
            suites.push(table::read(&table, rules)?);
        }
    }
    Ok(suites)
}

/// A folder `cases/NAME`.
fn read(folder: &Path) -> Result<Case, CliError> {
    let file = folder.join("expect.json");
    let expectation = match file.exists() {
        false => None,
        true => {
            let bytes = read_bounded(&file, fixture::MAX_BYTES, "an expectation")?;
            let expectation = serde_json::from_slice(&bytes)
                .map_err(|error| CliError::invalid(format!("`{}`: {error}", file.display())))?;
            Some(expectation)
        }
    };
    Ok(Case {
        name: name(folder),
        input: fixture::read(&folder.join("input.json"))?,
        expectation,
        file: Some(file),
    })
}

/// The name that people know a folder by.
pub(super) fn name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map(|name| name.to_string_lossy());
    name.map_or_else(|| folder.display().to_string(), |name| name.into_owned())
}

/// The folders in a folder, in order of name.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |error: std::io::Error| {
        CliError::invalid(format!("cannot read `{}`: {error}", folder.display()))
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
