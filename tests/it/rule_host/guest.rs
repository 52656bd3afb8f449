//! Makes components of the guests in `guests/`, and of effects to return.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The component of `guests/NAME.wat`.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    component(&text(name))
}

/// The text of `guests/NAME.wat`.
pub(crate) fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/rule_host/guests")
        .join(name)
        .with_extension("wat");
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The component of a core module in text form, built for this interface.
pub(crate) fn component(wat: &str) -> Vec<u8> {
    component_of(wat, |wit| wit)
}

/// Likewise, for an interface changed by `edit`.
pub(crate) fn component_of(wat: &str, edit: impl Fn(String) -> String) -> Vec<u8> {
    let rule = edit(include_str!("../../../wit/1.0.0/rule.wit").to_owned());
    let wasi = edit(include_str!("guests/wasi.wit").to_owned());
    let mut resolve = Resolve::default();
    resolve.push_str("rule.wit", &rule).unwrap();
    let package = resolve.push_str("wasi.wit", &wasi).unwrap();
    let world = resolve.select_world(&[package], Some("rule")).unwrap();
    let mut module = wat::parse_str(wat).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
}

/// One effect, for [`returning`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect<'a> {
    SetAccessClaim(&'a str, &'a str),
    RemoveAccessClaim(&'a str),
    SetIdClaim(&'a str, &'a str),
    RemoveIdClaim(&'a str),
    AddScope(&'a str),
    RemoveScope(&'a str),
    ReplaceScopes(&'a [&'a str]),
    RequireMfa(&'a str, bool),
    MergeUserMetadata(&'a str),
    MergeAppMetadata(&'a str),
    Share(&'a str, &'a str),
}

/// A component that returns exactly these effects.
pub(crate) fn returning(effects: &[Effect<'_>]) -> Vec<u8> {
    let mut memory = Memory::default();
    let list: Vec<u8> = effects.iter().flat_map(|e| memory.effect(*e)).collect();
    let at = memory.put(&list);
    memory.answer(&[0, at, effects.len() as u32])
}

/// A component that denies.
pub(crate) fn denying(error: Option<&str>, description: &str) -> Vec<u8> {
    let mut memory = Memory::default();
    let code = memory.text(error.unwrap_or_default());
    let description = memory.text(description);
    let some = u32::from(error.is_some());
    memory.answer(&[1, some, code[0], code[1], description[0], description[1]])
}

/// Where the data begins; below it is the answer.
const DATA: usize = 4096;

#[derive(Default)]
pub(super) struct Memory(Vec<u8>);

impl Memory {
    pub(super) fn put(&mut self, bytes: &[u8]) -> u32 {
        while !self.0.len().is_multiple_of(8) {
            self.0.push(0);
        }
        let at = DATA + self.0.len();
        self.0.extend_from_slice(bytes);
        at as u32
    }

    pub(super) fn text(&mut self, text: &str) -> [u32; 2] {
        [self.put(text.as_bytes()), text.len() as u32]
    }

    pub(super) fn words(&mut self, words: &[u32]) -> u32 {
        self.put(&bytes(words))
    }

    /// Where memory is free, and the data, escaped.
    pub(super) fn layout(&self) -> (usize, String) {
        let pages = (DATA + self.0.len()) / 65536 + 1;
        (pages * 65536, escaped(&self.0))
    }

    /// The 20 bytes of an effect: its case, and up to four words.
    fn effect(&mut self, effect: Effect<'_>) -> [u8; 20] {
        let two = |m: &mut Self, a, b| [m.text(a), m.text(b)].concat();
        let (case, words) = match effect {
            Effect::SetAccessClaim(n, v) => (0, two(self, n, v)),
            Effect::RemoveAccessClaim(n) => (1, self.text(n).to_vec()),
            Effect::SetIdClaim(n, v) => (2, two(self, n, v)),
            Effect::RemoveIdClaim(n) => (3, self.text(n).to_vec()),
            Effect::AddScope(n) => (4, self.text(n).to_vec()),
            Effect::RemoveScope(n) => (5, self.text(n).to_vec()),
            Effect::ReplaceScopes(scopes) => {
                let list: Vec<u32> = scopes.iter().flat_map(|s| self.text(s)).collect();
                let at = self.put(&bytes(&list));
                (6, vec![at, scopes.len() as u32])
            }
            Effect::RequireMfa(p, remember) => {
                (7, [&self.text(p)[..], &[u32::from(remember)]].concat())
            }
            Effect::MergeUserMetadata(v) => (8, self.text(v).to_vec()),
            Effect::MergeAppMetadata(v) => (9, self.text(v).to_vec()),
            Effect::Share(n, v) => (10, two(self, n, v)),
        };
        let mut out = [0; 20];
        out[0] = case;
        let words = bytes(&words);
        out[4..4 + words.len()].copy_from_slice(&words);
        out
    }

    fn answer(self, words: &[u32]) -> Vec<u8> {
        let pages = (DATA + self.0.len()) / 65536 + 1;
        component(&format!(
            r#"(module
                (memory (export "memory") {total})
                (global $next (mut i32) (i32.const {heap}))
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                    (global.set $next (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (data (i32.const 1024) "{answer}")
                (data (i32.const {DATA}) "{data}")
                (func (export "decide") (param i32) (result i32) (i32.const 1024)))"#,
            total = pages + 4,
            heap = pages * 65536,
            answer = escaped(&bytes(words)),
            data = escaped(&self.0),
        ))
    }
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("\\{b:02x}")).collect()
}
