//! A WebAssembly engine that compiles a module ahead of time into one ELF artifact.
//!
//! The artifact holds everything that execution, traps and backtraces need. A fresh compile hands its bytes to the same
//! loader that a cached file goes through, and loading rebuilds nothing. Without the default feature `compile` the
//! crate has no compiler, and still loads and runs artifacts.
//!
//! ```
//! # #[cfg(feature = "compile")]
//! # fn main() -> engine::Result<()> {
//! use engine::{Config, Engine, Instance, Module, Store};
//!
//! let engine = Engine::new(&Config::new())?;
//! let text = r#"(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"#;
//! let module = Module::new(&engine, text)?;
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &module, &[])?;
//! let add = instance.get_typed_func::<(i32, i32), i32>(&mut store, "add")?;
//! assert_eq!(add.call(&mut store, (2, 3))?, 5);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "compile"))]
//! # fn main() {}
//! ```
//!
//! # Rooms
//!
//! Each folder of `src` is a room, which uses only rooms to its left. `tests/rooms.rs` checks it.
//!
//! `cache <- base <- wasm <- abi <- artifact <- { compile | unwind <- runtime } <- lib.rs`
//!
//! `compile` and `runtime` meet in `compile_and_load/` alone.

pub(crate) mod abi;
pub(crate) mod artifact;
pub(crate) mod base;
#[cfg(feature = "cache")]
pub(crate) mod cache;
#[cfg(feature = "compile")]
mod compile;
#[cfg(feature = "compile")]
mod compile_and_load;
pub(crate) mod runtime;
pub(crate) mod unwind;
pub(crate) mod wasm;

#[cfg(all(feature = "compile", feature = "probes"))]
#[doc(hidden)]
pub use artifact::sign_again;
pub use artifact::{
    DigestState, InspectedConfig, InspectedDigest, InspectedFunction, InspectedSection, Inspection, build_name,
    inspect, inspect_with_key,
};
pub use base::{
    Backtrace, Config, CpuFeatures, DigestCheck, Error, ErrorKind, Features, Frame, MemoryChecks, ProfilingStrategy,
    Result, TextOffset, Tier, Trap, WasmOffset,
};
#[cfg(feature = "cache")]
pub use cache::{Cache, CacheEntry, CacheSettings};
#[cfg(feature = "compile")]
pub use compile::Listing;
pub use runtime::{
    AnyRef, ArrayRef, AsContext, AsContextMut, Caller, Engine, ExnRef, ExportType, Extern, ExternRef, Func, Global,
    I31, ImportType, Instance, InstancePre, IntoFunc, Linker, Memory, Module, OwnedRooted, Profile, ResourceLimiter,
    RootScope, Rooted, SharedMemory, Store, StoreContext, StoreContextMut, StoreLimits, StructRef, Table, Tag,
    TypedFunc, UpdateDeadline, Val, WaitResult, WasmParams, WasmResults, WasmRet, WasmTy,
};
pub use wasm::types::{
    CompositeKind, ConcreteType, ExternType, FuncType, GlobalType, HeapType, Limits, MemoryType, PAGE_SIZE, RefType,
    TableType, ValType,
};

#[cfg(feature = "planted-faults")]
pub use base::{Fault, Part as FaultyPart};
#[cfg(feature = "probes")]
#[doc(hidden)]
pub use runtime::{Proof, Prover, Walks, Wrong, WrongWalk, ask_functions, ask_tables};

/// The Rust code of the repository's documents, compiled and run as documentation tests.
#[cfg(all(doctest, feature = "compile"))]
mod documents {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../README.md")]
    mod engine_readme {}
    #[doc = include_str!("../../docs/embedding.md")]
    mod embedding {}
}
