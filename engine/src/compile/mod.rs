//! The compiler: a WebAssembly binary in, the bytes of an artifact out.
//!
//! 1. [`validate::decode`] reads and validates the module, except for its function bodies.
//! 2. [`translate`] validates each body and translates it to CLIF on the way.
//! 3. [`trampoline`] builds the code between WebAssembly and the host.
//! 4. [`codegen`] compiles each CLIF function to machine code, and [`budget`] says with which settings.
//! 5. [`link`] lays out all code in one fixed order and writes the artifact.
//!
//! [`debug_info`] makes what debuggers read, with [`value_locations`], which finds where locals are, and [`listing`],
//! which makes the text that stands for the source of a module. [`symbol`] names pieces of code, [`clif`] holds the
//! conventions of all CLIF, [`arch`] what depends on the architecture.
//!
//! Functions compile in [`parallel`]. The artifact depends neither on the number of threads nor on what the compiler
//! compiled before.

mod arch;
mod budget;
mod clif;
mod codegen;
mod debug_info;
mod isa;
mod link;
mod listing;
mod parallel;
#[cfg(feature = "planted-faults")]
mod planted_faults;
mod symbol;
mod trampoline;
mod translate;
pub(crate) mod validate;
mod value_locations;

use crate::abi::signature::LoweredSignature;
use crate::base::{Compile, Config, Result, Tier};
use crate::wasm::index::{DefinedFuncIndex, TypeIndex};
use crate::wasm::module::Module;
use codegen::{CompiledCode, FunctionCompiler};
use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use link::LinkInput;
pub use listing::Listing;
pub(crate) use parallel::STACK;
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use symbol::Symbol;
use translate::{ModuleEnv, Translated};
use validate::{Body, Validated};

#[cfg(test)]
mod tests;

/// The compiler of one engine. It keeps what a later module can use again: the target machine, allocations, and code
/// that is the same in every module.
pub(crate) struct Compiler {
    config: Config,
    isa: OwnedTargetIsa,
    /// The target machine with the settings of the tier `Quick`, for functions past their budget.
    quick: OwnedTargetIsa,
    workers: Workers,
    helpers: Helpers,
}

impl Compiler {
    /// Creates the compiler of an engine with this configuration.
    ///
    /// # Errors
    /// Kind [`Unsupported`](crate::base::ErrorKind::Unsupported) if Cranelift does not know this machine.
    pub(crate) fn new(config: &Config) -> Result<Compiler> {
        let (isa, quick) = (isa::build(config, config.tier)?, isa::build(config, Tier::Quick)?);
        let (config, workers, helpers) = (config.clone(), Workers::default(), Helpers::default());
        Ok(Compiler { config, isa, quick, workers, helpers })
    }

    /// Compiles all machine code of a module, sorted by symbol.
    fn compile_all(&self, env: &ModuleEnv<'_>, bodies: Vec<Body<'_>>) -> Result<Vec<CompiledCode>> {
        let mut code = self.run_all(env, functions(bodies))?;
        let helpers = self.run_all(env, helpers(env.module, &code).into_iter().map(Task::Helper).collect())?;
        code.extend(helpers);
        code.sort_by(|one, other| one.symbol.cmp(&other.symbol));
        #[cfg(feature = "planted-faults")]
        planted_faults::plant_in_tables(&mut code, self.config.fault);
        Ok(code)
    }

    /// Runs all tasks. Of several errors, the first task's is returned, so that the error does not depend on timing.
    fn run_all(&self, env: &ModuleEnv<'_>, tasks: Vec<Task<'_>>) -> Result<Vec<CompiledCode>> {
        let cost = tasks.iter().map(Task::cost).sum();
        let threads = parallel::threads_for(cost, self.config.compile_threads);
        parallel::map(tasks, threads, |task| self.run(env, task)).into_iter().collect()
    }

