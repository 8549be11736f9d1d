//! Our own engine's lanes: `<tier>/<origin>`.
//!
//! - `fresh`: `Module::from_binary` in the engine that runs it.
//! - `reload`: the artifact is written to a file, which another engine, made for this session alone, loads.
//!
//! Both origins of a tier run the same machine code; the artifact is compiled once for a [`Binary`] and kept with it.

mod values;

use self::values::{Viewer, engine_type, show, to_engine};
use crate::engines::guard::{self, id};
use crate::host::{extra_host_functions, spectest_functions};
use crate::{
    Behavior, Binary, Cpu, Exception, Failure, Features, Frame, HostCall, HostFunc, InstanceId, Lane, LaneInfo,
    MemoryChecks, MemoryState, ModuleId, Moves, OWN_ENGINE, Objects, Options, Phase, Reference, Refusal, RelaxedSimd,
    Session, Shared, State, TableState, Trap, TrapKind, Value,
};
use engine::{
    AsContextMut, Caller, Engine, Error, ErrorKind, Extern, Func, Global, GlobalType, Instance, Linker, Memory,
    MemoryType, Module, RefType, RootScope, SharedMemory, Store, StoreLimits, Table, TableType, Tag, Val,
};
use std::any::Any;
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

pub use engine::Tier;

/// How the running engine comes by its artifact.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Origin {
    /// It compiles the module itself.
    Fresh,
    /// It loads a file that another engine made.
    Reload,
}

/// One of our own lanes.
pub struct Own {
    info: LaneInfo,
    tier: Tier,
    origin: Origin,
    options: Options,
    /// The compiling engines, by the features that modules may use.
    engines: Mutex<HashMap<Features, Engine>>,
}

impl Own {
    /// A lane of our own engine.
    pub fn new(tier: Tier, origin: Origin, options: &Options) -> Own {
        let code = match tier {
            Tier::Speed => "speed",
            Tier::Quick => "quick",
        };
        let name = match origin {
            Origin::Fresh => format!("{code}/fresh"),
            Origin::Reload => format!("{code}/reload"),
        };
        let info = LaneInfo {
            name,
            engine: OWN_ENGINE.to_string(),
            code: code.to_string(),
            backend: "cranelift".to_string(),
            moves: Moves::Nothing,
        };
        Own { info, tier, origin, options: options.clone(), engines: Mutex::new(HashMap::new()) }
    }

    /// The lane of this name, if there is one.
    pub fn named(name: &str, options: &Options) -> Option<Own> {
        let (tier, origin) = name.split_once('/')?;
        let tier = match tier {
            "speed" => Tier::Speed,
            "quick" => Tier::Quick,
            _ => return None,
        };
        let origin = match origin {
            "fresh" => Origin::Fresh,
            "reload" => Origin::Reload,
            _ => return None,
        };
        Some(Own::new(tier, origin, options))
    }

    fn config(&self, features: Features) -> engine::Config {
        let mut config = engine::Config::new();
        config
            .tier(self.tier)
            .features(features & engine::Config::SUPPORTED_FEATURES)
            .memory_checks(match self.options.memory_checks {
                MemoryChecks::Guard => engine::MemoryChecks::GuardPages,
                MemoryChecks::Explicit => engine::MemoryChecks::Explicit,
            })
            .cpu_features(match self.options.cpu {
                Cpu::Host => engine::CpuFeatures::Host,
                Cpu::Baseline => engine::CpuFeatures::Baseline,
            })
            .relaxed_simd_deterministic(self.options.relaxed_simd == RelaxedSimd::Deterministic)
            .consume_fuel(self.options.fuel.is_some())
            .gc_zeal(self.options.gc_zeal)
            .compile_threads(self.options.compile_threads);
        #[cfg(feature = "planted-faults")]
        config.fault(self.options.fault);
        if let Some(bytes) = self.options.max_stack {
            config.max_wasm_stack(bytes);
        }
        config
    }

    fn compiling_engine(&self, features: Features) -> Result<Engine, Error> {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(&features) {
            return Ok(engine.clone());
        }
        let engine = Engine::new(&self.config(features))?;
        engines.insert(features, engine.clone());
        Ok(engine)
    }
}

impl Lane for Own {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        features - engine::Config::SUPPORTED_FEATURES
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        guarded(|| OwnSession::new(self, features)).map(|session| Box::new(session) as Box<dyn Session>)
    }
}

