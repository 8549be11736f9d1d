//! A session of a linked engine: the same for every engine but for the leaf operations of [`EngineStore`] and
//! [`EngineContext`].

use super::context::{EngineContext, Thrown};
use super::guard::{guarded, guarded_load};
use super::walk;
use crate::host::{extra_host_functions, spectest_functions};
use crate::{
    Binary, Exception, Failure, Features, HostCall, HostFunc, InstanceId, ModuleId, Objects, Options, Refusal, Session,
    Shared, State, Value,
};

/// The module that official scripts import.
const SPECTEST: &str = "spectest";

/// The leaf operations of a linked engine on the store of a session, between calls.
pub(crate) trait EngineStore {
    /// A loaded module.
    type Module: Clone;
    /// An instance, or memories of another session that are registered like one.
    type Instance: Clone;
    /// The engine's error.
    type Error;
    /// A scope of references.
    type Context<'a>: EngineContext<Instance = Self::Instance, Error = Self::Error>
    where
        Self: 'a;

    /// Opens a scope of references.
    fn context(&mut self) -> Self::Context<'_>;

    /// Loads a module.
    fn load(&mut self, module: &Binary) -> Result<Self::Module, Refusal>;

    /// Instantiates a module with the imports that are registered, and runs its start function.
    fn instantiate(&mut self, module: &Self::Module) -> Result<Self::Instance, Self::Error>;

    /// Makes the exports of an instance importable under `name`.
    fn register(&mut self, name: &str, instance: &Self::Instance) -> Result<(), Self::Error>;

    /// Makes a host function importable. It calls [`note_call`](super::host::note_call) and then
    /// [`act`](super::host::act).
    fn define_function(&mut self, function: &HostFunc) -> Result<(), Self::Error>;

    /// Makes an immutable global importable.
    fn define_global(&mut self, module: &str, name: &str, value: Value) -> Result<(), Self::Error>;

    /// Makes a table of 10 to 20 `funcref` importable, with 64-bit indices if it is `wide`.
    fn define_table(&mut self, module: &str, name: &str, wide: bool) -> Result<(), Self::Error>;

    /// Makes a memory of 1 to 2 pages importable.
    fn define_memory(&mut self, module: &str, name: &str, shared: bool) -> Result<(), Self::Error>;

    /// Fills the tank for the code that runs next, if fuel is limited.
    fn refuel(&mut self) -> Result<(), Self::Error>;

    /// Returns the fuel that was used since [`refuel`](EngineStore::refuel). `None` if it cannot be compared: fuel is
    /// each engine's own measure.
    fn fuel_used(&mut self) -> Result<Option<u64>, Self::Error> {
        Ok(None)
    }

    /// Takes the calls of host functions that were kept, in order.
    fn take_host_calls(&mut self) -> Vec<HostCall>;

    /// Reads a part of an exported memory. `None` if there is no such memory or range.
    fn read_memory(&mut self, instance: &Self::Instance, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>>;

    /// Returns whether a function that the module defines was called. `None` if the engine cannot tell.
    fn was_called(&self, _module: &Self::Module, _function: u32) -> Option<bool> {
        None
    }

    /// Returns where straight code begins, as offsets in the binary in order, that was not executed in a function which
    /// was called. Empty if the engine cannot tell.
    fn skipped_code(&self, _module: &Self::Module, _function: u32) -> Vec<u32> {
        Vec::new()
    }

    /// Returns the shared memories that an instance exports.
    fn share(&mut self, _instance: &Self::Instance) -> Result<Shared, Failure> {
        Err(Failure::shares_no_memories())
    }

    /// Makes an instance of the memories that a session on another thread shares.
    fn adopt(&mut self, _shared: &Shared) -> Result<Self::Instance, Failure> {
        Err(Failure::shares_no_memories())
    }

    /// Returns the failure that an error means, unless it is an exception.
    fn failure(error: &Self::Error) -> Failure;
}

/// One store of a linked engine, and what a [`Session`] knows about it.
pub(crate) struct LinkedSession<S: EngineStore> {
    store: S,
    modules: Vec<S::Module>,
    instances: Vec<S::Instance>,
    /// The objects that go with the last result or exception.
    objects: Objects,
    fuel_used: Option<u64>,
}

impl<S: EngineStore> LinkedSession<S> {
    /// A session with the host modules registered: all of `spectest` that `features`, those of the engine, allow,
    /// unless the options leave it out.
    pub(crate) fn new(store: S, features: Features, options: &Options) -> Result<LinkedSession<S>, Failure> {
        let (modules, instances, objects) = (Vec::new(), Vec::new(), Objects::default());
        let mut session = LinkedSession { store, modules, instances, objects, fuel_used: None };
        session.attempt(|store| {
            // Some engines run code to make a global, a table or a memory, and code needs fuel.
            store.refuel()?;
            extra_host_functions().iter().try_for_each(|function| store.define_function(function))?;
            if options.without_spectest { Ok(()) } else { define_spectest(store, features) }
        })?;
        Ok(session)
    }

    /// Runs code of the engine.
    fn attempt<R>(&mut self, run: impl FnOnce(&mut S) -> Result<R, S::Error>) -> Result<R, Failure> {
        guarded(|| run(&mut self.store).map_err(|error| S::failure(&error)))
    }

    /// Runs code of a module, with all of its fuel.
    fn execute<R>(&mut self, run: impl FnOnce(&mut S) -> Result<R, S::Error>) -> Result<R, Failure> {
        self.objects = Objects::default();
        guarded(|| {
            self.store.refuel().map_err(|error| S::failure(&error))?;
            let result = run(&mut self.store);
            self.fuel_used = self.store.fuel_used().map_err(|error| S::failure(&error))?;
            result.map_err(|error| self.failure(&error))
        })
    }

