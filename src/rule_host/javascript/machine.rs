//! The engine's component, compiled once, when the first rule in JavaScript comes.

use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::Instrument as _;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Engine, Store};

use super::super::call;
use super::super::fault::{Failure, Phase, explain};
use super::super::fetch::Errands;
use super::super::guest::{Facts, Guest};
use super::super::text::printable;
use super::super::{Fault, Limits, Rejected, Rejection};
use super::door;
use super::group::{self, Finished, Group, Member};
use super::script::{self, Script};
use crate::rule_host::pipeline::block_on;
use crate::trace::span;

/// `rules/engine/build.sh` makes it, and the continuous integration compares it with its sources.
const ENGINE: &[u8] = include_bytes!("../../../rules/engine/engine.wasm");

/// What an author's file is called in messages.
const FILE: &str = "rule.js";

/// Runs rules in JavaScript.
pub(in crate::rule_host) struct Machine {
    engine: Engine,
    ready: OnceLock<Result<Ready, String>>,
    /// Held by the one compilation of a source that may run at a time; the pool has a slot for it.
    compiling: Mutex<()>,
}

struct Ready {
    pre: InstancePre<Guest>,
    compile: ComponentExportIndex,
    run: ComponentExportIndex,
}

type Compiled = (Result<(String, Vec<u8>), String>,);
type Ran = (Result<(), String>,);

impl Machine {
    pub(in crate::rule_host) fn new(engine: Engine) -> Self {
        Self {
            engine,
            ready: OnceLock::new(),
            compiling: Mutex::new(()),
        }
    }

    /// The engine of WebAssembly that everything runs on.
    pub(in crate::rule_host) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine of JavaScript, compiled if it is not yet; that takes a second, or nothing if it is in the cache on disk.
    fn ready(&self) -> Result<&Ready, &String> {
        let made = self.ready.get_or_init(|| {
            let made = Ready::new(&self.engine);
            made.map_err(|e| printable(&format!("{e:#}"), 500))
        });
        made.as_ref()
    }

    /// Compiles the engine of JavaScript now, so that nobody waits for it later. Blocks.
    pub(in crate::rule_host) fn prepare(&self) -> Result<(), String> {
        self.ready().map(drop).map_err(Clone::clone)
    }

    /// Compiles a tenant's source, inside the sandbox and under the limits of a call. Blocks.
    pub(in crate::rule_host) fn compile(
        &self,
        source: &[u8],
        limits: &Limits,
    ) -> Result<Script, Rejected> {
        if source.len() > limits.script_bytes {
            let (size, limit) = (source.len(), limits.script_bytes);
            return Err(Rejection::TooLarge { size, limit }.into());
        }
        let source = String::from_utf8_lossy(source);
        let ready = self.ready().map_err(|cause| Rejection::Compile {
            cause: cause.clone(),
        })?;
        let _one = self
            .compiling
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let limits = limits.of_compilation();
        let compiled = block_on(async {
            let mut store = call::store(&self.engine, Facts::default(), None, &limits);
            let watch = store.data().watch.clone();
            watch
                .time(ready.compile(&mut store, &source, &limits))
                .await
        });
        let compiled = compiled.map_err(|failure| Rejection::script(failure.detail))?;
        let (facts, bytecode) = compiled.map_err(|problems| script::rejections(&problems))?;
        Ok(Script::new(facts, bytecode)?)
    }

    /// An instance that runs nothing, made and dropped.
    pub(in crate::rule_host) async fn instantiate(&self, limits: &Limits) -> Result<(), Failure> {
        let ready = self.ready();
        let ready = ready.map_err(|cause| Failure::new(Fault::Load, cause.clone()))?;
        let limits = limits.of_javascript();
        let mut store = call::store(&self.engine, Facts::default(), None, &limits);
        let made = ready.pre.instantiate_async(&mut store).await;
        made.map(drop)
            .map_err(|e| explain(&e, Phase::Instantiate, &limits))
    }

    /// Runs a group in an instance of its own; see [`Group`]. The chain's errands are lent to it.
    pub(in crate::rule_host) async fn run(
        &self,
        members: Vec<Member>,
        exchange: &str,
        errands: Option<Errands>,
    ) -> (Vec<Finished>, Option<Errands>) {
        let Some(first) = members.first() else {
            return (Vec::new(), errands);
        };
        let (limits, facts) = (first.limits.clone(), first.facts.clone());
        let mut store = call::store(&self.engine, facts, errands, &limits);
        store.data_mut().group = Some(Box::new(Group::new(members)));
        let watch = store.data().watch.clone();
        let failure = match self.ready() {
            Ok(ready) => watch.time(ready.run(&mut store, exchange, &limits)).await,
            Err(cause) => Err(Failure::new(Fault::Load, cause.clone())),
        };
        // Nothing is left when it ran out.
        let left = store.get_fuel().unwrap_or_default();
        group::close(store.into_data(), failure.err(), left)
    }
}

impl Ready {
    fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let component = Component::from_binary(engine, ENGINE)?;
        let mut linker = Linker::new(engine);
        door::link(&mut linker)?;
        let export = |name: &str| {
            let found = component.get_export_index(None, name);
            found.ok_or_else(|| wasmtime::Error::msg(format!("the engine exports no `{name}`")))
        };
        Ok(Self {
            compile: export("compile")?,
            run: export("run")?,
            pre: linker.instantiate_pre(&component)?,
        })
    }

    async fn compile(
        &self,
        store: &mut Store<Guest>,
        source: &str,
        limits: &Limits,
    ) -> Result<Result<(String, Vec<u8>), String>, Failure> {
        let called = async {
            let instance = self.pre.instantiate_async(&mut *store).await?;
            let compile =
                instance.get_typed_func::<(&str, &str), Compiled>(&mut *store, &self.compile)?;
            let (compiled,) = compile.call_async(&mut *store, (FILE, source)).await?;
            Ok(compiled)
        };
        called
            .await
            .map_err(|e: wasmtime::Error| explain(&e, Phase::Call, limits))
    }

    async fn run(
        &self,
        store: &mut Store<Guest>,
        exchange: &str,
        limits: &Limits,
    ) -> Result<(), Failure> {
        let scripts: Vec<_> = {
            let group = store.data().group.as_deref();
            let members = group.map(Group::members).unwrap_or_default();
            members.iter().map(|member| member.rule.clone()).collect()
        };
        let programs: Vec<(&str, &[u8])> = scripts
            .iter()
            .filter_map(|rule| Some(rule.script()?.program()))
            .collect();
        let called = async {
            let instantiating = self.pre.instantiate_async(&mut *store);
            let instance = instantiating.instrument(span!("instantiate")).await;
            store.data_mut().instantiated = Some(store.data().watch.read());
            let instance = instance?;
            let run =
                instance.get_typed_func::<(&[(&str, &[u8])], &str), Ran>(&mut *store, &self.run)?;
            let (ran,) = run
                .call_async(&mut *store, (&programs, exchange))
                .instrument(span!("call"))
                .await?;
            Ok(ran)
        };
        let ran = called
            .await
            .map_err(|e: wasmtime::Error| explain(&e, Phase::Call, limits))?;
        ran.map_err(|problem| {
            let problem = printable(&problem, 500);
            Failure::new(
                Fault::Trap,
                format!("the engine's driver failed: {problem}"),
            )
        })
    }
}