/// What the host functions of a session share.
#[derive(Default)]
struct HostState {
    limits: StoreLimits,
    calls: Vec<HostCall>,
    /// Every function that was shown, in the order of [`Reference::Func`]'s numbers.
    functions: Vec<Func>,
    /// The tags of all exceptions that were shown, in the order of [`Exception::tag`]'s numbers.
    tags: Vec<Tag>,
}

struct OwnSession<'a> {
    lane: &'a Own,
    compiler: Engine,
    loader: Engine,
    key: String,
    store: Store<HostState>,
    linker: Linker<HostState>,
    modules: Vec<Module>,
    instances: Vec<Exporter>,
    /// What goes with the last result or exception.
    objects: Objects,
    fuel_used: Option<u64>,
}

/// What stands behind an instance's number.
enum Exporter {
    Instance(Instance),
    /// Memories of another session's instance.
    Shared(Vec<(String, Memory)>),
}

impl<'a> OwnSession<'a> {
    fn new(lane: &'a Own, features: Features) -> Result<OwnSession<'a>, Error> {
        let compiler = lane.compiling_engine(features)?;
        let loader = match lane.origin {
            Origin::Fresh => compiler.clone(),
            Origin::Reload => Engine::new(&lane.config(features))?,
        };
        let mut session = OwnSession {
            lane,
            key: format!("touchstone {:?} {:?} {features:?}", lane.tier, lane.options),
            store: Store::new(&loader, HostState::default()),
            linker: Linker::new(&loader),
            compiler,
            loader,
            modules: Vec::new(),
            instances: Vec::new(),
            objects: Objects::default(),
            fuel_used: None,
        };
        if let Some(bytes) = lane.options.max_heap {
            session.store.data_mut().limits = StoreLimits::new().heap_size(bytes);
            session.store.limiter(|state| &mut state.limits);
        }
        session.linker.allow_shadowing(true);
        for function in spectest_functions().iter().chain(&extra_host_functions()) {
            session.define_function(function)?;
        }
        session.define_spectest_items(features)?;
        Ok(session)
    }

    fn define_spectest_items(&mut self, features: Features) -> Result<(), Error> {
        let numbers = [
            ("global_i32", Val::I32(666)),
            ("global_i64", Val::I64(666)),
            ("global_f32", Val::F32(666.6f32.to_bits())),
            ("global_f64", Val::F64(666.6f64.to_bits())),
        ];
        for (name, value) in numbers {
            let global = Global::new(&mut self.store, GlobalType { content: value.ty(), mutable: false }, value)?;
            self.linker.define(&self.store, "spectest", name, global)?;
        }
        let ty = TableType::new(RefType::FUNC, 10, Some(20));
        for (name, ty) in [("table", ty), ("table64", TableType { index64: true, ..ty })] {
            let table = Table::new(&mut self.store, ty, Val::FuncRef(None))?;
            self.linker.define(&self.store, "spectest", name, table)?;
        }
        let memory = Memory::new(&mut self.store, MemoryType::new(1, Some(2)))?;
        self.linker.define(&self.store, "spectest", "memory", memory)?;
        if features.contains(Features::THREADS) {
            let shared = SharedMemory::new(MemoryType { shared: true, ..MemoryType::new(1, Some(2)) })?;
            let shared = Memory::from_shared(&mut self.store, &shared)?;
            self.linker.define(&self.store, "spectest", "shared_memory", shared)?;
        }
        Ok(())
    }

    fn define_function(&mut self, function: &HostFunc) -> Result<(), Error> {
        let ty = engine::FuncType::new(
            function.params.iter().copied().map(engine_type),
            function.results.iter().copied().map(engine_type),
        );
        let (module, name, behavior) = (function.module.clone(), function.name.clone(), function.behavior.clone());
        self.linker.func_new(&function.module, &function.name, ty, move |mut caller, arguments, results| {
            let frames = frames(&engine::Backtrace::capture(&caller));
            let (seen, objects) = show(&mut caller, arguments)?;
            let call =
                HostCall { module: module.clone(), name: name.clone(), arguments: seen, objects, frames: Some(frames) };
            caller.data_mut().calls.push(call);
            behave(&behavior, caller, arguments, results)
        })?;
        Ok(())
    }

    /// The artifact of `reload`: written by the compiling engine, read by this session's own.
    fn reload(&self, module: &Binary) -> Result<Module, Refusal> {
        let artifact = module.compiled(&self.key, |bytes| guarded_load(|| self.compiler.compile_binary(bytes)))?;
        let file = || -> std::io::Result<tempfile::NamedTempFile> {
            let mut file = tempfile::NamedTempFile::new()?;
            file.write_all(&artifact)?;
            Ok(file)
        };
        let file = file().map_err(|error| Refusal {
            phase: Phase::Internal,
            message: format!("the artifact cannot be written to a temporary file: {error}"),
        })?;
        guarded_load(|| Module::deserialize_file(&self.loader, file.path()))
    }

    fn fresh(&self, module: &Binary) -> Result<Module, Refusal> {
        let loaded = guarded_load(|| Module::from_binary(&self.loader, module.bytes()));
        module.keep(&self.key, loaded.as_ref().map(Module::serialize));
        loaded
    }

    fn instance(&self, id: InstanceId) -> Result<Instance, Failure> {
        match self.instances.get(id.0 as usize) {
            Some(Exporter::Instance(instance)) => Ok(*instance),
            Some(Exporter::Shared(_)) => Err(Failure::Usage("the instance is another thread's".to_string())),
            None => Err(Failure::Usage(format!("there is no instance {}", id.0))),
        }
    }

    /// Runs code of the session with a full tank, and notes what it used.
    fn entering<R>(&mut self, run: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Failure> {
        self.objects = Objects::default();
        guarded(|| {
            if let Some(budget) = self.lane.options.fuel {
                self.store.set_fuel(budget)?;
            }
            let result = run(self);
            if let Some(budget) = self.lane.options.fuel {
                self.fuel_used = Some(budget.saturating_sub(self.store.fuel()?));
            }
            match result {
                Ok(result) => Ok(Ok(result)),
                Err(error) => self.exception(&error)?.map_or(Err(error), |exception| Ok(Err(exception))),
            }
        })?
    }

    /// The exception that an error carries, if that is what it is.
    fn exception(&mut self, error: &Error) -> Result<Option<Failure>, Error> {
        let Some(exception) = error.as_exception() else { return Ok(None) };
        let mut store = RootScope::new(&mut self.store);
        let exception = exception.to_rooted(&mut store)?;
        let tag = exception.tag(&store)?;
        let payload = exception.fields(&mut store)?;
        let tag = Some(number(&mut store.as_context_mut().data_mut().tags, tag));
        let (payload, objects) = show(&mut store, &payload)?;
        self.objects = objects;
        Ok(Some(Failure::Exception(Exception { tag, payload: Some(payload), frames: error.backtrace().map(frames) })))
    }
}

impl Session for OwnSession<'_> {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        let loaded = match self.lane.origin {
            Origin::Fresh => self.fresh(module)?,
            Origin::Reload => self.reload(module)?,
        };
        self.modules.push(loaded);
        Ok(ModuleId(id(self.modules.len())))
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        let module = self.modules.get(module.0 as usize).cloned();
        let module = module.ok_or_else(|| Failure::Usage("there is no such module".to_string()))?;
        let instance = self.entering(|session| session.linker.instantiate(&mut session.store, &module))?;
        self.instances.push(Exporter::Instance(instance));
        Ok(InstanceId(id(self.instances.len())))
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        if let Some(Exporter::Shared(memories)) = self.instances.get(instance.0 as usize) {
            return guarded(|| {
                for (export, memory) in memories {
                    self.linker.define(&self.store, name, export, *memory)?;
                }
                Ok(())
            });
        }
        let instance = self.instance(instance)?;
        guarded(|| self.linker.instance(&mut self.store, name, instance).map(|_| ()))
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        guarded(|| self.define_function(function))
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        let instance = self.instance(instance)?;
        self.entering(|session| {
            let mut store = RootScope::new(&mut session.store);
            let function = instance.get_func(&mut store, function)?;
            let results = function.ty(&store)?.results;
            let mut results: Vec<Val> = results.iter().map(|&ty| Val::default_for_ty(ty)).collect();
            let arguments = arguments.iter().map(|&value| to_engine(&mut store, value));
            let arguments = arguments.collect::<Result<Vec<Val>, Error>>()?;
            function.call(&mut store, &arguments, &mut results)?;
            let (results, objects) = show(&mut store, &results)?;
            session.objects = objects;
            Ok(results)
        })
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        let instance = self.instance(instance)?;
        guarded(|| {
            let mut store = RootScope::new(&mut self.store);
            let value = instance.get_global(&mut store, global)?.get(&mut store)?;
            let mut viewer = Viewer::new();
            let value = viewer.value(&mut store, value)?;
            self.objects = viewer.end(&mut store)?;
            Ok(value)
        })
    }

    fn share(&mut self, instance: InstanceId) -> Result<Shared, Failure> {
        let instance = self.instance(instance)?;
        guarded(|| {
            let mut shared = Vec::new();
            for (name, item) in instance.exports(&mut self.store)? {
                if let Some(memory) = item.into_memory()
                    && let Some(memory) = memory.shared(&self.store)?
                {
                    shared.push((name, Arc::new(memory) as Arc<dyn Any + Send + Sync>));
                }
            }
            Ok(Shared(shared))
        })
    }

    fn adopt(&mut self, shared: &Shared) -> Result<InstanceId, Failure> {
        let mut memories = Vec::new();
        for (name, memory) in &shared.0 {
            let memory = memory.downcast_ref::<SharedMemory>();
            let memory = memory.ok_or_else(|| Failure::Usage("another engine's memory".to_string()))?;
            memories.push((name.clone(), guarded(|| Memory::from_shared(&mut self.store, memory))?));
        }
        self.instances.push(Exporter::Shared(memories));
        Ok(InstanceId(id(self.instances.len())))
    }

    fn state(&mut self, instance: InstanceId) -> Option<State> {
        let instance = self.instance(instance).ok()?;
        guarded(|| {
            let mut store = RootScope::new(&mut self.store);
            let mut exports = instance.exports(&mut store)?;
            exports.sort_by(|(left, _), (right, _)| left.cmp(right));
            let (mut state, mut viewer) = (State::default(), Viewer::new());
            for (name, item) in exports {
                match item {
                    Extern::Func(_) | Extern::Tag(_) => {}
                    Extern::Global(global) => {
                        let value = global.get(&mut store)?;
                        state.globals.push((name, viewer.value(&mut store, value)?));
                    }
                    Extern::Memory(memory) => {
                        let memory = match memory.shared(&store)? {
                            Some(shared) => MemoryState::of(&shared_bytes(&shared)?),
                            None => MemoryState::of(memory.data(&store)?),
                        };
                        state.memories.push((name, memory));
                    }
                    Extern::Table(table) => {
                        state.tables.push((name, table_state(&mut viewer, &mut store, table)?));
                    }
                }
            }
            state.objects = viewer.end(&mut store)?;
            Ok(state)
        })
        .ok()
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let instance = self.instance(instance).ok()?;
        guarded(|| {
            let memory = instance.get_memory(&mut self.store, memory)?;
            let mut bytes = vec![0; length];
            memory.read(&self.store, offset, &mut bytes)?;
            Ok(bytes)
        })
        .ok()
    }

    fn take_objects(&mut self) -> Objects {
        std::mem::take(&mut self.objects)
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.store.data_mut().calls)
    }

    fn fuel(&mut self) -> Option<u64> {
        self.fuel_used
    }
}

