//! Wasmtime as two lanes: the compiler back end that ours stands on, with a translator, a runtime and a stack walk of its
//! own. `wasmtime` is configured as it comes; `wasmtime/none` does not optimize.
//!
//! - Cranelift moves traps unless one keeps it from doing so, as our compiler does. The optimizer makes a branch around
//!   nothing but a trap into a conditional trap at the branch's place, and drops a store that is overwritten, so that the
//!   later one traps; instruction selection makes a load part of the instruction that uses its value in both lanes.
//! - Frames have function index and byte offset, and names where the module has them.
//! - It does not tell malformed from invalid: a module that it refuses is rejected, unless its error is one of the two
//!   that it has for what it does not support.
//! - It has one word for a table access out of bounds and for an undefined element.
//! - A function has another address in each instance that imports it, so functions are not told apart.
//! - Objects are looked into, and told apart, as in our own lanes.
//! - Shared memories are shared between threads; what one holds is not shown, for reading it is unsafe.

mod values;

use self::values::{Viewer, engine_type, show, tag_number, to_engine};
use crate::engines::guard::{self, guarded, guarded_load, id};
use crate::host::{extra_host_functions, spectest_functions};
use crate::{
    Behavior, Binary, Cpu, Exception, Failure, Features, Frame, HostCall, HostFunc, InstanceId, Lane, LaneInfo,
    MemoryChecks, MemoryState, ModuleId, Moves, Objects, Options, Phase, Refusal, RelaxedSimd, Session, Shared, State,
    TableState, TrapKind, ValType, Value,
};
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::{
    AsContext, AsContextMut, Caller, Config, Engine, Error, Extern, ExternRef, FuncType, Global, GlobalType, Instance,
    Linker, Memory, MemoryType, Module, Mutability, OptLevel, OwnedRooted, Ref, RefType, RootScope, SharedMemory,
    Store, Table, TableType, Tag, ThrownException, Trap, UnknownImportError, Val, WasmBacktrace, WasmFeatures,
};

/// The features that it has.
const FEATURES: Features =
    Features::WASM_3_0.union(Features::THREADS).union(Features::CUSTOM_PAGE_SIZES).union(Features::WIDE_ARITHMETIC);

/// Backtraces are cut here. Room for so many is reserved for each of them.
const MAX_FRAMES: usize = 1 << 16;

/// The lane.
pub(crate) struct Wasmtime {
    info: LaneInfo,
    optimizes: bool,
    options: Options,
    /// An engine for each set of features that modules may use.
    engines: Mutex<HashMap<Features, Engine>>,
}

impl Wasmtime {
    pub(crate) fn new(optimizes: bool, options: &Options) -> Wasmtime {
        let name = if optimizes { "wasmtime" } else { "wasmtime/none" };
        let info = LaneInfo {
            name: name.to_string(),
            engine: "wasmtime".to_string(),
            code: name.to_string(),
            backend: "cranelift".to_string(),
            moves: if optimizes { Moves::Anything } else { Moves::Accesses },
        };
        Wasmtime { info, optimizes, options: options.clone(), engines: Mutex::default() }
    }

    fn config(&self, features: Features) -> Config {
        let mut config = Config::new();
        for feature in FEATURES.iter() {
            for flag in feature.parser_flags {
                let flag = WasmFeatures::from_name(flag).expect("a test looks up every flag");
                config.wasm_features(flag, features.contains(feature.set));
            }
        }
        config
            .wasm_features(WasmFeatures::GC_TYPES, features.contains(Features::REFERENCE_TYPES))
            .shared_memory(features.contains(Features::THREADS))
            .wasm_backtrace_max_frames(NonZeroUsize::new(MAX_FRAMES))
            .parallel_compilation(self.options.compile_threads != Some(1))
            .relaxed_simd_deterministic(self.options.relaxed_simd == RelaxedSimd::Deterministic)
            .consume_fuel(self.options.fuel.is_some());
        if self.options.memory_checks == MemoryChecks::Explicit {
            config.memory_reservation(0).memory_guard_size(0).signals_based_traps(false);
        }
        if !self.optimizes {
            config.cranelift_opt_level(OptLevel::None);
        }
        if let Some(bytes) = self.options.max_stack {
            config.max_wasm_stack(bytes);
        }
        config
    }

