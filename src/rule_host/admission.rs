//! One pass over the bytes before the compiler sees them.
//!
//! The parser's own limits are far too wide for strangers' code: a 27 KB module within all of
//! them keeps Cranelift busy for over a minute, and wasmtime does not count that as a defect. These
//! limits admit what compilers make (the measure is QuickJS, the largest program people run
//! as a rule) with room to spare. They bound the cost, they do not make it small: the worst that
//! was found within them are 3.4 MB of straight loads (3.9 s on two busy cores, compiler built with
//! `opt-level = 1`), 2.4 MB of calls (3.1 s) and 20,000 tiny functions (2.1 s in 80 KB); shapes made
//! of loops, blocks and locals stayed below one second. Worse ones may exist, so a server has strangers'
//! bytes compiled in a process of its own first, under time and memory limits (`crate::checker`).
//!
//! The pass goes on behind what it finds, so that whoever uploads reads of all of it at once. It reads each
//! byte once and multiplies without overflowing, so going on costs no more than reading what is good.

use wasmparser::{
    ComponentTypeRef, CompositeInnerType, Encoding, MemoryType, Parser, Payload, SubType,
    TableType, TypeSectionReader,
};

use self::body::Bodies;
use self::complexity::Complexity;
use self::findings::Findings;
use super::{Limits, Rejection};

mod body;
mod complexity;
mod findings;
mod world;

/// What the bytes say about themselves.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Names of the component's imports, in order.
    pub(super) imports: Vec<String>,
    /// Names of its exports, in order.
    pub(super) exports: Vec<String>,
    /// The linear memory it starts with, in bytes.
    pub(super) memory_bytes_min: u64,
    /// The most it declares, in bytes; none if it declares no maximum.
    pub(super) memory_bytes_max: Option<u64>,
    /// Whether it defines a memory.
    pub(super) has_memory: bool,
}

/// Components within components: `wasm-tools component new` makes one level, composition another.
const NESTING: u64 = 3;
/// Functions in all modules; QuickJS has 1,700, CPython 13,500. 100,000 tiny ones cost 15 s and 566 MB, these 2 s.
const FUNCTIONS: u64 = 20_000;
/// Types in all modules and components; QuickJS has 110.
const TYPES: u64 = 5_000;
/// Globals; compilers make a handful.
const GLOBALS: u64 = 10_000;
/// Exports; the world has one, and language runtimes bring a few of their own.
const EXPORTS: u64 = 1_000;

/// Lets bytes through that are a component of a known world, and cheap enough to compile; or tells all
/// that keeps them out.
pub(super) fn admit(bytes: &[u8], limits: &Limits) -> Result<Shape, Vec<Rejection>> {
    no_component(bytes, limits).map_or(Ok(()), |only| Err(vec![only]))?;
    let limits = limits.of_component(bytes.len());
    let mut pass = Pass::new(&limits, Complexity::of(bytes.len()));
    match pass.read(bytes) {
        Ok(()) => world::check(&pass.shape, &mut pass.findings),
        // What comes behind it cannot be read.
        Err(last) => pass.findings.add(last),
    }
    pass.findings.or(pass.shape)
}

/// What makes it useless to read on.
fn no_component(bytes: &[u8], limits: &Limits) -> Option<Rejection> {
    if !bytes.starts_with(b"\0asm") {
        return Some(Rejection::NotWasm { hint: hint(bytes) });
    }
    if bytes.len() > limits.component_bytes {
        return Some(Rejection::TooLarge {
            size: bytes.len(),
            limit: limits.component_bytes,
        });
    }
    Parser::is_core_wasm(bytes).then_some(Rejection::CoreModule)
}

fn hint(bytes: &[u8]) -> &'static str {
    if bytes.is_empty() {
        "; it is empty"
    } else if bytes.starts_with(b"\x7fELF") {
        "; it is native code, and compiled rules are not accepted"
    } else if bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'(') {
        "; it looks like the text format: run `wasm-tools parse` on it"
    } else {
        ""
    }
}

fn malformed(error: wasmparser::BinaryReaderError) -> Rejection {
    Rejection::Malformed {
        offset: error.offset() as u64,
        cause: error.to_string(),
    }
}

/// What the pass has counted so far.
struct Pass<'l> {
    limits: &'l Limits,
    complexity: &'static Complexity,
    findings: Findings,
    shape: Shape,
    depth: u64,
    modules: u64,
    functions: u64,
    types: u64,
    globals: u64,
    memories: u64,
    tables: u64,
    bodies: Bodies,
}