/// The number of an item among those that were shown.
fn number<T: PartialEq>(shown: &mut Vec<T>, item: T) -> u32 {
    let known = shown.iter().position(|known| *known == item).unwrap_or_else(|| {
        shown.push(item);
        shown.len() - 1
    });
    id(known + 1)
}

/// What a shared memory holds.
fn shared_bytes(memory: &SharedMemory) -> Result<Vec<u8>, Error> {
    let length = memory.size() * memory.ty().page_size();
    let mut bytes = vec![0; usize::try_from(length).expect("64-bit hosts only")];
    memory.read(0, &mut bytes)?;
    Ok(bytes)
}

fn behave(
    behavior: &Behavior,
    mut caller: Caller<'_, HostState>,
    arguments: &[Val],
    results: &mut [Val],
) -> engine::Result<()> {
    match behavior {
        Behavior::Return(values) => {
            for (result, value) in results.iter_mut().zip(values) {
                *result = to_engine(&mut caller, *value)?;
            }
            Ok(())
        }
        Behavior::Call => match arguments {
            [Val::FuncRef(Some(callee)), rest @ ..] => callee.call(&mut caller, rest, results),
            _ => Err(Error::host("the host was given no function to call")),
        },
        Behavior::Fail(text) => Err(Error::host(text.clone())),
        Behavior::Panic(text) => guard::host_panic(text),
    }
}

