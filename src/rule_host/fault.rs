//! From an error of the engine to a fault with words for the tenant, and nothing of the host's inside.

use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

use super::text::printable;
use super::{Fault, Limits};

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) fault: Fault,
    pub(super) detail: String,
}

impl Failure {
    pub(super) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self {
            fault,
            detail: detail.into(),
        }
    }
}

/// How far a call had come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Instantiate,
    Call,
}

/// Why the host itself stopped a guest.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("deadline")]
    Deadline,
    #[error("memory of {wanted} bytes")]
    Memory { wanted: usize },
    #[error("table of {wanted} elements")]
    Table { wanted: usize },
    #[error("exit")]
    Exit,
    #[error("{0}")]
    Refused(&'static str),
    #[error("{0}")]
    Unlisted(String),
}

/// Sorts an error of wasmtime into the kinds that tenants are told.
pub(super) fn explain(error: &wasmtime::Error, phase: Phase, limits: &Limits) -> Failure {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return stopped(stop, limits);
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return trapped(*trap, limits);
    }
    if error.downcast_ref::<ResourceTableError>().is_some() {
        return Failure::new(
            Fault::Trap,
            format!(
                "the rule holds more than {} streams and pollables; drop them after use",
                limits.handles
            ),
        );
    }
    // What is left comes from the canonical ABI: the guest handed over something malformed.
    let cause = printable(&error.root_cause().to_string(), 200);
    match phase {
        Phase::Instantiate => Failure::new(
            Fault::Load,
            format!("the rule could not be instantiated: {cause}"),
        ),
        Phase::Call if cause.contains("fuel allocated for hostcalls") => Failure::new(
            Fault::Output,
            format!(
                "the rule handed over more than {} bytes at once; return or log less",
                limits.crossing_bytes
            ),
        ),
        Phase::Call => Failure::new(
            Fault::Output,
            format!(
                "what the rule handed over is not what the interface says: {cause}; build it with bindings made from `rule.wit`"
            ),
        ),
    }
}

fn stopped(stop: &Stop, limits: &Limits) -> Failure {
    match stop {
        Stop::Deadline => Failure::new(
            Fault::Deadline,
            format!(
                "the rule ran longer than {} ms; make it do less",
                limits.deadline.as_millis()
            ),
        ),
        Stop::Memory { wanted } => Failure::new(
            Fault::Memory,
            format!(
                "the rule asked for {wanted} bytes of memory and may have {}; keep less at a time",
                limits.memory_bytes
            ),
        ),
        Stop::Table { wanted } => Failure::new(
            Fault::Memory,
            format!(
                "the rule asked for a table of {wanted} elements and may have {}",
                limits.table_elements
            ),
        ),
        Stop::Exit => Failure::new(
            Fault::Trap,
            "the rule called `exit`; return from `decide` instead",
        ),
        Stop::Refused(what) => Failure::new(Fault::Trap, *what),
        Stop::Unlisted(what) => Failure::new(Fault::Manifest, what),
    }
}

fn trapped(trap: Trap, limits: &Limits) -> Failure {
    match trap {
        Trap::OutOfFuel => Failure::new(
            Fault::Fuel,
            format!(
                "the rule used up its {} units of fuel; look for a loop that does not end",
                limits.fuel
            ),
        ),
        Trap::Interrupt => stopped(&Stop::Deadline, limits),
        Trap::StackOverflow => Failure::new(
            Fault::Trap,
            "the call stack is exhausted; look for a recursion that does not end",
        ),
        Trap::UnreachableCodeReached => Failure::new(
            Fault::Trap,
            "the rule stopped itself (`unreachable`): a panic, an abort or a failed assertion; its log may say more",
        ),
        Trap::StringOutOfBounds | Trap::ListOutOfBounds | Trap::InvalidChar => Failure::new(
            Fault::Output,
            format!("what the rule handed over is not what the interface says: {trap}"),
        ),
        trap => Failure::new(Fault::Trap, trap.to_string()),
    }
}
