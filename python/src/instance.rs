//! Instances, and the items that they import and export.

use crate::error::OrRaise;
use crate::func::Func;
use crate::global::Global;
use crate::memory::Memory;
use crate::module::Module;
use crate::store::access::{self, Context};
use crate::store::{Store, StoreArg};
use crate::table::Table;
use crate::tag::Tag;
use engine::Extern;
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// An instance of a module.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Instance {
    store: Py<Store>,
    pub(crate) item: engine::Instance,
}

#[pymethods]
impl Instance {
    /// Instantiates a module with a list of imports, in the order of `Module.imports`, and runs its start function.
    /// `Linker.instantiate` finds imports by name.
    #[new]
    fn py_new(store: StoreArg<'_>, module: &Module, imports: Vec<Bound<'_, PyAny>>) -> PyResult<Instance> {
        let store = store.0;
        let imports: Vec<Extern> = imports.iter().map(item_to_engine).collect::<PyResult<_>>()?;
        Store::enter(&store, |context| instantiate(&store, context, module, &imports))
    }

    /// Returns the exports by name, in the module's order: each a `Func`, `Table`, `Memory`, `Global` or `Tag`.
    fn exports<'py>(&self, store: StoreArg<'py>) -> PyResult<Bound<'py, PyDict>> {
        let store = store.0;
        Store::enter(&store, |context| {
            let exports = PyDict::new(store.py());
            for (name, item) in self.item.exports(context).or_raise(store.py())? {
                exports.set_item(name, item_to_python(&store, item)?)?;
            }
            Ok(exports)
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}

/// Instantiates a module, with the interpreter lock released.
pub(crate) fn instantiate(
    store: &Bound<'_, Store>,
    context: &mut Context<'_>,
    module: &Module,
    imports: &[Extern],
) -> PyResult<Instance> {
    let item =
        access::without_lock(store.py(), context, |context| engine::Instance::new(context, &module.module, imports));
    Ok(Instance { store: store.clone().unbind(), item: item.or_raise_in(store)? })
}

/// Returns an item as an object of its class.
pub(crate) fn item_to_python<'py>(store: &Bound<'py, Store>, item: Extern) -> PyResult<Bound<'py, PyAny>> {
    let py = store.py();
    Ok(match item {
        Extern::Func(item) => Bound::new(py, Func::new(store, item))?.into_any(),
        Extern::Table(item) => Bound::new(py, Table::new(store, item))?.into_any(),
        Extern::Memory(item) => Bound::new(py, Memory::new(store, item))?.into_any(),
        Extern::Global(item) => Bound::new(py, Global::new(store, item))?.into_any(),
        Extern::Tag(item) => Bound::new(py, Tag::new(store, item))?.into_any(),
    })
}

/// Returns the item that an object stands for.
///
/// # Errors
///
/// `TypeError` if it is none.
pub(crate) fn item_to_engine(object: &Bound<'_, PyAny>) -> PyResult<Extern> {
    if let Ok(func) = object.cast::<Func>() {
        Ok(func.get().item.into())
    } else if let Ok(table) = object.cast::<Table>() {
        Ok(table.get().item.into())
    } else if let Ok(memory) = object.cast::<Memory>() {
        Ok(memory.get().item.into())
    } else if let Ok(global) = object.cast::<Global>() {
        Ok(global.get().item.into())
    } else if let Ok(tag) = object.cast::<Tag>() {
        Ok(tag.get().item.into())
    } else {
        let class = object.get_type().name()?;
        Err(PyTypeError::new_err(format!("expected a Func, Table, Memory, Global or Tag, got {class}")))
    }
}
