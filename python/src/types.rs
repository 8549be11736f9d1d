//! Types of values and of the items that modules import and export.

use engine::{ExternType, RefType};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// The type of a value.
#[pyclass(frozen, eq, hash, from_py_object, module = "touchstone")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ValType(pub(crate) engine::ValType);

#[pymethods]
impl ValType {
    /// The type of 32-bit integers.
    #[staticmethod]
    fn i32() -> ValType {
        ValType(engine::ValType::I32)
    }

    /// The type of 64-bit integers.
    #[staticmethod]
    fn i64() -> ValType {
        ValType(engine::ValType::I64)
    }

    /// The type of 32-bit floats.
    #[staticmethod]
    fn f32() -> ValType {
        ValType(engine::ValType::F32)
    }

    /// The type of 64-bit floats.
    #[staticmethod]
    fn f64() -> ValType {
        ValType(engine::ValType::F64)
    }

    /// The type of 128-bit vectors.
    #[staticmethod]
    fn v128() -> ValType {
        ValType(engine::ValType::V128)
    }

    /// The type of functions, or null.
    #[staticmethod]
    fn funcref() -> ValType {
        ValType(engine::ValType::FUNCREF)
    }

    /// The type of any Python object, or null.
    #[staticmethod]
    fn externref() -> ValType {
        ValType(engine::ValType::EXTERNREF)
    }

    /// The type of structs, arrays, 31-bit integers and converted Python objects, or null.
    #[staticmethod]
    fn anyref() -> ValType {
        ValType(engine::ValType::ANYREF)
    }

    /// The type of exceptions, or null.
    #[staticmethod]
    fn exnref() -> ValType {
        ValType(engine::ValType::EXNREF)
    }

    /// Returns whether the values are references.
    #[getter]
    fn is_ref(&self) -> bool {
        matches!(self.0, engine::ValType::Ref(_))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("ValType({})", self.0)
    }
}

impl ValType {
    /// Returns the type as that of references.
    fn reference(self) -> PyResult<RefType> {
        match self.0 {
            engine::ValType::Ref(reference) => Ok(reference),
            number => Err(crate::error::value_error(format!("a table holds references; {number} is no reference"))),
        }
    }
}

/// The type of a function: its parameters and its results.
#[pyclass(frozen, eq, hash, from_py_object, module = "touchstone")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct FuncType(pub(crate) engine::FuncType);

#[pymethods]
impl FuncType {
    #[new]
    fn new(params: Vec<ValType>, results: Vec<ValType>) -> FuncType {
        let [params, results] = [params, results].map(|types| types.into_iter().map(|ty| ty.0));
        FuncType(engine::FuncType::new(params, results))
    }

    /// The types of the parameters.
    #[getter]
    fn params(&self) -> Vec<ValType> {
        self.0.params.iter().copied().map(ValType).collect()
    }

    /// The types of the results.
    #[getter]
    fn results(&self) -> Vec<ValType> {
        self.0.results.iter().copied().map(ValType).collect()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("FuncType({})", self.0)
    }
}

/// The bounds of a memory in pages, or of a table in elements.
#[pyclass(frozen, eq, hash, get_all, from_py_object, module = "touchstone")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Limits {
    /// The initial size.
    min: u64,
    /// The largest size; `None` if there is no bound.
    max: Option<u64>,
}

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (min, max = None))]
    fn new(min: u64, max: Option<u64>) -> Limits {
        Limits { min, max }
    }

    fn __repr__(&self) -> String {
        match self.max {
            Some(max) => format!("Limits({}, {max})", self.min),
            None => format!("Limits({})", self.min),
        }
    }
}

impl Limits {
    fn of(limits: engine::Limits) -> Limits {
        Limits { min: limits.min, max: limits.max }
    }

    fn to_engine(self) -> engine::Limits {
        engine::Limits { min: self.min, max: self.max }
    }
}

/// The type of a linear memory.
#[pyclass(frozen, eq, hash, from_py_object, module = "touchstone")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemoryType(pub(crate) engine::MemoryType);

#[pymethods]
impl MemoryType {
    #[new]
    #[pyo3(signature = (limits, is_64 = false, shared = false))]
    fn new(limits: Limits, is_64: bool, shared: bool) -> MemoryType {
        MemoryType(engine::MemoryType { limits: limits.to_engine(), index64: is_64, shared, page_size_log2: 16 })
    }

    /// The bounds, in pages.
    #[getter]
    fn limits(&self) -> Limits {
        Limits::of(self.0.limits)
    }

    /// True if addresses have 64 bits instead of 32.
    #[getter]
    fn is_64(&self) -> bool {
        self.0.index64
    }

