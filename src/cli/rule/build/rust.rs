//! Rules in Rust.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{CliError, finish, found, whole};
use crate::rule_host::printable;

/// What tells a rule in Rust.
pub(super) const SOURCE: &str = "Cargo.toml";
/// Rules have no use for WASI, and an allocator of their own.
const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the core module.
pub(super) fn build(folder: &Path) -> Result<PathBuf, CliError> {
    let whole = whole(folder)?;
    // As cargo itself has it: rules that are built one after another can share what they depend on.
    let target_dir = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(shared) => std::path::absolute(shared).map_err(CliError::failure)?,
        None => whole.join("target"),
    };
    let mut cargo = if has_target(&whole) {
        Command::new("cargo")
    } else {
        debian_cargo()?
    };
    cargo
        .args(["build", "--release", "--target", TARGET, "--manifest-path"])
        .arg(whole.join(SOURCE))
        .arg("--target-dir")
        .arg(&target_dir)
        // The folder's own `.cargo/config.toml` says how to link; cargo looks for it where it runs.
        .current_dir(&whole)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET");
    finish(&mut cargo, folder, "cargo")?;
    let name = format!("{}.wasm", crate_name(folder)?);
    Ok(target_dir.join(TARGET).join("release").join(name))
}

/// Whether the compiler that `cargo` would use has the target's standard library.
fn has_target(folder: &Path) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "sysroot"]).current_dir(folder);
    let Ok(output) = rustc.stderr(Stdio::null()).output() else {
        return false;
    };
    let sysroot = String::from_utf8_lossy(&output.stdout);
    Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir()
}

/// Debian's Rust, which can build the standard library from its sources.
fn debian_cargo() -> Result<Command, CliError> {
    const HOW: &str = "a rule in Rust needs a compiler for `wasm32-unknown-unknown`: install Rust with rustup and run `rustup target add wasm32-unknown-unknown`, or on Debian `apt-get install --no-install-recommends rustc-web cargo-web rust-web-src lld-19`";
    let (cargo, rustc) = ("/usr/bin/cargo", "/usr/bin/rustc");
    let sources = Path::new("/usr/lib/rustlib/src/rust/library");
    let linker = found(&["wasm-ld-19", "wasm-ld"]);
    let (true, Some(linker)) = (
        Path::new(cargo).is_file() && Path::new(rustc).is_file() && sources.exists(),
        linker,
    ) else {
        return Err(CliError::failure(HOW));
    };
    let mut command = Command::new(cargo);
    command
        .env("RUSTC", rustc)
        // Building the standard library is an unstable feature of cargo.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
        .arg("-Zbuild-std=std,panic_abort");
    Ok(command)
}

/// The name of the library that cargo makes of a folder.
fn crate_name(folder: &Path) -> Result<String, CliError> {
    let path = folder.join(SOURCE);
    let invalid = |problem: String| CliError::invalid(format!("`{}`: {problem}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| invalid(error.to_string()))?;
    let manifest: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| invalid(printable(error.message(), 300)))?;
    let name = |table: &str| manifest.get(table)?.get("name")?.as_str();
    let name = name("lib").or_else(|| name("package"));
    let name = name.ok_or_else(|| invalid("it has no package with a name".to_owned()))?;
    Ok(name.replace('-', "_"))
}
