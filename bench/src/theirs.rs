//! Wasmtime as a subject of the benchmark.

use crate::subject::{Check, Collector, Subject, Tier};
use crate::{Error, Result};
use std::hint::black_box;
use std::path::Path;
use wasmtime::{
    Config, Engine, ExternType, Instance, InstanceAllocationStrategy, InstancePre, Linker, Module, OptLevel,
    RegallocAlgorithm, Store, TypedFunc, Val,
};

/// Wasmtime in its default configuration. The quick tier sets the two options that our quick tier stands for.
pub struct Theirs {
    engine: Engine,
}

impl Theirs {
    /// An engine with this allocation strategy.
    fn with(tier: Tier, strategy: InstanceAllocationStrategy) -> Result<Theirs> {
        let mut config = Config::new();
        config.allocation_strategy(strategy);
        if tier == Tier::Quick {
            config.cranelift_opt_level(OptLevel::None);
            config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        }
        Ok(Theirs { engine: Engine::new(&config)? })
    }
}

impl Subject for Theirs {
    type Module = Module;
    type Linked = InstancePre<()>;
    type Instance = (Store<()>, Instance);

    fn new(tier: Tier) -> Result<Theirs> {
        Theirs::with(tier, InstanceAllocationStrategy::OnDemand)
    }

    fn with_pool(tier: Tier) -> Result<Theirs> {
        Theirs::with(tier, InstanceAllocationStrategy::pooling())
    }

    fn with_collector(collector: Collector) -> Result<Theirs> {
        let mut config = Config::new();
        config.wasm_function_references(true).wasm_gc(true).collector(match collector {
            Collector::ReferenceCounting => wasmtime::Collector::DeferredReferenceCounting,
            Collector::Copying => wasmtime::Collector::Copying,
        });
        Ok(Theirs { engine: Engine::new(&config)? })
    }

    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        Ok(self.engine.precompile_module(wasm)?)
    }

    #[expect(unsafe_code, reason = "the only way to load an artifact")]
    fn load(&self, artifact: &[u8], _check: Check) -> Result<Module> {
        // SAFETY: the benchmark made the artifact with this engine.
        Ok(unsafe { Module::deserialize(&self.engine, artifact)? })
    }

    #[expect(unsafe_code, reason = "the only way to load an artifact")]
    fn load_trusted_file(&self, path: &Path) -> Result<Module> {
        // SAFETY: the benchmark wrote this engine's artifact to the file and does not change it any more.
        Ok(unsafe { Module::deserialize_file(&self.engine, path)? })
    }

    fn link(&self, module: &Module) -> Result<InstancePre<()>> {
        let mut linker = Linker::new(&self.engine);
        linker.allow_shadowing(true);
        for import in module.imports() {
            let name = format!("{}.{}", import.module(), import.name());
            let ExternType::Func(ty) = import.ty() else {
                return Err(format!("{name} is not a function").into());
            };
            match name.as_str() {
                "host.typed" => linker.func_wrap(import.module(), import.name(), |a: i32, b: i32| a.wrapping_add(b))?,
                "host.untyped" => linker.func_new(import.module(), import.name(), ty, |_, params, results| {
                    results[0] = Val::I32(add(params));
                    Ok(())
                })?,
                _ => linker.func_new(import.module(), import.name(), ty, move |_, _, _| {
                    Err(wasmtime::Error::msg(name.clone()))
                })?,
            };
        }
        Ok(linker.instantiate_pre(module)?)
    }

    fn instantiate(&self, linked: &InstancePre<()>) -> Result<Self::Instance> {
        let mut store = Store::new(&self.engine, ());
        let instance = linked.instantiate(&mut store)?;
        Ok((store, instance))
    }

    fn call_typed(&self, (store, instance): &mut Self::Instance, export: &str, times: u64) -> Result<()> {
        let func: TypedFunc<(i32, i32), i32> = instance.get_typed_func(&mut *store, export)?;
        for _ in 0..times {
            black_box(func.call(&mut *store, black_box((1, 2)))?);
        }
        Ok(())
    }

    fn call_untyped(&self, (store, instance): &mut Self::Instance, export: &str, times: u64) -> Result<()> {
        let func = instance.get_func(&mut *store, export).ok_or("no such export")?;
        let mut results = [Val::I32(0)];
        for _ in 0..times {
            func.call(&mut *store, black_box(&[Val::I32(1), Val::I32(2)]), &mut results)?;
            black_box(&results);
        }
        Ok(())
    }

    fn run(&self, (store, instance): &mut Self::Instance, export: &str, argument: i32) -> Result<i64> {
        let func: TypedFunc<i32, i64> = instance.get_typed_func(&mut *store, export)?;
        func.call(store, argument).map_err(Error::from)
    }
}

fn add(params: &[Val]) -> i32 {
    match params {
        [Val::I32(a), Val::I32(b)] => a.wrapping_add(*b),
        _ => unreachable!("the arguments have the function's type"),
    }
}
