//! A lane for another engine: the least that an engine needs to run modules beside the built-in lanes.
//!
//! ```sh
//! cargo run -p lanes --example other_engine
//! ```
//!
//! The engine is our own, used by its public interface alone, as if it were somebody else's: replace what names
//! `engine::`. The lane leaves out what it cannot show (frames, state, fuel) and refuses what it cannot do, and the
//! comparison takes that into account. `runner/examples/fuzz_other_engine.rs` runs scripts and the fuzzer with it.

use engine::{AsContextMut, Caller, Config, Engine, Error, ErrorKind, FuncType, Instance, Linker, Module, Store, Val};
use lanes::compare::{Comparison, Difference};
use lanes::{
    Behavior, Binary, Failure, Features, HeapType, HostCall, HostFunc, InstanceId, Lane, LaneInfo, ModuleId, Moves,
    Objects, Observation, Opened, Options, Phase, Reference, Refusal, Session, State, Trap, TrapKind, ValType, Value,
};

pub(crate) const NAME: &str = "other";

/// The features that this lane supports.
const SUPPORTED: Features = Features::WASM_2_0;

/// The engine in one configuration. All threads share it.
struct OtherEngine {
    info: LaneInfo,
}

pub(crate) fn open(_options: &Options) -> Opened {
    let info = LaneInfo {
        name: NAME.to_string(),
        engine: NAME.to_string(),
        code: String::new(),
        // The name of your code generator or interpreter. Ours shares one with the lanes that are compared here.
        backend: "cranelift".to_string(),
        moves: Moves::Nothing,
    };
    Ok(Box::new(OtherEngine { info }))
}

impl Lane for OtherEngine {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        features - SUPPORTED
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        let features = features & SUPPORTED;
        let mut config = Config::new();
        config.features(features);
        let engine = Engine::new(&config).map_err(|error| Failure::Internal(error.to_string()))?;
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        let store = Store::new(&engine, HostState::default());
        let mut session = OtherSession { engine, store, linker, modules: Vec::new(), instances: Vec::new() };
        for function in lanes::spectest_functions().iter().chain(&lanes::extra_host_functions()) {
            session.define(function)?;
        }
        for binary in lanes::spectest_modules(features) {
            let module =
                session.load(&Binary::new(binary)).map_err(|refusal| Failure::Internal(refusal.to_string()))?;
            let instance = session.instantiate(module)?;
            session.register("spectest", instance)?;
        }
        // Scripts count from 0; the instances of `spectest` are not theirs.
        session.modules.clear();
        session.instances.clear();
        Ok(Box::new(session))
    }
}

/// One store.
struct OtherSession {
    engine: Engine,
    store: Store<HostState>,
    linker: Linker<HostState>,
    modules: Vec<Module>,
    instances: Vec<Instance>,
}

/// The record that host functions keep.
#[derive(Default)]
struct HostState {
    calls: Vec<HostCall>,
    /// The failure of a host function that stopped the engine.
    failure: Option<Failure>,
}

