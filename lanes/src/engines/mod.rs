//! The engines that are linked in.

pub(crate) mod guard;
#[cfg(feature = "engine")]
pub mod own;
#[cfg(feature = "wasmi")]
pub(crate) mod wasmi;
#[cfg(feature = "wasmtime")]
pub(crate) mod wasmtime;
