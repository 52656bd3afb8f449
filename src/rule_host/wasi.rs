//! A locked-down WASI 0.2, for guests whose toolchain brings it along (`wasm32-wasip2`, wasi-libc).
//!
//! There are no files, no sockets, no environment and no arguments. What is written to stdout and
//! stderr becomes log lines. The wall clock stands at the exchange's time, the monotonic clock is
//! counted rather than measured, and random bytes follow from the exchange and the rule: so a past
//! run can be repeated exactly, and a guest has no clock to time the host with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi_io::bindings::wasi::io;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

use self::stream::{Ended, LineStream};
use super::Level;
use super::fault::Stop;
use super::guest::{Facts, Guest};
use super::journal::Journal;

mod stream;

/// The interfaces linked below, without `wasi:` and version. `wasi:sockets` and `wasi:http` are not
/// among them: a rule that imports those is refused at upload.
pub(super) const INTERFACES: [&str; 20] = [
    "cli/environment",
    "cli/exit",
    "cli/stderr",
    "cli/stdin",
    "cli/stdout",
    "cli/terminal-input",
    "cli/terminal-output",
    "cli/terminal-stderr",
    "cli/terminal-stdin",
    "cli/terminal-stdout",
    "clocks/monotonic-clock",
    "clocks/wall-clock",
    "filesystem/preopens",
    "filesystem/types",
    "io/error",
    "io/poll",
    "io/streams",
    "random/insecure",
    "random/insecure-seed",
    "random/random",
];

/// One reading of the monotonic clock moves it by this much, so that a guest that waits for time
/// to pass sees it pass.
const NANOSECONDS_PER_READING: u64 = 1_000;

/// Random bytes that a guest may ask for at a time.
const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// One call's WASI.
pub(super) struct Shell {
    table: ResourceTable,
    filesystem: WasiFilesystemCtx,
    stdout: LineStream,
    stderr: LineStream,
    wall_millis: u64,
    monotonic: Arc<AtomicU64>,
    random: ChaCha20Rng,
}

impl Shell {
    pub(super) fn new(facts: &Facts, journal: &Journal, handles: usize) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles);
        Self {
            table,
            filesystem: WasiFilesystemCtx::default(),
            stdout: LineStream::new(journal.clone(), Level::Info),
            stderr: LineStream::new(journal.clone(), Level::Warn),
            wall_millis: facts.now.as_millis(),
            monotonic: Arc::default(),
            random: ChaCha20Rng::from_seed(seed(facts)),
        }
    }

    /// Turns what was written without a line end into lines.
    pub(super) fn flush(&self) {
        self.stdout.end_line();
        self.stderr.end_line();
    }

    fn random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let len = usize::try_from(len.min(MAX_RANDOM_BYTES + 1))?;
        if len as u64 > MAX_RANDOM_BYTES {
            return Err(Stop::Refused(
                "the rule asked for more than 64 KiB of random bytes at once",
            )
            .into());
        }
        let mut bytes = vec![0; len];
        self.random.fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn sleep_until(&mut self, nanoseconds: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let sleep = self.table.push(Sleep {
            monotonic: Arc::clone(&self.monotonic),
            until: nanoseconds,
        })?;
        subscribe(&mut self.table, sleep)
    }
}

/// Two exchanges, or two rules, never share a seed; a replay of the same ones does.
pub(super) fn seed(facts: &Facts) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(facts.digest.as_bytes());
    context.update(facts.exchange_id.as_bytes());
    let digest = context.finish();
    let mut seed = [0; 32];
    for (byte, from) in seed.iter_mut().zip(digest.as_ref()) {
        *byte = *from;
    }
    seed
}

