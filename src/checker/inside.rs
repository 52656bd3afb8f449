//! What the child does: `claimsmith check-upload`, which only servers call.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::Instant;

use super::wire::{Order, READY, Report, Task};
use crate::rule_host::{Rejected, RuleHost};

/// The longest line that a server writes.
const MAX_LINE_BYTES: u64 = 64 << 10;

/// What the system says when there is no memory, in the words that end up in an error of wasmtime.
const NO_MEMORY: &str = "os error 12";

/// Checks one upload out of `input`, and says to `output` what was found.
///
/// # Errors
/// A sentence for the operator; nothing of the upload is known then.
pub(crate) fn check_one(input: impl Read, mut output: impl Write) -> Result<(), String> {
    let mut input = BufReader::new(input);
    // 1. Get ready. Nothing of a tenant's has been read yet.
    let Some(task) = line::<Task>(&mut input)? else {
        return Ok(());
    };
    rlimits::at_start()?;
    let began = Instant::now();
    let host = RuleHost::for_one_check(task.limits, Some(&task.compiled), task.javascript);
    let host = host.map_err(|error| error.to_string())?;
    let prepared = began.elapsed();
    let told = |error: std::io::Error| error.to_string();
    output.write_all(READY.as_bytes()).map_err(told)?;
    output.flush().map_err(told)?;
    // 2. Wait. A server that does not need this child any more closes its input.
    let Some(order) = line::<Order>(&mut input)? else {
        return Ok(());
    };
    // 3. Check, within the bounds.
    rlimits::for_the_check(&order, prepared)?;
    let mut code = Vec::new();
    let reading = input.take(order.bytes as u64).read_to_end(&mut code);
    if reading.map_err(told)? < order.bytes {
        return Err("the upload ends too early".to_owned());
    }
    host.wake().map_err(|error| error.to_string())?;
    let report = match host.inspect(&code) {
        Ok(inspection) => Report::Good(inspection),
        Err(rejected) if is_memory(&rejected) => Report::OutOfMemory,
        Err(rejected) => Report::Bad(rejected),
    };
    serde_json::to_writer(&mut output, &report).map_err(|error| error.to_string())?;
    output.flush().map_err(told)
}

fn is_memory(rejected: &Rejected) -> bool {
    let faults = rejected.faults().iter();
    faults
        .map(|fault| &fault.message)
        .any(|message| message.contains(NO_MEMORY))
}

/// One document in one line; none at the end of the input.
fn line<T: serde::de::DeserializeOwned>(input: &mut impl BufRead) -> Result<Option<T>, String> {
    let mut line = String::new();
    let read = input.take(MAX_LINE_BYTES).read_line(&mut line);
    match read.map_err(|error| error.to_string())? {
        0 => Ok(None),
        _ => serde_json::from_str(&line)
            .map(Some)
            .map_err(|error| format!("not understood: {error}")),
    }
}

#[cfg(unix)]
mod rlimits {
    use std::time::Duration;

    use rlimit::Resource;

    use super::Order;

    /// Its three streams, and what the cache opens and an instance maps.
    const OPEN_FILES: u64 = 64;

    /// The largest file that it may leave in the cache: the code of a large component is 60 MB.
    const FILE_BYTES: u64 = 256 << 20;

    pub(super) fn at_start() -> Result<(), String> {
        // A core would have the upload, and whatever else is in memory, on the disk.
        set(Resource::CORE, 0)?;
        set(Resource::NOFILE, OPEN_FILES)?;
        set(Resource::FSIZE, FILE_BYTES)
    }

    pub(super) fn for_the_check(order: &Order, prepared: Duration) -> Result<(), String> {
        // Only what is writable counts, which reserved addresses and compiled code are not.
        set(Resource::DATA, order.memory_bytes)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let used = prepared.as_secs().saturating_add(1).saturating_mul(cores);
        // The first of the two ends it with a signal that says why.
        let most = used.saturating_add(order.cpu_seconds);
        set_both(Resource::CPU, most, most.saturating_add(1))
    }

    /// Never raises what was lower before.
    fn set(resource: Resource, most: u64) -> Result<(), String> {
        set_both(resource, most, most)
    }

    fn set_both(resource: Resource, soft: u64, hard: u64) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", resource.as_name());
        let (_, already) = resource.get().map_err(failed)?;
        let set = resource.set(soft.min(already), hard.min(already));
        set.map_err(failed)
    }
}

/// Elsewhere the server's clock alone bounds a check.
#[cfg(not(unix))]
mod rlimits {
    use std::time::Duration;

    use super::Order;

    pub(super) fn at_start() -> Result<(), String> {
        Ok(())
    }

    pub(super) fn for_the_check(_: &Order, _: Duration) -> Result<(), String> {
        Ok(())
    }
}
