//! What uploads read, good and bad.

use std::time::{Duration, Instant};

use claimsmith::rule_host::{Limits, RuleHost};

use super::guest::{component, component_of, guest, text};
use super::harness::{host, limits};

fn rejection(bytes: &[u8]) -> String {
    match host().inspect(bytes) {
        Ok(inspection) => panic!("accepted: {inspection:?}"),
        Err(rejection) => rejection.to_string(),
    }
}

#[test]
fn a_good_rule_is_described() {
    let bytes = guest("echo");
    let inspection = host().inspect(&bytes).unwrap();
    assert_eq!(inspection.size, bytes.len() as u64);
    assert_eq!(inspection.digest.len(), 64);
    assert_eq!(inspection.interface, "claimsmith:rules@1.0.0");
    assert_eq!(inspection.exports, ["decide"]);
    let mut imports = inspection.imports;
    imports.sort();
    assert_eq!(
        imports,
        [
            "claimsmith:rules/configuration@1.0.0",
            "claimsmith:rules/log@1.0.0",
            "claimsmith:rules/types@1.0.0",
        ]
    );
    assert_eq!(inspection.memory_bytes_min, 4 << 16);
    assert_eq!(inspection.memory_bytes_max, 16 << 20);
    assert!(inspection.code_bytes > 0);
}

#[test]
fn a_rule_is_found_by_its_digest_once_it_is_loaded() {
    let bytes = component(&text("empty").replace("1024", "1032"));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    let digest: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert!(host().cached(&digest).is_none());
    let rule = host().load(&bytes).unwrap();
    assert_eq!(rule.digest(), digest);
    assert_eq!(host().cached(&digest).unwrap().digest(), digest);
}

#[test]
fn what_is_used_longest_ago_is_dropped_when_code_takes_too_much_room() {
    let mut limits = limits();
    limits.code_bytes = 0;
    let host = RuleHost::new(limits, None).unwrap();
    let first = host.load(&guest("empty")).unwrap();
    assert!(host.cached(first.digest()).is_some(), "the newest stays");
    let second = host.load(&guest("echo")).unwrap();
    assert!(host.cached(first.digest()).is_none());
    assert!(host.cached(second.digest()).is_some());
}

#[test]
fn many_who_load_the_same_bytes_get_the_same_rule() {
    let bytes = component(&text("empty").replace("1024", "1040"));
    let rules: Vec<String> = std::thread::scope(|scope| {
        let loads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| host().load(&bytes).unwrap().digest().to_owned()))
            .collect();
        loads.into_iter().map(|l| l.join().unwrap()).collect()
    });
    assert!(rules.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn compiled_code_is_found_again_by_the_next_process() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("code");
    RuleHost::new(limits(), Some(&cache))
        .unwrap()
        .load(&guest("echo"))
        .unwrap();
    let files = |dir: &std::path::Path| {
        let mut stack = vec![dir.to_owned()];
        let mut files = Vec::new();
        while let Some(dir) = stack.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => stack.push(path),
                    false if path.extension().is_none() => files.push(path),
                    false => {}
                }
            }
        }
        files.sort();
        files
    };
    let made = files(&cache);
    assert!(!made.is_empty());
    // Another number of slots changes nothing: a process that only compiles needs one.
    let mut smaller = limits();
    smaller.concurrency = 1;
    let again = RuleHost::new(smaller, Some(&cache)).unwrap();
    again.load(&guest("echo")).unwrap();
    assert_eq!(made, files(&cache), "nothing was compiled anew");
}

#[test]
fn bytes_that_are_no_component_are_told_apart() {
    assert!(rejection(b"").contains("it is empty"));
    assert!(rejection(b"#!/bin/sh").starts_with("this is not WebAssembly"));
    assert!(rejection(b"\n (module)").contains("`wasm-tools parse`"));
    assert!(rejection(b"\x7fELF\x02").contains("compiled rules are not accepted"));
    let module = rejection(&wat::parse_str("(module)").unwrap());
    assert!(module.contains("--target wasm32-wasip2"), "{module}");
    assert!(module.contains("wasm-tools component new"), "{module}");
    let mut cut = guest("echo");
    cut.truncate(cut.len() / 2);
    assert!(rejection(&cut).starts_with("the component is malformed"));
}

