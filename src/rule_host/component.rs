//! Compiled rules: shared by their digest, compiled once however many ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::admission::{self, Shape};
use super::bindings::{PACKAGE, RulePre, VERSIONS};
use super::guest::{self, Guest};
use super::javascript::{self, Dialect, Machine, Script};
use super::text::printable;
use super::{Limits, Rejected, Rejection, wasi};

/// A rule that is ready to run. Cloning is cheap.
#[derive(Clone)]
pub struct Rule(Arc<Compiled>);

/// What a rule runs as.
pub(super) enum Program {
    Component(Box<RulePre<Guest>>),
    JavaScript(Script),
}

struct Compiled {
    program: Program,
    digest: Arc<str>,
    inspection: Inspection,
    code_bytes: usize,
}

/// What is known of a component without running it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
    /// The interface it was built for, with the version.
    pub interface: String,
    /// How it is written, if it is JavaScript.
    pub dialect: Option<Dialect>,
    /// Everything it imports: what it can do beside returning effects.
    pub imports: Vec<String>,
    /// Everything it exports.
    pub exports: Vec<String>,
    /// The linear memory it starts with, in bytes.
    pub memory_bytes_min: u64,
    /// The most linear memory it can hold, in bytes: what it declares, or this host's limit.
    pub memory_bytes_max: u64,
    /// The length of its compiled code, in bytes.
    pub code_bytes: u64,
}

impl Inspection {
    /// Whether it imports this interface of ours, in any version.
    pub fn imports_interface(&self, interface: &str) -> bool {
        let name = format!("{PACKAGE}/{interface}@");
        self.imports.iter().any(|import| import.starts_with(&name))
    }
}

impl Rule {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// What is known of it without running it.
    pub fn inspection(&self) -> &Inspection {
        &self.0.inspection
    }

    /// Whether it imports the tenant's configuration, secrets included.
    pub fn reads_configuration(&self) -> bool {
        self.0.inspection.imports_interface("configuration")
    }

    pub(super) fn shared_digest(&self) -> Arc<str> {
        Arc::clone(&self.0.digest)
    }

    pub(super) fn program(&self) -> &Program {
        &self.0.program
    }

    pub(super) fn script(&self) -> Option<&Script> {
        match &self.0.program {
            Program::JavaScript(script) => Some(script),
            Program::Component(_) => None,
        }
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rule({})", self.digest())
    }
}

/// The SHA-256 of a component's bytes, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Makes rules of bytes, and keeps the ones used last.
pub(super) struct Components {
    engine: Engine,
    linker: Linker<Guest>,
    machine: Machine,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Arc<str>, Entry>,
    clock: u64,
}

/// One digest. Its lock is held while it compiles, so that whoever asks meanwhile waits for the
/// result instead of compiling it again.
#[derive(Default)]
struct Entry {
    slot: Arc<Mutex<Option<Rule>>>,
    used: u64,
}

impl Components {
    pub(super) fn new(engine: Engine) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&engine);
        guest::link(&mut linker)?;
        wasi::link(&mut linker)?;
        Ok(Self {
            machine: Machine::new(engine.clone()),
            engine,
            linker,
            kept: Mutex::default(),
        })
    }

    /// The rule of this digest, if it is compiled. Never waits: while it is being compiled there is
    /// none yet, and whoever asks for it with [`Self::load`] waits there.
    pub(super) fn cached(&self, digest: &str) -> Option<Rule> {
        let slot = self.kept().slot(digest)?;
        slot.try_lock().ok()?.clone()
    }

    /// Admits, compiles and links `bytes`, or finds them done. Blocks for as long as that takes.
    pub(super) fn load(&self, bytes: &[u8], limits: &Limits) -> Result<Rule, Rejected> {
        let digest: Arc<str> = digest(bytes).into();
        let slot = self.kept().slot_or_new(&digest);
        let mut slot = lock(&slot);
        if let Some(rule) = &*slot {
            return Ok(rule.clone());
        }
        let loaded = self.compile(bytes, &digest, limits);
        match &loaded {
            Ok(rule) => *slot = Some(rule.clone()),
            Err(_) => self.kept().forget(&digest),
        }
        drop(slot);
        self.kept().evict(limits.code_bytes, &digest);
        loaded
    }

    fn compile(&self, bytes: &[u8], digest: &Arc<str>, limits: &Limits) -> Result<Rule, Rejected> {
        if javascript::recognises(bytes) {
            return self.compile_script(bytes, digest, limits);
        }
        let shape = admission::admit(bytes, limits)?;
        let component = Component::from_binary(&self.engine, bytes)
            .map_err(|e| Rejection::Compile { cause: words(&e) })?;
        let wrong_world = |e: wasmtime::Error| Rejection::WrongWorld {
            version: VERSIONS[0],
            cause: words(&e),
        };
        let pre = self
            .linker
            .instantiate_pre(&component)
            .map_err(wrong_world)?;
        let pre = RulePre::new(pre).map_err(wrong_world)?;
        let image = component.image_range();
        let code_bytes = image.end.addr().saturating_sub(image.start.addr());
        Ok(Rule(Arc::new(Compiled {
            program: Program::Component(Box::new(pre)),
            digest: Arc::clone(digest),
            inspection: inspection(bytes, digest, shape, code_bytes, limits),
            code_bytes,
        })))
    }

    fn compile_script(
        &self,
        source: &[u8],
        digest: &Arc<str>,
        limits: &Limits,
    ) -> Result<Rule, Rejected> {
        let script = self.machine.compile(source, limits)?;
        let code_bytes = script.bytes();
        Ok(Rule(Arc::new(Compiled {
            inspection: script_inspection(source, digest, &script, limits),
            program: Program::JavaScript(script),
            digest: Arc::clone(digest),
            code_bytes,
        })))
    }

    /// Runs the rules that are JavaScript.
    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

