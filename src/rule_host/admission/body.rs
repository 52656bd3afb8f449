//! What a function's body costs to compile, estimated from its shape.
//!
//! Two things make Cranelift slow: values that are live around many loops (each may need a phi in
//! each), and very many blocks in one function (some passes are quadratic in them). The figures in
//! parentheses are those of QuickJS 2025, the largest program people run as a rule.

use wasmparser::{FunctionBody, Operator};

use super::{Rejection, at_most, malformed};

/// Bytes of one body (37 KB: the interpreter's loop).
const BODY_BYTES: u64 = 128 << 10;
/// Locals of one function, parameters aside (50).
const LOCALS: u64 = 1_000;
/// Locals of all functions (10,000; 19 million took 3.2 s in 130 KB).
const ALL_LOCALS: u64 = 500_000;
/// How deep blocks nest (259: one for each opcode of the interpreter).
const DEPTH: u64 = 512;
/// Targets of one `br_table` (225), and of all (3,000).
const BR_TABLE: u64 = 1_024;
const BR_TARGETS: u64 = 50_000;
/// Loops, each times the values that live in its function, summed up (17,500; the limit takes 0.8 s,
/// in 10 KB).
const LOOP_VALUES: u64 = 100_000;
/// Likewise for all blocks (170,000).
const BLOCK_VALUES: u64 = 2_000_000;
/// The square of each function's number of blocks, summed up (1.7 million; 100 million took 1.4 s).
const BLOCK_SQUARES: u64 = 20_000_000;

const ADVICE: &str = "compile it with optimisation, and split the function up";

/// What the bodies seen so far add up to.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    /// Of this module's types: how many values a block can take and leave.
    arity: u64,
    locals: u64,
    br_targets: u64,
    loop_values: u64,
    block_values: u64,
    block_squares: u64,
}

impl Bodies {
    pub(super) fn enter_module(&mut self) {
        self.arity = 0;
    }

    pub(super) fn see_arity(&mut self, arity: u64) {
        self.arity = self.arity.max(arity);
    }

    pub(super) fn see(&mut self, body: &FunctionBody<'_>) -> Result<(), Rejection> {
        at_most(
            "the length of a function, in bytes,",
            body.range().len() as u64,
            BODY_BYTES,
            ADVICE,
        )?;
        let locals = locals(body)?;
        at_most("the number of a function's locals", locals, LOCALS, ADVICE)?;
        self.locals += locals;
        at_most("the number of all locals", self.locals, ALL_LOCALS, ADVICE)?;
        let blocks = self.blocks(body)?;
        let values = locals + self.arity;
        self.loop_values += blocks.loops * values;
        self.block_values += blocks.all * values;
        self.block_squares += blocks.all * blocks.all;
        at_most(
            "the cost of its loops (loops times values)",
            self.loop_values,
            LOOP_VALUES,
            ADVICE,
        )?;
        at_most(
            "the cost of its blocks (blocks times values)",
            self.block_values,
            BLOCK_VALUES,
            ADVICE,
        )?;
        at_most(
            "the cost of its functions (blocks squared)",
            self.block_squares,
            BLOCK_SQUARES,
            ADVICE,
        )
    }

    fn blocks(&mut self, body: &FunctionBody<'_>) -> Result<Blocks, Rejection> {
        let mut blocks = Blocks::default();
        let mut operators = body.get_operators_reader().map_err(malformed)?;
        while !operators.eof() {
            match operators.read().map_err(malformed)? {
                Operator::Loop { .. } => {
                    blocks.loops += 1;
                    blocks.open()?;
                }
                Operator::Block { .. } | Operator::If { .. } => blocks.open()?,
                Operator::End => blocks.depth = blocks.depth.saturating_sub(1),
                Operator::BrTable { targets } => {
                    let targets = u64::from(targets.len());
                    at_most("the length of a `br_table`", targets, BR_TABLE, ADVICE)?;
                    self.br_targets += targets;
                    at_most(
                        "the number of `br_table` targets",
                        self.br_targets,
                        BR_TARGETS,
                        ADVICE,
                    )?;
                }
                _ => {}
            }
        }
        Ok(blocks)
    }
}

/// One body's blocks, loops among them.
#[derive(Default)]
struct Blocks {
    all: u64,
    loops: u64,
    depth: u64,
}

impl Blocks {
    fn open(&mut self) -> Result<(), Rejection> {
        self.all += 1;
        self.depth += 1;
        at_most("the nesting of blocks", self.depth, DEPTH, ADVICE)
    }
}

fn locals(body: &FunctionBody<'_>) -> Result<u64, Rejection> {
    let mut locals = 0;
    for group in body.get_locals_reader().map_err(malformed)? {
        locals += u64::from(group.map_err(malformed)?.0);
    }
    Ok(locals)
}
