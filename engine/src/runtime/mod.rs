//! Loads artifacts and runs them: stores, instances and their items, calls in both directions, traps.
//!
//! | modules | purpose |
//! |---|---|
//! | `code`, `registry`, `loaded_module` | artifacts: mapped, checked, registered, found by address; [`Module`] |
//! | `engine`, `type_registry` | what all modules and stores of an engine share |
//! | `store`, `instance`, `linker`, `const_eval` | stores, instantiation, imports by name |
//! | `func`, `memory`, `table`, `global`, `tag`, `external`, `val` | the items of a store, and values |
//! | `gc`, `exception` | objects of the collected heap, references of the host, exceptions |
//! | `call`, `activation`, `stack_limit`, `libcalls` | entering compiled code, leaving it, and serving its calls |
//! | `trap`, `backtrace`, `stack_walk` | faults become traps; walks over compiled frames |
//! | `profiler` | files that tell profilers of loaded code |
//! | `fixed`, `sys` | memory that does not move; operating systems and architectures |
//! | `probe` | questions to the tables of a loaded module, for the fuzzer |
//!
//! This is the room of `unsafe`. Its rules:
//!
//! - Compiled code and the host share a store's memory through raw pointers that derive from one allocation each. The
//!   host's references to it are short-lived: none lives while WebAssembly runs.
//! - Handles (`Func`, `Memory`, ...) are plain copies of an identity. Each use checks that the handle belongs to the
//!   store it is used with, which also proves that the named item still lives.
//! - Whatever compiled code points to (contexts, function references, host functions, code) lives until its store is
//!   dropped, and never moves.

#![expect(unsafe_code, reason = "executable memory, signal handlers and the structures that compiled code shares")]

mod activation;
mod backtrace;
mod bulk;
mod call;
mod code;
mod const_eval;
mod engine;
mod exception;
mod external;
mod fixed;
mod func;
mod gc;
mod global;
mod instance;
mod libcalls;
mod linker;
mod loaded_module;
mod memory;
#[cfg(any(test, feature = "probes"))]
mod probe;
mod profiler;
mod registry;
mod stack_limit;
mod stack_walk;
mod store;
mod sys;
mod table;
mod tag;
mod trap;
mod type_registry;
mod type_text;
#[cfg(feature = "probes")]
mod unwind_proof;
mod val;
#[cfg(feature = "probes")]
mod walk_proof;

pub use engine::Engine;
pub use exception::ExnRef;
pub use external::Extern;
pub use func::{Caller, Func, IntoFunc, TypedFunc, WasmParams, WasmResults, WasmRet, WasmTy};
pub use gc::{AnyRef, ArrayRef, ExternRef, I31, OwnedRooted, RootScope, Rooted, StructRef};
pub use global::Global;
pub use instance::Instance;
pub use linker::{InstancePre, Linker};
pub use loaded_module::{ExportType, ImportType, Module};
pub use memory::{Memory, SharedMemory, WaitResult};
#[cfg(feature = "probes")]
pub use probe::{ask_functions, ask_tables};
pub use profiler::Profile;
#[cfg(feature = "compile")]
pub(crate) use stack_limit::with_stack;
pub use store::{
    AsContext, AsContextMut, ResourceLimiter, Store, StoreContext, StoreContextMut, StoreLimits, UpdateDeadline,
};
pub use table::Table;
pub use tag::Tag;
#[cfg(feature = "probes")]
pub use unwind_proof::{Proof, Prover, Wrong};
pub use val::Val;
#[cfg(feature = "probes")]
pub use walk_proof::{Walks, WrongWalk};
