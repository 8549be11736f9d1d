//! Modules: compiled, or loaded from artifacts.

use crate::config::Engine;
use crate::error::OrRaise;
use crate::types::{ExportType, ImportType, extern_type};
use engine::ErrorKind;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::path::PathBuf;

/// A compiled module. Any number of threads and stores may use it.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Module {
    pub(crate) module: engine::Module,
}

/// A module in binary or text form.
#[derive(FromPyObject)]
enum Source {
    Text(String),
    Bytes(PyBackedBytes),
}

impl AsRef<[u8]> for Source {
    fn as_ref(&self) -> &[u8] {
        match self {
            Source::Text(text) => text.as_bytes(),
            Source::Bytes(bytes) => bytes,
        }
    }
}

#[pymethods]
impl Module {
    /// Compiles a module, given as bytes in binary or text form, or as a string in text form.
    #[new]
    fn new(py: Python<'_>, engine: &Engine, wasm: Source) -> PyResult<Module> {
        let module = py.detach(|| engine::Module::new(&engine.engine, wasm.as_ref()));
        Ok(Module { module: module.or_raise(py)? })
    }

    /// Compiles the module in a file, in binary or text form.
    #[staticmethod]
    fn from_file(py: Python<'_>, engine: &Engine, path: PathBuf) -> PyResult<Module> {
        let wasm = std::fs::read(path)?;
        let module = py.detach(|| engine::Module::new(&engine.engine, wasm));
        Ok(Module { module: module.or_raise(py)? })
    }

    /// Checks that a module is well-formed and valid, without compiling it. Raises `TouchstoneError` if it is not; its
    /// `kind` tells "malformed" from "invalid".
    #[staticmethod]
    fn validate(py: Python<'_>, engine: &Engine, wasm: Source) -> PyResult<()> {
        py.detach(|| engine::Module::validate(&engine.engine, wasm.as_ref())).or_raise(py)
    }

    /// Loads an artifact that `serialize` has made. Load only what you trust: it holds machine code, and its digest
    /// protects from accidents, not from attackers.
    #[staticmethod]
    fn deserialize(py: Python<'_>, engine: &Engine, artifact: PyBackedBytes) -> PyResult<Module> {
        let module = py.detach(|| engine::Module::deserialize(&engine.engine, &artifact));
        Ok(Module { module: module.or_raise(py)? })
    }

    /// Loads an artifact from a file, under the conditions of `deserialize`.
    #[staticmethod]
    fn deserialize_file(py: Python<'_>, engine: &Engine, path: PathBuf) -> PyResult<Module> {
        let module = py.detach(|| engine::Module::deserialize_file(&engine.engine, path));
        Ok(Module { module: module.or_raise(py)? })
    }

    /// Returns the artifact: an ELF file with the machine code and all that its execution needs.
    fn serialize<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.module.serialize())
    }

    /// The name from the module's name section, if it has one.
    #[getter]
    fn name(&self) -> Option<&str> {
        self.module.name()
    }

    /// The imports, in the order in which `Instance` expects them.
    #[getter]
    fn imports(&self, py: Python<'_>) -> PyResult<Vec<ImportType>> {
        let import = |import: engine::ImportType<'_>| {
            let (module, name) = (import.module.to_string(), import.name.to_string());
            Ok(ImportType { module, name, ty: extern_type(py, import.ty)? })
        };
        self.module.imports().map(import).collect()
    }

    /// The exports, in the module's order.
    #[getter]
    fn exports(&self, py: Python<'_>) -> PyResult<Vec<ExportType>> {
        let export = |export: engine::ExportType<'_>| {
            Ok(ExportType { name: export.name.to_string(), ty: extern_type(py, export.ty)? })
        };
        self.module.exports().map(export).collect()
    }
}

impl Module {
    /// Returns the error of an import that nobody defines.
    pub(crate) fn unknown_import(import: &engine::ImportType<'_>) -> engine::Error {
        let message = format!("unknown import {}.{}: expected {}", import.module, import.name, import.ty);
        engine::Error::new(ErrorKind::Link, message)
    }
}
