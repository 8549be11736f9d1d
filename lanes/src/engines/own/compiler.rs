//! The compiler of a session: artifacts of modules, which lanes of one tier share.

use super::Own;
use super::cache;
use super::failure::{guarded, guarded_load};
use crate::{Binary, Failure, Features, Phase, Refusal};
use engine::{Engine, Module};
use std::io::Write;
use std::sync::Arc;
use tempfile::NamedTempFile;

/// Compiles the modules of a session.
pub struct Compiler {
    engine: Engine,
    /// Names everything that the artifact depends on.
    key: String,
}

impl Compiler {
    /// The compiler of a lane for modules with these features.
    ///
    /// # Errors
    ///
    /// The engine refuses the configuration.
    pub(crate) fn new(lane: &Own, features: Features) -> Result<Compiler, Failure> {
        let engine = guarded(|| cache::engine(&lane.config(features)))?;
        Ok(Compiler { engine, key: format!("touchstone {:?} {:?} {features:?}", lane.tier, lane.options) })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Compiles a module and loads it.
    pub(super) fn module(&self, module: &Binary) -> Result<Module, Refusal> {
        let loaded = guarded_load(|| Module::from_binary(&self.engine, module.bytes()));
        module.keep(&self.key, loaded.as_ref().map(Module::serialize));
        loaded
    }

    /// Returns the artifact of a module, which is compiled if no lane of the tier has done so.
    pub(super) fn artifact(&self, module: &Binary) -> Result<Arc<[u8]>, Refusal> {
        module.compiled(&self.key, |bytes| guarded_load(|| self.engine.compile_binary(bytes)))
    }

    /// Returns a temporary file with the artifact of a module.
    pub(crate) fn artifact_file(&self, module: &Binary) -> Result<NamedTempFile, Refusal> {
        write_temporary(&self.artifact(module)?).map_err(|error| Refusal {
            phase: Phase::Resource,
            message: format!("the artifact cannot be written to a temporary file: {error}"),
        })
    }
}

fn write_temporary(bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    file.write_all(bytes)?;
    Ok(file)
}
