//! The engine's module, run by an interpreter up to where the snapshot is taken.

use std::error::Error;

use wasmi::{Engine, Instance, Linker, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType};

use crate::PREPARE;
use crate::host::{self, Driver, Host};

/// An instance after `prepare`.
pub(crate) struct Prepared {
    store: Store<Host>,
    instance: Instance,
}

impl Prepared {
    /// The driver is compiled in one instance and evaluated in another, which so never held its source.
    pub(crate) fn new(module: &[u8], driver: String) -> Result<Self, Box<dyn Error>> {
        let engine = Engine::default();
        let module = Module::new(&engine, module)?;
        let compiled = Self::run(&engine, &module, Driver::Source(driver))?;
        let bytecode = compiled.store.into_data().bytecode;
        let bytecode = bytecode.ok_or("the driver became no bytecode")?;
        Self::run(&engine, &module, Driver::Bytecode(bytecode))
    }

    fn run(engine: &Engine, module: &Module, driver: Driver) -> Result<Self, Box<dyn Error>> {
        let mut store = Store::new(engine, Host::new(driver));
        let mut linker = Linker::new(engine);
        host::link(&mut linker)?;
        let instance = linker.instantiate_and_start(&mut store, module)?;
        for name in ["_initialize", PREPARE] {
            let function = instance.get_typed_func::<(), ()>(&store, name)?;
            if let Err(error) = function.call(&mut store, ()) {
                let said = store.data().complaint.as_deref().unwrap_or("(nothing)");
                return Err(format!("`{name}`: {error}; the driver said: {said}").into());
            }
        }
        Ok(Self { store, instance })
    }
}

impl InstanceState for Prepared {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self
            .instance
            .get_global(&self.store, name)
            .expect("Wizer exports every global that can change");
        match global.get(&self.store) {
            Val::I32(value) => SnapshotVal::I32(value),
            Val::I64(value) => SnapshotVal::I64(value),
            Val::F32(value) => SnapshotVal::F32(value.to_bits()),
            Val::F64(value) => SnapshotVal::F64(value.to_bits()),
            _ => panic!("`{name}` is of a type that C does not have"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self
            .instance
            .get_memory(&self.store, name)
            .expect("Wizer exports every memory");
        contents(memory.data(&self.store));
    }
}
