//! A session's store in Wasmtime.

use super::context::{Context, HostState, engine_type};
use super::failure::{failure, instantiation_error, refusal};
use crate::engines::context::EngineContext;
use crate::engines::host::{act, note_call};
use crate::engines::{range, session::EngineStore};
use crate::{Binary, Failure, HostCall, HostFunc, Refusal, Shared, ValType, Value};
use std::any::Any;
use std::sync::Arc;
use wasmtime::{
    Engine, Error, Extern, FuncType, Global, GlobalType, Instance, Linker, Memory, MemoryType, Module, Mutability, Ref,
    RefType, RootScope, SharedMemory, Store, Table, TableType,
};

pub(super) struct WasmtimeStore {
    store: Store<HostState>,
    linker: Linker<HostState>,
    budget: Option<u64>,
}

impl WasmtimeStore {
    pub(super) fn new(engine: &Engine, budget: Option<u64>) -> WasmtimeStore {
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        let mut store = Store::new(engine, HostState::default());
        store.limiter(|state| state);
        WasmtimeStore { store, linker, budget }
    }
}

impl EngineStore for WasmtimeStore {
    type Module = Module;
    type Instance = Instance;
    type Error = Error;
    type Context<'a> = Context<RootScope<&'a mut Store<HostState>>>;

    fn context(&mut self) -> Self::Context<'_> {
        Context(RootScope::new(&mut self.store))
    }

    fn load(&mut self, module: &Binary) -> Result<Module, Refusal> {
        Module::from_binary(self.store.engine(), module.bytes()).map_err(|error| refusal(&error))
    }

    fn instantiate(&mut self, module: &Module) -> Result<Instance, Error> {
        self.linker.instantiate(&mut self.store, module).map_err(instantiation_error)
    }

    fn register(&mut self, name: &str, instance: &Instance) -> Result<(), Error> {
        self.linker.instance(&mut self.store, name, *instance)?;
        Ok(())
    }

    fn define_function(&mut self, function: &HostFunc) -> Result<(), Error> {
        let types = |types: &[ValType]| types.iter().map(|&ty| engine_type(ty)).collect::<Vec<_>>();
        let ty = FuncType::new(self.store.engine(), types(&function.params), types(&function.results));
        let code = function.clone();
        self.linker.func_new(&function.module, &function.name, ty, move |mut caller, arguments, results| {
            note_call(&mut Context(RootScope::new(&mut caller)), &code, arguments)?;
            act(&mut Context(caller), &code.behavior, arguments, results)
        })?;
        Ok(())
    }

    fn define_global(&mut self, module: &str, name: &str, value: Value) -> Result<(), Error> {
        let value = self.context().lower(value)?;
        let ty = GlobalType::new(value.ty(&self.store)?, Mutability::Const);
        let global = Global::new(&mut self.store, ty, value)?;
        self.linker.define(&self.store, module, name, global)?;
        Ok(())
    }

    fn define_table(&mut self, module: &str, name: &str, wide: bool) -> Result<(), Error> {
        let ty = match wide {
            true => TableType::new64(RefType::FUNCREF, 10, Some(20)),
            false => TableType::new(RefType::FUNCREF, 10, Some(20)),
        };
        let table = Table::new(&mut self.store, ty, Ref::Func(None))?;
        self.linker.define(&self.store, module, name, table)?;
        Ok(())
    }

    fn define_memory(&mut self, module: &str, name: &str, shared: bool) -> Result<(), Error> {
        let memory: Extern = match shared {
            true => SharedMemory::new(self.store.engine(), MemoryType::shared(1, 2))?.into(),
            false => Memory::new(&mut self.store, MemoryType::new(1, Some(2)))?.into(),
        };
        self.linker.define(&self.store, module, name, memory)?;
        Ok(())
    }

    fn refuel(&mut self) -> Result<(), Error> {
        match self.budget {
            Some(budget) => self.store.set_fuel(budget),
            None => Ok(()),
        }
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.store.data_mut().calls)
    }

    fn read_memory(&mut self, instance: &Instance, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let memory = instance.get_memory(&mut self.store, memory)?;
        range(memory.data(&self.store), offset, length)
    }

    fn share(&mut self, instance: &Instance) -> Result<Shared, Failure> {
        let mut memories = Vec::new();
        for export in instance.exports(&mut self.store) {
            let name = export.name().to_string();
            if let Some(memory) = export.into_extern().into_shared_memory() {
                memories.push((name, Arc::new(memory) as Arc<dyn Any + Send + Sync>));
            }
        }
        Ok(Shared(memories))
    }

    fn adopt(&mut self, shared: &Shared) -> Result<Instance, Failure> {
        exporter(&mut self.store, &shared.memories()?).map_err(|error| failure(&error))
    }

    fn failure(error: &Error) -> Failure {
        failure(error)
    }
}

/// Makes an instance that exports these memories.
fn exporter(store: &mut Store<HostState>, memories: &[(&str, &SharedMemory)]) -> Result<Instance, Error> {
    let (mut imports, mut exports) = (wasm_encoder::ImportSection::new(), wasm_encoder::ExportSection::new());
    for (index, (name, memory)) in (0..).zip(memories) {
        let ty = memory.ty();
        let ty = wasm_encoder::MemoryType {
            minimum: ty.minimum(),
            maximum: ty.maximum(),
            memory64: ty.is_64(),
            shared: true,
            page_size_log2: Some(u32::from(ty.page_size_log2())).filter(|&log2| log2 != 16),
        };
        imports.import("", name, ty);
        exports.export(name, wasm_encoder::ExportKind::Memory, index);
    }
    let mut module = wasm_encoder::Module::new();
    module.section(&imports).section(&exports);
    let module = Module::new(store.engine(), module.finish())?;
    let memories: Vec<Extern> = memories.iter().map(|(_, memory)| (*memory).clone().into()).collect();
    Instance::new(store, &module, &memories)
}
