//! The files of a directory: read whole, checked, every problem named with its place.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::actions::as_thing;
use super::kind::{Kind, Shapes};
use super::shape::{check, nearest};
use super::yaml::{At, Node, What, read};
use crate::cli::CliError;
use crate::cli::rule::read_bounded;
use crate::rule_host::Limits;

/// A file is at most so large, and there are at most so many.
const MAX_FILE_BYTES: usize = 16 << 20;
const MAX_FILES: usize = 1_000;
/// More problems than this nobody reads at once.
const MOST_PROBLEMS: usize = 100;

/// Where a thing stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) at: At,
}

/// A thing that the files describe.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) kind: Kind,
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
    pub(super) members: Map<String, Value>,
    /// A rule's script or component, an action's code.
    pub(super) code: Option<Code>,
}

/// What a rule or an action is made of.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) bytes: Vec<u8>,
    pub(super) is_script: bool,
    /// SHA-256 in hexadecimal, as the server has it.
    pub(super) digest: String,
}

/// All that the files describe.
#[derive(Default)]
pub(super) struct Files {
    pub(super) wanted: Vec<Wanted>,
    /// The sections that stand in some file: of others the files say nothing.
    pub(super) sections: Vec<&'static str>,
    pub(super) problems: Problems,
}

/// What is wrong with the files.
#[derive(Default)]
pub(super) struct Problems(Vec<(Place, String)>);

impl Problems {
    pub(super) fn say(&mut self, place: Place, what: impl Into<String>) {
        self.0.push((place, what.into()));
    }

    /// All at once, in the order of the files.
    pub(super) fn into_result(mut self) -> Result<(), CliError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let order = |place: &Place| (place.file.clone(), place.at.line, place.at.column);
        self.0.sort_by_key(|(place, _)| order(place));
        let lines = self.0.iter().take(MOST_PROBLEMS).map(|(place, what)| {
            let At { line, column } = place.at;
            let file = place.file.display();
            match line {
                0 => format!("{file}: {what}"),
                _ => format!("{file}:{line}:{column}: {what}"),
            }
        });
        let mut text = lines.collect::<Vec<_>>().join("\n");
        if self.0.len() > MOST_PROBLEMS {
            text.push_str(&format!("\nand {} more", self.0.len() - MOST_PROBLEMS));
        }
        let head = match self.0.len() {
            1 => "one thing is wrong:".to_owned(),
            count => format!("{count} things are wrong:"),
        };
        Err(CliError::invalid(format!("{head}\n{text}")))
    }
}

impl Files {
    /// Reads a file, or every `*.yaml` and `*.yml` that lies in a folder itself.
    pub(super) fn read(path: &Path, shapes: &Shapes) -> Result<Self, CliError> {
        let mut files = Self::default();
        for file in names(path)? {
            let bytes = read_bounded(&file, MAX_FILE_BYTES, "a file")?;
            let place = |at| Place {
                file: file.clone(),
                at,
            };
            let Ok(text) = String::from_utf8(bytes) else {
                files
                    .problems
                    .say(place(At::default()), "it is not UTF-8 text");
                continue;
            };
            match read(&text) {
                Ok(node) => files.take(&file, node, shapes),
                Err((at, what)) => files.problems.say(place(at), what),
            }
        }
        Ok(files)
    }

    fn take(&mut self, file: &Path, node: Node, shapes: &Shapes) {
        let place = |at| Place {
            file: file.to_owned(),
            at,
        };
        let sections = match node.what {
            What::Map(sections) => sections,
            What::Null => return,
            _ => {
                return self
                    .problems
                    .say(place(node.at), "sections are needed, such as `clients:`");
            }
        };
        for (name, at, node) in sections {
            let mut kinds = Kind::ALL.into_iter().filter(|kind| kind.section() == name);
            let Some(kind) = kinds.next() else {
                let known = Kind::ALL.map(Kind::section);
                let near = nearest(&name, &known);
                let what = format!("there is no section `{}`{near}", name.escape_debug());
                self.problems.say(place(at), what);
                continue;
            };
            self.sections.push(kind.section());
            match node.what {
                What::List(items) if !kind.is_single() => {
                    for item in items {
                        self.add(kind, file, item, shapes);
                    }
                }
                What::Map(parts) if kind.part().is_some() => {
                    for (name, at, node) in parts {
                        let mut beside = Kind::ALL.into_iter();
                        let of = |one: &Kind| {
                            one.section() == kind.section() && one.part() == Some(&name)
                        };
                        match beside.find(of) {
                            Some(kind) => self.add(kind, file, as_thing(kind, node), shapes),
                            None => {
                                let known = Kind::ALL.into_iter();
                                let known = known.filter(|one| one.section() == kind.section());
                                let known: Vec<&str> = known.filter_map(Kind::part).collect();
                                let what =
                                    format!("only `{}` are known here", known.join("` and `"));
                                self.problems.say(place(at), what);
                            }
                        }
                    }
                }
                What::Map(_) if kind.is_single() => self.add(kind, file, node, shapes),
                // `rules:` with nothing behind it.
                What::Null => {}
                _ => {
                    let needed = if kind.is_single() { "a map" } else { "a list" };
                    let what = format!("{needed} is needed, and this is {}", node.kind());
                    self.problems.say(place(node.at), what);
                }
            }
        }
    }

