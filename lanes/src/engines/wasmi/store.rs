//! A session's store in wasmi.

use super::context::{Context, HostState, engine_type};
use super::failure::failure;
use crate::engines::context::EngineContext;
use crate::engines::host::{act, note_call};
use crate::engines::{range, session::EngineStore};
use crate::{Binary, Failure, HostCall, HostFunc, Phase, Refusal, ValType, Value};
use wasmi::{
    Engine, Error, Func, FuncType, Global, Instance, Linker, Memory, MemoryType, Module, Mutability, Nullable, Ref,
    RefType, Store, Table, TableType,
};

pub(super) struct WasmiStore {
    store: Store<HostState>,
    linker: Linker<HostState>,
    budget: Option<u64>,
}

impl WasmiStore {
    pub(super) fn new(engine: &Engine, budget: Option<u64>) -> WasmiStore {
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        WasmiStore { store: Store::new(engine, HostState::default()), linker, budget }
    }
}

impl EngineStore for WasmiStore {
    type Module = Module;
    type Instance = Instance;
    type Error = Error;
    type Context<'a> = Context<&'a mut Store<HostState>>;

    fn context(&mut self) -> Self::Context<'_> {
        Context(&mut self.store)
    }

    /// Loads a module. A module that validation accepts and only the translation refuses is unsupported.
    fn load(&mut self, module: &Binary) -> Result<Module, Refusal> {
        let engine = self.store.engine();
        Module::new(engine, module.bytes()).map_err(|error| match Module::validate(engine, module.bytes()) {
            Ok(()) => Refusal { phase: Phase::Unsupported, message: error.to_string() },
            Err(error) => Refusal { phase: Phase::Rejected, message: error.to_string() },
        })
    }

    fn instantiate(&mut self, module: &Module) -> Result<Instance, Error> {
        self.linker.instantiate_and_start(&mut self.store, module)
    }

    fn register(&mut self, name: &str, instance: &Instance) -> Result<(), Error> {
        self.linker.instance(&mut self.store, name, *instance)?;
        Ok(())
    }

    /// Defines an item of the store, not of the linker: that would make a new function of it for each import.
    fn define_function(&mut self, function: &HostFunc) -> Result<(), Error> {
        let types = |types: &[ValType]| types.iter().map(|&ty| engine_type(ty)).collect::<Result<Vec<_>, _>>();
        let ty = FuncType::new(types(&function.params)?, types(&function.results)?);
        let code = function.clone();
        let func = Func::new(&mut self.store, ty, move |mut caller, arguments, results| {
            note_call(&mut Context(&mut caller), &code, arguments)?;
            act(&mut Context(caller), &code.behavior, arguments, results)
        });
        self.linker.define(&function.module, &function.name, func)?;
        Ok(())
    }

    fn define_global(&mut self, module: &str, name: &str, value: Value) -> Result<(), Error> {
        let value = self.context().lower(value)?;
        let global = Global::new(&mut self.store, value, Mutability::Const);
        self.linker.define(module, name, global)?;
        Ok(())
    }

    fn define_table(&mut self, module: &str, name: &str, wide: bool) -> Result<(), Error> {
        let ty = match wide {
            true => TableType::new64(RefType::Func, 10, Some(20)),
            false => TableType::new(RefType::Func, 10, Some(20)),
        };
        let table = Table::new(&mut self.store, ty, Ref::Func(Nullable::Null))?;
        self.linker.define(module, name, table)?;
        Ok(())
    }

    fn define_memory(&mut self, module: &str, name: &str, shared: bool) -> Result<(), Error> {
        if shared {
            return Err(Error::host(Failure::Unsupported("shared memories".to_string())));
        }
        let memory = Memory::new(&mut self.store, MemoryType::new(1, Some(2)))?;
        self.linker.define(module, name, memory)?;
        Ok(())
    }

    fn refuel(&mut self) -> Result<(), Error> {
        // A panic may have left the depth as it was.
        self.store.data_mut().depth = 0;
        match self.budget {
            Some(budget) => self.store.set_fuel(budget),
            None => Ok(()),
        }
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.store.data_mut().calls)
    }

    fn read_memory(&mut self, instance: &Instance, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let memory = instance.get_memory(&self.store, memory)?;
        range(memory.data(&self.store), offset, length)
    }

    fn failure(error: &Error) -> Failure {
        failure(error)
    }
}
