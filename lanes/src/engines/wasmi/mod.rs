//! wasmi as a lane: an interpreter that shares no code with our engine but the validator.
//!
//! - It shows no frames.
//! - It does not tell malformed from invalid: what its validation refuses is rejected, and what only its translation
//!   refuses is unsupported.
//! - It has one word for a table access out of bounds and for an undefined element.
//! - It counts its own calls, but a call of the host's from within starts to count anew, and the native stack ends the
//!   process. So here it is the host that ends such a recursion, as exhaustion of the stack.
//! - What it calls a function is the same function wherever it turns up, so functions are numbered.

use crate::engines::guard::{guarded, guarded_load, id};
use crate::host::{extra_host_functions, spectest_functions};
use crate::{
    Behavior, Binary, Failure, Features, HeapType, HostCall, HostFunc, InstanceId, Lane, LaneInfo, MemoryState,
    ModuleId, Moves, Objects, Options, Phase, Reference, Refusal, Session, State, TableState, Trap, TrapKind, ValType,
    Value,
};
use std::collections::HashMap;
use wasmi::errors::{ErrorKind, InstantiationError, LinkerError};
use wasmi::{
    AsContextMut, Caller, CompilationMode, Config, Engine, Error, Extern, ExternRef, F32, F64, Func, FuncType, Global,
    Instance, Linker, Memory, MemoryType, Module, Mutability, Nullable, Ref, RefType, Store, Table, TableType,
    TrapCode, V128, Val,
};

/// The features that it has.
const FEATURES: Features = Features::WASM_2_0
    .union(Features::TAIL_CALL)
    .union(Features::EXTENDED_CONST)
    .union(Features::MULTI_MEMORY)
    .union(Features::MEMORY64)
    .union(Features::RELAXED_SIMD)
    .union(Features::CUSTOM_PAGE_SIZES)
    .union(Features::WIDE_ARITHMETIC);

/// How many of its calls may stand within each other, and how many bytes their values may take.
const MAX_DEPTH: usize = 30_000;
const MAX_STACK: usize = 16 << 20;
/// It takes no limit below this.
const MIN_STACK: usize = 1000;

/// The lane.
pub(crate) struct Wasmi {
    info: LaneInfo,
    options: Options,
}

impl Wasmi {
    pub(crate) fn new(options: &Options) -> Wasmi {
        let name = || "wasmi".to_string();
        let info = LaneInfo { name: name(), engine: name(), code: name(), backend: name(), moves: Moves::Nothing };
        Wasmi { info, options: options.clone() }
    }

    fn engine(&self, features: Features) -> Engine {
        let mut config = Config::default();
        config
            .wasm_mutable_global(features.contains(Features::MUTABLE_GLOBALS))
            .wasm_sign_extension(features.contains(Features::SIGN_EXTENSION))
            .wasm_saturating_float_to_int(features.contains(Features::SATURATING_FLOAT_TO_INT))
            .wasm_multi_value(features.contains(Features::MULTI_VALUE))
            .wasm_multi_memory(features.contains(Features::MULTI_MEMORY))
            .wasm_bulk_memory(features.contains(Features::BULK_MEMORY))
            .wasm_reference_types(features.contains(Features::REFERENCE_TYPES))
            .wasm_tail_call(features.contains(Features::TAIL_CALL))
            .wasm_extended_const(features.contains(Features::EXTENDED_CONST))
            .wasm_custom_page_sizes(features.contains(Features::CUSTOM_PAGE_SIZES))
            .wasm_memory64(features.contains(Features::MEMORY64))
            .wasm_wide_arithmetic(features.contains(Features::WIDE_ARITHMETIC))
            .wasm_simd(features.contains(Features::SIMD))
            .wasm_relaxed_simd(features.contains(Features::RELAXED_SIMD))
            // The first is 1000 unless told, the second is bytes.
            .set_max_recursion_depth(MAX_DEPTH)
            .set_max_stack_height(self.options.max_stack.unwrap_or(MAX_STACK).max(MIN_STACK))
            // What is refused is refused when it is loaded.
            .compilation_mode(CompilationMode::Eager)
            .consume_fuel(self.options.fuel.is_some());
        Engine::new(&config)
    }
}