fn guarded<R>(run: impl FnOnce() -> Result<R, Error>) -> Result<R, Failure> {
    guard::guarded(|| run().map_err(|error| failure(&error)))
}

fn guarded_load<R>(load: impl FnOnce() -> Result<R, Error>) -> Result<R, Refusal> {
    guard::guarded_load(|| {
        load().map_err(|error| {
            let phase = match error.kind() {
                ErrorKind::Malformed => Phase::Malformed,
                ErrorKind::Invalid => Phase::Invalid,
                ErrorKind::Unsupported | ErrorKind::TooLarge => Phase::Unsupported,
                _ => Phase::Internal,
            };
            Refusal { phase, message: error.to_string() }
        })
    })
}

fn failure(error: &Error) -> Failure {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::Trap(trap) => {
            let frames = error.backtrace().map(frames);
            Failure::Trap(Trap::new(trap_kind(trap), message, frames))
        }
        ErrorKind::Link => Failure::Link(message),
        ErrorKind::Host => Failure::Host(message),
        ErrorKind::Resource => Failure::Resource(message),
        ErrorKind::Usage => Failure::Usage(message),
        ErrorKind::Unsupported | ErrorKind::TooLarge => Failure::Unsupported(message),
        _ => Failure::Internal(message),
    }
}