impl Session for OtherSession {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        let module = Module::from_binary(&self.engine, module.bytes()).map_err(|error| {
            let phase = match error.kind() {
                ErrorKind::Malformed => Phase::Malformed,
                ErrorKind::Invalid => Phase::Invalid,
                ErrorKind::Unsupported | ErrorKind::TooLarge => Phase::Unsupported,
                ErrorKind::Resource => Phase::Resource,
                _ => Phase::Internal,
            };
            Refusal { phase, message: error.to_string() }
        })?;
        self.modules.push(module);
        Ok(ModuleId(last(&self.modules)))
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        let module = self.modules.get(module.0 as usize).ok_or_else(|| usage("no such module"))?;
        let instance = self.linker.instantiate(&mut self.store, module).map_err(|error| self.failure(&error))?;
        self.instances.push(instance);
        Ok(InstanceId(last(&self.instances)))
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        let instance = self.instance(instance)?;
        let registered = self.linker.instance(&mut self.store, name, instance).map(|_| ());
        registered.map_err(|error| self.failure(&error))
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        let types = |types: &[ValType]| types.iter().map(|&ty| engine_type(ty)).collect::<Vec<_>>();
        let ty = FuncType::new(types(&function.params), types(&function.results));
        let code = function.clone();
        let defined =
            self.linker.func_new(&function.module, &function.name, ty, move |mut caller, arguments, results| {
                let (module, name, objects) = (code.module.clone(), code.name.clone(), Objects::default());
                let shown = arguments.iter().map(raise).collect::<Result<_, _>>();
                let shown = shown.map_err(|failure| stop(&mut caller, failure))?;
                caller.data_mut().calls.push(HostCall { module, name, arguments: shown, objects, frames: None });
                act(&code.behavior, caller, arguments, results)
            });
        defined.map(|_| ()).map_err(|error| self.failure(&error))
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        let instance = self.instance(instance)?;
        let arguments = arguments.iter().map(lower).collect::<Result<Vec<_>, _>>()?;
        let called = instance.get_func(&mut self.store, function).and_then(|function| {
            let types = function.ty(&self.store)?.results;
            let mut results: Vec<Val> = types.iter().map(|&ty| Val::default_for_ty(ty)).collect();
            function.call(&mut self.store, &arguments, &mut results)?;
            Ok(results)
        });
        called.map_err(|error| self.failure(&error))?.iter().map(raise).collect()
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        let instance = self.instance(instance)?;
        let global = instance.get_global(&mut self.store, global).and_then(|global| global.get(&mut self.store));
        raise(&global.map_err(|error| self.failure(&error))?)
    }

    /// `None`: the lane cannot tell.
    fn state(&mut self, _instance: InstanceId) -> Option<State> {
        None
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let memory = self.instance(instance).ok()?.get_memory(&mut self.store, memory).ok()?;
        let mut bytes = vec![0; length];
        memory.read(&self.store, offset, &mut bytes).ok()?;
        Some(bytes)
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.store.data_mut().calls)
    }

    /// `None`: the lane does not count fuel.
    fn fuel(&mut self) -> Option<u64> {
        None
    }
}

impl OtherSession {
    fn instance(&self, id: InstanceId) -> Result<Instance, Failure> {
        self.instances.get(id.0 as usize).copied().ok_or_else(|| usage("no such instance"))
    }

    /// The meaning of an error. An engine that has one word for several trap kinds lists them all in
    /// [`Trap::or_kinds`].
    fn failure(&mut self, error: &Error) -> Failure {
        if let Some(failure) = self.store.data_mut().failure.take() {
            return failure;
        }
        let message = error.to_string();
        match error.kind() {
            ErrorKind::Trap(trap) => Failure::Trap(Trap::new(trap_kind(trap), message, None)),
            ErrorKind::Link => Failure::Link(message),
            ErrorKind::Resource => Failure::Resource(message),
            ErrorKind::Usage => Failure::Usage(message),
            ErrorKind::Unsupported | ErrorKind::TooLarge => Failure::Unsupported(message),
            _ => Failure::Internal(message),
        }
    }
}

/// Does what a host function is to do.
fn act(
    behavior: &Behavior,
    mut caller: Caller<'_, HostState>,
    arguments: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    match behavior {
        Behavior::Return(values) => {
            for (result, value) in results.iter_mut().zip(values) {
                *result = lower(value).map_err(|failure| stop(&mut caller, failure))?;
            }
            Ok(())
        }
        Behavior::Call => match arguments {
            [Val::FuncRef(Some(callee)), rest @ ..] => callee.call(&mut caller, rest, results),
            _ => Err(stop(&mut caller, Failure::Host("the host was given no function to call".to_string()))),
        },
        Behavior::Collect => caller.as_context_mut().gc(),
        Behavior::Fail(text) => Err(stop(&mut caller, Failure::Host(text.clone()))),
        // An engine that can be unwound may panic here instead.
        Behavior::Panic(text) => Err(stop(&mut caller, Failure::Panic(text.clone()))),
    }
}

/// Returns the error that stops the engine, and keeps the failure that it stands for.
fn stop(caller: &mut Caller<'_, HostState>, failure: Failure) -> Error {
    let error = Error::host(failure.to_string());
    caller.data_mut().failure = Some(failure);
    error
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
        engine::Trap::StackOverflow => TrapKind::StackOverflow,
        _ => TrapKind::Other,
    }
}

