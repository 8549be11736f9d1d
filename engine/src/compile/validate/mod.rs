//! Reads the bytes of a module into its description ([`Module`]), its function bodies, its data and its names.
//!
//! [`decode`] validates everything except the function bodies. It returns each body with the state that its validation
//! needs, so that bodies are validated while they are translated, in parallel.
//!
//! The error of a refused module tells the phase that refused it: [`ErrorKind::Malformed`] where the bytes do not
//! decode, [`ErrorKind::Invalid`] where they decode and break a rule, and [`ErrorKind::TooLarge`] where only this
//! implementation's limits are passed ([`classify`](fn@classify)). A malformed custom section is never an error
//! ([Custom sections](https://webassembly.github.io/spec/core/binary/modules.html#custom-section)).

mod build;
mod classify;
mod hints;
pub(crate) mod types;

use crate::base::{Error, ErrorKind, Features, Result};
use crate::wasm::index::FuncIndex;
use crate::wasm::module::Module;
use wasmparser::{FuncToValidate, FunctionBody, Parser, ValidPayload, Validator, ValidatorResources, WasmFeatures};

pub(crate) use classify::classify;

/// A module whose function bodies are yet to be validated.
pub(crate) struct Validated<'a> {
    /// The module's description.
    pub(crate) module: Module,
    /// The bodies, by `DefinedFuncIndex`.
    pub(crate) bodies: Vec<Body<'a>>,
    /// The bytes of all data segments, of which `DataSegment::bytes` are ranges: one segment after the other, or a
    /// memory image if the segments make a [`MemoryImage`](crate::wasm::memory_image::MemoryImage).
    pub(crate) data: Vec<u8>,
    /// The functions' names from the name section, sorted by index.
    pub(crate) func_names: Vec<(FuncIndex, String)>,
}

/// A function body that is yet to be validated.
pub(crate) struct Body<'a> {
    /// The bytes of the body.
    pub(crate) body: FunctionBody<'a>,
    /// The state of the module's validation that the body needs.
    pub(crate) to_validate: FuncToValidate<ValidatorResources>,
    /// Branch hints: the offset of an instruction and whether its branch is likely taken. Sorted.
    pub(crate) hints: Box<[(u64, bool)]>,
}

/// Decodes a module and validates everything except its function bodies.
///
/// # Errors
/// Kind [`Malformed`](ErrorKind::Malformed), [`Invalid`](ErrorKind::Invalid), [`TooLarge`](ErrorKind::TooLarge) or
/// [`Unsupported`](ErrorKind::Unsupported), with the offset in the binary.
pub(crate) fn decode<'a>(features: Features, wasm: &'a [u8]) -> Result<Validated<'a>> {
    check_size(wasm)?;
    read(features, wasm).map_err(|refusal| match refusal {
        Refusal::Parser(error) => classify(features, wasm, error),
        Refusal::Engine(error) => error,
    })
}

/// Validates a whole module.
///
/// # Errors
/// Those of [`decode`], also for function bodies.
pub(crate) fn validate(features: Features, wasm: &[u8]) -> Result<()> {
    let validated = decode(features, wasm)?;
    let mut allocations = Default::default();
    for Body { body, to_validate, .. } in validated.bodies {
        let mut validator = to_validate.into_validator(allocations);
        validator.validate(&body).map_err(|error| classify(features, wasm, error))?;
        allocations = validator.into_allocations();
    }
    Ok(())
}

/// The reason why reading a module stopped.
enum Refusal {
    /// wasmparser refused the module.
    Parser(wasmparser::Error),
    /// The engine has no representation for a part of the module.
    Engine(Error),
}

impl From<wasmparser::Error> for Refusal {
    fn from(error: wasmparser::Error) -> Refusal {
        Refusal::Parser(error)
    }
}

/// Checks that every offset in the module fits into 32 bits ([`WasmOffset`](crate::base::WasmOffset)).
fn check_size(wasm: &[u8]) -> Result<()> {
    if u32::try_from(wasm.len()).is_err() {
        return Err(Error::new(ErrorKind::TooLarge, "the module is 4 GiB long or longer"));
    }
    Ok(())
}

/// Reads and validates the sections of a module.
fn read<'a>(features: Features, wasm: &'a [u8]) -> Result<Validated<'a>, Refusal> {
    let features = parser_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut validator = Validator::new_with_features(features);
    let mut builder = build::Builder::default();
    for payload in parser.parse_all(wasm) {
        let payload = payload?;
        match validator.payload(&payload)? {
            ValidPayload::Func(to_validate, body) => builder.body(body, to_validate),
            ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => builder.payload(payload)?,
        }
    }
    Ok(builder.finish())
}

/// Returns wasmparser's flags for a set of features. Floats and references to objects have flags of their own there,
/// though they are no features.
fn parser_features(features: Features) -> WasmFeatures {
    let flags = features.parser_flags().map(|flag| WasmFeatures::from_name(flag).expect("a test looks up every flag"));
    flags.fold(WasmFeatures::FLOATS | WasmFeatures::GC_TYPES, WasmFeatures::union)
}

#[cfg(test)]
mod tests;
