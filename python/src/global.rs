//! Globals.

use crate::error::OrRaise;
use crate::store::{Store, StoreArg};
use crate::types::GlobalType;
use crate::value;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

/// A global.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Global {
    store: Py<Store>,
    pub(crate) item: engine::Global,
}

#[pymethods]
impl Global {
    /// Makes a global with an initial value.
    #[new]
    fn py_new(store: StoreArg<'_>, ty: &GlobalType, value: &Bound<'_, PyAny>) -> PyResult<Global> {
        let store = store.0;
        Store::enter(&store, |context| {
            let value = value::to_wasm(value, ty.0.content, &store, context)?;
            Ok(Global::new(&store, engine::Global::new(context, ty.0, value).or_raise(store.py())?))
        })
    }

    /// Returns the type.
    fn r#type(&self, store: StoreArg<'_>) -> PyResult<GlobalType> {
        let store = store.0;
        Store::enter(&store, |context| Ok(GlobalType(self.item.ty(&*context).or_raise(store.py())?)))
    }

    /// Returns the value.
    fn value<'py>(&self, store: StoreArg<'py>) -> PyResult<Bound<'py, PyAny>> {
        let store = store.0;
        Store::enter(&store, |context| {
            let value = self.item.get(&mut *context).or_raise(store.py())?;
            value::to_python(&value, &store, context)
        })
    }

    /// Sets the value.
    fn set_value(&self, store: StoreArg<'_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let store = store.0;
        Store::enter(&store, |context| {
            let content = self.item.ty(&*context).or_raise(store.py())?.content;
            let value = value::to_wasm(value, content, &store, context)?;
            self.item.set(context, value).or_raise(store.py())
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}

impl Global {
    /// Wraps a global of the store.
    pub(crate) fn new(store: &Bound<'_, Store>, item: engine::Global) -> Global {
        Global { store: store.clone().unbind(), item }
    }
}