    fn engine(&self, features: Features) -> Result<Engine, Failure> {
        if self.options.cpu == Cpu::Baseline {
            return Err(Failure::Unsupported("code for other processors than this one".to_string()));
        }
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(&features) {
            return Ok(engine.clone());
        }
        let engine = Engine::new(&self.config(features));
        let engine = engine.map_err(|error| Failure::Internal(format!("it refuses its configuration: {error:#}")))?;
        engines.insert(features, engine.clone());
        Ok(engine)
    }
}

impl Lane for Wasmtime {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        features - FEATURES
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        guarded(|| WasmtimeSession::new(&self.engine(features)?, features, self.options.fuel))
            .map(|session| Box::new(session) as Box<dyn Session>)
    }
}

/// An error that a host function was told to return.
#[derive(Debug)]
struct HostFailure(String);

impl fmt::Display for HostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HostFailure {}

/// What the host functions of a session share.
#[derive(Default)]
struct HostState {
    calls: Vec<HostCall>,
    externs: HashMap<u32, OwnedRooted<ExternRef>>,
    /// The tags of all exceptions that were shown, in the order of [`Exception::tag`]'s numbers.
    tags: Vec<Tag>,
}

struct WasmtimeSession {
    store: Store<HostState>,
    linker: Linker<HostState>,
    modules: Vec<Module>,
    instances: Vec<Instance>,
    /// What goes with the last result or exception.
    objects: Objects,
    budget: Option<u64>,
}

impl WasmtimeSession {
    fn new(engine: &Engine, features: Features, budget: Option<u64>) -> Result<WasmtimeSession, Failure> {
        let mut session = WasmtimeSession {
            store: Store::new(engine, HostState::default()),
            linker: Linker::new(engine),
            modules: Vec::new(),
            instances: Vec::new(),
            objects: Objects::default(),
            budget,
        };
        session.linker.allow_shadowing(true);
        // Globals, tables and memories are made by code too.
        session.fill_tank()?;
        for function in spectest_functions().iter().chain(&extra_host_functions()) {
            session.define_function(function)?;
        }
        session.define_spectest_items(features).map_err(|error| failure(&error, Failure::Internal))?;
        Ok(session)
    }

    fn define_spectest_items(&mut self, features: Features) -> Result<(), Error> {
        let numbers = [
            ("global_i32", wasmtime::ValType::I32, Val::I32(666)),
            ("global_i64", wasmtime::ValType::I64, Val::I64(666)),
            ("global_f32", wasmtime::ValType::F32, Val::F32(666.6f32.to_bits())),
            ("global_f64", wasmtime::ValType::F64, Val::F64(666.6f64.to_bits())),
        ];
        for (name, ty, value) in numbers {
            let global = Global::new(&mut self.store, GlobalType::new(ty, Mutability::Const), value)?;
            self.linker.define(&self.store, "spectest", name, global)?;
        }
        let types = [("table", TableType::new(RefType::FUNCREF, 10, Some(20)))];
        let wide = ("table64", TableType::new64(RefType::FUNCREF, 10, Some(20)));
        for (name, ty) in types.into_iter().chain(features.contains(Features::MEMORY64).then_some(wide)) {
            let table = Table::new(&mut self.store, ty, Ref::Func(None))?;
            self.linker.define(&self.store, "spectest", name, table)?;
        }
        let memory = Memory::new(&mut self.store, MemoryType::new(1, Some(2)))?;
        self.linker.define(&self.store, "spectest", "memory", memory)?;
        if features.contains(Features::THREADS) {
            let memory = SharedMemory::new(self.store.engine(), MemoryType::shared(1, 2))?;
            self.linker.define(&self.store, "spectest", "shared_memory", memory)?;
        }
        Ok(())
    }

