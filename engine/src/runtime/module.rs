//! Modules.
use super::*;
use crate::base::*;
use crate::wasm::types::*;
use std::path::Path;
/// A compiled and loaded module.
#[derive(Clone)]
pub struct Module {}
/// An import of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportType<'a> {
    /// The first name.
    pub module: &'a str,
    /// The second name.
    pub name: &'a str,
    /// What is imported.
    pub ty: ExternType,
}
/// An export of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportType<'a> {
    /// The name.
    pub name: &'a str,
    /// What is exported.
    pub ty: ExternType,
}
impl Module {
    /// Loads an artefact from bytes.
    pub fn deserialize(_engine: &Engine, _artifact: impl AsRef<[u8]>) -> Result<Module> {
        todo!()
    }
    /// Loads an artefact from a file.
    pub fn deserialize_file(_engine: &Engine, _path: impl AsRef<Path>) -> Result<Module> {
        todo!()
    }
    /// Loads an artefact by mapping the file itself.
    ///
    /// # Safety
    /// Nobody changes the file while the module lives.
    pub unsafe fn deserialize_trusted_file(_engine: &Engine, _path: impl AsRef<Path>) -> Result<Module> {
        todo!()
    }
    /// The artefact's bytes.
    pub fn serialize(&self) -> &[u8] {
        todo!()
    }
    /// The engine.
    pub fn engine(&self) -> &Engine {
        todo!()
    }
    /// The name, from the name section.
    pub fn name(&self) -> Option<&str> {
        todo!()
    }
    /// The imports, in order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        [].into_iter()
    }
    /// The exports, in order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        [].into_iter()
    }
}
