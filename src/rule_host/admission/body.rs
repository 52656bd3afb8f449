//! What a function's body costs to compile, estimated from its shape.
//!
//! Two things make Cranelift slow: values that are live around many loops (each may need a phi in
//! each), and very many blocks in one function (some passes are quadratic in them). The figures in
//! parentheses are those of QuickJS 2025, the largest program people run as a rule of the usual size.

use wasmparser::{FunctionBody, Operator};

use super::complexity::Complexity;
use super::{Rejection, at_most, malformed};

/// Locals of one function, parameters aside (50).
const LOCALS: u64 = 1_000;
/// Locals of all functions (10,000; 19 million took 3.2 s in 130 KB).
const ALL_LOCALS: u64 = 500_000;

const ADVICE: &str = "compile it with optimisation, and split the function up";

/// What the bodies seen so far add up to.
#[derive(Debug)]
pub(super) struct Bodies {
    limits: &'static Complexity,
    /// Of this module's types: how many values a block can take and leave.
    arity: u64,
    locals: u64,
    br_targets: u64,
    loop_values: u64,
    block_values: u64,
    block_squares: u64,
}

impl Bodies {
    pub(super) fn new(limits: &'static Complexity) -> Self {
        Self {
            limits,
            arity: 0,
            locals: 0,
            br_targets: 0,
            loop_values: 0,
            block_values: 0,
            block_squares: 0,
        }
    }

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
            self.limits.body_bytes,
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
            self.limits.loop_values,
            ADVICE,
        )?;
        at_most(
            "the cost of its blocks (blocks times values)",
            self.block_values,
            self.limits.block_values,
            ADVICE,
        )?;
        at_most(
            "the cost of its functions (blocks squared)",
            self.block_squares,
            self.limits.block_squares,
            ADVICE,
        )
    }

    fn blocks(&mut self, body: &FunctionBody<'_>) -> Result<Blocks, Rejection> {
        let mut blocks = Blocks::within(self.limits.depth);
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
                    at_most(
                        "the length of a `br_table`",
                        targets,
                        self.limits.br_table,
                        ADVICE,
                    )?;
                    self.br_targets += targets;
                    at_most(
                        "the number of `br_table` targets",
                        self.br_targets,
                        self.limits.br_targets,
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
struct Blocks {
    deepest: u64,
    all: u64,
    loops: u64,
    depth: u64,
}

impl Blocks {
    fn within(deepest: u64) -> Self {
        Self {
            deepest,
            all: 0,
            loops: 0,
            depth: 0,
        }
    }

    fn open(&mut self) -> Result<(), Rejection> {
        self.all += 1;
        self.depth += 1;
        at_most("the nesting of blocks", self.depth, self.deepest, ADVICE)
    }
}

fn locals(body: &FunctionBody<'_>) -> Result<u64, Rejection> {
    let mut locals = 0;
    for group in body.get_locals_reader().map_err(malformed)? {
        locals += u64::from(group.map_err(malformed)?.0);
    }
    Ok(locals)
}
