//! Our interpreter as a machine.

use super::machine::{Import, Machine};
use super::source::Source;
use super::value::{Type, Value};
use super::{Limits, Program, Stopped};
use interpreter::{
    Config, Engine, Error, ErrorKind, ExternType, Instance, Linker, Module, Store, StoreLimits, Val, ValType,
};

pub(super) struct Interp {
    store: Store<()>,
    linker: Linker<()>,
}

impl Interp {
    /// An interpreter for a program.
    pub(super) fn new(program: &Program) -> Result<Interp, Stopped> {
        let Limits { fuel, timeout, max_memory } = program.limits;
        let mut config = Config::new();
        config
            .features(program.features & Config::SUPPORTED_FEATURES)
            .consume_fuel(fuel.is_some())
            .epoch_interruption(timeout.is_some());
        let engine = Engine::new(&config);
        let most = max_memory.unwrap_or(u64::MAX);
        let mut store = Store::new(&engine, ());
        store.set_limits(StoreLimits::new().memory_size(most).heap_size(most));
        if let Some(fuel) = fuel {
            store.set_fuel(fuel).map_err(stopped)?;
        }
        store.set_epoch_deadline(1);
        Ok(Interp { store, linker: Linker::new(&engine) })
    }
}

impl Machine for Interp {
    type Module = Module;
    type Instance = Instance;

    fn load(&mut self, source: &Source) -> Result<Module, Stopped> {
        match source {
            Source::Module(wasm) => Module::new(self.store.engine(), wasm).map_err(stopped),
            Source::Artifact(_) => Err(Stopped::Refused(
                "an artifact holds machine code, which is not interpreted. Leave `--tier interp` out".to_owned(),
            )),
        }
    }

    fn missing(&mut self, module: &Module) -> Vec<Import> {
        let imports = module.imports();
        let missing = imports.filter(|import| self.linker.get(&mut self.store, import.module, import.name).is_none());
        missing.map(|import| Import::new(import.module, import.name)).collect()
    }

    #[cfg(feature = "wasi")]
    fn provide(&mut self, function: &'static wasi::Function, wasi: &wasi::Wasi) -> Result<(), Stopped> {
        use interpreter::{Backtrace, Extern, FuncType};
        let number = |ty: &wasi::NumType| match ty {
            wasi::NumType::I32 => ValType::I32,
            wasi::NumType::I64 => ValType::I64,
        };
        let ty = FuncType::new(function.params.iter().map(number), function.result.iter().map(number));
        let wasi = wasi.clone();
        let defined = self.linker.func_new(wasi::MODULE, function.name, ty, move |mut caller, arguments, results| {
            let numbers: Vec<u64> = arguments.iter().map(number_of).collect();
            let memory = match caller.get_export("memory").and_then(Extern::into_memory) {
                Some(memory) => memory.data_mut(&mut caller)?,
                None => &mut [],
            };
            match wasi.call(function, &numbers, memory) {
                Ok(result) => {
                    results.iter_mut().zip(result).for_each(|(slot, number)| *slot = Val::I32(number));
                    Ok(())
                }
                Err(stop) => Err(Error::host(stop).with_backtrace(Backtrace::capture(&caller))),
            }
        });
        defined.map(|_| ()).map_err(stopped)
    }

    fn instantiate(&mut self, module: &Module) -> Result<Instance, Stopped> {
        self.linker.instantiate(&mut self.store, module).map_err(stopped)
    }

    fn register(&mut self, name: &str, instance: Instance) -> Result<(), Stopped> {
        self.linker.instance(&self.store, name, instance).map(|_| ()).map_err(stopped)
    }

    fn functions(&mut self, instance: Instance) -> Result<Vec<(String, Vec<Type>)>, Stopped> {
        let module = instance.module(&self.store).map_err(stopped)?;
        let functions = module.exports().filter_map(|export| match export.ty {
            ExternType::Func(ty) => Some((export.name.to_owned(), ty.params().iter().map(type_of).collect())),
            _ => None,
        });
        Ok(functions.collect())
    }

    fn call(&mut self, instance: Instance, name: &str, arguments: &[Value]) -> Result<Vec<Value>, Stopped> {
        let function = instance.get_func(&self.store, name).map_err(stopped)?;
        let ty = function.ty(&self.store).map_err(stopped)?;
        let arguments = arguments.iter().zip(ty.params());
        let arguments: Vec<Val> = arguments.map(|(value, ty)| self.lower(value, *ty)).collect();
        let mut results: Vec<Val> = ty.results().iter().map(|ty| Val::default_for_ty(&self.store, *ty)).collect();
        function.call(&mut self.store, &arguments, &mut results).map_err(stopped)?;
        Ok(results.iter().map(lift).collect())
    }

    fn interrupter(&self) -> Box<dyn Fn() + Send> {
        let engine = self.store.engine().clone();
        Box::new(move || engine.increment_epoch())
    }
}

impl Interp {
    /// Converts an argument. The call refuses null where the type does not have it.
    fn lower(&self, value: &Value, ty: ValType) -> Val {
        match *value {
            Value::I32(number) => Val::I32(number),
            Value::I64(number) => Val::I64(number),
            Value::F32(bits) => Val::F32(bits),
            Value::F64(bits) => Val::F64(bits),
            Value::V128(bits) => Val::V128(bits),
            Value::Null | Value::Reference(_) => Val::default_for_ty(&self.store, ty),
        }
    }
}

fn type_of<T>(ty: &ValType<T>) -> Type {
    match ty {
        ValType::I32 => Type::I32,
        ValType::I64 => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::V128 => Type::V128,
        ValType::Ref(_) => Type::Reference,
    }
}

fn lift(value: &Val) -> Value {
    match value {
        Val::I32(number) => Value::I32(*number),
        Val::I64(number) => Value::I64(*number),
        Val::F32(bits) => Value::F32(*bits),
        Val::F64(bits) => Value::F64(*bits),
        Val::V128(bits) => Value::V128(*bits),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::ExnRef(None) | Val::ContRef(None) | Val::AnyRef(None) => {
            Value::Null
        }
        Val::FuncRef(_) => Value::Reference("funcref"),
        Val::ExternRef(_) => Value::Reference("externref"),
        Val::ExnRef(_) => Value::Reference("exnref"),
        Val::ContRef(_) => Value::Reference("contref"),
        Val::AnyRef(_) => Value::Reference("anyref"),
    }
}

/// Returns an argument of a function of WASI as a plain number.
#[cfg(feature = "wasi")]
fn number_of(value: &Val) -> u64 {
    match *value {
        Val::I32(number) => u64::from(number as u32),
        Val::I64(number) => number as u64,
        _ => unreachable!("functions of WASI take integers"),
    }
}

/// Returns the reason why code did not return, or did not start.
fn stopped(error: Error) -> Stopped {
    #[cfg(feature = "wasi")]
    if let Some(wasi::Stop::Exit(code)) = error.downcast_ref() {
        return Stopped::Exit(*code);
    }
    match error.kind() {
        ErrorKind::Trap(_) | ErrorKind::Exception | ErrorKind::Host => {
            let backtrace = error.backtrace().map(ToString::to_string).unwrap_or_default();
            Stopped::Trap(format!("{error}\n{backtrace}"))
        }
        _ => Stopped::Refused(error.to_string()),
    }
}