    /// True if threads can share the memory.
    #[getter]
    fn shared(&self) -> bool {
        self.0.shared
    }

    /// The bytes of a page: 65536, or 1.
    #[getter]
    fn page_size(&self) -> u64 {
        1 << self.0.page_size_log2
    }

    fn __repr__(&self) -> String {
        format!("MemoryType({})", self.0)
    }
}

/// The type of a table.
#[pyclass(frozen, eq, hash, from_py_object, module = "touchstone")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TableType(pub(crate) engine::TableType);

#[pymethods]
impl TableType {
    #[new]
    #[pyo3(signature = (element, limits, is_64 = false))]
    fn new(element: ValType, limits: Limits, is_64: bool) -> PyResult<TableType> {
        let element = element.reference()?;
        Ok(TableType(engine::TableType { limits: limits.to_engine(), index64: is_64, element }))
    }

    /// The type of the elements.
    #[getter]
    fn element(&self) -> ValType {
        ValType(engine::ValType::Ref(self.0.element))
    }

    /// The bounds, in elements.
    #[getter]
    fn limits(&self) -> Limits {
        Limits::of(self.0.limits)
    }

    /// True if indices have 64 bits instead of 32.
    #[getter]
    fn is_64(&self) -> bool {
        self.0.index64
    }

    fn __repr__(&self) -> String {
        format!("TableType({})", self.0)
    }
}

/// The type of a global.
#[pyclass(frozen, eq, hash, from_py_object, module = "touchstone")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct GlobalType(pub(crate) engine::GlobalType);

#[pymethods]
impl GlobalType {
    #[new]
    fn new(content: ValType, mutable: bool) -> GlobalType {
        GlobalType(engine::GlobalType { content: content.0, mutable })
    }

    /// The type of the value.
    #[getter]
    fn content(&self) -> ValType {
        ValType(self.0.content)
    }

    /// True if the value can be set.
    #[getter]
    fn mutable(&self) -> bool {
        self.0.mutable
    }

    fn __repr__(&self) -> String {
        format!("GlobalType({}{})", if self.0.mutable { "mut " } else { "" }, self.0.content)
    }
}

/// The type of a tag: the types of the values that its exceptions carry.
#[pyclass(frozen, eq, hash, from_py_object, module = "touchstone")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct TagType(pub(crate) engine::FuncType);

#[pymethods]
impl TagType {
    #[new]
    fn new(params: Vec<ValType>) -> TagType {
        TagType(engine::FuncType::new(params.into_iter().map(|ty| ty.0), []))
    }

    /// The types of the values.
    #[getter]
    fn params(&self) -> Vec<ValType> {
        self.0.params.iter().copied().map(ValType).collect()
    }

    fn __repr__(&self) -> String {
        format!("TagType({})", self.0)
    }
}

/// The name and the type of an import.
#[pyclass(frozen, get_all, module = "touchstone")]
pub(crate) struct ImportType {
    /// The name of the module that it is imported from.
    pub(crate) module: String,
    /// The name in that module.
    pub(crate) name: String,
    /// The type: a `FuncType`, `TableType`, `MemoryType`, `GlobalType` or `TagType`.
    #[pyo3(name = "type")]
    pub(crate) ty: Py<PyAny>,
}

#[pymethods]
impl ImportType {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let [module, name] = [&self.module, &self.name].map(|text| PyString::new(py, text));
        Ok(format!("ImportType({}, {}, {})", module.repr()?, name.repr()?, self.ty.bind(py).repr()?))
    }
}

/// The name and the type of an export.
#[pyclass(frozen, get_all, module = "touchstone")]
pub(crate) struct ExportType {
    /// The name.
    pub(crate) name: String,
    /// The type: a `FuncType`, `TableType`, `MemoryType`, `GlobalType` or `TagType`.
    #[pyo3(name = "type")]
    pub(crate) ty: Py<PyAny>,
}

#[pymethods]
impl ExportType {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("ExportType({}, {})", PyString::new(py, &self.name).repr()?, self.ty.bind(py).repr()?))
    }
}

/// Returns the type of an import or export as an object of its class.
pub(crate) fn extern_type(py: Python<'_>, ty: ExternType) -> PyResult<Py<PyAny>> {
    Ok(match ty {
        ExternType::Func(ty) => Py::new(py, FuncType(ty))?.into_any(),
        ExternType::Table(ty) => Py::new(py, TableType(ty))?.into_any(),
        ExternType::Memory(ty) => Py::new(py, MemoryType(ty))?.into_any(),
        ExternType::Global(ty) => Py::new(py, GlobalType(ty))?.into_any(),
        ExternType::Tag(ty) => Py::new(py, TagType(ty))?.into_any(),
    })
}
