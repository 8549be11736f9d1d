//! Interpreters as subjects of the benchmark.

mod ours;
#[cfg(feature = "wasmi")]
mod theirs;

pub use ours::OurInterpreter;
#[cfg(feature = "wasmi")]
pub use theirs::TheirInterpreter;

use crate::Result;

/// An engine that runs a binary without compiling it beforehand, in its default configuration.
pub trait Interpreter: Sized {
    /// An instance with the store that it lives in.
    type Instance;

    /// Makes an engine.
    fn new() -> Self;

    /// Makes a module of a binary, and an instance of it in a store of its own. The imports `host.typed` and
    /// `host.untyped` are those of a [`Subject`](crate::Subject), both made from a closure of Rust types.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn start(&self, wasm: &[u8]) -> Result<Self::Instance>;

    /// Calls an export of type `(i32) -> i64` once.
    ///
    /// # Errors
    ///
    /// The error of the engine.
    fn run(&self, instance: &mut Self::Instance, export: &str, argument: i32) -> Result<i64>;
}
