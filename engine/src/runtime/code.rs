//! Loaded artefacts.

use crate::abi::HostCall;
use crate::abi::signature::LoweredSignature;
use crate::base::{Config, Result};
use crate::wasm::index::{DefinedFuncIndex, FuncIndex};
use crate::wasm::module::Module;
use core::ffi::c_void;
use std::path::Path;
use std::sync::Arc;

/// An artefact in memory: checked, protected and registered.
pub(crate) struct LoadedCode {
    module: Module,
}

impl LoadedCode {
    /// Copies an artefact into sealed memory and loads it.
    pub(crate) fn load(bytes: &[u8], config: &Config) -> Result<Arc<LoadedCode>> {
        let _ = (bytes, config);
        todo!()
    }

    /// Copies a file into sealed memory and loads it.
    pub(crate) fn load_file(path: &Path, config: &Config) -> Result<Arc<LoadedCode>> {
        let _ = (path, config);
        todo!()
    }

    /// Maps a file as it is.
    ///
    /// # Safety
    /// The file is an artefact of this engine and does not change while the result lives.
    pub(crate) unsafe fn load_trusted_file(path: &Path, config: &Config) -> Result<Arc<LoadedCode>> {
        let _ = (path, config);
        todo!()
    }

    /// The module without bodies.
    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    /// The artefact.
    pub(crate) fn bytes(&self) -> &[u8] {
        todo!()
    }

    /// The Tail-convention entry of a defined function.
    pub(crate) fn function(&self, function: DefinedFuncIndex) -> *const c_void {
        let _ = function;
        todo!()
    }

    /// The entry trampoline for a signature.
    pub(crate) fn entry(&self, signature: &LoweredSignature) -> Option<HostCall> {
        let _ = signature;
        todo!()
    }

    /// The exit trampoline for a signature.
    pub(crate) fn exit(&self, signature: &LoweredSignature) -> Option<*const c_void> {
        let _ = signature;
        todo!()
    }

    /// All data segments.
    pub(crate) fn data(&self) -> &[u8] {
        todo!()
    }

    /// A function's name, from the name section.
    pub(crate) fn func_name(&self, function: FuncIndex) -> Option<&str> {
        let _ = function;
        todo!()
    }
}
