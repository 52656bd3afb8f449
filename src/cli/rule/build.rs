//! `claimsmith rule build`: runs the toolchain of the rule's language, and wraps what it makes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use wit_component::ComponentEncoder;

use super::check::describe;
use super::load::{COMPONENT, SCRIPT, Source};
use super::{CliError, Output, engine};
use crate::rule_host::printable;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The rule's folder
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
}

/// Rules have no use for WASI, and an allocator of their own.
const TARGET: &str = "wasm32-unknown-unknown";

pub(super) fn run(args: &Args) -> Result<Output, CliError> {
    let component = build(&args.folder)?;
    let source = Source::read(&component, None)?;
    let host = engine()?;
    let inspected = host.inspect(&source.component);
    let inspection = inspected.map_err(|error| source.invalid(&error))?;
    let shown = describe(&inspection, source.manifest.as_deref(), host.limits());
    let text = format!("built {}\n{shown}", component.display());
    let document = json!({ "component": component, "inspection": inspection });
    Ok(Output::new(document, text))
}

/// Builds the rule in a folder, and says where its component is.
pub(super) fn build(folder: &Path) -> Result<PathBuf, CliError> {
    if folder.join(SCRIPT).is_file() {
        // It is compiled where it runs.
        return Ok(folder.join(SCRIPT));
    }
    let core = if folder.join("Cargo.toml").is_file() {
        rust(folder)?
    } else if folder.join("src/rule.c").is_file() {
        c(folder)?
    } else {
        return Err(CliError::usage(format!(
            "`{}` has nothing to build: a rule in Rust has a `Cargo.toml`, one in C a `src/rule.c`",
            folder.display()
        )));
    };
    let component = folder.join(COMPONENT);
    let bytes = wrap(&core)?;
    std::fs::write(&component, bytes).map_err(|error| {
        CliError::failure(format!("cannot write `{}`: {error}", component.display()))
    })?;
    Ok(component)
}

/// From a core module, which carries the types of its world, to a component.
fn wrap(core: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = std::fs::read(core)
        .map_err(|error| CliError::failure(format!("cannot read `{}`: {error}", core.display())))?;
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| {
        let cause = format!("{error:#}");
        if cause.contains("wasi_snapshot_preview1") {
            return CliError::invalid(
                "the rule uses WASI (printf, files, the clock), of which it has none: write to the log and take the time from the exchange",
            );
        }
        CliError::invalid(format!(
            "`{}` does not become a component: {}",
            core.display(),
            printable(&cause, 500)
        ))
    })
}

fn rust(folder: &Path) -> Result<PathBuf, CliError> {
    let target_dir = folder.join("target");
    let mut cargo = if has_target(folder) {
        Command::new("cargo")
    } else {
        debian_cargo()?
    };
    cargo
        .args(["build", "--release", "--target", TARGET, "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target_dir)
        // The folder's own `.cargo/config.toml` says how to link.
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
    let path = folder.join("Cargo.toml");
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

fn c(folder: &Path) -> Result<PathBuf, CliError> {
    const HOW: &str = "a rule in C needs clang and a linker for WebAssembly: on Debian `apt-get install --no-install-recommends clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32`";
    let (Some(clang), Some(linker)) = (
        found(&["clang-19", "clang"]),
        found(&["wasm-ld-19", "wasm-ld"]),
    ) else {
        return Err(CliError::failure(HOW));
    };
    let core = std::env::temp_dir().join(format!("claimsmith-rule-{}.wasm", std::process::id()));
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
        .arg(&core);
    finish(&mut command, folder, "clang")?;
    Ok(core)
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let entries = std::fs::read_dir(folder.join("src")).map_err(CliError::failure)?;
    let mut sources: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    sources.retain(|path| path.extension() == Some(OsStr::new("c")));
    sources.sort();
    Ok(sources)
}

/// The first of these programs that is on the path.
fn found(programs: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    programs.iter().find_map(|program| {
        let places = folders.iter().map(|folder| folder.join(program));
        places.into_iter().find(|place| place.is_file())
    })
}

/// Runs a compiler, whose complaints go where the author sees them.
fn finish(command: &mut Command, folder: &Path, name: &str) -> Result<(), CliError> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(CliError::failure(format!(
            "{name} could not build `{}`; it says why above",
            folder.display()
        ))),
        Err(error) => Err(CliError::failure(format!("cannot run {name}: {error}"))),
    }
}
