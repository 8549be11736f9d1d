//! Our interpreter.

use super::Interpreter;
use crate::Result;
use interpreter::{Config, Engine, Instance, Linker, Module, Store, TypedFunc};

/// Our interpreter in its default configuration.
pub struct OurInterpreter {
    engine: Engine,
}

impl Interpreter for OurInterpreter {
    type Instance = (Store<()>, Instance);

    fn new() -> OurInterpreter {
        OurInterpreter { engine: Engine::new(&Config::new()) }
    }

    fn start(&self, wasm: &[u8]) -> Result<Self::Instance> {
        let module = Module::new(&self.engine, wasm)?;
        let mut store = Store::new(&self.engine, ());
        let mut linker = Linker::new(&self.engine);
        for name in ["typed", "untyped"] {
            linker.func_wrap("host", name, |a: i32, b: i32| a.wrapping_add(b))?;
        }
        let instance = linker.instantiate(&mut store, &module)?;
        Ok((store, instance))
    }

    fn run(&self, (store, instance): &mut Self::Instance, export: &str, argument: i32) -> Result<i64> {
        let func: TypedFunc<i32, i64> = instance.get_typed_func(&mut *store, export)?;
        Ok(func.call(store, argument)?)
    }
}
