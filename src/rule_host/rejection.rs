//! Why bytes are not a rule: everything that was found wrong, where, and what to do.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::bindings::{PACKAGE, VERSIONS};

/// Bytes that this server does not run, with all that was found wrong with them; that is one thing at least.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rejected(Vec<UploadFault>);

/// One thing that is wrong with an upload, in words for whoever built it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadFault {
    /// Which kind it is, for programs.
    pub code: Cow<'static, str>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// In which line of a source, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// At which character of the line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The line, with a caret under the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// Which import of a component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import: Option<String>,
    /// At which byte of a component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

impl Rejected {
    /// All that is wrong.
    #[must_use]
    pub fn faults(&self) -> &[UploadFault] {
        &self.0
    }

    /// All that is wrong with the code and with what came with it.
    pub(crate) fn of(code: Option<Self>, others: Vec<UploadFault>) -> Self {
        let mut all = code.map(|code| code.0).unwrap_or_default();
        all.extend(others);
        Self(all)
    }
}

impl From<UploadFault> for Rejected {
    fn from(only: UploadFault) -> Self {
        Self(vec![only])
    }
}

impl From<Rejection> for Rejected {
    fn from(only: Rejection) -> Self {
        UploadFault::from(only).into()
    }
}

impl From<Vec<Rejection>> for Rejected {
    fn from(all: Vec<Rejection>) -> Self {
        Self(all.into_iter().map(UploadFault::from).collect())
    }
}

impl std::error::Error for Rejected {}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(f),
            all => {
                write!(f, "{} faults were found:", all.len())?;
                let mut numbered = all.iter().zip(1..);
                numbered.try_for_each(|(fault, number)| write!(f, "\n{number}. {fault}"))
            }
        }
    }
}

impl fmt::Display for UploadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code == SCRIPT {
            f.write_str("this is not a rule in JavaScript: ")?;
        }
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            _ => {}
        }
        f.write_str(&self.message)?;
        if let Some(advice) = &self.advice {
            write!(f, ": {advice}")?;
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        Ok(())
    }
}

/// The code of what is wrong with a source.
const SCRIPT: &str = "script";

/// What the host itself finds wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// No WebAssembly at all.
    NotWasm {
        /// What it may be instead; empty or `; …`.
        hint: &'static str,
    },
    /// JavaScript with a mistake in it.
    Script {
        /// In the engine's words.
        problem: String,
        line: Option<u32>,
        column: Option<u32>,
        /// The line, with a caret under the place.
        excerpt: Option<String>,
    },
    /// A core module.
    CoreModule,
    /// More bytes than a rule may have.
    TooLarge { size: usize, limit: usize },
    /// WebAssembly that breaks the format's own rules.
    Malformed {
        /// In the parser's or the validator's words.
        cause: String,
        offset: u64,
    },
    /// Well-formed, yet so built that compiling it would cost too much.
    TooComplex {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much there may be.
        limit: u64,
        /// What to do.
        advice: &'static str,
        /// Where, if it is at one place.
        offset: Option<u64>,
    },
    /// A feature of WebAssembly that this server leaves off.
    Unsupported {
        what: &'static str,
        advice: &'static str,
    },
    /// An import that nobody provides.
    UnknownImport { name: String, known: String },
    /// Another version of the interface.
    UnknownVersion { import: String, found: String },
    /// No `decide`.
    NoDecide {
        /// The exports it has, each in backticks, or `none`.
        exports: String,
    },
    /// The right names with other types.
    WrongWorld {
        /// The version it was held against.
        version: &'static str,
        /// In wasmtime's words.
        cause: String,
    },
    /// The compiler refused.
    Compile {
        /// In wasmtime's words.
        cause: String,
    },
    /// Its manifest leaves it less memory than it starts with.
    AsksTooLittle { asked: u64, starts_with: u64 },
    /// It compiles, but does not start.
    Instantiate {
        /// What happened and what to do.
        detail: String,
    },
    /// More is wrong than is told at once.
    More,
}

