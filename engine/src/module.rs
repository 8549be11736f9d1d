//! The one place where the two halves meet: compile, then load what was compiled.

use crate::{Engine, Module, Result};

impl Module {
    /// Compiles a module, binary or text, and loads the artefact.
    pub fn new(engine: &Engine, wasm: impl AsRef<[u8]>) -> Result<Module> {
        Module::deserialize(engine, engine.compile(wasm)?)
    }

    /// Checks that a module, binary or text, is well-formed and valid under the engine's features. The error's kind
    /// tells malformed from invalid.
    pub fn validate(_engine: &Engine, _wasm: impl AsRef<[u8]>) -> Result<()> {
        todo!()
    }
}

impl Engine {
    /// Compiles a module, binary or text, into the bytes of an artefact.
    pub fn compile(&self, _wasm: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        todo!()
    }
}