/// Links [`INTERFACES`].
pub(super) fn link(l: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Own = HasSelf<Shell>;
    type Table = HasSelf<ResourceTable>;
    cli::environment::add_to_linker::<_, Own>(l, Guest::shell)?;
    cli::exit::add_to_linker::<_, Own>(l, Guest::shell)?;
    cli::stdin::add_to_linker::<_, Own>(l, Guest::shell)?;
    cli::stdout::add_to_linker::<_, Own>(l, Guest::shell)?;
    cli::stderr::add_to_linker::<_, Own>(l, Guest::shell)?;
    cli::terminal_input::add_to_linker::<_, Own>(l, Guest::shell)?;
    cli::terminal_output::add_to_linker::<_, Own>(l, Guest::shell)?;
    cli::terminal_stdin::add_to_linker::<_, Own>(l, Guest::shell)?;
    cli::terminal_stdout::add_to_linker::<_, Own>(l, Guest::shell)?;
    cli::terminal_stderr::add_to_linker::<_, Own>(l, Guest::shell)?;
    clocks::wall_clock::add_to_linker::<_, Own>(l, Guest::shell)?;
    clocks::monotonic_clock::add_to_linker::<_, Own>(l, Guest::shell)?;
    random::random::add_to_linker::<_, Own>(l, Guest::shell)?;
    random::insecure::add_to_linker::<_, Own>(l, Guest::shell)?;
    random::insecure_seed::add_to_linker::<_, Own>(l, Guest::shell)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(l, files)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(l, files)?;
    io::error::add_to_linker::<_, Table>(l, handles)?;
    io::poll::add_to_linker::<_, Table>(l, handles)?;
    io::streams::add_to_linker::<_, Table>(l, handles)
}

fn handles(guest: &mut Guest) -> &mut ResourceTable {
    &mut guest.shell().table
}

/// No directory is ever opened in advance, so no descriptor exists to call a method on.
fn files(guest: &mut Guest) -> WasiFilesystemCtxView<'_> {
    let shell = guest.shell();
    WasiFilesystemCtxView {
        ctx: &mut shell.filesystem,
        table: &mut shell.table,
    }
}

/// A sleep that is over at once: it moves the clock instead of waiting.
struct Sleep {
    monotonic: Arc<AtomicU64>,
    until: u64,
}

#[async_trait::async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        self.monotonic.fetch_max(self.until, Ordering::Relaxed);
    }
}

impl clocks::wall_clock::Host for Shell {
    fn now(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        Ok(datetime(self.wall_millis))
    }

    fn resolution(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        Ok(datetime(1))
    }
}

fn datetime(millis: u64) -> clocks::wall_clock::Datetime {
    clocks::wall_clock::Datetime {
        seconds: millis / 1000,
        // Below 1,000 times a million: it fits.
        nanoseconds: u32::try_from(millis % 1000).unwrap_or_default() * 1_000_000,
    }
}

impl clocks::monotonic_clock::Host for Shell {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self
            .monotonic
            .fetch_add(NANOSECONDS_PER_READING, Ordering::Relaxed))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(NANOSECONDS_PER_READING)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.sleep_until(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.monotonic.load(Ordering::Relaxed);
        self.sleep_until(now.saturating_add(duration))
    }
}

impl random::random::Host for Shell {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next_u64())
    }
}

impl random::insecure::Host for Shell {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next_u64())
    }
}

impl random::insecure_seed::Host for Shell {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random.next_u64(), self.random.next_u64()))
    }
}

impl cli::environment::Host for Shell {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl cli::exit::Host for Shell {
    fn exit(&mut self, _: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Stop::Exit.into())
    }

    fn exit_with_code(&mut self, _: u8) -> wasmtime::Result<()> {
        Err(Stop::Exit.into())
    }
}

impl cli::stdin::Host for Shell {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let stream: DynInputStream = Box::new(Ended);
        Ok(self.table.push(stream)?)
    }
}

impl cli::stdout::Host for Shell {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(self.stdout.clone());
        Ok(self.table.push(stream)?)
    }
}

impl cli::stderr::Host for Shell {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(self.stderr.clone());
        Ok(self.table.push(stream)?)
    }
}

impl cli::terminal_input::Host for Shell {}

impl cli::terminal_input::HostTerminalInput for Shell {
    fn drop(
        &mut self,
        terminal: Resource<cli::terminal_input::TerminalInput>,
    ) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl cli::terminal_output::Host for Shell {}

impl cli::terminal_output::HostTerminalOutput for Shell {
    fn drop(
        &mut self,
        terminal: Resource<cli::terminal_output::TerminalOutput>,
    ) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl cli::terminal_stdin::Host for Shell {
    fn get_terminal_stdin(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<cli::terminal_input::TerminalInput>>> {
        Ok(None)
    }
}

impl cli::terminal_stdout::Host for Shell {
    fn get_terminal_stdout(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<cli::terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl cli::terminal_stderr::Host for Shell {
    fn get_terminal_stderr(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<cli::terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}
