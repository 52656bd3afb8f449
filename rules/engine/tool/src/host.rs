//! The host's side of `claimsmith:engine/host` while the driver is evaluated, in the flat form of the canonical ABI.

use wasmi::errors::LinkerError;
use wasmi::{Caller, Error, Extern, Linker, Memory};

/// What the module may ask for, and what it said.
pub(crate) struct Host {
    driver: Driver,
    /// What became of the source.
    pub(crate) bytecode: Option<Vec<u8>>,
    pub(crate) complaint: Option<String>,
}

/// The driver, to be compiled or to be evaluated.
pub(crate) enum Driver {
    Source(String),
    Bytecode(Vec<u8>),
}

impl Host {
    pub(crate) fn new(driver: Driver) -> Self {
        Self {
            driver,
            bytecode: None,
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
    bytes: u32,
    bytes_length: u32,
    result: u32,
) -> Result<(), Error> {
    let memory = memory(&caller)?;
    let operation = read(&caller, memory, operation, operation_length)?;
    match operation.as_str() {
        "driver.source" => {
            let (text, bytes) = match &caller.data().driver {
                // The engine's parser wants a zero byte at the end.
                Driver::Source(text) => ([text.as_bytes(), &[0]].concat(), Vec::new()),
                Driver::Bytecode(bytes) => (Vec::new(), bytes.clone()),
            };
            answer(&mut caller, memory, &text, &bytes, result)
        }
        "driver.bytecode" => {
            let mut copy = vec![0; bytes_length as usize];
            memory.read(&caller, bytes as usize, &mut copy)?;
            caller.data_mut().bytecode = Some(copy);
            answer(&mut caller, memory, &[], &[], result)
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

/// `ok`, then `text` and `bytes`, address and length each.
fn answer(
    caller: &mut Caller<'_, Host>,
    memory: Memory,
    text: &[u8],
    bytes: &[u8],
    result: u32,
) -> Result<(), Error> {
    let mut words = vec![0];
    for part in [text, bytes] {
        let length = u32::try_from(part.len()).map_err(|_| Error::new("the driver is huge"))?;
        // Nothing is allocated for nothing; the address only has to be aligned.
        let place = if part.is_empty() {
            1
        } else {
            allocate(caller, length)?
        };
        memory.write(&mut *caller, place as usize, part)?;
        words.extend([place, length]);
    }
    let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    memory.write(caller, result as usize, &words)?;
    Ok(())
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
