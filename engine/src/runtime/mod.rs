//! Loads artifacts and runs them: stores, instances and what they hold, calls in both directions, traps.
//!
//! This is the room of `unsafe`. Its rules:
//!
//! - Compiled code and the host share a store's memory through raw pointers that derive from one allocation each. The
//!   host makes references to it that are short-lived: none lives while WebAssembly runs.
//! - Handles (`Func`, `Memory`, ...) are plain copies of an identity. Each use checks that the handle belongs to the
//!   store it is used with, which also proves that what it names still lives.
//! - What compiled code points to (contexts, function references, host functions, code) lives until its store is
//!   dropped, and never moves.

#![expect(unsafe_code, reason = "executable memory, signal handlers and the structures that compiled code shares")]

mod activation;
mod backtrace;
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
mod registry;
mod stack_limit;
mod stack_walk;
mod store;
mod sys;
mod table;
mod tag;
mod trap;
mod type_registry;
mod val;

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
pub use store::{
    AsContext, AsContextMut, ResourceLimiter, Store, StoreContext, StoreContextMut, StoreLimits, UpdateDeadline,
};
pub use table::Table;
pub use tag::Tag;
pub use val::Val;
