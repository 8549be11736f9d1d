//! Touchstone for Python: the extension module `touchstone._native`.
//!
//! ```text
//! config ─> module ─> linker, instance ─> func, memory, table, global, tag   the classes, one file each
//!                          └─ store: access (who may use it), kept (Python objects that it owns)
//! value, types       between Python's and WebAssembly's values and types
//! error              from the engine's errors to Python's exceptions
//! scripts            the script runner (cargo feature `harness`)
//! ```
//!
//! An item of a store (`Func`, `Memory`, ..) holds a reference to its `Store`, so nothing that Python
//! can reach dangles. Each use of a store goes through `store::access::Access`, which lets one thread in at a
//! time. The interpreter lock is released while WebAssembly compiles and runs.
//!
//! The folder `touchstone` beside `src` has what is written in Python, and the type stubs.

mod config;
mod error;
mod func;
mod global;
mod instance;
mod linker;
mod memory;
mod module;
#[cfg(feature = "harness")]
mod scripts;
mod store;
mod table;
mod tag;
mod types;
mod value;
mod wasi_config;

/// The compiled part of the package `touchstone`.
#[pyo3::pymodule(name = "_native")]
mod native {
    #[pymodule_export]
    use crate::config::{Config, Engine};
    #[pymodule_export]
    use crate::error::traps;
    #[pymodule_export]
    use crate::func::{Caller, Func};
    #[pymodule_export]
    use crate::global::Global;
    #[pymodule_export]
    use crate::instance::Instance;
    #[pymodule_export]
    use crate::linker::Linker;
    #[pymodule_export]
    use crate::memory::Memory;
    #[pymodule_export]
    use crate::module::Module;
    #[cfg(feature = "harness")]
    #[pymodule_export]
    use crate::scripts::run_scripts;
    #[pymodule_export]
    use crate::store::Store;
    #[pymodule_export]
    use crate::table::Table;
    #[pymodule_export]
    use crate::tag::Tag;
    #[pymodule_export]
    use crate::types::{ExportType, FuncType, GlobalType, ImportType, Limits, MemoryType, TableType, TagType, ValType};
    #[pymodule_export]
    use crate::value::{AnyRef, ExnRef};
    #[pymodule_export]
    use crate::wasi_config::WasiConfig;
}
