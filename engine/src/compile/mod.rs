//! The compiler: a WebAssembly binary in, the bytes of an artefact out.
//!
//! The way of the data: [`validate::decode`] reads the module and leaves the bodies; each body is validated while
//! [`translate`] turns it into CLIF; [`codegen`] makes machine code of that; [`trampoline`] adds the code between
//! WebAssembly and the host; [`link`] places everything in one fixed order. Bodies compile in parallel, and nothing in
//! the artefact depends on how many threads there were.

pub(crate) mod codegen;
mod isa;
pub(crate) mod link;
pub(crate) mod soft;
mod trampoline;
pub(crate) mod translate;
pub(crate) mod validate;

use crate::abi::builtins::Builtin;
use crate::abi::signature::LoweredSignature;
use crate::base::{Config, Error, ErrorKind, Result};
use crate::wasm::index::DefinedFuncIndex;
use crate::wasm::module::Module;
use codegen::{CompiledCode, Compiler, Soft, Symbol};
use link::LinkInput;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::Mutex;
use translate::ModuleEnv;
use validate::{Body, Validated};

#[cfg(test)]
mod tests;

/// Compiles a binary module into the bytes of an artefact.
pub(crate) fn compile(config: &Config, wasm: &[u8]) -> Result<Vec<u8>> {
    let Validated { module, bodies, data, func_names } = validate::decode(config.features, wasm)?;
    let isa = isa::build(config)?;
    let env = ModuleEnv::new(config, wasm, &module, &*isa)?;
    let code = compile_code(&env, bodies)?;
    link::link(LinkInput { config, isa: &*isa, module: &module, func_names: &func_names, data: &data, code })
}

/// All machine code of a module, sorted by symbol.
fn compile_code(env: &ModuleEnv<'_>, bodies: Vec<Body<'_>>) -> Result<Vec<CompiledCode>> {
    let workers = Workers::default();
    let threads = env.config.compile_threads;
    let mut code = in_threads(threads, || workers.run_all(env, tasks(env.module, bodies)))?;
    let called: BTreeSet<&Symbol> = code.iter().flat_map(|code| &code.relocs).map(|reloc| &reloc.target).collect();
    let helpers = called.into_iter().filter_map(Task::of).collect();
    let helpers = workers.run_all(env, helpers)?;
    code.extend(helpers);
    code.sort_by(|one, other| one.symbol.cmp(&other.symbol));
    Ok(code)
}

/// A piece of code to make.
enum Task<'a> {
    Function(DefinedFuncIndex, Body<'a>),
    Entry(LoweredSignature),
    Exit(LoweredSignature),
    Builtin(Builtin),
    Soft(Soft),
}

impl Task<'_> {
    /// What has to be made because other code calls it; functions are made anyway.
    fn of(symbol: &Symbol) -> Option<Task<'static>> {
        match *symbol {
            Symbol::Builtin(builtin) => Some(Task::Builtin(builtin)),
            Symbol::Soft(soft) => Some(Task::Soft(soft)),
            Symbol::Function(_) | Symbol::Entry(_) | Symbol::Exit(_) => None,
        }
    }
}

/// What a module needs whatever its code says: its functions, an exit trampoline for every signature that a host
/// function may have, and an entry trampoline for every signature of a function that the host may call.
fn tasks<'a>(module: &Module, bodies: Vec<Body<'a>>) -> Vec<Task<'a>> {
    let bodies = bodies.into_iter().enumerate();
    let functions = bodies.map(|(position, body)| Task::Function(DefinedFuncIndex::new(position), body));
    let exits: BTreeSet<LoweredSignature> = module.signatures().map(LoweredSignature::from).collect();
    let escaping = module.functions.iter().filter(|function| function.func_ref.is_some());
    let entries: BTreeSet<LoweredSignature> =
        escaping.map(|function| LoweredSignature::from(module.signature(function.ty))).collect();
    functions.chain(entries.into_iter().map(Task::Entry)).chain(exits.into_iter().map(Task::Exit)).collect()
}

/// Runs `work` with as many threads as the configuration allows.
fn in_threads<T: Send>(threads: Option<usize>, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let Some(threads) = threads else {
        return work();
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .build()
        .map_err(|error| Error::new(ErrorKind::Resource, "no threads to compile with").with_source(error))?;
    pool.install(work)
}

/// What a thread works with. Workers are handed round, so that their allocations are reused.
#[derive(Default)]
struct Workers(Mutex<Vec<Worker>>);

#[derive(Default)]
struct Worker {
    compiler: Compiler,
    allocations: translate::Allocations,
}

impl Workers {
    /// Does all tasks. Of several errors it is the first task's that is reported, whichever came first in time.
    fn run_all(&self, env: &ModuleEnv<'_>, tasks: Vec<Task<'_>>) -> Result<Vec<CompiledCode>> {
        let results: Vec<Result<CompiledCode>> = tasks.into_par_iter().map(|task| self.run(env, task)).collect();
        results.into_iter().collect()
    }

    fn run(&self, env: &ModuleEnv<'_>, task: Task<'_>) -> Result<CompiledCode> {
        let idle = || self.0.lock().expect("no thread panics while it holds the lock");
        let idle_worker = idle().pop();
        let mut worker = idle_worker.unwrap_or_default();
        let result = worker.run(env, task);
        // After an error the allocations may hold half a function.
        if result.is_ok() {
            idle().push(worker);
        }
        result
    }
}

impl Worker {
    fn run(&mut self, env: &ModuleEnv<'_>, task: Task<'_>) -> Result<CompiledCode> {
        let Worker { compiler, allocations } = self;
        let (isa, fault) = (env.isa, env.config.fault);
        let func = compiler.func();
        let trampolines = &mut allocations.builder;
        let (symbol, first) = match task {
            Task::Function(index, body) => {
                let first = translate::translate(env, index, body, func, allocations)?;
                (Symbol::Function(index), Some(first))
            }
            Task::Entry(signature) => {
                trampoline::entry(func, isa, &signature, trampolines);
                (Symbol::Entry(signature), None)
            }
            Task::Exit(signature) => {
                trampoline::exit(func, isa, &signature, trampolines);
                (Symbol::Exit(signature), None)
            }
            Task::Builtin(builtin) => {
                trampoline::builtin(func, isa, builtin, trampolines);
                (Symbol::Builtin(builtin), None)
            }
            Task::Soft(soft) => {
                *func = soft::build(soft.libcall(), isa).expect("every such library call has a routine");
                (Symbol::Soft(soft), None)
            }
        };
        compiler.compile(isa, symbol, first, fault)
    }
}
