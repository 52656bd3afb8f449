//! `claimsmith rule new`: a folder that builds, and whose cases pass at once.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{CliError, Output};

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The folder to make, and the rule's name: small letters, digits and `-`
    name: String,
    /// What it is written in
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    lang: Language,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Language {
    /// Safe Rust, with the crate `claimsmith-rule`
    Rust,
    /// JavaScript, `function (user, context, callback)`
    Js,
    /// JavaScript, `exports.onExecutePostLogin`
    Action,
    /// C, with what `wit-bindgen c` makes of the interface
    C,
    /// TypeScript, checked against the types of the Actions that it exports
    Ts,
    /// Python, with `componentize-py`; 18 MB, which a server takes only if its operator lets it
    Python,
}

/// A file of a new folder: where it goes, and what is in it.
type File = (&'static str, &'static [u8]);

macro_rules! files {
    ($($to:literal from $from:literal),* $(,)?) => {
        &[$(($to, include_bytes!(concat!("../../../sdk/", $from)) as &[u8])),*]
    };
}

/// What every language has. `NAME` stands for the rule's name in them.
const COMMON: &[File] = files!["rule.toml" from "templates/common/rule.toml"];

const JS: &[File] = files![
    "README.md" from "templates/js/README.md",
    "cases.json" from "templates/js/cases.json",
    "rule.js" from "templates/js/rule.js",
];

const ACTION: &[File] = files![
    "README.md" from "templates/js/README.md",
    "cases.json" from "templates/js/cases.json",
    "rule.js" from "templates/action/rule.js",
];

const RUST: &[File] = files![
    "Cargo.toml" from "templates/rust/Cargo.toml",
    ".cargo/config.toml" from "templates/rust/.cargo/config.toml",
    ".gitignore" from "templates/rust/gitignore",
    "README.md" from "templates/rust/README.md",
    "cases.json" from "templates/common/cases.json",
    "src/lib.rs" from "templates/rust/src/lib.rs",
];

const C: &[File] = files![
    ".gitignore" from "templates/c/gitignore",
    "README.md" from "templates/c/README.md",
    "cases.json" from "templates/common/cases.json",
    "src/rule.c" from "templates/c/src/rule.c",
];

const TS: &[File] = files![
    ".gitignore" from "templates/ts/gitignore",
    "README.md" from "templates/ts/README.md",
    "cases.json" from "templates/js/cases.json",
    "package.json" from "templates/ts/package.json",
    "src/rule.ts" from "templates/ts/src/rule.ts",
    "tsconfig.json" from "templates/ts/tsconfig.json",
];

const PYTHON: &[File] = files![
    ".gitignore" from "templates/python/gitignore",
    "README.md" from "templates/python/README.md",
    "cases.json" from "templates/common/cases.json",
    "requirements.txt" from "templates/python/requirements.txt",
    "src/app.py" from "templates/python/src/app.py",
];

/// Copied as they are.
const RUST_SDK: &[File] = files![
    "sdk/Cargo.toml" from "rust/Cargo.toml",
    "sdk/wit/rule.wit" from "rust/wit/rule.wit",
    "sdk/src/arena.rs" from "rust/src/arena.rs",
    "sdk/src/host.rs" from "rust/src/host.rs",
    "sdk/src/lib.rs" from "rust/src/lib.rs",
    "sdk/src/testing.rs" from "rust/src/testing.rs",
];

const C_SDK: &[File] = files![
    "sdk/rule.c" from "c/rule.c",
    "sdk/rule.h" from "c/rule.h",
    "sdk/rule_component_type.o" from "c/rule_component_type.o",
];

const TS_SDK: &[File] = files![
    "types/actions.d.ts" from "ts/actions.d.ts",
    "types/common.d.ts" from "ts/common.d.ts",
];

const PYTHON_SDK: &[File] = files!["sdk/wit/rule.wit" from "rust/wit/rule.wit"];

impl Language {
    fn files(self) -> (&'static [File], &'static [File]) {
        match self {
            Self::Rust => (RUST, RUST_SDK),
            Self::Js => (JS, &[]),
            Self::Action => (ACTION, &[]),
            Self::C => (C, C_SDK),
            Self::Ts => (TS, TS_SDK),
            Self::Python => (PYTHON, PYTHON_SDK),
        }
    }

    /// What comes between making a rule and testing it.
    fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Js | Self::Action => &[],
            Self::Rust | Self::C => &["claimsmith rule build"],
            Self::Ts => &["npm install", "claimsmith rule build"],
            Self::Python => &[
                "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
                "claimsmith rule build",
            ],
        }
    }
}

pub(super) fn run(args: &Args) -> Result<Output, CliError> {
    check_name(&args.name)?;
    let folder = Path::new(&args.name);
    if folder.exists() {
        return Err(CliError::usage(format!(
            "`{}` is there already; choose another name or remove it",
            args.name
        )));
    }
    // Under another name until it is whole.
    let unfinished = PathBuf::from(format!(".{}.new", args.name));
    let (templates, sdk) = args.lang.files();
    let made = write_all(&unfinished, &args.name, [COMMON, templates], sdk)
        .and_then(|()| std::fs::rename(&unfinished, folder));
    if let Err(error) = made {
        drop(std::fs::remove_dir_all(&unfinished));
        return Err(CliError::failure(format!(
            "cannot make `{}`: {error}",
            args.name
        )));
    }
    let steps: String = args
        .lang
        .steps()
        .iter()
        .map(|step| format!("\n  {step}"))
        .collect();
    let text = format!(
        "made {name}/; next:\n  cd {name}{steps}\n  claimsmith rule test",
        name = args.name
    );
    Ok(Output::new(json!({ "folder": args.name }), text))
}

/// A name that cargo takes for a package, and every file system for a folder.
fn check_name(name: &str) -> Result<(), CliError> {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64
        && name.bytes().all(letters)
        && !matches!(name, "sdk" | "test" | "claimsmith-rule" | "core" | "std");
    match fits {
        true => Ok(()),
        false => Err(CliError::usage(
            "the name: begin with a small letter, and use at most 64 small letters, digits and `-`",
        )),
    }
}

fn write_all(
    folder: &Path,
    name: &str,
    templates: [&[File]; 2],
    sdk: &[File],
) -> std::io::Result<()> {
    for (to, content) in templates.into_iter().flatten() {
        let text = String::from_utf8_lossy(content).replace("NAME", name);
        write(&folder.join(to), text.as_bytes())?;
    }
    for (to, content) in sdk {
        write(&folder.join(to), content)?;
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, content)
}
