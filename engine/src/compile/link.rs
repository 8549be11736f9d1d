//! Placeholder: code, tables and metadata become an artefact.

use super::codegen::CompiledCode;
use crate::base::{Config, Error, ErrorKind, Result};
use crate::wasm::index::FuncIndex;
use crate::wasm::module::Module;
use cranelift_codegen::isa::TargetIsa;

/// What goes into an artefact.
pub(crate) struct LinkInput<'a> {
    pub(crate) config: &'a Config,
    pub(crate) isa: &'a dyn TargetIsa,
    pub(crate) module: &'a Module,
    pub(crate) func_names: &'a [(FuncIndex, String)],
    pub(crate) data: &'a [u8],
    /// Sorted by symbol.
    pub(crate) code: Vec<CompiledCode>,
}

pub(crate) fn link(_input: LinkInput<'_>) -> Result<Vec<u8>> {
    Err(Error::new(ErrorKind::Unsupported, "not written yet"))
}
