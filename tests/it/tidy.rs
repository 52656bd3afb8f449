//! Who may know whom: keeps ARCHITECTURE.md's table true by reading the sources.

use std::path::{Path, PathBuf};

/// A room, and what it never names. A failure prints the sentence.
const INVARIANTS: [(&str, &[&str], &str); 14] = [
    (
        "src/http",
        &[
            "wasmtime",
            "argon2",
            "sled",
            "crate::store::sled",
            "crate::cli",
        ],
        "http knows grants and the types of tokens, never a backend or an engine",
    ),
    (
        "src/grant",
        &[
            "axum",
            "hyper",
            "crate::http",
            "HeaderMap",
            "wasmtime",
            "sled",
            "crate::admin",
            "crate::cli",
        ],
        "a grant knows nothing of HTTP: no axum, no header maps",
    ),
    (
        "src/credential",
        &[
            "axum",
            "hyper",
            "crate::http",
            "crate::grant",
            "crate::token",
            "wasmtime",
            "sled",
            "crate::cli",
        ],
        "credentials know nothing of rules (but the marker of a subject), tokens or HTTP",
    ),
    (
        "src/account",
        &[
            "axum",
            "hyper",
            "crate::http",
            "crate::grant",
            "crate::token",
            "wasmtime",
            "argon2",
            "sled",
            "crate::cli",
        ],
        "what users do for themselves knows nothing of HTTP, grants or tokens",
    ),
    (
        "src/rule_host",
        &[
            "axum",
            "crate::http",
            "crate::grant",
            "crate::store",
            "crate::tenant",
            "crate::user",
            "crate::client",
            "crate::api",
            "crate::rule",
            "crate::token",
            "crate::credential",
            "crate::admin",
        ],
        "the rule host knows nothing of the server's HTTP, of the store, of grants or of tenants' records",
    ),
    (
        "src/checker",
        &[
            "axum",
            "hyper",
            "crate::http",
            "crate::grant",
            "crate::store",
            "crate::tenant",
            "crate::rule",
            "crate::admin",
            "crate::cli",
            "wasmtime",
        ],
        "the checker knows the rule host and processes, no store, no tenants' records and no HTTP",
    ),
    (
        "src/token",
        &[
            "axum",
            "hyper",
            "crate::http",
            "crate::grant",
            "wasmtime",
            "sled",
            "argon2",
            "crate::admin",
        ],
        "tokens know the store, never HTTP, grants or the inside of rules",
    ),
    (
        "src/store",
        &[
            "axum",
            "hyper",
            "crate::http",
            "crate::grant",
            "crate::token",
            "crate::credential",
            "crate::tenant",
            "crate::user",
            "crate::rule_host",
            "wasmtime",
            "argon2",
        ],
        "the store knows nothing of what is above it",
    ),
    (
        "src/admin",
        &[
            "axum",
            "hyper",
            "crate::http",
            "crate::cli",
            "wasmtime",
            "argon2",
            "sled",
        ],
        "administration knows nothing of HTTP",
    ),
    (
        "src/replay",
        &[
            "axum",
            "hyper",
            "crate::http",
            "crate::grant",
            "crate::store",
            "crate::admin",
            "crate::cli",
            "wasmtime",
        ],
        "a replay knows the rule host and recordings, no store and no HTTP",
    ),
    (
        "src/metrics",
        &[
            "crate::server",
            "crate::store",
            "crate::tenant",
            "crate::grant",
            "axum",
            "hyper",
        ],
        "metrics know nothing of what is measured",
    ),
    (
        "src/webhook",
        &[
            "axum",
            "hyper",
            "crate::http",
            "crate::grant",
            "wasmtime",
            "sled",
        ],
        "deliveries go by the network of rules, and know nothing of HTTP",
    ),
    (
        "src/cli",
        &["axum", "argon2", "wasmtime", "sled"],
        "the command line knows the rule host, administration and `http::accept`, no routes and no backends",
    ),
    (
        "src",
        &["std::time::SystemTime", "SystemTime::now"],
        "only src/clock.rs reads the system clock",
    ),
];

/// A crate, and the only places that may name it.
const CRATES: [(&str, &[&str]); 11] = [
    ("axum", &["src/http"]),
    ("wasmtime", &["src/rule_host"]),
    ("sled", &["src/store/sled", "src/store/sled.rs"]),
    ("argon2", &["src/credential/hash.rs"]),
    ("hyper", &["src/http", "src/rule_host/fetch"]),
    ("lettre", &["src/mail/smtp.rs"]),
    ("tokio_rustls", &["src/http", "src/rule_host/fetch"]),
    ("prometheus_client", &["src/metrics"]),
    ("opentelemetry_otlp", &["src/trace.rs"]),
    (
        "opentelemetry_sdk",
        &[
            "src/trace.rs",
            "src/cli/telemetry.rs",
            "src/http/measure.rs",
        ],
    ),
    (
        "tracing_opentelemetry",
        &["src/cli/telemetry.rs", "src/http/measure.rs"],
    ),
];

#[test]
fn every_room_keeps_to_the_architecture_s_table() {
    let mut broken = Vec::new();
    for (room, never, sentence) in INVARIANTS {
        for (file, number, line) in code_lines(room) {
            if file.ends_with("clock.rs") {
                continue;
            }
            for name in never {
                if mentions(&line, name) {
                    broken.push(format!("{}:{number}: `{name}`: {sentence}", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_crate_is_used_in_its_own_room_only() {
    let mut broken = Vec::new();
    for (name, rooms) in CRATES {
        for (file, number, line) in code_lines("src") {
            let at_home = rooms.iter().any(|room| file.starts_with(room));
            let used =
                line.contains(&format!("{name}::")) && !line.contains(&format!("::{name}::"));
            if used && !at_home {
                broken.push(format!(
                    "{}:{number}: `{name}` belongs in {rooms:?}",
                    file.display()
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_source_file_grows_past_what_one_reads_at_a_sitting() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in rust_files(&root.join("src")) {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(
            lines <= 500,
            "{} has {lines} lines; split it",
            file.display()
        );
    }
}

/// Whether a line of code names it: as a path, or at the start of one.
fn mentions(line: &str, name: &str) -> bool {
    let start = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let path = name.contains("::") || name.chars().next().is_some_and(char::is_uppercase);
    let named = |at: usize| {
        let rest = &line[at + name.len()..];
        match path {
            true => !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'),
            false => rest.starts_with("::"),
        }
    };
    line.match_indices(name)
        .any(|(at, _)| start(at) && named(at))
}

/// Lines of code of a room, with file and number, without comments. Paths are relative to the root.
fn code_lines(room: &str) -> Vec<(PathBuf, usize, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut lines = Vec::new();
    let files = rust_files(&root.join(room));
    assert!(!files.is_empty(), "there is nothing in {room}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let relative = file.strip_prefix(root).unwrap().to_path_buf();
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") {
                lines.push((relative.clone(), number + 1, code.to_owned()));
            }
        }
    }
    lines
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
