//! The interface of an engine that the benchmark measures.

use crate::Result;
use std::path::Path;

/// The effort that the compiler spends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// Cranelift's mid-end and its backtracking register allocator: the default of both engines.
    Speed,
    /// No optimization and the single-pass register allocator.
    Quick,
}

impl Tier {
    /// Both tiers.
    pub const ALL: [Tier; 2] = [Tier::Speed, Tier::Quick];

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Speed => "speed",
            Tier::Quick => "quick",
        }
    }
}

/// A garbage collector of Wasmtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Collector {
    /// Deferred reference counting.
    ReferenceCounting,
    /// Copying.
    Copying,
}

impl Collector {
    /// Both collectors.
    pub const ALL: [Collector; 2] = [Collector::ReferenceCounting, Collector::Copying];

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Collector::ReferenceCounting => "reference counting",
            Collector::Copying => "copying",
        }
    }
}

/// The part of an artifact that the engine checks, if it offers the choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// The checks of the default configuration.
    Default,
    /// The least checks that the engine offers.
    Least,
}

/// An engine, configured for one tier.
///
/// Functions that the host calls have the type `(i32, i32) -> i32`. [`link`](Subject::link) defines the imports:
/// `host.typed` and `host.untyped` are host functions of that type that add, made from a closure of Rust types and from
/// one of run-time values. Any other function fails when it is called.
pub trait Subject: Sized + Sync {
    /// Loaded code.
    type Module;
    /// A module with its imports, which can be instantiated any number of times.
    type Linked;
    /// An instance with the store that it lives in.
    type Instance;

    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn new(tier: Tier) -> Result<Self>;

    /// Makes the same engine with everything reserved beforehand that it can reserve for instances.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn with_pool(tier: Tier) -> Result<Self>;

    /// Makes an engine of the tier `Speed` for modules with objects. An engine that has one collector ignores which one
    /// is asked for.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn with_collector(_collector: Collector) -> Result<Self> {
        Self::new(Tier::Speed)
    }

    /// Compiles a binary to the bytes of an artifact, with all threads of the current pool.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>>;

    /// Loads an artifact from bytes.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn load(&self, artifact: &[u8], check: Check) -> Result<Self::Module>;

    /// Loads an artifact from a file that is trusted and does not change.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn load_trusted_file(&self, path: &Path) -> Result<Self::Module>;

    /// Defines a module's imports.
    ///
    /// # Errors
    ///
    /// If an import is not a function, or the error of the engine.
    fn link(&self, module: &Self::Module) -> Result<Self::Linked>;

    /// Makes a store and an instance in it.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn instantiate(&self, linked: &Self::Linked) -> Result<Self::Instance>;

    /// Calls an export `times` times through a handle whose type was checked once.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn call_typed(&self, instance: &mut Self::Instance, export: &str, times: u64) -> Result<()>;

    /// Calls an export `times` times with values whose types are checked at each call.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn call_untyped(&self, instance: &mut Self::Instance, export: &str, times: u64) -> Result<()>;

    /// Calls an export of type `(i32) -> i64` once.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn run(&self, instance: &mut Self::Instance, export: &str, argument: i32) -> Result<i64>;
}