    fn define_function(&mut self, function: &HostFunc) -> Result<(), Failure> {
        let types = |types: &[ValType]| types.iter().map(|&ty| engine_type(ty)).collect::<Result<Vec<_>, _>>();
        let ty = FuncType::new(self.store.engine(), types(&function.params)?, types(&function.results)?);
        let (module, name, behavior) = (function.module.clone(), function.name.clone(), function.behavior.clone());
        let call = move |mut caller: Caller<'_, HostState>, arguments: &[Val], results: &mut [Val]| {
            let frames = Some(frames(&WasmBacktrace::force_capture(&caller)));
            let (seen, objects) = show(&mut caller, arguments)?;
            let (module, name) = (module.clone(), name.clone());
            let call = HostCall { module, name, arguments: seen, objects, frames };
            caller.data_mut().calls.push(call);
            behave(&behavior, caller, arguments, results)
        };
        let defined = self.linker.func_new(&function.module, &function.name, ty, call);
        defined.map(|_| ()).map_err(|error| failure(&error, Failure::Internal))
    }

    fn instance(&self, id: InstanceId) -> Result<Instance, Failure> {
        let instance = self.instances.get(id.0 as usize).copied();
        instance.ok_or_else(|| Failure::Usage(format!("there is no instance {}", id.0)))
    }

    /// The exception that nothing caught, if the error is one. Its frames are gone.
    fn thrown(&mut self, error: &Error) -> Option<Failure> {
        error.downcast_ref::<ThrownException>()?;
        let mut store = RootScope::new(&mut self.store);
        let exception = store.as_context_mut().take_pending_exception()?;
        let tag = exception.tag(&mut store).ok().map(|tag| tag_number(&mut store, tag));
        let payload: Option<Vec<Val>> = exception.fields(&mut store).ok().map(Iterator::collect);
        let shown = payload.and_then(|values| show(&mut store, &values).ok());
        let (payload, objects) = shown.map_or_else(Default::default, |(values, objects)| (Some(values), objects));
        self.objects = objects;
        Some(Failure::Exception(Exception { tag, payload, frames: None }))
    }

    fn fill_tank(&mut self) -> Result<(), Failure> {
        match self.budget {
            Some(budget) => self.store.set_fuel(budget).map_err(|error| failure(&error, Failure::Internal)),
            None => Ok(()),
        }
    }
}