fn engine_type(ty: ValType) -> engine::ValType {
    match ty {
        ValType::I32 => engine::ValType::I32,
        ValType::I64 => engine::ValType::I64,
        ValType::F32 => engine::ValType::F32,
        ValType::F64 => engine::ValType::F64,
        ValType::V128 => engine::ValType::V128,
        ValType::Ref(HeapType::Func) => engine::ValType::FUNCREF,
        // The features that are supported have no other references.
        ValType::Ref(_) => engine::ValType::EXTERNREF,
    }
}

fn lower(value: &Value) -> Result<Val, Failure> {
    Ok(match *value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits),
        Value::Ref(Reference::Null(HeapType::Func)) => Val::FuncRef(None),
        Value::Ref(Reference::Null(HeapType::Extern)) => Val::ExternRef(None),
        Value::Ref(reference) => return Err(Failure::Unsupported(format!("the argument {reference}"))),
    })
}

fn raise(value: &Val) -> Result<Value, Failure> {
    Ok(match *value {
        Val::I32(value) => Value::I32(value),
        Val::I64(value) => Value::I64(value),
        Val::F32(bits) => Value::F32(bits),
        Val::F64(bits) => Value::F64(bits),
        Val::V128(bits) => Value::V128(bits),
        Val::FuncRef(None) => Value::Ref(Reference::Null(HeapType::Func)),
        Val::ExternRef(None) => Value::Ref(Reference::Null(HeapType::Extern)),
        // `None`: the lane cannot tell functions apart.
        Val::FuncRef(Some(_)) => Value::Ref(Reference::Func(None)),
        _ => return Err(Failure::Unsupported("a result that is a host value".to_string())),
    })
}

fn usage(text: &str) -> Failure {
    Failure::Usage(text.to_string())
}

fn last<T>(items: &[T]) -> u32 {
    u32::try_from(items.len() - 1).expect("a session has fewer than 2^32 items")
}

/// Runs each call in both lanes, and returns the first difference.
fn compare(text: &str, calls: &[(&str, &[Value])]) -> Option<Difference> {
    let options = Options::default();
    let list = lanes::parse(&format!("speed/fresh,{NAME}"), &options).expect("two lanes").present;
    let [left, right] = &list[..] else { panic!("two lanes") };
    let features = SUPPORTED;
    let mut comparison = Comparison::new(left.info(), right.info());
    let mut sessions = [left, right].map(|lane| lane.session(features).expect("a session"));
    let module = Binary::new(wat::parse_str(text).expect("a module"));
    let instances = sessions.each_mut().map(|session| {
        let module = session.load(&module).expect("a valid module");
        session.instantiate(module).expect("an instance")
    });
    for (function, arguments) in calls {
        let [left, right] = [0, 1].map(|lane| {
            let outcome = sessions[lane].invoke(instances[lane], function, arguments);
            Observation::of(&mut *sessions[lane], outcome)
        });
        println!("{function}: {} / {}", left.outcome, right.outcome);
        if let Some(difference) = comparison.step(&left, &right) {
            return Some(difference);
        }
    }
    None
}

const DIVIDE: &str = r#"(module
    (import "spectest" "print_i32" (func $print (param i32)))
    (func (export "divide") (param i32 i32) (result i32)
        (call $print (local.get 0))
        (i32.div_s (local.get 0) (local.get 1))))"#;

fn main() {
    lanes::register(NAME, open);
    let calls: [(&str, &[Value]); 2] =
        [("divide", &[Value::I32(7), Value::I32(2)]), ("divide", &[Value::I32(7), Value::I32(0)])];
    match compare(DIVIDE, &calls) {
        Some(difference) => println!("the lanes differ in {difference}"),
        None => println!("the lanes agree"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lane_agrees_with_ours() {
        // Here, so that nothing is unused where this file is part of another test.
        use super::{DIVIDE, NAME, Value, compare, open};

        lanes::register(NAME, open);
        assert!(lanes::names().contains(&NAME));
        let calls: [(&str, &[Value]); 2] =
            [("divide", &[Value::I32(7), Value::I32(2)]), ("divide", &[Value::I32(7), Value::I32(0)])];
        assert_eq!(compare(DIVIDE, &calls), None);
    }
}