impl Lane for Wasmi {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        features - FEATURES
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        guarded(|| WasmiSession::new(&self.engine(features), features, self.options.fuel))
            .map(|session| Box::new(session) as Box<dyn Session>)
    }
}

/// What the host functions of a session share.
#[derive(Default)]
struct HostState {
    calls: Vec<HostCall>,
    /// Every function that was shown, in the order of [`Reference::Func`]'s numbers, with what tells it from others.
    functions: Vec<(String, Func)>,
    externs: HashMap<u32, ExternRef>,
    /// How many host functions that call back stand within each other.
    depth: u32,
}

/// So many of them are stopped.
const MAX_HOST_DEPTH: u32 = 500;

struct WasmiSession {
    store: Store<HostState>,
    linker: Linker<HostState>,
    modules: Vec<Module>,
    instances: Vec<Instance>,
    budget: Option<u64>,
}

impl WasmiSession {
    fn new(engine: &Engine, features: Features, budget: Option<u64>) -> Result<WasmiSession, Failure> {
        let mut session = WasmiSession {
            store: Store::new(engine, HostState::default()),
            linker: Linker::new(engine),
            modules: Vec::new(),
            instances: Vec::new(),
            budget,
        };
        session.linker.allow_shadowing(true);
        for function in spectest_functions().iter().chain(&extra_host_functions()) {
            session.define_function(function)?;
        }
        session.define_spectest_items(features).map_err(failure)?;
        Ok(session)
    }

    fn define_spectest_items(&mut self, features: Features) -> Result<(), Error> {
        let numbers = [
            ("global_i32", Val::I32(666)),
            ("global_i64", Val::I64(666)),
            ("global_f32", Val::F32(F32::from(666.6))),
            ("global_f64", Val::F64(F64::from(666.6))),
        ];
        for (name, value) in numbers {
            let global = Global::new(&mut self.store, value, Mutability::Const);
            self.linker.define("spectest", name, global)?;
        }
        let types = [("table", TableType::new(RefType::Func, 10, Some(20)))];
        let wide = ("table64", TableType::new64(RefType::Func, 10, Some(20)));
        for (name, ty) in types.into_iter().chain(features.contains(Features::MEMORY64).then_some(wide)) {
            let table = Table::new(&mut self.store, ty, Ref::Func(Nullable::Null))?;
            self.linker.define("spectest", name, table)?;
        }
        let memory = Memory::new(&mut self.store, MemoryType::new(1, Some(2)))?;
        self.linker.define("spectest", "memory", memory)?;
        Ok(())
    }

    /// Defines an item of the store, not of the linker: that would make a new function of it for each import.
    fn define_function(&mut self, function: &HostFunc) -> Result<(), Failure> {
        let types = |types: &[ValType]| types.iter().map(|&ty| engine_type(ty)).collect::<Result<Vec<_>, _>>();
        let ty = FuncType::new(types(&function.params)?, types(&function.results)?);
        let (module, name, behavior) = (function.module.clone(), function.name.clone(), function.behavior.clone());
        let func = Func::new(&mut self.store, ty, move |mut caller: Caller<'_, HostState>, arguments, results| {
            let seen = from_engine_all(&mut caller, arguments);
            let (module, name, objects) = (module.clone(), name.clone(), Objects::default());
            let call = HostCall { module, name, arguments: seen, objects, frames: None };
            caller.data_mut().calls.push(call);
            behave(&behavior, caller, arguments, results)
        });
        self.linker.define(&function.module, &function.name, func).map_err(|error| failure(error.into()))?;
        Ok(())
    }

    fn instance(&self, id: InstanceId) -> Result<Instance, Failure> {
        let instance = self.instances.get(id.0 as usize).copied();
        instance.ok_or_else(|| Failure::Usage(format!("there is no instance {}", id.0)))
    }

    fn fill_tank(&mut self) -> Result<(), Failure> {
        match self.budget {
            Some(budget) => self.store.set_fuel(budget).map_err(failure),
            None => Ok(()),
        }
    }
}

