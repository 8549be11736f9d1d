//! A WebAssembly engine that compiles a module into one ELF artefact.
pub(crate) mod abi;
pub(crate) mod base;
pub(crate) mod runtime;
pub(crate) mod wasm;
pub use base::*;
/// E
pub struct Engine;