impl Session for WasmtimeSession {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        let engine = self.store.engine();
        let loaded = guarded_load(|| {
            Module::from_binary(engine, module.bytes()).map_err(|error| {
                let phase = if is_of_support(&error) { Phase::Unsupported } else { Phase::Rejected };
                Refusal { phase, message: format!("{error:#}") }
            })
        })?;
        self.modules.push(loaded);
        Ok(ModuleId(id(self.modules.len())))
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        let module = self.modules.get(module.0 as usize).cloned();
        let module = module.ok_or_else(|| Failure::Usage("there is no such module".to_string()))?;
        self.fill_tank()?;
        self.objects = Objects::default();
        let instance = guarded(|| {
            let instance = self.linker.instantiate(&mut self.store, &module);
            instance.map_err(|error| {
                let otherwise = if is_of_linking(&error) { Failure::Link } else { Failure::Resource };
                self.thrown(&error).unwrap_or_else(|| failure(&error, otherwise))
            })
        })?;
        self.instances.push(instance);
        Ok(InstanceId(id(self.instances.len())))
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        let instance = self.instance(instance)?;
        guarded(|| {
            let registered = self.linker.instance(&mut self.store, name, instance);
            registered.map(|_| ()).map_err(|error| failure(&error, Failure::Internal))
        })
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        guarded(|| self.define_function(function))
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        let instance = self.instance(instance)?;
        self.fill_tank()?;
        self.objects = Objects::default();
        guarded(|| {
            let mut store = RootScope::new(&mut self.store);
            let absent = || Failure::Usage(format!("there is no function {function:?}"));
            let function = instance.get_func(&mut store, function).ok_or_else(absent)?;
            let ty = function.ty(&store);
            let arguments = arguments.iter().map(|&value| to_engine(&mut store, value));
            let arguments = arguments.collect::<Result<Vec<Val>, Failure>>()?;
            check_arguments(&store, &ty, &arguments)?;
            let mut results = vec![Val::I32(0); ty.results().len()];
            let returned = function.call(&mut store, &arguments, &mut results);
            let shown = returned.and_then(|()| show(&mut store, &results));
            drop(store);
            let (results, objects) =
                shown.map_err(|error| self.thrown(&error).unwrap_or_else(|| failure(&error, Failure::Internal)))?;
            self.objects = objects;
            Ok(results)
        })
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        let instance = self.instance(instance)?;
        guarded(|| {
            let mut store = RootScope::new(&mut self.store);
            let absent = || Failure::Usage(format!("there is no global {global:?}"));
            let value = instance.get_global(&mut store, global).ok_or_else(absent)?.get(&mut store);
            let (values, objects) = show(&mut store, &[value]).map_err(|error| failure(&error, Failure::Internal))?;
            self.objects = objects;
            Ok(values[0])
        })
    }

    fn share(&mut self, instance: InstanceId) -> Result<Shared, Failure> {
        let instance = self.instance(instance)?;
        let exports = instance.exports(&mut self.store);
        let memories = exports.filter_map(|export| {
            let name = export.name().to_string();
            Some((name, Arc::new(export.into_extern().into_shared_memory()?) as Arc<dyn Any + Send + Sync>))
        });
        Ok(Shared(memories.collect()))
    }

    fn adopt(&mut self, shared: &Shared) -> Result<InstanceId, Failure> {
        let memories = shared.0.iter().map(|(name, memory)| (name.as_str(), memory.downcast_ref::<SharedMemory>()));
        let memories = memories.map(|(name, memory)| Some((name, memory?.clone()))).collect::<Option<Vec<_>>>();
        let memories = memories.ok_or_else(|| Failure::Usage("another engine's memory".to_string()))?;
        let instance = guarded(|| {
            let instance = exporter(&mut self.store, memories);
            instance.map_err(|error| failure(&error, Failure::Internal))
        })?;
        self.instances.push(instance);
        Ok(InstanceId(id(self.instances.len())))
    }

    fn state(&mut self, instance: InstanceId) -> Option<State> {
        let instance = self.instance(instance).ok()?;
        guarded(|| {
            let exports = instance.exports(&mut self.store);
            let mut exports: Vec<_> = exports.map(|export| (export.name().to_string(), export.into_extern())).collect();
            exports.sort_by(|(left, _), (right, _)| left.cmp(right));
            state(&mut self.store, exports).map_err(|error| failure(&error, Failure::Internal))
        })
        .ok()
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let memory = self.instance(instance).ok()?.get_memory(&mut self.store, memory)?;
        let start = usize::try_from(offset).ok()?;
        Some(memory.data(&self.store).get(start..start.checked_add(length)?)?.to_vec())
    }

    fn take_objects(&mut self) -> Objects {
        std::mem::take(&mut self.objects)
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.store.data_mut().calls)
    }

    /// Fuel is each engine's own measure: what it used says nothing to others.
    fn fuel(&mut self) -> Option<u64> {
        None
    }
}

fn behave(
    behavior: &Behavior,
    mut caller: Caller<'_, HostState>,
    arguments: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    match behavior {
        Behavior::Return(values) => {
            for (result, value) in results.iter_mut().zip(values) {
                *result = to_engine(&mut caller, *value)?;
            }
            Ok(())
        }
        Behavior::Call => match arguments {
            [Val::FuncRef(Some(callee)), rest @ ..] => callee.call(&mut caller, rest, results),
            _ => Err(HostFailure("the host was given no function to call".to_string()).into()),
        },
        Behavior::Fail(text) => Err(HostFailure(text.clone()).into()),
        Behavior::Panic(text) => guard::host_panic(text),
    }
}

/// Refuses arguments that the function does not take.
fn check_arguments(store: impl AsContext, ty: &FuncType, arguments: &[Val]) -> Result<(), Failure> {
    let fits = |(value, ty): (&Val, wasmtime::ValType)| value.matches_ty(&store, &ty).unwrap_or(false);
    if ty.params().len() == arguments.len() && arguments.iter().zip(ty.params()).all(fits) {
        return Ok(());
    }
    Err(Failure::Usage(format!("the arguments are not those of {ty}")))
}

/// The failure of an error; `otherwise` makes one of what is neither a trap nor the host's.
fn failure(error: &Error, otherwise: impl FnOnce(String) -> Failure) -> Failure {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        // Without any frame, there is no backtrace.
        let frames = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        let mut shown = crate::Trap::new(trap_kind(*trap), trap.to_string(), Some(frames));
        if *trap == Trap::TableOutOfBounds {
            shown.or_kinds.push(TrapKind::UndefinedElement);
        }
        return Failure::Trap(shown);
    }
    if let Some(HostFailure(text)) = error.downcast_ref() {
        return Failure::Host(text.clone());
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.clone();
    }
    otherwise(format!("{error:#}"))
}