#[test]
fn every_cut_and_every_flipped_byte_is_survived() {
    let good = guest("empty");
    for at in (0..good.len()).step_by(97) {
        let _ = host().inspect(&good[..at]);
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        let _ = host().inspect(&bad);
    }
    assert!(host().inspect(&good).is_ok());
}

#[test]
fn unknown_imports_are_named_and_so_are_the_known_ones() {
    let stranger = text("empty").replacen(
        "(module",
        "(module (import \"nobody:knows/this@0.1.0\" \"what\" (func))",
        1,
    );
    let message = rejection(&component(&stranger));
    assert!(
        message.contains("imports `nobody:knows/this@0.1.0`"),
        "{message}"
    );
    assert!(
        message.contains("`claimsmith:rules/log@1.0.0`"),
        "{message}"
    );
    let sockets = rejection(&guest("sockets"));
    assert!(
        sockets.contains("`wasi:sockets/instance-network@0.2.0`"),
        "{sockets}"
    );
}

#[test]
fn another_version_of_the_interface_is_named() {
    let newer = component_of(&text("empty"), |wit| {
        wit.replace("claimsmith:rules@1.0.0", "claimsmith:rules@2.0.0")
            .replace("claimsmith:rules/rule@1.0.0", "claimsmith:rules/rule@2.0.0")
    });
    let message = rejection(&newer);
    assert!(
        message.contains("version `2.0.0` of `claimsmith:rules`")
            && message.contains("knows `1.0.0`"),
        "{message}"
    );
}

#[test]
fn another_world_is_told_what_is_missing_or_different() {
    let other = component_of(&text("empty").replace("\"decide\"", "\"judge\""), |wit| {
        wit.replace("export decide:", "export judge:")
    });
    let message = rejection(&other);
    assert!(
        message.contains("does not export `decide`; its exports are: `judge`"),
        "{message}"
    );
    // The right names, and a record that has a field more.
    let changed = component_of(&text("empty"), |wit| {
        wit.replace("tenant: string,", "tenant: string, extra: u8,")
    });
    let message = rejection(&changed);
    assert!(
        message.contains("does not fit the world `rule`"),
        "{message}"
    );
}

#[test]
fn size_obeyed_and_violated() {
    let mut limits = limits();
    let bytes = guest("empty");
    limits.component_bytes = bytes.len();
    assert!(
        RuleHost::new(limits.clone(), None)
            .unwrap()
            .load(&bytes)
            .is_ok()
    );
    limits.component_bytes -= 1;
    let rejection = RuleHost::new(limits, None)
        .unwrap()
        .load(&bytes)
        .unwrap_err();
    assert_eq!(rejection.faults()[0].code, "too_large");
}

#[test]
fn too_much_memory_to_start_with_is_refused_unrun() {
    let message = rejection(&guest("huge-memory"));
    assert!(
        message.contains("3932160000, and a rule may have 16777216"),
        "{message}"
    );
}

#[test]
fn a_start_function_that_traps_or_loops_is_found_at_upload() {
    assert!(rejection(&guest("start-loop")).contains("fuel"));
    let trapping = text("start-loop").replace("(loop $forever (br $forever))", "(unreachable)");
    assert!(rejection(&component(&trapping)).contains("does not start"));
}

/// A function body in the text format, in the guest that behaves.
fn bomb(function: &str) -> Vec<u8> {
    component(&text("empty").replacen(
        "(func (export \"decide\")",
        &format!("{function}\n(func (export \"decide\")"),
        1,
    ))
}

fn locals(n: usize) -> String {
    format!("(local {})", "i64 ".repeat(n))
}

/// `n` times `before`, then `n` times `after`.
fn nest(n: usize, before: &str, after: &str) -> String {
    before.repeat(n) + &after.repeat(n)
}

