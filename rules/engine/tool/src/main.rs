//! Runs the engine's `prepare` once, and writes the module as it is afterwards:
//!
//! ```text
//! snapshot CORE.wasm DRIVER.js OUT.wasm
//! ```
//!
//! The same input gives the same bytes: the module asks for nothing but the driver's source, so there is no clock
//! and no randomness that could differ.
#![forbid(unsafe_code)]

mod host;
mod instance;

use std::error::Error;
use std::process::ExitCode;

use wasmtime_wizer::Wizer;

use instance::Prepared;

const PREPARE: &str = "prepare";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [core, driver, out] = arguments.as_slice() else {
        eprintln!("usage: snapshot CORE.wasm DRIVER.js OUT.wasm");
        return ExitCode::from(2);
    };
    match snapshot(core, driver, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("snapshot: {error}");
            ExitCode::FAILURE
        }
    }
}

fn snapshot(core: &str, driver: &str, out: &str) -> Result<(), Box<dyn Error>> {
    let core = std::fs::read(core)?;
    let driver = std::fs::read_to_string(driver)?;
    let mut wizer = Wizer::new();
    wizer.init_func(PREPARE);
    let (context, instrumented) = wizer.instrument(&core).map_err(|e| format!("{e:#}"))?;
    let mut prepared = Prepared::new(&instrumented, driver)?;
    let module = now(wizer.snapshot(&context, &mut prepared)).map_err(|e| format!("{e:#}"))?;
    std::fs::write(out, module)?;
    Ok(())
}

/// The output of a future that never waits: there is nothing here that it could wait for.
fn now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