impl Session for WasmiSession {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        let engine = self.store.engine();
        let loaded = guarded_load(|| {
            Module::new(engine, module.bytes()).map_err(|error| match Module::validate(engine, module.bytes()) {
                Ok(()) => Refusal { phase: Phase::Unsupported, message: error.to_string() },
                Err(error) => Refusal { phase: Phase::Rejected, message: error.to_string() },
            })
        })?;
        self.modules.push(loaded);
        Ok(ModuleId(id(self.modules.len())))
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        let module = self.modules.get(module.0 as usize).cloned();
        let module = module.ok_or_else(|| Failure::Usage("there is no such module".to_string()))?;
        self.fill_tank()?;
        let instance = guarded(|| self.linker.instantiate_and_start(&mut self.store, &module).map_err(failure))?;
        self.instances.push(instance);
        Ok(InstanceId(id(self.instances.len())))
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        let instance = self.instance(instance)?;
        guarded(|| self.linker.instance(&mut self.store, name, instance).map(|_| ()).map_err(failure))
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        guarded(|| self.define_function(function))
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        let instance = self.instance(instance)?;
        self.fill_tank()?;
        // A panic leaves it as it was.
        self.store.data_mut().depth = 0;
        guarded(|| {
            let absent = || Failure::Usage(format!("there is no function {function:?}"));
            let function = instance.get_func(&self.store, function).ok_or_else(absent)?;
            let ty = function.ty(&self.store);
            let mut results: Vec<Val> = ty.results().iter().map(|&ty| Val::default_for_ty(ty)).collect();
            let arguments = arguments.iter().map(|&value| to_engine(&mut self.store, value));
            let arguments = arguments.collect::<Result<Vec<Val>, Failure>>()?;
            function.call(&mut self.store, &arguments, &mut results).map_err(failure)?;
            Ok(from_engine_all(&mut self.store, &results))
        })
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        let instance = self.instance(instance)?;
        guarded(|| {
            let absent = || Failure::Usage(format!("there is no global {global:?}"));
            let value = instance.get_global(&self.store, global).ok_or_else(absent)?.get(&self.store);
            Ok(from_engine(&mut self.store, &value))
        })
    }

    fn state(&mut self, instance: InstanceId) -> Option<State> {
        let instance = self.instance(instance).ok()?;
        guarded(|| {
            let exports = instance.exports(&self.store);
            let mut exports: Vec<_> = exports.map(|export| (export.name().to_string(), export.into_extern())).collect();
            exports.sort_by(|(left, _), (right, _)| left.cmp(right));
            let mut state = State::default();
            for (name, item) in exports {
                match item {
                    Extern::Func(_) => {}
                    Extern::Global(global) => {
                        let value = global.get(&self.store);
                        state.globals.push((name, from_engine(&mut self.store, &value)));
                    }
                    Extern::Memory(memory) => state.memories.push((name, MemoryState::of(memory.data(&self.store)))),
                    Extern::Table(table) => state.tables.push((name, table_state(&mut self.store, table))),
                }
            }
            Ok(state)
        })
        .ok()
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let memory = self.instance(instance).ok()?.get_memory(&self.store, memory)?;
        let start = usize::try_from(offset).ok()?;
        Some(memory.data(&self.store).get(start..start.checked_add(length)?)?.to_vec())
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.store.data_mut().calls)
    }

    /// Fuel is each engine's own measure: what it used says nothing to others.
    fn fuel(&mut self) -> Option<u64> {
        None
    }
}

