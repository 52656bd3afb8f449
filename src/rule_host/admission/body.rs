//! What a function's body costs to compile, estimated from its shape.
//!
//! Two things make Cranelift slow: values that are live around many loops (each may need a phi in
//! each), and very many blocks in one function (some passes are quadratic in them). The figures in
//! parentheses are those of QuickJS 2025, the largest program people run as a rule of the usual size.

use wasmparser::{FunctionBody, Operator};

use super::complexity::Complexity;
use super::findings::Findings;
use super::{Rejection, malformed};

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

    /// The error is what it cannot be read beyond.
    pub(super) fn see(
        &mut self,
        body: &FunctionBody<'_>,
        findings: &mut Findings,
    ) -> Result<(), Rejection> {
        let (at, limits) = (body.range().start, self.limits);
        let locals = locals(body)?;
        let blocks = self.blocks(body)?;
        let values = locals.saturating_add(self.arity);
        let product = |a: u64, b: u64| a.saturating_mul(b);
        add(&mut self.locals, locals);
        add(&mut self.loop_values, product(blocks.loops, values));
        add(&mut self.block_values, product(blocks.all, values));
        add(&mut self.block_squares, product(blocks.all, blocks.all));
        for (what, found, limit) in [
            (
                "the length of a function, in bytes,",
                body.range().len() as u64,
                limits.body_bytes,
            ),
            ("the number of a function's locals", locals, LOCALS),
            ("the nesting of blocks", blocks.deepest, limits.depth),
            (
                "the length of a `br_table`",
                blocks.br_table,
                limits.br_table,
            ),
        ] {
            findings.at_most_at(at, what, found, limit, ADVICE);
        }
        for (what, found, limit) in [
            ("the number of all locals", self.locals, ALL_LOCALS),
            (
                "the number of `br_table` targets",
                self.br_targets,
                limits.br_targets,
            ),
            (
                "the cost of its loops (loops times values)",
                self.loop_values,
                limits.loop_values,
            ),
            (
                "the cost of its blocks (blocks times values)",
                self.block_values,
                limits.block_values,
            ),
            (
                "the cost of its functions (blocks squared)",
                self.block_squares,
                limits.block_squares,
            ),
        ] {
            findings.at_most(what, found, limit, ADVICE);
        }
        Ok(())
    }

    fn blocks(&mut self, body: &FunctionBody<'_>) -> Result<Blocks, Rejection> {
        let mut blocks = Blocks::default();
        let mut operators = body.get_operators_reader().map_err(malformed)?;
        while !operators.eof() {
            match operators.read().map_err(malformed)? {
                Operator::Loop { .. } => {
                    blocks.loops += 1;
                    blocks.open();
                }
                Operator::Block { .. } | Operator::If { .. } => blocks.open(),
                Operator::End => blocks.depth = blocks.depth.saturating_sub(1),
                Operator::BrTable { targets } => {
                    let targets = u64::from(targets.len());
                    blocks.br_table = blocks.br_table.max(targets);
                    add(&mut self.br_targets, targets);
                }
                _ => {}
            }
        }
        Ok(blocks)
    }
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

/// One body's blocks, loops among them.
#[derive(Default)]
struct Blocks {
    all: u64,
    loops: u64,
    depth: u64,
    deepest: u64,
    /// Targets of the longest `br_table`.
    br_table: u64,
}

impl Blocks {
    fn open(&mut self) {
        self.all += 1;
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }
}

fn locals(body: &FunctionBody<'_>) -> Result<u64, Rejection> {
    let mut locals = 0;
    for group in body.get_locals_reader().map_err(malformed)? {
        add(&mut locals, group.map_err(malformed)?.0.into());
    }
    Ok(locals)
}
