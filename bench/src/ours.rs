//! Our engine as a subject of the benchmark.

use crate::subject::{Check, Subject, Tier};
use crate::{Error, Result};
use engine::{Config, DigestCheck, Engine, ExternType, Instance, InstancePre, Linker, Module, Store, TypedFunc, Val};
use std::hint::black_box;
use std::path::Path;

/// Our engine in its default configuration, except for the tier and the number of threads that compile.
pub struct Ours {
    engine: Engine,
    /// The same engine, except that it hashes no more of an artifact than it must.
    trusting: Engine,
    /// The same engine, except that it compiles on one thread and on two.
    compilers: [Engine; 2],
}

impl Subject for Ours {
    type Module = Module;
    type Linked = InstancePre<()>;
    type Instance = (Store<()>, Instance);

    fn new(tier: Tier) -> Result<Ours> {
        let mut config = Config::new();
        config.tier(match tier {
            Tier::Speed => engine::Tier::Speed,
            Tier::Quick => engine::Tier::Quick,
        });
        let engine = Engine::new(&config)?;
        let compilers = [Engine::new(config.compile_threads(Some(1)))?, Engine::new(config.compile_threads(Some(2)))?];
        let trusting = Engine::new(config.digest_check(DigestCheck::Metadata))?;
        Ok(Ours { engine, trusting, compilers })
    }

    /// Our engine has one way to allocate instances.
    fn with_pool(tier: Tier) -> Result<Ours> {
        Ours::new(tier)
    }

    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        // Our engine starts its own threads: as many as the pool has, of which the rows have one or two.
        let threads = rayon::current_num_threads().min(self.compilers.len());
        Ok(self.compilers[threads - 1].compile_binary(wasm)?)
    }

    fn load(&self, artifact: &[u8], check: Check) -> Result<Module> {
        let engine = match check {
            Check::Default => &self.engine,
            Check::Least => &self.trusting,
        };
        Ok(Module::deserialize(engine, artifact)?)
    }

    #[expect(unsafe_code, reason = "the only way to load a trusted file")]
    fn load_trusted_file(&self, path: &Path) -> Result<Module> {
        // SAFETY: the benchmark wrote the file and does not change it any more.
        Ok(unsafe { Module::deserialize_trusted_file(&self.engine, path)? })
    }

    fn link(&self, module: &Module) -> Result<Self::Linked> {
        let mut linker = Linker::new(&self.engine);
        linker.allow_shadowing(true);
        for import in module.imports() {
            let name = format!("{}.{}", import.module, import.name);
            let ExternType::Func(ty) = import.ty else {
                return Err(format!("{name} is not a function").into());
            };
            match name.as_str() {
                "host.typed" => linker.func_wrap(import.module, import.name, |a: i32, b: i32| a.wrapping_add(b))?,
                "host.untyped" => linker.func_new(import.module, import.name, ty, |_, params, results| {
                    results[0] = Val::I32(add(params));
                    Ok(())
                })?,
                _ => linker.func_new(import.module, import.name, ty, move |_, _, _| {
                    Err(engine::Error::new(engine::ErrorKind::Link, name.clone()))
                })?,
            };
        }
        Ok(linker.instantiate_pre(module)?)
    }

    fn instantiate(&self, linked: &Self::Linked) -> Result<Self::Instance> {
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
        let func = instance.get_func(&mut *store, export)?;
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