impl Rejection {
    /// JavaScript that the engine cannot take, for a reason that has no place.
    pub(super) fn script(problem: impl Into<String>) -> Self {
        Self::Script {
            problem: problem.into(),
            line: None,
            column: None,
            excerpt: None,
        }
    }
}

impl From<Rejection> for UploadFault {
    fn from(rejection: Rejection) -> Self {
        let fault = |code: &'static str, message: String| Self {
            code: code.into(),
            message,
            ..Self::default()
        };
        match rejection {
            Rejection::NotWasm { hint } => fault(
                "not_wasm",
                format!("this is not WebAssembly: it does not begin with the bytes `\\0asm`{hint}"),
            ),
            Rejection::Script {
                problem,
                line,
                column,
                excerpt,
            } => Self {
                line,
                column,
                excerpt,
                ..fault(SCRIPT, problem)
            },
            Rejection::CoreModule => fault(
                "core_module",
                "this is a core WebAssembly module, and a rule is a component".to_owned(),
            )
            .advising("build it with `--target wasm32-wasip2`, or wrap it with `wasm-tools component new`"),
            Rejection::TooLarge { size, limit } => fault(
                "too_large",
                format!("the rule has {size} bytes, and may have {limit}"),
            )
            .advising("strip its debug information, optimise for size, or use a smaller runtime; a server takes larger components if its operator says so (`--max-rule-mib`)"),
            Rejection::Malformed { cause, offset } => Self {
                offset: Some(offset),
                ..fault("malformed", format!("the component is malformed: {cause}"))
            }
            .advising("build it again, and see that it is stored and sent as binary"),
            Rejection::TooComplex {
                what,
                found,
                limit,
                advice,
                offset,
            } => Self {
                offset,
                ..fault(
                    "too_complex",
                    format!("{what} is {found}, and a rule may have {limit}"),
                )
            }
            .advising(advice),
            Rejection::Unsupported { what, advice } => fault(
                "unsupported",
                format!("{what}, which this server does not run"),
            )
            .advising(advice),
            Rejection::UnknownImport { name, known } => fault(
                "unknown_import",
                format!("the rule imports `{name}`, which this server does not provide"),
            )
            .at_import(name)
            .advising(format!(
                "there are {known}, and WASI 0.2 without sockets and HTTP; build for the world `rule` of `rule.wit`"
            )),
            Rejection::UnknownVersion { import, found } => fault(
                "unknown_version",
                format!(
                    "the rule is built for version `{found}` of `{PACKAGE}`, and this server knows {}",
                    quoted(&VERSIONS)
                ),
            )
            .at_import(import)
            .advising("build it with that version's `rule.wit`, or update the server"),
            Rejection::NoDecide { exports } => fault(
                "no_decide",
                format!("the component does not export `decide`; its exports are: {exports}"),
            )
            .advising("build it for the world `rule` of `rule.wit`"),
            Rejection::WrongWorld { version, cause } => fault(
                "wrong_world",
                format!("the component does not fit the world `rule` of `{PACKAGE}@{version}`: {cause}"),
            )
            .advising("build it with bindings made from that version's `rule.wit`"),
            Rejection::Compile { cause } => {
                fault("compile", format!("the component cannot be compiled: {cause}"))
            }
            Rejection::AsksTooLittle { asked, starts_with } => fault(
                "manifest",
                format!("the component starts with {starts_with} bytes of memory, and `memory_bytes` in the manifest asks for {asked}"),
            )
            .advising("ask for more, or link it with a smaller `--initial-memory`"),
            Rejection::Instantiate { detail } => {
                fault("instantiate", format!("the component does not start: {detail}"))
            }
            Rejection::More => fault("more", "there are more faults than are listed".to_owned())
                .advising("mend these first"),
        }
    }
}

impl UploadFault {
    fn advising(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    fn at_import(self, name: String) -> Self {
        Self {
            import: Some(name),
            ..self
        }
    }

    /// Something wrong that only whoever checks knows of.
    pub(crate) fn new(
        code: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            ..Self::default()
        }
        .advising(advice)
    }
}

/// Names for a sentence: "`a`, `b` and `c`".
pub(super) fn quoted<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{}`", n.as_ref())).collect();
    match quoted.split_last() {
        None => "none".into(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