#[test]
fn compile_bombs_are_refused_at_once() {
    let touch: String = (0..900)
        .map(|i| format!("(local.set {i} (i64.add (local.get {i}) (i64.const 1)))"))
        .collect();
    let bombs = [
        (
            "loops times values",
            format!("(func {}{touch}{})", locals(900), nest(200, "(loop ", ")")),
        ),
        ("locals", format!("(func {})", locals(1001))),
        ("all locals", format!("(func {})", locals(1000)).repeat(501)),
        (
            "nesting of blocks",
            format!("(func {})", nest(600, "(block ", ")")),
        ),
        (
            "blocks squared",
            format!("(func {})", "(block)".repeat(10_000)),
        ),
        (
            "length of a function",
            format!("(func {})", "(drop (i32.const 1))".repeat(50_000)),
        ),
        (
            "`br_table`",
            format!("(func (br_table {} (i32.const 0)))", "0 ".repeat(2_000)),
        ),
        ("number of functions", "(func)".repeat(20_001)),
        ("number of tables", "(table 1 funcref)".repeat(9)),
        ("length of a table", "(table 20001 funcref)".into()),
        (
            "number of globals",
            "(global i32 (i32.const 0))".repeat(10_001),
        ),
    ];
    for (what, function) in bombs {
        let bytes = bomb(&function);
        let start = Instant::now();
        let message = rejection(&bytes);
        let took = start.elapsed();
        assert!(message.contains(what), "{what}: {message}");
        assert!(took < Duration::from_secs(2), "{what}: {took:?}");
    }
}

#[test]
fn what_is_just_within_the_limits_compiles() {
    for function in [
        format!("(func {})", locals(1000)),
        format!("(func {})", nest(512, "(block ", ")")),
        format!("(func (br_table {} (i32.const 0)))", "0 ".repeat(1_024)),
        "(table 20000 funcref)".into(),
    ] {
        assert!(host().inspect(&bomb(&function)).is_ok(), "{function:.80}");
    }
}

/// Made larger than a usual component by a section that means nothing.
fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    let padding = vec![0; Limits::USUAL_COMPONENT_BYTES];
    bytes.push(0);
    put_length(&mut bytes, padding.len());
    bytes.extend(padding);
    bytes
}

#[test]
fn a_large_component_needs_the_operator_s_word_and_then_may_be_more_complex_and_hold_more() {
    let large = Limits {
        component_bytes: Limits::MOST_COMPONENT_BYTES,
        ..limits()
    };
    let large = RuleHost::new(large, None).unwrap();
    let message = rejection(&padded(guest("echo")));
    assert!(message.contains("`--max-rule-mib`"), "{message}");
    let inspection = large.inspect(&padded(guest("echo"))).unwrap();
    assert_eq!(inspection.memory_bytes_max, 40 << 20);
    assert_eq!(
        large.inspect(&guest("echo")).unwrap().memory_bytes_max,
        16 << 20,
        "a usual one beside it gets no more than before"
    );
    // 200 KB: more than the interpreter's loop of QuickJS, less than that of CPython.
    let long = format!("(func {})", "(drop (i32.const 1))".repeat(50_000));
    let usual = large.inspect(&bomb(&long)).unwrap_err().to_string();
    assert!(usual.contains("length of a function"), "{usual}");
    large.inspect(&padded(bomb(&long))).unwrap();
    let longer = format!("(func {})", "(drop (i32.const 1))".repeat(250_000));
    let bound = large.inspect(&padded(bomb(&longer))).unwrap_err();
    assert!(
        bound.to_string().contains("and a rule may have 655360"),
        "{bound}"
    );
}

#[test]
fn features_that_are_off_are_refused() {
    let memory64 = text("empty").replace(
        "(memory (export \"memory\") 4)",
        "(memory (export \"memory\") i64 4)",
    );
    let module = wat::parse_str(&memory64).unwrap();
    let wrapped = wrap(&module);
    assert!(rejection(&wrapped).contains("64-bit"));
    for function in [
        "(func (return_call 0))",
        "(func (result v128) (i32x4.relaxed_trunc_f32x4_s (v128.const i32x4 0 0 0 0)))",
        "(tag) (func (throw 0))",
    ] {
        let module = wat::parse_str(format!("(module {function})")).unwrap();
        assert!(host().inspect(&wrap(&module)).is_err(), "{function}");
    }
}

/// A component around a module that nothing instantiates: enough to be parsed and compiled.
fn wrap(module: &[u8]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0\x01".to_vec();
    put_length(&mut bytes, module.len());
    bytes.extend(module);
    bytes
}

/// LEB128.
fn put_length(bytes: &mut Vec<u8>, mut length: usize) {
    loop {
        let byte = (length & 0x7f) as u8;
        length >>= 7;
        bytes.push(if length == 0 { byte } else { byte | 0x80 });
        if length == 0 {
            break;
        }
    }
}
