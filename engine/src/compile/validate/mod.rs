//! Placeholder: decoding and validation.

use crate::base::{Error, ErrorKind, Features, Result};
use crate::wasm::index::FuncIndex;
use crate::wasm::module::Module;
use wasmparser::{FuncToValidate, FunctionBody, ValidatorResources};

/// A decoded module.
pub(crate) struct Validated<'a> {
    pub(crate) module: Module,
    pub(crate) bodies: Vec<Body<'a>>,
    pub(crate) data: Vec<u8>,
    pub(crate) func_names: Vec<(FuncIndex, String)>,
}

/// A function body.
pub(crate) struct Body<'a> {
    pub(crate) body: FunctionBody<'a>,
    pub(crate) to_validate: FuncToValidate<ValidatorResources>,
}

pub(crate) fn decode<'a>(_features: Features, _wasm: &'a [u8]) -> Result<Validated<'a>> {
    Err(Error::new(ErrorKind::Unsupported, "not written yet"))
}

pub(crate) fn classify(_features: Features, _wasm: &[u8], error: wasmparser::Error) -> Error {
    Error::new(ErrorKind::Invalid, error.message()).at(error.offset())
}
