//! A session's store in the interpreter.

use super::clock;
use super::context::{Context, Exporter, HostState, engine_type};
use super::failure::{failure, guarded, guarded_load};
use crate::engines::context::EngineContext;
use crate::engines::host::{act, note_call};
use crate::engines::session::EngineStore;
use crate::{Binary, Failure, HostCall, HostFunc, Options, Refusal, Shared, Value};
use interpreter::{
    Engine, Error, FuncType, Global, GlobalType, Linker, Memory, MemoryType, Module, RefType, SharedMemory, Store,
    StoreLimits, Table, TableType, Val,
};
use std::any::Any;
use std::sync::Arc;

pub(super) struct InterpStore {
    store: Store<HostState>,
    linker: Linker<HostState>,
    /// The fuel for each instantiation and each call.
    budget: Option<u64>,
    /// The time limit of each in ticks, and the engine to keep in the meantime.
    deadline: Option<(u64, Arc<Engine>)>,
}

impl InterpStore {
    pub(super) fn new(engine: Engine, options: &Options) -> InterpStore {
        let mut store = Store::new(&engine, HostState::default());
        store.set_limits(limits(options));
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        let deadline = options.time_limit.map(|limit| {
            let engine = Arc::new(engine);
            clock::watch(&engine);
            (clock::ticks(limit), engine)
        });
        InterpStore { store, linker, budget: options.fuel, deadline }
    }

    /// Returns the memories that an instance exports, or those that another session lent.
    fn memories_of(&mut self, instance: &Exporter) -> Result<Vec<(String, Memory)>, Error> {
        let instance = match instance {
            Exporter::Instance(instance) => instance,
            Exporter::Shared(memories) => return Ok(memories.clone()),
        };
        let exports = instance.exports(&mut self.store)?.into_iter();
        Ok(exports.filter_map(|(name, item)| Some((name, item.into_memory()?))).collect())
    }
}

/// Returns the limits that a lane's options set.
fn limits(options: &Options) -> StoreLimits {
    // A growth for which the system refuses memory is a failure, not the result -1 or a trap. The interpreter does not
    // tell it from one past these limits.
    let has_limits = options.max_memory.or(options.max_table).is_some();
    StoreLimits::new()
        .trap_on_grow_failure(!has_limits)
        .heap_size(options.max_heap.unwrap_or(u64::MAX))
        .memory_size(options.max_memory.unwrap_or(u64::MAX))
        .table_elements(options.max_table.unwrap_or(u64::MAX))
}

impl EngineStore for InterpStore {
    type Module = Module;
    type Instance = Exporter;
    type Error = Error;
    type Context<'a> = Context<&'a mut Store<HostState>>;

    fn context(&mut self) -> Self::Context<'_> {
        Context(&mut self.store)
    }

    fn load(&mut self, module: &Binary) -> Result<Module, Refusal> {
        guarded_load(|| Module::new(self.store.engine(), module.bytes()))
    }

    fn instantiate(&mut self, module: &Module) -> Result<Exporter, Error> {
        Ok(Exporter::Instance(self.linker.instantiate(&mut self.store, module)?))
    }

    fn register(&mut self, name: &str, instance: &Exporter) -> Result<(), Error> {
        match instance {
            Exporter::Instance(instance) => {
                self.linker.instance(&mut self.store, name, *instance)?;
            }
            Exporter::Shared(memories) => {
                for (export, memory) in memories {
                    self.linker.define(&self.store, name, export, *memory)?;
                }
            }
        }
        Ok(())
    }

    fn define_function(&mut self, function: &HostFunc) -> Result<(), Error> {
        let params = function.params.iter().copied().map(engine_type);
        let ty = FuncType::new(params, function.results.iter().copied().map(engine_type));
        let code = function.clone();
        self.linker.func_new(&function.module, &function.name, ty, move |mut caller, arguments, results| {
            note_call(&mut Context(&mut caller), &code, arguments)?;
            act(&mut Context(caller), &code.behavior, arguments, results)
        })?;
        Ok(())
    }

    fn define_global(&mut self, module: &str, name: &str, value: Value) -> Result<(), Error> {
        let value = self.context().lower(value)?;
        let ty = GlobalType::new(value.ty(), false);
        let global = Global::new(&mut self.store, ty, value)?;
        self.linker.define(&self.store, module, name, global)?;
        Ok(())
    }

    fn define_table(&mut self, module: &str, name: &str, wide: bool) -> Result<(), Error> {
        let ty = TableType { index64: wide, ..TableType::new(RefType::FUNC, 10, Some(20)) };
        let table = Table::new(&mut self.store, ty, Val::FuncRef(None))?;
        self.linker.define(&self.store, module, name, table)?;
        Ok(())
    }

    fn define_memory(&mut self, module: &str, name: &str, shared: bool) -> Result<(), Error> {
        let ty = MemoryType { shared, ..MemoryType::new(1, Some(2)) };
        let memory = match shared {
            true => Memory::from_shared(&mut self.store, &SharedMemory::new(ty)?)?,
            false => Memory::new(&mut self.store, ty)?,
        };
        self.linker.define(&self.store, module, name, memory)?;
        Ok(())
    }

    fn refuel(&mut self) -> Result<(), Error> {
        if let Some((ticks, _)) = &self.deadline {
            self.store.set_epoch_deadline(*ticks);
        }
        match self.budget {
            Some(budget) => self.store.set_fuel(budget),
            None => Ok(()),
        }
    }

    fn fuel_used(&mut self) -> Result<Option<u64>, Error> {
        let Some(budget) = self.budget else { return Ok(None) };
        Ok(Some(budget.saturating_sub(self.store.fuel()?)))
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.store.data_mut().calls)
    }

    fn read_memory(&mut self, instance: &Exporter, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let memory = instance.instance().ok()?.get_memory(&mut self.store, memory).ok()?;
        let mut bytes = vec![0; length];
        memory.read(&self.store, offset, &mut bytes).ok()?;
        Some(bytes)
    }

    fn was_called(&self, module: &Module, function: u32) -> Option<bool> {
        Some(module.was_called(function))
    }

    fn skipped_code(&self, module: &Module, function: u32) -> Vec<u32> {
        module.skipped_code(function)
    }

    fn share(&mut self, instance: &Exporter) -> Result<Shared, Failure> {
        guarded(|| {
            let mut shared = Vec::new();
            for (name, memory) in self.memories_of(instance)? {
                if let Some(memory) = memory.shared(&self.store)? {
                    shared.push((name, Arc::new(memory) as Arc<dyn Any + Send + Sync>));
                }
            }
            Ok(Shared(shared))
        })
    }

    fn adopt(&mut self, shared: &Shared) -> Result<Exporter, Failure> {
        let mut memories = Vec::new();
        for (name, memory) in shared.memories::<SharedMemory>()? {
            memories.push((name.to_string(), guarded(|| Memory::from_shared(&mut self.store, memory))?));
        }
        Ok(Exporter::Shared(memories))
    }

    fn failure(error: &Error) -> Failure {
        failure(error)
    }
}