impl<'l> Pass<'l> {
    fn new(limits: &'l Limits, complexity: &'static Complexity) -> Self {
        Self {
            limits,
            complexity,
            findings: Findings::default(),
            shape: Shape::default(),
            depth: 0,
            modules: 0,
            functions: 0,
            types: 0,
            globals: 0,
            memories: 0,
            tables: 0,
            bodies: Bodies::new(complexity),
        }
    }

    /// Reads all of it; the error is what it cannot be read beyond.
    fn read(&mut self, bytes: &[u8]) -> Result<(), Rejection> {
        for payload in Parser::new(0).parse_all(bytes) {
            self.see(payload.map_err(malformed)?)?;
        }
        Ok(())
    }

    fn see(&mut self, payload: Payload<'_>) -> Result<(), Rejection> {
        match payload {
            Payload::Version { encoding, .. } => return self.enter(encoding),
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::TypeSection(types) => return self.core_types(types),
            Payload::CoreTypeSection(types) => self.count_types(types.count()),
            Payload::ComponentTypeSection(types) => self.count_types(types.count()),
            Payload::FunctionSection(functions) => {
                self.functions += u64::from(functions.count());
                let advice = "link less into it";
                self.findings
                    .at_most("the number of functions", self.functions, FUNCTIONS, advice);
            }
            Payload::GlobalSection(globals) => {
                self.globals += u64::from(globals.count());
                self.findings
                    .at_most("the number of globals", self.globals, GLOBALS, "use fewer");
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory(memory.map_err(malformed)?);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.table(table.map_err(malformed)?.ty);
                }
            }
            Payload::CodeSectionEntry(body) => {
                return self.bodies.see(&body, &mut self.findings);
            }
            Payload::ComponentImportSection(imports) if self.depth == 1 => {
                for import in imports {
                    let import = import.map_err(malformed)?;
                    // A type is only a name for what an interface already brought.
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        self.shape.imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(exports) if self.depth == 1 => {
                for export in exports {
                    let name = export.map_err(malformed)?.name.name;
                    self.shape.exports.push(name.to_owned());
                }
                let exports = self.shape.exports.len() as u64;
                self.findings
                    .at_most("the number of exports", exports, EXPORTS, "export less");
            }
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, encoding: Encoding) -> Result<(), Rejection> {
        self.depth += 1;
        if encoding == Encoding::Module {
            self.modules += 1;
            self.bodies.enter_module();
            let most = self.complexity.modules;
            self.findings.at_most(
                "the number of core modules",
                self.modules,
                most,
                "compose less into it",
            );
            return Ok(());
        }
        if self.depth <= NESTING {
            return Ok(());
        }
        // Whatever is deeper is not looked at.
        Err(Rejection::TooComplex {
            what: "the nesting of components",
            found: self.depth,
            limit: NESTING,
            advice: "compose it flat",
            offset: None,
        })
    }

    fn core_types(&mut self, types: TypeSectionReader<'_>) -> Result<(), Rejection> {
        self.count_types(types.count());
        for group in types {
            for ty in group.map_err(malformed)?.types() {
                self.bodies.see_arity(arity(ty));
            }
        }
        Ok(())
    }

    fn count_types(&mut self, count: u32) {
        self.types += u64::from(count);
        self.findings.at_most(
            "the number of types",
            self.types,
            TYPES,
            "link less into it",
        );
    }

    fn memory(&mut self, memory: MemoryType) {
        if memory.memory64 || memory.shared || memory.page_size_log2.is_some() {
            self.findings.add(Rejection::Unsupported {
                what: "it has a 64-bit or a shared memory",
                advice: "build it for plain `wasm32`, without threads",
            });
        }
        self.memories += 1;
        self.findings.at_most(
            "the number of memories",
            self.memories,
            1,
            "build it as one module, and do not compose it of several",
        );
        let bytes = |pages: u64| pages.saturating_mul(64 << 10);
        self.shape.has_memory = true;
        self.shape.memory_bytes_min = bytes(memory.initial);
        self.shape.memory_bytes_max = memory.maximum.map(bytes);
        self.findings.at_most(
            "the memory it starts with, in bytes,",
            self.shape.memory_bytes_min,
            self.limits.memory_bytes as u64,
            "link it with a smaller `--initial-memory` or `--stack-size`",
        );
    }

    fn table(&mut self, table: TableType) {
        self.tables += 1;
        let most = self.limits.tables.into();
        self.findings
            .at_most("the number of tables", self.tables, most, "use fewer");
        let most = self.limits.table_elements as u64;
        self.findings.at_most(
            "the length of a table",
            table.initial,
            most,
            "link less into it",
        );
    }
}

/// How many values a block of this type can take and leave.
fn arity(ty: &SubType) -> u64 {
    match &ty.composite_type.inner {
        CompositeInnerType::Func(f) => (f.params().len() + f.results().len()) as u64,
        _ => 0,
    }
}
