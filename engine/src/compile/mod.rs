//! The compiler: a WebAssembly binary in, the bytes of an artifact out.
//!
//! 1. [`validate::decode`] reads and validates the module, except for its function bodies.
//! 2. [`translate`] validates each body and translates it to CLIF on the way.
//! 3. [`trampoline`] builds the code between WebAssembly and the host.
//! 4. [`codegen`] compiles each CLIF function to machine code.
//! 5. [`link`] lays out all code in one fixed order and writes the artifact.
//!
//! [`symbol`] names pieces of code, [`clif`] holds the conventions of all CLIF, [`arch`] what depends on the
//! architecture.
//!
//! Functions compile in parallel. The artifact depends neither on the number of threads nor on what the compiler
//! compiled before.

mod arch;
mod clif;
mod codegen;
mod isa;
mod link;
#[cfg(feature = "planted-faults")]
mod planted_faults;
mod symbol;
mod trampoline;
mod translate;
pub(crate) mod validate;

use crate::abi::signature::LoweredSignature;
use crate::base::{Compile, Config, Error, ErrorKind, Result};
use crate::wasm::index::DefinedFuncIndex;
use crate::wasm::module::Module;
use codegen::{CompiledCode, FunctionCompiler};
use cranelift_codegen::isa::OwnedTargetIsa;
use link::LinkInput;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use symbol::Symbol;
use translate::ModuleEnv;
use validate::{Body, Validated};

#[cfg(test)]
mod tests;

/// The compiler of one engine. It keeps what a later module can use again: the target machine, the threads,
/// allocations, and code that is the same in every module.
pub(crate) struct Compiler {
    config: Config,
    isa: OwnedTargetIsa,
    /// The compiler's own threads, if the configuration asks for a number of them. Otherwise rayon's global pool or,
    /// for one thread, the caller's thread does the work.
    pool: Option<ThreadPool>,
    workers: Workers,
    helpers: Helpers,
}

impl Compiler {
    /// Creates the compiler of an engine with this configuration.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if threads cannot be started, and
    /// [`Unsupported`](ErrorKind::Unsupported) if Cranelift does not know this machine.
    pub(crate) fn new(config: &Config) -> Result<Compiler> {
        let threads = config.compile_threads.filter(|&threads| threads > 1);
        let pool = threads.map(|threads| ThreadPoolBuilder::new().num_threads(threads).build()).transpose();
        let pool = pool.map_err(|error| {
            Error::new(ErrorKind::Resource, "the threads of the compiler cannot be started").with_source(error)
        })?;
        let (config, isa) = (config.clone(), isa::build(config)?);
        Ok(Compiler { config, isa, pool, workers: Workers::default(), helpers: Helpers::default() })
    }

    /// Compiles all machine code of a module, sorted by symbol.
    fn compile_all(&self, env: &ModuleEnv<'_>, bodies: Vec<Body<'_>>) -> Result<Vec<CompiledCode>> {
        let mut code = self.run_all(env, tasks(env.module, bodies))?;
        // Trampolines of library calls and fallbacks are made on demand: only relocations tell which are called.
        let called: BTreeSet<&Symbol> = code.iter().flat_map(|code| &code.relocs).map(|reloc| &reloc.target).collect();
        let helpers = called.into_iter().filter(|symbol| !matches!(symbol, Symbol::Function(_)));
        let helpers = self.run_all(env, helpers.cloned().map(Task::Helper).collect())?;
        code.extend(helpers);
        code.sort_by(|one, other| one.symbol.cmp(&other.symbol));
        #[cfg(feature = "planted-faults")]
        planted_faults::plant_in_tables(&mut code, self.config.fault);
        Ok(code)
    }

    /// Runs all tasks. Of several errors, the first task's is returned, so that the error does not depend on timing.
    fn run_all(&self, env: &ModuleEnv<'_>, tasks: Vec<Task<'_>>) -> Result<Vec<CompiledCode>> {
        if self.config.compile_threads.is_some_and(|threads| threads <= 1) {
            return tasks.into_iter().map(|task| self.run(env, task)).collect();
        }
        let all = || tasks.into_par_iter().map(|task| self.run(env, task)).collect();
        let results: Vec<Result<CompiledCode>> = match &self.pool {
            Some(pool) => pool.install(all),
            None => all(),
        };
        results.into_iter().collect()
    }

    fn run(&self, env: &ModuleEnv<'_>, task: Task<'_>) -> Result<CompiledCode> {
        match task {
            Task::Function(index, body) => self.workers.run(|worker| worker.compile_function(env, index, body)),
            Task::Helper(symbol) => {
                if let Some(code) = self.helpers.get(&symbol) {
                    return Ok(code);
                }
                let code = self.workers.run(|worker| worker.compile_helper(env, symbol))?;
                self.helpers.insert(&code);
                Ok(code)
            }
        }
    }
}

