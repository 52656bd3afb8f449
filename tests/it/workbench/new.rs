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
        (
            "in-typescript",
            "ts",
            &["src/rule.ts", "types/actions.d.ts", "package.json"],
        ),
        (
            "in-python",
            "python",
            &["src/app.py", "sdk/wit/rule.wit", "requirements.txt"],
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
    assert_eq!(leftovers, 4);
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
        ("ts", "apt-get install nodejs npm"),
        (
            "python",
            "python/.venv/bin/pip install -r python/requirements.txt",
        ),
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

/// A compiler that says where it was run, and makes what `makes` says.
#[cfg(unix)]
fn pretend(bench: &Bench, name: &str, makes: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let script = format!("#!/bin/sh\npwd >\"$ASKED\"\necho \"$@\" >>\"$ASKED\"\n{makes}\n");
    let path = bench.write(&format!("bin/{name}"), script);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// `rule build FOLDER` with those compilers, and what was asked of the last one.
#[cfg(unix)]
fn build(bench: &Bench, folder: &str) -> (super::Done, String) {
    let mut command = bench.command(&["rule", "build", folder]);
    command
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", bench.path("bin").display()),
        )
        .env("ASKED", bench.path("asked"))
        .env_remove("CARGO_TARGET_DIR");
    let done = super::Done::of(command.output().unwrap());
    let asked = std::fs::read_to_string(bench.path("asked")).unwrap_or_default();
    (done, asked)
}

#[cfg(unix)]
#[test]
fn cargo_runs_in_the_rule_s_folder_where_its_configuration_is() {
    let bench = Bench::new();
    bench.run(&["rule", "new", "tidy", "--lang", "rust"]);
    let sysroot = bench.path("sysroot");
    std::fs::create_dir_all(sysroot.join("lib/rustlib/wasm32-unknown-unknown/lib")).unwrap();
    pretend(&bench, "rustc", &format!("echo {}", sysroot.display()));
    pretend(&bench, "cargo", "exit 1");
    let (done, asked) = build(&bench, "tidy");
    assert_eq!(done.code, 1, "{}", done.stderr);
    let folder = bench.path("tidy").canonicalize().unwrap();
    let (place, arguments) = asked.split_once('\n').unwrap();
    assert_eq!(place, folder.to_str().unwrap());
    let target = folder.join("target");
    assert!(arguments.contains(&format!("--target-dir {}", target.display())));
}

#[cfg(unix)]
#[test]
fn a_rule_in_typescript_is_what_the_author_s_build_makes_of_it() {
    let bench = Bench::new();
    bench.run(&["rule", "new", "typed", "--lang", "ts"]);
    pretend(&bench, "npm", "cp ../made.js rule.js");
    bench.write("made.js", "exports.onExecutePostLogin = async () => {};");
    let (done, _) = build(&bench, "typed");
    assert_eq!(done.code, 1);
    assert!(
        done.stderr.contains("run `npm install` in `typed`"),
        "{}",
        done.stderr
    );

    std::fs::create_dir(bench.path("typed/node_modules")).unwrap();
    let (done, asked) = build(&bench, "typed");
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(
        done.stdout.contains("JavaScript, post-login"),
        "{}",
        done.stdout
    );
    assert!(asked.contains("typed\nrun --silent build"), "{asked}");

    // What was made before is not taken for what this build made.
    pretend(&bench, "npm", "true");
    let (done, _) = build(&bench, "typed");
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("made no `rule.js`"), "{}", done.stderr);
}
