//! The constructors that compile a module and then load it. `compile` and `runtime` meet in this folder alone.

#[cfg(feature = "cache")]
mod cached;
#[cfg(all(test, feature = "cache"))]
mod tests;

use crate::compile::{self, Compiler};
use crate::runtime::with_stack;
use crate::{Engine, Error, ErrorKind, Module, Result};
use std::borrow::Cow;

impl Module {
    /// Compiles a module, binary or text, and loads the artifact in the same way as [`Module::deserialize`]. Where
    /// `Config::cache` names a cache that has the artifact, nothing is compiled.
    ///
    /// # Errors
    /// Kind [`Malformed`](ErrorKind::Malformed), [`Invalid`](ErrorKind::Invalid),
    /// [`Unsupported`](ErrorKind::Unsupported) or [`TooLarge`](ErrorKind::TooLarge), with the offset in the binary or
    /// the text.
    pub fn new(engine: &Engine, wasm: impl AsRef<[u8]>) -> Result<Module> {
        Module::from_binary(engine, &binary(wasm.as_ref())?)
    }

    /// Compiles and loads a module like [`Module::new`], but accepts only a binary. Text is malformed.
    ///
    /// # Errors
    /// Those of [`Module::new`].
    pub fn from_binary(engine: &Engine, wasm: &[u8]) -> Result<Module> {
        #[cfg(feature = "cache")]
        if let Some(cache) = &engine.config().cache {
            return cached::load_or_compile(engine, cache, wasm);
        }
        Module::deserialize(engine, engine.compile_binary(wasm)?)
    }

    /// Checks that a module, binary or text, is well-formed and valid under the engine's features.
    ///
    /// # Errors
    /// Those of [`Module::new`]. The kind tells malformed from invalid.
    pub fn validate(engine: &Engine, wasm: impl AsRef<[u8]>) -> Result<()> {
        compile::validate::validate(engine.config().features, &binary(wasm.as_ref())?)
    }
}

impl Engine {
    /// Compiles a module, binary or text, to the bytes of an artifact, without loading it.
    ///
    /// # Errors
    /// Those of [`Module::new`].
    pub fn compile(&self, wasm: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        self.compile_binary(&binary(wasm.as_ref())?)
    }

    /// Compiles a module like [`Engine::compile`], but accepts only a binary. Text is malformed.
    ///
    /// # Errors
    /// Those of [`Module::new`].
    pub fn compile_binary(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        let compiler = self.compiler(Compiler::new)?;
        with_stack(compile::STACK, || compiler.compile(wasm))?
    }
}

/// Returns the binary of a module that may be text. Every binary starts with a zero byte, which no text does, nor with
/// the first byte of an artifact, which is left for the validator to refuse.
fn binary(wasm: &[u8]) -> Result<Cow<'_, [u8]>> {
    if wasm.first().is_none_or(|first| matches!(first, 0 | 0x7f)) {
        return Ok(Cow::Borrowed(wasm));
    }
    wat::parse_bytes(wasm).map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()).with_source(error))
}
