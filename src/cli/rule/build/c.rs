//! Rules in C.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CliError, finish, found};

/// What tells a rule in C.
pub(super) const SOURCE: &str = "src/rule.c";

/// Builds the core module `core`.
pub(super) fn build(folder: &Path, core: &Path) -> Result<(), CliError> {
    const HOW: &str = "a rule in C needs clang and a linker for WebAssembly: on Debian `apt-get install --no-install-recommends clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32`";
    let (Some(clang), Some(linker)) = (
        found(&["clang-19", "clang"]),
        found(&["wasm-ld-19", "wasm-ld"]),
    ) else {
        return Err(CliError::failure(HOW));
    };
    let mut command = Command::new(clang);
    command
        .args(["--target=wasm32-wasi", "-mexec-model=reactor", "-std=c17"])
        .args(["-Oz", "-flto", "-Wall", "-Wextra"])
        .arg(format!("-fuse-ld={}", linker.display()))
        // Enough to start with, so that nothing grows; the stack first, so that running over it traps.
        .args(["-Wl,--initial-memory=1048576", "-Wl,--stack-first"])
        .args(["-Wl,-zstack-size=65536", "-Wl,--strip-all"])
        .args(sources(folder)?)
        .args(["rule.c", "rule_component_type.o"].map(|file| folder.join("sdk").join(file)))
        .arg("-o")
        .arg(core);
    finish(&mut command, folder, "clang")
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let entries = std::fs::read_dir(folder.join("src")).map_err(CliError::failure)?;
    let mut sources: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    sources.retain(|path| path.extension() == Some(OsStr::new("c")));
    sources.sort();
    Ok(sources)
}
