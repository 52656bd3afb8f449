//! How complex a component may be: what compilers make, with room to spare.

use crate::rule_host::Limits;

/// The bounds that depend on whether a component is a large one.
///
/// The figures in parentheses are those of QuickJS 2025, the largest program people run as a rule of
/// the usual size, and of CPython 3.14 as `componentize-py` 0.25 packs it.
#[derive(Debug)]
pub(super) struct Complexity {
    /// Core modules (the tool makes 3 to 5; 38).
    pub(super) modules: u64,
    /// Bytes of one body (37 KB: the interpreter's loop; 427 KB).
    pub(super) body_bytes: u64,
    /// How deep blocks nest (259: one for each opcode of the interpreter; 781).
    pub(super) depth: u64,
    /// Targets of one `br_table` (225; 3,202).
    pub(super) br_table: u64,
    /// Targets of all of them (3,000; 43,645).
    pub(super) br_targets: u64,
    /// Loops, each times the values that live in its function, summed up (17,500; 319,000). The usual
    /// limit takes 0.8 s, in 10 KB.
    pub(super) loop_values: u64,
    /// Likewise for all blocks (170,000; 3.7 million).
    pub(super) block_values: u64,
    /// The square of each function's number of blocks, summed up (1.7 million; 21 million). 100 million
    /// took 1.4 s.
    pub(super) block_squares: u64,
}

const USUAL: Complexity = Complexity {
    modules: 16,
    body_bytes: 128 << 10,
    depth: 512,
    br_table: 1_024,
    br_targets: 50_000,
    loop_values: 100_000,
    block_values: 2_000_000,
    block_squares: 20_000_000,
};

/// Only for components that an operator let in by their size, since they cost what they cost.
const LARGE: Complexity = Complexity {
    modules: 64,
    body_bytes: 640 << 10,
    depth: 1_024,
    br_table: 4_096,
    br_targets: 75_000,
    loop_values: 500_000,
    block_values: 6_000_000,
    block_squares: 40_000_000,
};

impl Complexity {
    /// The bounds for a component of a size.
    pub(super) fn of(size: usize) -> &'static Self {
        match size <= Limits::USUAL_COMPONENT_BYTES {
            true => &USUAL,
            false => &LARGE,
        }
    }
}
