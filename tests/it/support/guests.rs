//! Small rules made on the spot: a core module in WebAssembly text, wrapped as a component of the
//! interface in `wit/`.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A core module's text as a rule. It must export `memory`, `cabi_realloc`, and the function
/// `decide`, which takes a pointer to the exchange and returns one to its answer.
pub(crate) fn rule(module: &str) -> Vec<u8> {
    let mut core = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/wit/1.0.0");
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = resolve.select_world(&[package], Some("rule")).unwrap();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default().validate(true).module(&core).unwrap();
    encoder.encode().unwrap()
}

/// A rule that never comes to an end.
pub(crate) fn endless_loop() -> Vec<u8> {
    rule(&module("(loop br 0) unreachable", ""))
}

/// A rule that returns these effects, whatever the exchange.
pub(crate) fn returning(effects: &[Effect]) -> Vec<u8> {
    // `result<list<effect>, denial>` at 16: the case 0, then the list's address and length. The
    // effects stand from 64 on, 20 bytes each, their texts behind them.
    let mut texts: Vec<u8> = Vec::new();
    let start = 64 + 20 * effects.len();
    let mut records = Vec::new();
    for effect in effects {
        records.extend([effect.case, 0, 0, 0]);
        for text in &effect.texts {
            records.extend(u32::try_from(start + texts.len()).unwrap().to_le_bytes());
            records.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
            texts.extend(text.as_bytes());
        }
        records.resize(records.len().next_multiple_of(20), 0);
    }
    let mut answer = vec![0, 0, 0, 0];
    answer.extend(64u32.to_le_bytes());
    answer.extend(u32::try_from(effects.len()).unwrap().to_le_bytes());
    records.extend(texts);
    let data = format!("(data (i32.const 16) \"{}\") (data (i32.const 64) \"{}\")", hex(&answer), hex(&records));
    rule(&module("i32.const 16", &data))
}

/// One effect of [`returning`].
pub(crate) struct Effect {
    case: u8,
    texts: Vec<String>,
}

pub(crate) fn set_access_claim(name: &str, value: &str) -> Effect {
    Effect { case: 0, texts: vec![name.to_owned(), value.to_owned()] }
}

pub(crate) fn merge_app_metadata(json: &str) -> Effect {
    Effect { case: 9, texts: vec![json.to_owned()] }
}

pub(crate) fn require_mfa() -> Effect {
    Effect { case: 7, texts: vec!["any".to_owned()] }
}

/// The exchange is written above 64 KiB, by an allocator that only ever goes up.
fn module(decide: &str, data: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 8)
            (global $top (mut i32) (i32.const 65536))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.set $top (i32.and
                    (i32.add (global.get $top) (i32.const 15))
                    (i32.const -16)))
                (global.get $top)
                (global.set $top (i32.add (global.get $top) (local.get 3))))
            (func (export "decide") (param i32) (result i32) {decide})
            {data})"#
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
