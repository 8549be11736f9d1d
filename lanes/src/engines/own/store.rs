//! A session's store in our engine.

#[cfg(feature = "engine")]
use super::Compiler;
use super::context::{Context, Exporter, HostState, Limits, engine_type};
use super::failure::{failure, guarded, guarded_load};
use super::{Origin, Own};
use crate::engines::context::EngineContext;
use crate::engines::host::{act, note_call};
use crate::engines::session::EngineStore;
use crate::{Binary, Failure, Features, HostCall, HostFunc, Refusal, Shared, Value};
use engine::{
    Engine, Error, FuncType, Global, GlobalType, Linker, Memory, MemoryType, Module, RefType, RootScope, SharedMemory,
    Store, Table, TableType, Val,
};
use std::any::Any;
use std::sync::Arc;

pub(super) struct OwnStore<'a> {
    lane: &'a Own,
    source: Source,
    engine: Engine,
    store: Store<HostState>,
    linker: Linker<HostState>,
}

/// The source of the artifacts that the running engine loads.
enum Source {
    /// It compiles the modules itself.
    #[cfg(feature = "engine")]
    Fresh(Compiler),
    /// Another engine compiles the modules.
    #[cfg(feature = "engine")]
    Reload(Compiler),
    /// The modules are artifacts.
    Remote,
}

impl<'a> OwnStore<'a> {
    pub(super) fn new(lane: &'a Own, features: Features) -> Result<OwnStore<'a>, Failure> {
        let source = match lane.origin {
            #[cfg(feature = "engine")]
            Origin::Fresh => Source::Fresh(Compiler::new(lane, features)?),
            #[cfg(feature = "engine")]
            Origin::Reload => Source::Reload(Compiler::new(lane, features)?),
            Origin::Remote => Source::Remote,
        };
        let engine = match &source {
            #[cfg(feature = "engine")]
            Source::Fresh(compiler) => compiler.engine().clone(),
            _ => guarded(|| Engine::new(&lane.config(features)))?,
        };
        let mut store = Store::new(&engine, HostState::default());
        store.data_mut().limits = Limits::of(&lane.options);
        store.limiter(|state| &mut state.limits);
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        Ok(OwnStore { lane, source, engine, store, linker })
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

    /// Loads the artifact that the compiling engine made, from a file unless the options say from memory.
    #[cfg(feature = "engine")]
    fn reload(&self, compiler: &Compiler, module: &Binary) -> Result<Module, Refusal> {
        if self.lane.options.reload_from_memory {
            let artifact = compiler.artifact(module)?;
            return guarded_load(|| Module::deserialize(&self.engine, &artifact));
        }
        let file = compiler.artifact_file(module)?;
        guarded_load(|| Module::deserialize_file(&self.engine, file.path()))
    }
}

impl EngineStore for OwnStore<'_> {
    type Module = Module;
    type Instance = Exporter;
    type Error = Error;
    type Context<'a>
        = Context<RootScope<&'a mut Store<HostState>>>
    where
        Self: 'a;

    fn context(&mut self) -> Self::Context<'_> {
        Context(RootScope::new(&mut self.store))
    }

    fn load(&mut self, module: &Binary) -> Result<Module, Refusal> {
        match &self.source {
            #[cfg(feature = "engine")]
            Source::Fresh(compiler) => compiler.module(module),
            #[cfg(feature = "engine")]
            Source::Reload(compiler) => self.reload(compiler, module),
            Source::Remote => guarded_load(|| Module::deserialize(&self.engine, module.bytes())),
        }
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
            note_call(&mut Context(RootScope::new(&mut caller)), &code, arguments)?;
            act(&mut Context(caller), &code.behavior, arguments, results)
        })?;
        Ok(())
    }

    fn define_global(&mut self, module: &str, name: &str, value: Value) -> Result<(), Error> {
        let value = self.context().lower(value)?;
        let ty = GlobalType { content: value.ty(), mutable: false };
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
        match self.lane.options.fuel {
            Some(budget) => self.store.set_fuel(budget),
            None => Ok(()),
        }
    }

    fn fuel_used(&mut self) -> Result<Option<u64>, Error> {
        let Some(budget) = self.lane.options.fuel else { return Ok(None) };
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
