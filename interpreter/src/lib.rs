#![no_std]
#![forbid(unsafe_code)]
//! All of WebAssembly as safe code: an interpreter that reads like the specification.

extern crate alloc;
#[cfg(feature = "threads")]
extern crate std;

mod backtrace;
mod config;
mod embed;
mod error;
mod execute;
mod gc;
mod instantiate;
mod instructions;
mod memory;
mod module;
mod rewrite;
mod slot;
mod store;
#[cfg(test)]
mod test_store;
mod trap;
mod types;
mod values;

pub use backtrace::{Backtrace, Frame};
pub use config::{Config, Engine};
pub use embed::{
    AsContext, AsContextMut, Caller, Extern, Global, Instance, InstancePre, IntoFunc, Linker, Memory, SharedMemory,
    Store, StoreContext, StoreContextMut, Table, Tag, TypedFunc, WasmParams, WasmResults, WasmRet, WasmTy,
};
pub use error::{Error, ErrorKind, Result};
pub use features::Features;
pub use memory::WaitResult;
pub use module::{ExportType, ImportType, Module};
pub use store::StoreLimits;
pub use trap::Trap;
pub use types::{
    ArrayType, ExternType, FieldType, FuncType, GlobalType, HeapType, Limits, MemoryType, PAGE_SIZE, RefType,
    StorageType, StructType, TableType, TypeId, TypeIndex, ValType,
};
pub use values::{AnyRef, ArrayRef, ExnRef, ExternRef, Func, I31, StructRef, Val};