/// wasmi cannot be unwound: the panic of a host function would end the process. It crosses as an error that begins so.
const PANIC: &str = "a host function panicked: ";

fn behave(
    behavior: &Behavior,
    mut caller: Caller<'_, HostState>,
    arguments: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    match behavior {
        Behavior::Return(values) => {
            for (result, value) in results.iter_mut().zip(values) {
                *result = to_engine(&mut caller, *value).map_err(|failure| Error::new(failure.to_string()))?;
            }
            Ok(())
        }
        Behavior::Call => match arguments {
            [Val::FuncRef(Nullable::Val(_)), ..] if caller.data().depth == MAX_HOST_DEPTH => {
                Err(TrapCode::StackOverflow.into())
            }
            [Val::FuncRef(Nullable::Val(callee)), rest @ ..] => {
                caller.data_mut().depth += 1;
                let result = callee.call(&mut caller, rest, results);
                caller.data_mut().depth -= 1;
                result
            }
            _ => Err(Error::new("the host was given no function to call")),
        },
        Behavior::Fail(text) => Err(Error::new(text.clone())),
        Behavior::Panic(text) => Err(Error::new(format!("{PANIC}{text}"))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn failure(error: Error) -> Failure {
    let message = error.to_string();
    if let Some(code) = error.as_trap_code() {
        return trapped(code, message);
    }
    match error.kind() {
        ErrorKind::Message(message) => match message.strip_prefix(PANIC) {
            Some(text) => Failure::Panic(text.to_string()),
            None => Failure::Host(message.to_string()),
        },
        ErrorKind::Linker(LinkerError::MissingDefinition { .. }) => Failure::Link(format!("unknown import: {message}")),
        ErrorKind::Linker(_) => Failure::Link(format!("incompatible import type: {message}")),
        ErrorKind::Instantiation(error) => instantiation_failure(error, message),
        ErrorKind::Func(_) => Failure::Usage(message),
        ErrorKind::Memory(_) | ErrorKind::Table(_) => Failure::Resource(message),
        _ => Failure::Internal(message),
    }
}

fn trapped(code: TrapCode, message: String) -> Failure {
    let kind = match code {
        TrapCode::UnreachableCodeReached => TrapKind::Unreachable,
        TrapCode::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        TrapCode::TableOutOfBounds => TrapKind::TableOutOfBounds,
        TrapCode::IndirectCallToNull => TrapKind::UninitializedElement,
        TrapCode::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
        TrapCode::IntegerOverflow => TrapKind::IntegerOverflow,
        TrapCode::BadConversionToInteger => TrapKind::InvalidConversionToInteger,
        TrapCode::StackOverflow => TrapKind::StackOverflow,
        TrapCode::BadSignature => TrapKind::IndirectCallTypeMismatch,
        TrapCode::OutOfFuel => TrapKind::OutOfFuel,
        TrapCode::GrowthOperationLimited | TrapCode::OutOfSystemMemory => return Failure::Resource(message),
    };
    let mut trap = Trap::new(kind, message, None);
    if kind == TrapKind::TableOutOfBounds {
        trap.or_kinds.push(TrapKind::UndefinedElement);
    }
    Failure::Trap(trap)
}

fn instantiation_failure(error: &InstantiationError, message: String) -> Failure {
    match error {
        InstantiationError::ElementSegmentDoesNotFit { .. } => {
            Failure::Trap(Trap::new(TrapKind::TableOutOfBounds, message, None))
        }
        InstantiationError::ImportTypeMismatch { .. }
        | InstantiationError::GlobalTypeMismatch { .. }
        | InstantiationError::FuncTypeMismatch { .. }
        | InstantiationError::TableTypeMismatch { .. }
        | InstantiationError::MemoryTypeMismatch { .. } => {
            Failure::Link(format!("incompatible import type: {message}"))
        }
        _ => Failure::Resource(message),
    }
}

fn engine_type(ty: ValType) -> Result<wasmi::ValType, Failure> {
    Ok(match ty {
        ValType::I32 => wasmi::ValType::I32,
        ValType::I64 => wasmi::ValType::I64,
        ValType::F32 => wasmi::ValType::F32,
        ValType::F64 => wasmi::ValType::F64,
        ValType::V128 => wasmi::ValType::V128,
        ValType::Ref(HeapType::Func) => wasmi::ValType::FuncRef,
        ValType::Ref(HeapType::Extern) => wasmi::ValType::ExternRef,
        ValType::Ref(heap) => return Err(Failure::Unsupported(format!("references to {heap}"))),
    })
}

fn to_engine(mut store: impl AsContextMut<Data = HostState>, value: Value) -> Result<Val, Failure> {
    Ok(match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(F32::from_bits(bits)),
        Value::F64(bits) => Val::F64(F64::from_bits(bits)),
        Value::V128(bits) => Val::V128(V128::from(bits)),
        Value::Ref(Reference::Null(HeapType::Func)) => Val::FuncRef(Nullable::Null),
        Value::Ref(Reference::Null(HeapType::Extern)) => Val::ExternRef(Nullable::Null),
        Value::Ref(Reference::Func(number)) => {
            let store = store.as_context();
            let known = number.and_then(|number| store.data().functions.get(number as usize));
            let unknown = || Failure::Usage("no function with this number was seen yet".to_string());
            Val::FuncRef(Nullable::Val(known.ok_or_else(unknown)?.1))
        }
        Value::Ref(Reference::Extern(number)) => {
            let known = store.as_context().data().externs.get(&number).copied();
            let reference = known.unwrap_or_else(|| ExternRef::new(&mut store, number));
            store.as_context_mut().data_mut().externs.insert(number, reference);
            Val::ExternRef(Nullable::Val(reference))
        }
        Value::Ref(reference) => return Err(Failure::Unsupported(format!("the reference {reference}"))),
    })
}

fn from_engine(mut store: impl AsContextMut<Data = HostState>, value: &Val) -> Value {
    match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(value) => Value::F32(value.to_bits()),
        Val::F64(value) => Value::F64(value.to_bits()),
        Val::V128(value) => Value::V128(value.as_u128()),
        Val::FuncRef(Nullable::Null) => Value::Ref(Reference::Null(HeapType::Func)),
        Val::ExternRef(Nullable::Null) => Value::Ref(Reference::Null(HeapType::Extern)),
        Val::FuncRef(Nullable::Val(function)) => {
            // A function is a number of its store, which only its debug form shows.
            let key = format!("{function:?}");
            let mut store = store.as_context_mut();
            let functions = &mut store.data_mut().functions;
            let known = functions.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                functions.push((key, *function));
                functions.len() - 1
            });
            Value::Ref(Reference::Func(Some(id(known + 1))))
        }
        Val::ExternRef(Nullable::Val(reference)) => {
            let store = store.as_context();
            let number = reference.data(store).downcast_ref::<u32>().copied();
            // Only this file makes host values, and all of them are numbers.
            Value::Ref(Reference::Extern(number.expect("a host value of this session")))
        }
    }
}

fn from_engine_all(mut store: impl AsContextMut<Data = HostState>, values: &[Val]) -> Vec<Value> {
    values.iter().map(|value| from_engine(&mut store, value)).collect()
}

fn table_state(store: &mut Store<HostState>, table: Table) -> TableState {
    let length = table.size(&*store);
    let mut elements = Vec::new();
    for index in 0..length.min(TableState::LISTED) {
        let element = match table.get(&*store, index) {
            Some(Ref::Func(function @ Nullable::Val(_))) => Val::FuncRef(function),
            Some(Ref::Extern(reference @ Nullable::Val(_))) => Val::ExternRef(reference),
            _ => continue,
        };
        if let Value::Ref(reference) = from_engine(&mut *store, &element) {
            elements.push((index, reference));
        }
    }
    TableState { length, elements }
}