impl Compile for Compiler {
    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        let (config, isa) = (&self.config, &*self.isa);
        let Validated { module, bodies, data, func_names } = validate::decode(config.features, wasm)?;
        let env = ModuleEnv::new(config, wasm, &module, isa)?;
        let code = self.compile_all(&env, bodies)?;
        link::link(LinkInput { config, isa, module: &module, func_names: &func_names, data: &data, code })
    }
}

/// A piece of code to compile.
enum Task<'a> {
    /// A function of the module.
    Function(DefinedFuncIndex, Body<'a>),
    /// Any other code, which depends on nothing but its symbol and the configuration.
    Helper(Symbol),
}

/// Lists the code that a module needs in any case: its functions, an exit trampoline for every signature that a host
/// function may have, and an entry trampoline for every signature of a function that the host may call.
fn tasks<'a>(module: &Module, bodies: Vec<Body<'a>>) -> Vec<Task<'a>> {
    let bodies = bodies.into_iter().enumerate();
    let functions = bodies.map(|(position, body)| Task::Function(DefinedFuncIndex::new(position), body));
    let exits: BTreeSet<LoweredSignature> = module.signatures().map(LoweredSignature::from).collect();
    let escaping = module.functions.iter().filter(|function| function.func_ref.is_some());
    let entries: BTreeSet<LoweredSignature> =
        escaping.map(|function| LoweredSignature::from(module.signature(function.ty))).collect();
    let helpers = entries.into_iter().map(Symbol::Entry).chain(exits.into_iter().map(Symbol::Exit));
    functions.chain(helpers.map(Task::Helper)).collect()
}

/// A cache of helpers, by symbol: small modules consist of little else.
#[derive(Default)]
struct Helpers(Mutex<HashMap<Symbol, CompiledCode>>);

impl Helpers {
    /// The largest number of helpers in the cache: an engine that compiles modules without end must not grow without
    /// end.
    const CAPACITY: usize = 1 << 10;

    fn get(&self, symbol: &Symbol) -> Option<CompiledCode> {
        self.0.lock().expect(UNPOISONED).get(symbol).cloned()
    }

    fn insert(&self, code: &CompiledCode) {
        let mut helpers = self.0.lock().expect(UNPOISONED);
        if helpers.len() < Helpers::CAPACITY {
            helpers.insert(code.symbol.clone(), code.clone());
        }
    }
}

const UNPOISONED: &str = "no thread panics while it holds the lock";

/// The idle workers. A thread takes one for each task and puts it back, so that allocations are reused.
#[derive(Default)]
struct Workers(Mutex<Vec<Worker>>);

/// The state that compiling one function needs.
#[derive(Default)]
struct Worker {
    compiler: FunctionCompiler,
    allocations: translate::Allocations,
}

impl Workers {
    fn run(&self, work: impl FnOnce(&mut Worker) -> Result<CompiledCode>) -> Result<CompiledCode> {
        let idle = self.0.lock().expect(UNPOISONED).pop();
        let mut worker = idle.unwrap_or_default();
        let result = work(&mut worker);
        // After an error the allocations may hold half a function.
        if result.is_ok() {
            self.0.lock().expect(UNPOISONED).push(worker);
        }
        result
    }
}

impl Worker {
    fn compile_function(
        &mut self,
        env: &ModuleEnv<'_>,
        index: DefinedFuncIndex,
        body: Body<'_>,
    ) -> Result<CompiledCode> {
        let first = translate::translate(env, index, body, self.compiler.func(), &mut self.allocations)?;
        self.compiler.compile(env.isa, Symbol::Function(index), Some(first))
    }

    fn compile_helper(&mut self, env: &ModuleEnv<'_>, symbol: Symbol) -> Result<CompiledCode> {
        let (func, isa, allocations) = (self.compiler.func(), env.isa, &mut self.allocations.builder);
        match &symbol {
            Symbol::Function(_) => unreachable!("functions of the module are tasks of their own"),
            Symbol::Entry(signature) => trampoline::build_entry(func, isa, signature, allocations),
            Symbol::Exit(signature) => trampoline::build_exit(func, isa, signature, allocations),
            Symbol::Builtin(builtin) => trampoline::build_builtin(func, isa, *builtin, allocations),
            Symbol::Fallback(fallback) => *func = fallback.build(isa),
        }
        self.compiler.compile(isa, symbol, None)
    }
}
