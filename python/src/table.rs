//! Tables of references.

use crate::error::OrRaise;
use crate::store::{Store, StoreArg};
use crate::types::TableType;
use crate::value;
use engine::ValType;
use pyo3::exceptions::PyIndexError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

/// A table of references.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Table {
    store: Py<Store>,
    pub(crate) item: engine::Table,
}

#[pymethods]
impl Table {
    /// Makes a table whose elements are all `init`.
    #[new]
    fn py_new(store: StoreArg<'_>, ty: &TableType, init: &Bound<'_, PyAny>) -> PyResult<Table> {
        let store = store.0;
        Store::enter(&store, |context| {
            let init = value::to_wasm(init, ValType::Ref(ty.0.element), &store, context)?;
            Ok(Table::new(&store, engine::Table::new(context, ty.0, init).or_raise(store.py())?))
        })
    }

    /// Returns the type.
    fn r#type(&self, store: StoreArg<'_>) -> PyResult<TableType> {
        let store = store.0;
        Store::enter(&store, |context| Ok(TableType(self.item.ty(&*context).or_raise(store.py())?)))
    }

    /// Returns the number of elements.
    fn size(&self, store: StoreArg<'_>) -> PyResult<u64> {
        let store = store.0;
        Store::enter(&store, |context| self.item.size(&*context).or_raise(store.py()))
    }

    /// Adds elements that are all `init`. Returns the old number of elements.
    fn grow(&self, store: StoreArg<'_>, amount: u64, init: &Bound<'_, PyAny>) -> PyResult<u64> {
        let store = store.0;
        Store::enter(&store, |context| {
            let element = ValType::Ref(self.item.ty(&*context).or_raise(store.py())?.element);
            let init = value::to_wasm(init, element, &store, context)?;
            self.item.grow(context, amount, init).or_raise(store.py())
        })
    }

    /// Returns an element. Raises `IndexError` if the table has no element of this index.
    fn get<'py>(&self, store: StoreArg<'py>, index: u64) -> PyResult<Bound<'py, PyAny>> {
        let store = store.0;
        Store::enter(&store, |context| {
            let element = self.item.get(&mut *context, index).or_raise(store.py())?;
            value::to_python(&element.ok_or_else(|| no_element(index))?, &store, context)
        })
    }

    /// Sets an element. Raises `IndexError` if the table has no element of this index.
    fn set(&self, store: StoreArg<'_>, index: u64, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let store = store.0;
        Store::enter(&store, |context| {
            let element = ValType::Ref(self.item.ty(&*context).or_raise(store.py())?.element);
            let value = value::to_wasm(value, element, &store, context)?;
            if index >= self.item.size(&*context).or_raise(store.py())? {
                return Err(no_element(index));
            }
            self.item.set(context, index, value).or_raise(store.py())
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}

impl Table {
    /// Wraps a table of the store.
    pub(crate) fn new(store: &Bound<'_, Store>, item: engine::Table) -> Table {
        Table { store: store.clone().unbind(), item }
    }
}

fn no_element(index: u64) -> PyErr {
    PyIndexError::new_err(format!("the table has no element {index}"))
}