/// Of its two errors of linking one has a type, and the other has words: those of the official scripts.
fn is_of_linking(error: &Error) -> bool {
    error.is::<UnknownImportError>() || error.to_string().starts_with("incompatible import type")
}

/// What it does not support it says in these words; the type that says so too is not for others to see.
fn is_of_support(error: &Error) -> bool {
    let words = ["Unsupported feature", "Implementation limit exceeded"];
    error.chain().any(|cause| words.iter().any(|words| cause.to_string().starts_with(words)))
}

fn trap_kind(trap: Trap) -> TrapKind {
    match trap {
        Trap::StackOverflow => TrapKind::StackOverflow,
        Trap::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        Trap::TableOutOfBounds => TrapKind::TableOutOfBounds,
        Trap::IndirectCallToNull => TrapKind::UninitializedElement,
        Trap::BadSignature => TrapKind::IndirectCallTypeMismatch,
        Trap::IntegerOverflow => TrapKind::IntegerOverflow,
        Trap::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
        Trap::BadConversionToInteger => TrapKind::InvalidConversionToInteger,
        Trap::UnreachableCodeReached => TrapKind::Unreachable,
        Trap::NullReference => TrapKind::NullReference,
        Trap::CastFailure => TrapKind::CastFailure,
        Trap::ArrayOutOfBounds => TrapKind::ArrayOutOfBounds,
        Trap::HeapMisaligned => TrapKind::UnalignedAtomic,
        Trap::AtomicWaitNonSharedMemory => TrapKind::ExpectedSharedMemory,
        Trap::Interrupt => TrapKind::Interrupted,
        Trap::OutOfFuel => TrapKind::OutOfFuel,
        _ => TrapKind::Other,
    }
}

fn frames(backtrace: &WasmBacktrace) -> Vec<Frame> {
    let frame = |frame: &wasmtime::FrameInfo| Frame {
        func_index: frame.func_index(),
        func_name: frame.func_name().map(str::to_string),
        module_name: frame.module().name().map(str::to_string),
        module_offset: frame.module_offset().map(|offset| offset as u64),
    };
    backtrace.frames().iter().map(frame).collect()
}

/// An instance that exports these memories.
fn exporter(store: &mut Store<HostState>, memories: Vec<(&str, SharedMemory)>) -> Result<Instance, Error> {
    let (mut imports, mut exports) = (wasm_encoder::ImportSection::new(), wasm_encoder::ExportSection::new());
    for (index, (name, memory)) in (0..).zip(&memories) {
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
    let memories: Vec<Extern> = memories.into_iter().map(|(_, memory)| memory.into()).collect();
    Instance::new(store, &module, &memories)
}

fn state(mut store: impl AsContextMut<Data = HostState>, exports: Vec<(String, Extern)>) -> Result<State, Error> {
    let mut store = RootScope::new(&mut store);
    let (mut state, mut viewer) = (State::default(), Viewer::new());
    for (name, item) in exports {
        match item {
            Extern::Global(global) => {
                let value = global.get(&mut store);
                state.globals.push((name, viewer.value(&mut store, &value)?));
            }
            Extern::Memory(memory) => state.memories.push((name, MemoryState::of(memory.data(&store)))),
            Extern::Table(table) => state.tables.push((name, table_state(&mut viewer, &mut store, table)?)),
            Extern::SharedMemory(_) => {
                return Err(Failure::Unsupported("what a shared memory holds".to_string()).into());
            }
            _ => {}
        }
    }
    state.objects = viewer.end(&mut store)?;
    Ok(state)
}

fn table_state(
    viewer: &mut Viewer,
    mut store: impl AsContextMut<Data = HostState>,
    table: Table,
) -> Result<TableState, Error> {
    let length = table.size(&store);
    let mut elements = Vec::new();
    for index in 0..length.min(TableState::LISTED) {
        let element = match table.get(&mut store, index) {
            Some(element) if !element.is_null() => Val::from(element),
            _ => continue,
        };
        if let Value::Ref(reference) = viewer.value(&mut store, &element)? {
            elements.push((index, reference));
        }
    }
    Ok(TableState { length, elements })
}
