//! What an engine must be able to do to take part.

use crate::Result;
use std::path::Path;

/// How much effort the compiler spends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// Cranelift's mid-end and its backtracking register allocator: the default of both engines.
    Speed,
    /// No optimization and the single-pass register allocator.
    Quick,
}

impl Tier {
    /// Both of them.
    pub const ALL: [Tier; 2] = [Tier::Speed, Tier::Quick];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Speed => "speed",
            Tier::Quick => "quick",
        }
    }
}

/// How much of an artifact is checked before it is believed, where the engine gives the choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// What the engine does unless told otherwise.
    Default,
    /// As little as the engine can be told to check.
    Least,
}

/// An engine, configured for one tier.
///
/// Functions that are called from the host are of the type `(i32, i32) -> i32`. Imports are linked by
/// [`link`](Subject::link): `host.typed` and `host.untyped`, if they are asked for, are host functions of that type that
/// add, made from a closure of Rust types and from one of run-time values; any other function fails when it is called.
pub trait Subject: Sized + Sync {
    /// Loaded code.
    type Module;
    /// A module and all that its imports need, ready to be instantiated any number of times.
    type Linked;
    /// An instance with the store that it lives in.
    type Instance;

    /// The engine.
    fn new(tier: Tier) -> Result<Self>;

    /// Compiles a binary to the bytes of an artifact, with all threads of the pool that it is called in.
    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>>;

    /// Loads an artifact from bytes.
    fn load(&self, artifact: &[u8], check: Check) -> Result<Self::Module>;

    /// Loads an artifact from a file that is trusted and stays as it is.
    fn load_trusted_file(&self, path: &Path) -> Result<Self::Module>;

    /// Prepares a module's imports; an error if one is not a function.
    fn link(&self, module: &Self::Module) -> Result<Self::Linked>;

    /// Makes a store and an instance in it.
    fn instantiate(&self, linked: &Self::Linked) -> Result<Self::Instance>;

    /// Calls an export `times` times through a handle whose type was checked once.
    fn call_typed(&self, instance: &mut Self::Instance, export: &str, times: u64) -> Result<()>;

    /// Calls an export `times` times with values whose types are checked at each call.
    fn call_untyped(&self, instance: &mut Self::Instance, export: &str, times: u64) -> Result<()>;

    /// Calls an export of type `(i32) -> i64` once.
    fn run(&self, instance: &mut Self::Instance, export: &str, argument: i32) -> Result<i64>;
}
