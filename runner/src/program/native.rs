//! Our engine as a machine.

use super::machine::{Import, Machine};
use super::source::Source;
use super::value::{Type, Value};
use super::{Limits, Profiling, Program, Stopped, Tier};
use engine::{
    Cache, Config, Engine, Error, ErrorKind, ExternType, Instance, Linker, Module, Store, StoreLimits, Val, ValType,
};

pub(super) struct Native {
    store: Store<StoreLimits>,
    linker: Linker<StoreLimits>,
}

impl Native {
    /// An engine for a program. If its file is an artifact, the engine is configured as that says.
    pub(super) fn new(program: &Program, source: &Source) -> Result<Native, Stopped> {
        let mut config = match source {
            Source::Module(_) => config(program),
            Source::Artifact(bytes) => {
                let path = program.path.display();
                let inspected = engine::inspect(bytes).map_err(|error| Stopped::Refused(format!("{path}: {error}")))?;
                config_of_artifact(program, &inspected.config)?
            }
        };
        if let Some(Profiling::For(strategy)) = program.profile {
            config.profiler(strategy);
        }
        if let Some(settings) = &program.cache {
            match Cache::open(settings, program.remark) {
                Ok(cache) => _ = config.cache(Some(cache)),
                Err(why) => (program.remark)(&format_args!("there is no cache: {why}")),
            }
        }
        let engine = Engine::new(&config).map_err(stopped)?;
        let linker = Linker::new(&engine);
        let Limits { fuel, max_memory, .. } = program.limits;
        let most = max_memory.unwrap_or(u64::MAX);
        let mut store = Store::new(&engine, StoreLimits::new().memory_size(most).heap_size(most));
        store.limiter(|limits| limits);
        if let Some(fuel) = fuel {
            store.set_fuel(fuel).map_err(stopped)?;
        }
        store.set_epoch_deadline(1);
        Ok(Native { store, linker })
    }
}

fn config(program: &Program) -> Config {
    let mut config = Config::new();
    config
        .tier(if program.tier == Some(Tier::Quick) { engine::Tier::Quick } else { engine::Tier::Speed })
        .features(program.features & Config::SUPPORTED_FEATURES)
        .consume_fuel(program.limits.fuel.is_some())
        .epoch_interruption(program.limits.timeout.is_some());
    config
}

/// Returns the configuration that an artifact was compiled with.
fn config_of_artifact(program: &Program, artifact: &engine::InspectedConfig) -> Result<Config, Stopped> {
    let path = program.path.display();
    if program.limits.fuel.is_some() && !artifact.consume_fuel {
        return Err(Stopped::Refused(format!(
            "{path}: the artifact's code counts no fuel. Run the module instead, or leave --fuel out"
        )));
    }
    let tier = match artifact.tier {
        engine::Tier::Speed => Tier::Speed,
        engine::Tier::Quick => Tier::Quick,
    };
    if program.tier.is_some_and(|wanted| wanted != tier) {
        let tier = format!("{tier:?}").to_lowercase();
        return Err(Stopped::Refused(format!("{path}: the artifact is of the tier {tier}. Leave --tier out")));
    }
    Ok(artifact.to_config())
}

impl Machine for Native {
    type Module = Module;
    type Instance = Instance;

    fn load(&mut self, source: &Source) -> Result<Module, Stopped> {
        let loaded = match source {
            Source::Module(wasm) => Module::from_binary(self.store.engine(), wasm),
            Source::Artifact(bytes) => Module::deserialize(self.store.engine(), bytes),
        };
        loaded.map_err(stopped)
    }

    fn missing(&mut self, module: &Module) -> Vec<Import> {
        let imports = module.imports();
        let missing = imports.filter(|import| self.linker.get(&mut self.store, import.module, import.name).is_none());
        missing.map(|import| Import::new(import.module, import.name)).collect()
    }

    #[cfg(feature = "wasi")]
    fn provide(&mut self, function: &'static wasi::Function, wasi: &wasi::Wasi) -> Result<(), Stopped> {
        wasi.define_function(&mut self.linker, function).map_err(stopped)
    }

    fn instantiate(&mut self, module: &Module) -> Result<Instance, Stopped> {
        self.linker.instantiate(&mut self.store, module).map_err(stopped)
    }

    fn register(&mut self, name: &str, instance: Instance) -> Result<(), Stopped> {
        self.linker.instance(&mut self.store, name, instance).map(|_| ()).map_err(stopped)
    }

    fn functions(&mut self, instance: Instance) -> Result<Vec<(String, Vec<Type>)>, Stopped> {
        let module = instance.module(&self.store).map_err(stopped)?;
        let functions = module.exports().filter_map(|export| match export.ty {
            ExternType::Func(ty) => Some((export.name.to_owned(), ty.params.iter().map(type_of).collect())),
            _ => None,
        });
        Ok(functions.collect())
    }

    fn call(&mut self, instance: Instance, name: &str, arguments: &[Value]) -> Result<Vec<Value>, Stopped> {
        let function = instance.get_func(&mut self.store, name).map_err(stopped)?;
        let ty = function.ty(&self.store).map_err(stopped)?;
        let arguments: Vec<Val> = arguments.iter().zip(&ty.params).map(|(value, ty)| lower(value, *ty)).collect();
        let mut results: Vec<Val> = ty.results.iter().map(|ty| Val::default_for_ty(*ty)).collect();
        function.call(&mut self.store, &arguments, &mut results).map_err(stopped)?;
        Ok(results.iter().map(lift).collect())
    }

    fn interrupter(&self) -> Box<dyn Fn() + Send> {
        let engine = self.store.engine().clone();
        Box::new(move || engine.increment_epoch())
    }
}

fn type_of(ty: &ValType) -> Type {
    match ty {
        ValType::I32 => Type::I32,
        ValType::I64 => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::V128 => Type::V128,
        ValType::Ref(_) => Type::Reference,
    }
}

/// Converts an argument. The call refuses null where the type does not have it.
fn lower(value: &Value, ty: ValType) -> Val {
    match *value {
        Value::I32(number) => Val::I32(number),
        Value::I64(number) => Val::I64(number),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits),
        Value::Null | Value::Reference(_) => Val::default_for_ty(ty),
    }
}

fn lift(value: &Val) -> Value {
    match value {
        Val::I32(number) => Value::I32(*number),
        Val::I64(number) => Value::I64(*number),
        Val::F32(bits) => Value::F32(*bits),
        Val::F64(bits) => Value::F64(*bits),
        Val::V128(bits) => Value::V128(*bits),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::ExnRef(None) | Val::AnyRef(None) => Value::Null,
        Val::FuncRef(_) => Value::Reference("funcref"),
        Val::ExternRef(_) => Value::Reference("externref"),
        Val::ExnRef(_) => Value::Reference("exnref"),
        Val::AnyRef(_) => Value::Reference("anyref"),
    }
}

/// Returns the reason why code did not return, or did not start.
fn stopped(error: Error) -> Stopped {
    #[cfg(feature = "wasi")]
    if let Some(code) = wasi::exit_code(&error) {
        return Stopped::Exit(code);
    }
    match error.kind() {
        ErrorKind::Trap(_) | ErrorKind::Exception | ErrorKind::Host => {
            let backtrace = error.backtrace().map(ToString::to_string).unwrap_or_default();
            Stopped::Trap(format!("{error}\n{backtrace}"))
        }
        _ => Stopped::Refused(error.to_string()),
    }
}