impl Kept {
    fn slot(&mut self, digest: &str) -> Option<Arc<Mutex<Option<Rule>>>> {
        self.clock += 1;
        let entry = self.entries.get_mut(digest)?;
        entry.used = self.clock;
        Some(Arc::clone(&entry.slot))
    }

    fn slot_or_new(&mut self, digest: &Arc<str>) -> Arc<Mutex<Option<Rule>>> {
        self.clock += 1;
        let entry = self.entries.entry(Arc::clone(digest)).or_default();
        entry.used = self.clock;
        Arc::clone(&entry.slot)
    }

    fn forget(&mut self, digest: &str) {
        self.entries.remove(digest);
    }

    /// Drops what was used longest ago until the rest fits. `newest` stays, whatever its size, and
    /// so does what is being compiled; a call that runs keeps its own rule alive.
    fn evict(&mut self, budget: usize, newest: &str) {
        let mut sizes: Vec<(u64, usize, Arc<str>)> = self
            .entries
            .iter()
            .filter_map(|(digest, entry)| {
                let slot = entry.slot.try_lock().ok()?;
                let size = slot.as_ref()?.0.code_bytes;
                Some((entry.used, size, Arc::clone(digest)))
            })
            .collect();
        sizes.sort_unstable();
        let mut total: usize = sizes.iter().map(|(_, size, _)| size).sum();
        for (_, size, digest) in sizes {
            if total <= budget {
                return;
            }
            if *digest != *newest {
                self.forget(&digest);
                total = total.saturating_sub(size);
            }
        }
    }
}

fn inspection(
    bytes: &[u8],
    digest: &str,
    shape: Shape,
    code_bytes: usize,
    limits: &Limits,
) -> Inspection {
    let limit = limits.of_component(bytes.len()).memory_bytes as u64;
    // A component that defines no memory cannot hold any.
    let most = match shape.memory_bytes_max {
        Some(most) => most.min(limit),
        None if shape.has_memory => limit,
        None => 0,
    };
    Inspection {
        digest: digest.to_owned(),
        size: bytes.len() as u64,
        interface: format!("{PACKAGE}@{}", VERSIONS[0]),
        dialect: None,
        imports: shape.imports,
        exports: shape.exports,
        memory_bytes_min: shape.memory_bytes_min,
        memory_bytes_max: most,
        code_bytes: code_bytes as u64,
    }
}

/// A script can do what the engine offers it.
fn script_inspection(source: &[u8], digest: &str, script: &Script, limits: &Limits) -> Inspection {
    let version = VERSIONS[0];
    let interfaces = ["log", "configuration", "fetch"];
    Inspection {
        digest: digest.to_owned(),
        size: source.len() as u64,
        interface: format!("JavaScript, {}", script.dialect().name()),
        dialect: Some(script.dialect()),
        imports: interfaces
            .map(|interface| format!("{PACKAGE}/{interface}@{version}"))
            .into_iter()
            .chain(script.requires().iter().cloned())
            .collect(),
        exports: Vec::new(),
        memory_bytes_min: 0,
        memory_bytes_max: limits.javascript_memory_bytes as u64,
        code_bytes: script.bytes() as u64,
    }
}

/// An error of wasmtime in one bounded line.
fn words(error: &wasmtime::Error) -> String {
    printable(&format!("{error:#}"), 500)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
