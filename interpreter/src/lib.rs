#![no_std]
#![forbid(unsafe_code)]
//! All of WebAssembly as safe code: an interpreter that reads like the specification.
//!
//! It has the features of WebAssembly 3.0, and of proposals past it ([`Config::SUPPORTED_FEATURES`]). It contains no
//! unsafe code, needs no operating system, and is quick to start: a function is rewritten into compact code when it is
//! first called.
//!
//! # How to use it
//!
//! The names are those of the ecosystem. A [`Module`] is a validated binary. A [`Store`] holds instances and the
//! embedder's data. A [`Linker`] finds the imports of a module by name.
//!
//! ```
//! use interpreter::{Caller, Config, Engine, Linker, Module, Store};
//!
//! # fn main() -> interpreter::Result<()> {
//! let engine = Engine::new(&Config::new());
//! let wasm = wat::parse_str(
//!     r#"(module
//!         (import "host" "add" (func $add (param i64)))
//!         (func (export "count") (param $n i64)
//!             (loop $next
//!                 (call $add (local.get $n))
//!                 (local.set $n (i64.sub (local.get $n) (i64.const 1)))
//!                 (br_if $next (i64.gt_s (local.get $n) (i64.const 0))))))"#,
//! )
//! .expect("the text is well-formed");
//! let module = Module::new(&engine, &wasm)?;
//!
//! let mut linker = Linker::new(&engine);
//! linker.func_wrap("host", "add", |mut caller: Caller<'_, i64>, value: i64| *caller.data_mut() += value)?;
//!
//! let mut store = Store::new(&engine, 0);
//! let instance = linker.instantiate(&mut store, &module)?;
//! let count = instance.get_typed_func::<i64, ()>(&store, "count")?;
//! count.call(&mut store, 10)?;
//! assert_eq!(*store.data(), 55);
//! # Ok(())
//! # }
//! ```
//!
//! Every fallible function returns one [`Error`]. Its kind tells the phase or rule, and a trap has a [`Backtrace`]:
//!
//! ```
//! use interpreter::{Config, Engine, Instance, Module, Store, Trap};
//!
//! # fn main() -> interpreter::Result<()> {
//! let engine = Engine::new(&Config::new());
//! let text = "(module $m (func $f (export \"f\") (result i32) (i32.div_u (i32.const 1) (i32.const 0))))";
//! let module = Module::new(&engine, &wat::parse_str(text).expect("the text is well-formed"))?;
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &module, &[])?;
//!
//! let error = instance.get_typed_func::<(), i32>(&store, "f")?.call(&mut store, ()).expect_err("it divides by zero");
//! assert_eq!(error.as_trap(), Some(Trap::IntegerDivisionByZero));
//! assert_eq!(error.backtrace().expect("a trap has one").frames[0].to_string(), "m!0 $f @0x23");
//! # Ok(())
//! # }
//! ```
//!
//! A reference to an object that the embedder holds, such as a [`StructRef`], keeps the object alive. A host function
//! that panics ends the calls of its store that are under way, and the store stays usable.
//!
//! # Contain a guest
//!
//! | limit | how |
//! |---|---|
//! | running time, deterministic | [`Config::consume_fuel`], [`Store::set_fuel`] before instantiation |
//! | running time, by clock | [`Config::epoch_interruption`], [`Store::set_epoch_deadline`] |
//! | depth of calls | [`Config::max_stack`], [`Config::max_call_depth`] |
//! | memories, tables, objects, instances | [`Store::set_limits`] |
//!
//! Another thread ends the running time by clock with [`Engine::increment_epoch`].
//!
//! Calls from the host into WebAssembly and back take native stack. At most 200 may be nested in a store; one more
//! traps with [`Trap::StackOverflow`].
//!
//! # Rooms
//!
//! The folders of `src` follow the chapters of the specification.
//!
//! | room | chapter | holds |
//! |---|---|---|
//! | `types` | [Types][types] | types, their equality and matching |
//! | `module` | [Modules][modules] | decoded and validated modules |
//! | `store` | [Run-time structure][runtime] | what exists at run time, limits, fuel |
//! | `memory` | [Memory instances][memories] | memories of one store, and shared ones |
//! | `gc` | [Structures][objects] and arrays | the heap of objects, and its collector |
//! | `values` | [Values][values] | values and handles of the embedder |
//! | `instructions` | [Instructions][instructions] | the meaning of each instruction, by family |
//! | `instantiate` | [Instantiation][instantiation] | from a module to an instance |
//! | `rewrite` | - | function bodies become compact code |
//! | `execute` | [Execution][execution] | the loop, frames, calls, exceptions |
//! | `embed` | [Embedding][embedding] | the public interface |
//!
//! [types]: https://webassembly.github.io/spec/core/syntax/types.html
//! [modules]: https://webassembly.github.io/spec/core/syntax/modules.html
//! [runtime]: https://webassembly.github.io/spec/core/exec/runtime.html
//! [memories]: https://webassembly.github.io/spec/core/exec/runtime.html#memory-instances
//! [objects]: https://webassembly.github.io/spec/core/exec/runtime.html#structure-instances
//! [values]: https://webassembly.github.io/spec/core/exec/runtime.html#values
//! [instructions]: https://webassembly.github.io/spec/core/exec/instructions.html
//! [instantiation]: https://webassembly.github.io/spec/core/exec/modules.html#instantiation
//! [execution]: https://webassembly.github.io/spec/core/exec/index.html
//! [embedding]: https://webassembly.github.io/spec/core/appendix/embedding.html

extern crate alloc;
#[cfg(feature = "threads")]
extern crate std;

mod backtrace;
mod config;
mod embed;
mod error;
mod execute;
#[cfg(feature = "planted-faults")]
mod fault;
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
#[cfg(feature = "planted-faults")]
pub use fault::Fault;
pub use features::Features;
pub use memory::WaitResult;
pub use module::{ExportType, ImportType, Module};
pub use store::StoreLimits;
pub use trap::Trap;
pub use types::{
    ArrayType, ExternType, FieldType, FuncType, GlobalType, HeapType, Limits, MemoryType, PAGE_SIZE, RefType,
    SharedType, StorageType, StructType, TableType, TypeId, TypeIndex, ValType,
};
pub use values::{AnyRef, ArrayRef, ContRef, ExnRef, ExternRef, Func, I31, StructRef, Val};

/// The Rust code of the repository's documents, compiled and run as documentation tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../docs/interpreter.md")]
    mod interpreter {}
    #[doc = include_str!("../../docs/oracle.md")]
    mod oracle {}
}
