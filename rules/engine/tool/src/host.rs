//! The host's side of `claimsmith:engine/host` while the driver is evaluated, in the flat form of the canonical ABI.

use wasmi::errors::LinkerError;
use wasmi::{Caller, Error, Extern, Linker, Memory};

/// What the module may ask for, and what it complained of.
pub(crate) struct Host {
    /// The driver, with the zero byte at its end that the engine's parser wants.
    source: Vec<u8>,
    pub(crate) complaint: Option<String>,
}

impl Host {
    pub(crate) fn new(driver: String) -> Self {
        let mut source = driver.into_bytes();
        source.push(0);
        Self {
            source,
            complaint: None,
        }
    }
}

pub(crate) fn link(linker: &mut Linker<Host>) -> Result<(), LinkerError> {
    linker
        .func_wrap("claimsmith:engine/host", "call", call)
        .map(drop)
}

/// `call(operation, text, bytes) -> result<answer, string>`; the result goes where the caller says.
#[expect(
    clippy::too_many_arguments,
    reason = "the canonical ABI passes each string as two numbers"
)]
fn call(
    mut caller: Caller<'_, Host>,
    operation: u32,
    operation_length: u32,
    text: u32,
    text_length: u32,
    _bytes: u32,
    _bytes_length: u32,
    result: u32,
) -> Result<(), Error> {
    let memory = memory(&caller)?;
    let operation = read(&caller, memory, operation, operation_length)?;
    match operation.as_str() {
        "driver.source" => {
            let source = caller.data().source.clone();
            let length =
                u32::try_from(source.len()).map_err(|_| Error::new("the driver is huge"))?;
            let place = allocate(&mut caller, length)?;
            memory.write(&mut caller, place as usize, &source)?;
            // `ok`, then `text` and `bytes`, address and length each.
            let answer = [0, place, length, 1, 0];
            let bytes: Vec<u8> = answer.iter().flat_map(|word| word.to_le_bytes()).collect();
            memory.write(&mut caller, result as usize, &bytes)?;
            Ok(())
        }
        "driver.failed" => {
            let complaint = read(&caller, memory, text, text_length)?;
            caller.data_mut().complaint = Some(complaint);
            Err(Error::new("the driver failed"))
        }
        other => Err(Error::new(format!(
            "the driver asks for `{other}` before there is a host"
        ))),
    }
}

fn memory(caller: &Caller<'_, Host>) -> Result<Memory, Error> {
    caller
        .get_export("memory")
        .and_then(Extern::into_memory)
        .ok_or_else(|| Error::new("the module exports no memory"))
}

fn read(caller: &Caller<'_, Host>, memory: Memory, at: u32, length: u32) -> Result<String, Error> {
    let mut bytes = vec![0; length as usize];
    memory.read(caller, at as usize, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| Error::new("the module passes text that is not UTF-8"))
}

fn allocate(caller: &mut Caller<'_, Host>, length: u32) -> Result<u32, Error> {
    let realloc = caller
        .get_export("cabi_realloc")
        .and_then(Extern::into_func)
        .ok_or_else(|| Error::new("the module exports no `cabi_realloc`"))?;
    realloc
        .typed::<(u32, u32, u32, u32), u32>(&caller)?
        .call(caller, (0, 0, 1, length))
}