    fn add(&mut self, kind: Kind, file: &Path, node: Node, shapes: &Shapes) {
        let place = Place {
            file: file.to_owned(),
            at: node.at,
        };
        let mut sound = true;
        check(&node, shapes.create(kind), &mut |at, what| {
            sound = false;
            let file = file.to_owned();
            self.problems.say(Place { file, at }, what);
        });
        let Value::Object(mut members) = node.value() else {
            return;
        };
        let mut code = None;
        if matches!(kind, Kind::Rules | Kind::Actions) && sound {
            code = self.code(file, &node);
            for name in ["script", "component", "code"] {
                members.remove(name);
            }
            if let (None, Some(at)) = (&code, node.member("manifest")) {
                let place = Place {
                    file: file.to_owned(),
                    at: at.at,
                };
                self.problems
                    .say(place, "a `manifest` goes with a `script` or a `component`");
            }
        }
        let key = kind.key(&members);
        let same = |known: &&Wanted| known.kind == kind && known.key == key;
        if let Some(first) = self.wanted.iter().find(same)
            && sound
        {
            let what = format!(
                "{} `{}` stands at {}:{} already",
                kind.noun(),
                key.escape_debug(),
                first.place.file.display(),
                first.place.at.line
            );
            return self.problems.say(place, what);
        }
        self.wanted.push(Wanted {
            kind,
            key,
            place,
            node,
            members,
            code,
        });
    }

    /// The file that a rule or an action names, which lies below the folder of the file that names it: what describes a
    /// tenant may come from somebody else, and does not get at the files of whoever applies it.
    fn code(&mut self, file: &Path, rule: &Node) -> Option<Code> {
        // No rule has `code`, and no action one of the others.
        let script = rule.member("script").or(rule.member("code"));
        let component = rule.member("component");
        let (node, is_script) = match (script, component) {
            (Some(script), None) => (script, true),
            (None, Some(component)) => (component, false),
            (None, None) => return None,
            (Some(_), Some(second)) => {
                let place = Place {
                    file: file.to_owned(),
                    at: second.at,
                };
                self.problems
                    .say(place, "a rule has a `script` or a `component`, not both");
                return None;
            }
        };
        match read_code(file, node.text()?) {
            Ok(bytes) => Some(Code {
                digest: digest(&bytes),
                bytes,
                is_script,
            }),
            Err(what) => {
                let place = Place {
                    file: file.to_owned(),
                    at: node.at,
                };
                self.problems.say(place, what);
                None
            }
        }
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_code(file: &Path, name: &str) -> Result<Vec<u8>, String> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let path = folder.join(name);
    let real = |path: &Path| {
        let real = path.canonicalize();
        real.map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    };
    if !real(&path)?.starts_with(real(folder)?) {
        let folder = folder.display();
        return Err(format!("`{}` is not below `{folder}`", path.display()));
    }
    read_bounded(&path, Limits::MOST_COMPONENT_BYTES, "a rule").map_err(|error| error.to_string())
}

fn names(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |error| CliError::usage(format!("cannot read `{}`: {error}", path.display()));
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let is_yaml = matches!(
            file.extension().and_then(|e| e.to_str()),
            Some("yaml" | "yml")
        );
        let hidden = file
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_yaml && !hidden && file.is_file() {
            names.push(file);
        }
    }
    names.sort();
    match names.len() {
        0 => Err(CliError::usage(format!(
            "there is no `*.yaml` in `{}`; `claimsmith export` writes some",
            path.display()
        ))),
        count if count > MAX_FILES => Err(CliError::usage(format!(
            "there are {count} files in `{}`, and at most {MAX_FILES} are read",
            path.display()
        ))),
        _ => Ok(names),
    }
}
