//! Whoever uploads reads all that is wrong at once.

use claimsmith::rule_host::{RuleHost, UploadFault};

use super::guest::{component_of, text};
use super::harness::host;

/// A component with everything wrong that one can have: two imports that nobody knows, no
/// `decide`, too much memory, a function with too many locals and too many blocks, another with more of both.
fn broken() -> Vec<u8> {
    let function = |locals: usize, blocks: usize| {
        let (locals, blocks) = (
            "i64 ".repeat(locals),
            "(block ".repeat(blocks) + &")".repeat(blocks),
        );
        format!("(func (local {locals}) {blocks})\n")
    };
    let strangers = "(module\n (import \"nobody:knows/this@0.1.0\" \"what\" (func))
        (import \"nobody:knows/that@0.1.0\" \"what\" (func))";
    let module = text("empty")
        .replacen("(module", strangers, 1)
        .replace("\"decide\"", "\"judge\"")
        .replace(
            "(memory (export \"memory\") 4)",
            "(memory (export \"memory\") 1000)",
        )
        .replacen(
            "(func (export \"judge\")",
            &(function(1_001, 600) + &function(1_100, 700) + "(func (export \"judge\")"),
            1,
        );
    component_of(&module, |wit| {
        with_interfaces(&wit, &["that".to_owned()]).replace("export decide:", "export judge:")
    })
}

/// The world with more imports of what nobody knows.
fn with_interfaces(wit: &str, names: &[String]) -> String {
    let import = "    import nobody:knows/this@0.1.0;\n";
    let imports: String = names
        .iter()
        .map(|name| import.replace("this", name))
        .collect();
    let interface = "    interface this {";
    let interfaces: String = names
        .iter()
        .map(|name| format!("    interface {name} {{ what: func(); }}\n"))
        .collect();
    wit.replace(import, &format!("{import}{imports}"))
        .replace(interface, &format!("{interfaces}{interface}"))
}

fn faults(host: &RuleHost, bytes: &[u8]) -> Vec<UploadFault> {
    host.inspect(bytes).unwrap_err().faults().to_vec()
}

#[test]
fn a_component_is_refused_with_all_that_is_wrong_and_where() {
    let found = faults(host(), &broken());
    let of = |code: &str| -> Vec<&UploadFault> {
        found.iter().filter(|fault| fault.code == code).collect()
    };
    let imports: Vec<_> = of("unknown_import")
        .into_iter()
        .map(|fault| fault.import.as_deref().unwrap())
        .collect();
    assert_eq!(
        imports,
        ["nobody:knows/this@0.1.0", "nobody:knows/that@0.1.0"]
    );
    assert_eq!(of("no_decide").len(), 1, "{found:#?}");
    let complex = of("too_complex");
    let about = |what: &str| {
        let mut about = complex.iter().filter(|fault| fault.message.contains(what));
        let only = about.next().unwrap_or_else(|| panic!("{what}: {found:#?}"));
        assert!(about.next().is_none(), "{what} is told once");
        *only
    };
    assert!(
        about("the memory it starts with")
            .message
            .contains("65536000")
    );
    // Of two functions the worse one is told, and where it is.
    let locals = about("a function's locals");
    assert!(
        locals.message.contains("is 1100, and a rule may have 1000"),
        "{locals}"
    );
    assert!(about("the nesting of blocks").message.contains("700"));
    let bytes = broken();
    let at = locals.offset.unwrap() as usize;
    assert_eq!(
        bytes[at..at + 4],
        [1, 0xcc, 8, 0x7e],
        "where the 1,100 locals are declared"
    );
    assert!(found.iter().all(|fault| fault.advice.is_some()));
}

#[test]
fn one_fault_is_told_as_one_sentence_and_several_are_numbered() {
    let one = host().inspect(b"").unwrap_err();
    assert_eq!(one.faults().len(), 1);
    assert!(!one.to_string().contains('\n'));
    let all = host().inspect(&broken()).unwrap_err();
    let text = all.to_string();
    let count = all.faults().len();
    assert!(
        text.starts_with(&format!("{count} faults were found:\n1. ")),
        "{text}"
    );
    assert!(text.contains(&format!("\n{count}. ")), "{text}");
}

#[test]
fn there_is_an_end_to_what_is_told() {
    let names: Vec<String> = (0..200).map(|n| format!("n{n}")).collect();
    let imports: String = names
        .iter()
        .map(|name| format!("(import \"nobody:knows/{name}@0.1.0\" \"what\" (func))\n"))
        .collect();
    let module = text("empty").replacen("(module", &format!("(module\n{imports}"), 1);
    let component = component_of(&module, |wit| with_interfaces(&wit, &names));
    let found = faults(host(), &component);
    assert_eq!(found.len(), 51);
    assert_eq!(found.last().unwrap().code, "more");
}

#[test]
fn a_function_that_has_too_much_of_everything_is_read_to_its_end() {
    // 40,000 locals in one group.
    let mut body = vec![1, 0xc0, 0xb8, 0x02, 0x7e];
    for _ in 0..50_000 {
        body.extend([0x02, 0x40]);
    }
    body.extend(std::iter::repeat_n(0x0b, 50_001));
    let mut section = vec![1];
    leb(&mut section, body.len());
    section.extend(body);
    let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a".to_vec();
    leb(&mut module, section.len());
    module.extend(section);
    let mut bytes = b"\0asm\x0d\0\x01\0\x01".to_vec();
    leb(&mut bytes, module.len());
    bytes.extend(module);
    let found = faults(host(), &bytes);
    let complex = found.iter().filter(|fault| fault.code == "too_complex");
    // Its length, its locals, their nesting, and what its blocks cost in two ways.
    assert_eq!(complex.count(), 5, "{found:#?}");
}

fn leb(bytes: &mut Vec<u8>, mut length: usize) {
    loop {
        let byte = (length & 0x7f) as u8;
        length >>= 7;
        bytes.push(if length == 0 { byte } else { byte | 0x80 });
        if length == 0 {
            break;
        }
    }
}