    fn run(&self, env: &ModuleEnv<'_>, task: Task<'_>) -> Result<CompiledCode> {
        match task {
            Task::Function(index, body) => {
                self.workers.run(|worker| worker.compile_function(env, &*self.quick, index, body))
            }
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
        link::link(LinkInput { config, isa, module: &module, func_names: &func_names, data: &data, code, wasm })
    }

    #[cfg(feature = "cache")]
    fn identity(&self) -> Result<[u8; 32]> {
        link::identity(&self.config, &*self.isa)
    }
}

/// A piece of code to compile.
enum Task<'a> {
    /// A function of the module.
    Function(DefinedFuncIndex, Body<'a>),
    /// Any other code, which depends on nothing but its symbol and the configuration.
    Helper(Symbol),
}

impl Task<'_> {
    /// Returns a rough measure of the time that the task takes: the bytes of a function, or of one that takes as long.
    fn cost(&self) -> usize {
        match self {
            Task::Function(_, body) => body.body.as_bytes().len(),
            Task::Helper(_) => 64,
        }
    }
}

/// Lists the functions of a module.
fn functions(bodies: Vec<Body<'_>>) -> Vec<Task<'_>> {
    let bodies = bodies.into_iter().enumerate();
    bodies.map(|(position, body)| Task::Function(DefinedFuncIndex::new(position), body)).collect()
}

/// Lists all other code that a module needs. A type that nothing below mentions costs nothing:
///
/// - an entry trampoline for every signature of a function that the host may call,
/// - an exit trampoline for every signature of an import, whose code an instance copies, and for every signature of a
///   call by address, whose callee may be a function of the host,
/// - trampolines of library calls, and fallbacks, that the functions' relocations name.
fn helpers(module: &Module, code: &[CompiledCode]) -> BTreeSet<Symbol> {
    let lower = |ty: TypeIndex| LoweredSignature::from(module.signature(ty));
    let escaping = module.functions.iter().filter(|function| function.func_ref.is_some());
    let imported = module.functions[..module.imported_functions as usize].iter().map(|function| function.ty);
    let called = code.iter().flat_map(|code| code.called.iter().copied());
    let exits: BTreeSet<TypeIndex> = imported.chain(called).collect();
    let named = code.iter().flat_map(|code| &code.relocs).map(|reloc| &reloc.target);
    let mut helpers: BTreeSet<Symbol> =
        named.filter(|symbol| !matches!(symbol, Symbol::Function(_))).cloned().collect();
    helpers.extend(escaping.map(|function| Symbol::Entry(lower(function.ty))));
    helpers.extend(exits.into_iter().map(|ty| Symbol::Exit(lower(ty))));
    helpers
}

/// A cache of helpers, by symbol: small modules consist of little else.
///
/// Nobody waits for the lock. A miss costs little, while a lock that another thread holds stays locked for ever in a
/// forked child.
#[derive(Default)]
struct Helpers(Mutex<HashMap<Symbol, CompiledCode>>);

impl Helpers {
    /// The largest number of helpers in the cache: an engine that compiles modules without end must not grow without
    /// end.
    const CAPACITY: usize = 1 << 10;

    fn get(&self, symbol: &Symbol) -> Option<CompiledCode> {
        self.0.try_lock().ok()?.get(symbol).cloned()
    }

    fn insert(&self, code: &CompiledCode) {
        if let Ok(mut helpers) = self.0.try_lock()
            && helpers.len() < Helpers::CAPACITY
        {
            helpers.insert(code.symbol.clone(), code.clone());
        }
    }
}

/// The idle workers. A thread takes one for each task and puts it back, so that allocations are reused. Nobody waits
/// for the lock, as in [`Helpers`].
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
        let idle = self.0.try_lock().ok().and_then(|mut idle| idle.pop());
        let mut worker = idle.unwrap_or_default();
        let result = work(&mut worker);
        // After an error the allocations may hold half a function.
        if result.is_ok()
            && let Ok(mut idle) = self.0.try_lock()
        {
            idle.push(worker);
        }
        result
    }
}

impl Worker {
    fn compile_function(
        &mut self,
        env: &ModuleEnv<'_>,
        quick: &dyn TargetIsa,
        index: DefinedFuncIndex,
        body: Body<'_>,
    ) -> Result<CompiledCode> {
        let Translated { first, called, locals } =
            translate::translate(env, index, body, self.compiler.func(), &mut self.allocations)?;
        let is_past_budget = budget::settings(self.compiler.translated())? == budget::Settings::Quick;
        let is_unoptimized = is_past_budget && env.config.tier != Tier::Quick;
        let isa = if is_unoptimized { quick } else { env.isa };
        let code = self.compiler.compile(isa, Symbol::Function(index), Some(first), locals)?;
        Ok(CompiledCode { called, is_unoptimized, ..code })
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
        self.compiler.compile(isa, symbol, None, None)
    }
}
