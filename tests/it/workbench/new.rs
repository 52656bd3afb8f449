//! `rule new` and `rule build`, as far as they need no compiler; `just workbench` tries the rest.

use super::Bench;

#[test]
fn a_new_rule_has_source_manifest_cases_and_what_it_is_built_with() {
    let bench = Bench::new();
    for (name, language, files) in [
        (
            "in-rust",
            "rust",
            &[
                "src/lib.rs",
                "Cargo.toml",
                "sdk/src/lib.rs",
                "sdk/wit/rule.wit",
            ][..],
        ),
        (
            "in-c",
            "c",
            &["src/rule.c", "sdk/rule.h", "sdk/rule_component_type.o"],
        ),
    ] {
        let done = bench.run(&["rule", "new", name, "--lang", language]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
        assert!(done.stdout.contains("claimsmith rule build"));
        for file in files
            .iter()
            .chain(&["rule.toml", "cases.json", "README.md", ".gitignore"])
        {
            assert!(bench.path(name).join(file).is_file(), "{name}/{file}");
        }
        let readme = std::fs::read_to_string(bench.path(name).join("README.md")).unwrap();
        assert!(readme.starts_with(&format!("# {name}\n")) && !readme.contains("NAME"));
        assert!(readme.lines().count() <= 10);
        assert_eq!(
            bench.run(&["rule", "new", name]).code,
            64,
            "it is there already"
        );
    }
    let leftovers = std::fs::read_dir(bench.folder.path()).unwrap().count();
    assert_eq!(leftovers, 2);
}

#[test]
fn a_new_rule_in_javascript_passes_its_cases_at_once_in_both_dialects() {
    let bench = Bench::new();
    for dialect in ["js", "action"] {
        assert_eq!(
            bench.run(&["rule", "new", dialect, "--lang", dialect]).code,
            0
        );
        let done = bench.run(&["rule", "test", dialect]);
        assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
        assert!(
            done.stdout.contains("2 passed; 0 failed"),
            "{}",
            done.stdout
        );
    }
}

#[test]
fn a_name_that_is_no_name_makes_nothing() {
    let bench = Bench::new();
    for name in [
        "",
        "Upper",
        "../up",
        "a/b",
        "1st",
        "a b",
        "sdk",
        &"x".repeat(65),
    ] {
        let done = bench.run(&["rule", "new", name]);
        assert_eq!(done.code, 64, "{name}");
        assert!(done.stderr.starts_with("error: "), "{}", done.stderr);
    }
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 0);
}

#[test]
fn a_missing_toolchain_is_named_with_the_command_that_installs_it() {
    let bench = Bench::new();
    for (language, advice) in [
        ("rust", "rustup target add wasm32-unknown-unknown"),
        ("c", "apt-get install --no-install-recommends clang-19"),
    ] {
        bench.run(&["rule", "new", language, "--lang", language]);
        let mut command = bench.command(&["rule", "build", language]);
        let output = command.env("PATH", bench.folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(advice), "{stderr}");
    }
    let nothing = bench.run(&["rule", "build", "."]);
    assert_eq!(nothing.code, 64);
    assert!(nothing.stderr.contains("has nothing to build"));
}