fn trap_kind(trap: engine::Trap) -> TrapKind {
    match trap {
        engine::Trap::Unreachable => TrapKind::Unreachable,
        engine::Trap::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        engine::Trap::TableOutOfBounds => TrapKind::TableOutOfBounds,
        engine::Trap::UndefinedElement => TrapKind::UndefinedElement,
        engine::Trap::UninitializedElement => TrapKind::UninitializedElement,
        engine::Trap::IndirectCallTypeMismatch => TrapKind::IndirectCallTypeMismatch,
        engine::Trap::IntegerOverflow => TrapKind::IntegerOverflow,
        engine::Trap::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
        engine::Trap::InvalidConversionToInteger => TrapKind::InvalidConversionToInteger,
        engine::Trap::NullReference => TrapKind::NullReference,
        engine::Trap::CastFailure => TrapKind::CastFailure,
        engine::Trap::ArrayOutOfBounds => TrapKind::ArrayOutOfBounds,
        engine::Trap::OutOfHeap => TrapKind::OutOfHeap,
        engine::Trap::StackOverflow => TrapKind::StackOverflow,
        engine::Trap::OutOfFuel => TrapKind::OutOfFuel,
        engine::Trap::Interrupted => TrapKind::Interrupted,
        engine::Trap::UnalignedAtomic => TrapKind::UnalignedAtomic,
        engine::Trap::ExpectedSharedMemory => TrapKind::ExpectedSharedMemory,
        _ => TrapKind::Other,
    }
}

fn frames(backtrace: &engine::Backtrace) -> Vec<Frame> {
    let frame = |frame: &engine::Frame| Frame {
        func_index: frame.func_index,
        func_name: frame.func_name.clone(),
        module_name: frame.module_name.clone(),
        module_offset: frame.module_offset.map(|offset| u64::from(offset.0)),
    };
    backtrace.frames.iter().map(frame).collect()
}

fn table_state(
    viewer: &mut Viewer,
    mut store: impl AsContextMut<Data = HostState>,
    table: Table,
) -> Result<TableState, Error> {
    let length = table.size(&store)?;
    let mut elements = Vec::new();
    for index in 0..length.min(TableState::LISTED) {
        let Some(element) = table.get(&mut store, index)? else { break };
        if let Value::Ref(reference) = viewer.value(&mut store, element)?
            && !matches!(reference, Reference::Null(_))
        {
            elements.push((index, reference));
        }
    }
    Ok(TableState { length, elements })
}

#[cfg(test)]
mod tests {
    /// Reports show frames of all engines in one form, whichever type they come in.
    #[test]
    fn frames_print_as_in_the_engine() {
        let module_offset = Some(engine::WasmOffset(0x5a));
        let name = |name: &str| Some(name.to_owned());
        for (module_name, func_name, module_offset) in
            [(None, None, None), (name("m"), None, module_offset), (name("m"), name("main"), module_offset)]
        {
            let frame = engine::Frame { module_name, func_index: 3, func_name, module_offset };
            let backtrace = engine::Backtrace { frames: vec![frame.clone()] };
            assert_eq!(super::frames(&backtrace)[0].to_string(), frame.to_string());
        }
    }
}
