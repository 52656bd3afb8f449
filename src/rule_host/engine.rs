//! The one engine of the process: how guests are compiled, where they live, and its heartbeat.
//!
//! One, because type indices of two engines must never meet (RUSTSEC-2026-0222), and because
//! the slots that guests live in are counted here.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use wasmtime::{
    Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy,
    PoolingAllocationConfig,
};

use super::Limits;

/// How often the epoch advances: how finely wall time is bounded, and how long a rule can hold
/// an executor's thread before it yields.
const TICK: Duration = Duration::from_millis(1);

/// Linear memory that a slot keeps between two calls. What a call touches beyond it is given back
/// to the kernel and faulted in again, and faults cost more than instantiation: 2 MiB covers
/// what a QuickJS guest touches, and took it from 200 to 100 µs.
const MEMORY_KEEP_RESIDENT: usize = 2 << 20;

/// Likewise for tables: 8,192 elements.
const TABLE_KEEP_RESIDENT: usize = 64 << 10;

/// Likewise for the stacks that calls run on.
const STACK_KEEP_RESIDENT: usize = 64 << 10;

/// The stack of the engine's compiled code.
const WASM_STACK: usize = 16 << 20;

/// The host cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory for compiled code.
    #[error("the directory for compiled rules, `{path}`, cannot be used: {cause}")]
    Cache {
        /// The directory as it was given.
        path: String,
        /// Why not.
        cause: String,
    },
    /// The engine itself: mostly too little address space for the pool.
    #[error(
        "the WebAssembly engine cannot start: {0}; if address space is limited (`ulimit -v`), lift that"
    )]
    Engine(String),
    /// The thread that drives the epoch.
    #[error("the thread that bounds the rules' wall time cannot start: {0}")]
    Ticker(std::io::Error),
}

/// The engine; its heart does not beat before [`tick`].
pub(super) fn new(limits: &Limits, cache_dir: Option<&Path>) -> Result<Engine, Error> {
    let mut config = config(limits);
    if let Some(directory) = cache_dir {
        config.cache(Some(cache(directory)?));
    }
    Engine::new(&config).map_err(|e| Error::Engine(format!("{e:#}")))
}

/// Lets the epoch advance for as long as a clone of the engine lives. An executor cannot delay this
/// thread, so a rule that blocks every worker is still interrupted.
pub(super) fn tick(engine: &Engine) -> Result<(), Error> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("rule-epoch".into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map(drop)
        .map_err(Error::Ticker)
}

/// What code depends on beside its source: the compiler's release and settings.
pub(super) fn fingerprint(engine: &Engine) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn config(limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)))
        // Initial memory is mapped copy-on-write instead of copied at each instantiation.
        .memory_init_cow(true)
        // The budget that a rule's author is told: the same number on every machine.
        .consume_fuel(true)
        // The bound on wall time, and the places where a call yields to the executor.
        .epoch_interruption(true)
        // One call, one instance; a host function that waits holds the guest up. Nothing runs
        // concurrently in a store.
        .concurrency_support(false)
        // The JavaScript engine ends a recursion by a stack of its own, in its memory, which must be the
        // first to be full: an error that a rule can catch, instead of a trap. Untouched, a stack costs
        // address space only.
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(WASM_STACK + (1 << 20))
        // A trap's backtrace would name the guest's functions; tenants get the cause instead.
        .wasm_backtrace_max_frames(None)
        // The same NaN bits on every machine, so that a run can be repeated exactly.
        .cranelift_nan_canonicalization(true);
    features(&mut config);
    config
}

/// What compilers for C, Rust, Go and the JavaScript engines emit today, and nothing else: each
/// proposal that is on is code of the engine that a hostile guest can reach.
fn features(config: &mut Config) {
    config
        .wasm_component_model(true)
        .wasm_bulk_memory(true)
        .wasm_multi_value(true)
        .wasm_simd(true)
        .wasm_extended_const(true)
        .wasm_tail_call(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        // Its results differ between machines.
        .wasm_relaxed_simd(false);
    // Proposals whose code is not compiled in: threads, garbage collection, exceptions,
    // stack switching, asynchronous components. See the features of wasmtime in `Cargo.toml`.
}

/// One slot for each chain that may be under way, one for an inspection, and one for compiling a rule
/// in JavaScript, which the engine does itself.
pub(super) fn slots(limits: &Limits) -> u32 {
    limits.in_flight.saturating_add(2)
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let slots = slots(limits);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(limits.most_instances()))
        // Admission lets one memory through per component.
        .total_memories(slots)
        .max_memories_per_component(1)
        .max_memory_size(limits.memory_bytes.max(limits.javascript_memory_bytes))
        .total_tables(slots.saturating_mul(limits.tables))
        .max_tables_per_component(limits.tables)
        .max_tables_per_module(limits.tables)
        .table_elements(limits.table_elements)
        .max_core_instances_per_component(limits.most_instances())
        .total_stacks(slots)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT)
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT)
        // Resets only the pages a call wrote to (Linux 6.7 or later), instead of 2 MiB each time.
        .pagemap_scan(Enabled::Auto);
    pool
}

/// wasmtime's own cache: code by the digest of its bytes and of the compiler's settings.
/// It may be deleted at any time. Whoever can write to it can run code as the server.
fn cache(directory: &Path) -> Result<Cache, Error> {
    let fail = |cause: String| Error::Cache {
        path: directory.display().to_string(),
        cause,
    };
    std::fs::create_dir_all(directory).map_err(|e| fail(e.to_string()))?;
    let absolute = directory.canonicalize().map_err(|e| fail(e.to_string()))?;
    let mut config = CacheConfig::new();
    config.with_directory(absolute);
    Cache::new(config).map_err(|e| fail(format!("{e:#}")))
}