    fn failure(&mut self, error: &S::Error) -> Failure {
        match show_thrown(&mut self.store.context(), error) {
            Ok(Some((exception, objects))) => {
                self.objects = objects;
                Failure::Exception(exception)
            }
            Ok(None) => S::failure(error),
            Err(error) => S::failure(&error),
        }
    }

    fn instance(&self, id: InstanceId) -> Result<S::Instance, Failure> {
        let instance = self.instances.get(id.0 as usize).cloned();
        instance.ok_or_else(|| Failure::Usage(format!("there is no instance {}", id.0)))
    }

    fn add_instance(&mut self, instance: S::Instance) -> InstanceId {
        self.instances.push(instance);
        InstanceId(last_id(&self.instances))
    }
}

/// Makes the module `spectest` importable.
fn define_spectest<S: EngineStore>(store: &mut S, features: Features) -> Result<(), S::Error> {
    for function in &spectest_functions() {
        store.define_function(function)?;
    }
    store.define_global(SPECTEST, "global_i32", Value::I32(666))?;
    store.define_global(SPECTEST, "global_i64", Value::I64(666))?;
    store.define_global(SPECTEST, "global_f32", Value::F32(666.6f32.to_bits()))?;
    store.define_global(SPECTEST, "global_f64", Value::F64(666.6f64.to_bits()))?;
    store.define_table(SPECTEST, "table", false)?;
    if features.contains(Features::MEMORY64) {
        store.define_table(SPECTEST, "table64", true)?;
    }
    store.define_memory(SPECTEST, "memory", false)?;
    if features.contains(Features::THREADS) {
        store.define_memory(SPECTEST, "shared_memory", true)?;
    }
    Ok(())
}

/// Calls an exported function, and shows the results.
fn call_export<C: EngineContext>(
    context: &mut C,
    instance: &C::Instance,
    function: &str,
    arguments: &[Value],
) -> Result<walk::Shown, C::Error> {
    let function = context.func(instance, function)?;
    let arguments = arguments.iter().map(|&value| context.lower(value)).collect::<Result<Vec<_>, _>>()?;
    let mut results = context.room_for_results(&function, &arguments)?;
    context.call(&function, &arguments, &mut results)?;
    walk::show(context, &results)
}

/// Shows the exception that an error carries, if it carries one.
fn show_thrown<C: EngineContext>(context: &mut C, error: &C::Error) -> Result<Option<(Exception, Objects)>, C::Error> {
    let Some(Thrown { tag, payload, frames }) = context.thrown(error)? else { return Ok(None) };
    let (payload, objects) = match payload {
        Some(payload) => {
            let (payload, objects) = walk::show(context, &payload)?;
            (Some(payload), objects)
        }
        None => (None, Objects::default()),
    };
    Ok(Some((Exception { tag, payload, frames }, objects)))
}

impl<S: EngineStore> Session for LinkedSession<S> {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        let loaded = guarded_load(|| self.store.load(module))?;
        self.modules.push(loaded);
        Ok(ModuleId(last_id(&self.modules)))
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        let module = self.modules.get(module.0 as usize).cloned();
        let module = module.ok_or_else(|| Failure::Usage("there is no such module".to_string()))?;
        let instance = self.execute(|store| store.instantiate(&module))?;
        Ok(self.add_instance(instance))
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        let instance = self.instance(instance)?;
        self.attempt(|store| store.register(name, &instance))
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        self.attempt(|store| store.define_function(function))
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        let instance = self.instance(instance)?;
        let (results, objects) =
            self.execute(|store| call_export(&mut store.context(), &instance, function, arguments))?;
        self.objects = objects;
        Ok(results)
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        let instance = self.instance(instance)?;
        let (values, objects) = self.attempt(|store| {
            let mut context = store.context();
            let value = context.global(&instance, global)?;
            walk::show(&mut context, &[value])
        })?;
        self.objects = objects;
        Ok(values[0])
    }

    fn function_at(&mut self, instance: InstanceId, index: u32) -> Result<u32, Failure> {
        let instance = self.instance(instance)?;
        guarded(|| self.store.context().function_at(&instance, index))
    }

    fn was_called(&mut self, module: ModuleId, function: u32) -> Option<bool> {
        self.store.was_called(self.modules.get(module.0 as usize)?, function)
    }

    fn skipped_code(&mut self, module: ModuleId, function: u32) -> Vec<u32> {
        let module = self.modules.get(module.0 as usize);
        module.map_or_else(Vec::new, |module| self.store.skipped_code(module, function))
    }

    fn share(&mut self, instance: InstanceId) -> Result<Shared, Failure> {
        let instance = self.instance(instance)?;
        guarded(|| self.store.share(&instance))
    }

    fn adopt(&mut self, shared: &Shared) -> Result<InstanceId, Failure> {
        let instance = guarded(|| self.store.adopt(shared))?;
        Ok(self.add_instance(instance))
    }

    fn take_objects(&mut self) -> Objects {
        std::mem::take(&mut self.objects)
    }

    fn state(&mut self, instance: InstanceId) -> Option<State> {
        let instance = self.instance(instance).ok()?;
        self.attempt(|store| walk::state(&mut store.context(), &instance)).ok()
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let instance = self.instance(instance).ok()?;
        guarded(|| Ok(self.store.read_memory(&instance, memory, offset, length))).ok()?
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        self.store.take_host_calls()
    }

    fn fuel(&mut self) -> Option<u64> {
        self.fuel_used
    }
}

/// The id of the last item.
fn last_id<T>(items: &[T]) -> u32 {
    u32::try_from(items.len() - 1).expect("a session has fewer than 2^32 items")
}
