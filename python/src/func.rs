//! Functions: calls into WebAssembly, and Python functions that WebAssembly calls.

use crate::error::{self, OrRaise};
use crate::instance;
use crate::store::access::{self, Context, EngineCaller};
use crate::store::kept::Token;
use crate::store::{self, Data, Store, StoreArg};
use crate::types::FuncType;
use crate::value::{self, ExnRef};
use engine::{AsContextMut, Error, Extern, Linker, Val};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// A function of a store: one that a module defines, or one of Python.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Func {
    store: Py<Store>,
    pub(crate) item: engine::Func,
}

#[pymethods]
impl Func {
    /// Makes a function that WebAssembly can call. The callable gets the arguments; with `access_caller` a `Caller`
    /// comes first. It returns nothing, one result, or a sequence of several, as the type says. An exception that it
    /// raises arrives unchanged where Python called WebAssembly.
    #[new]
    #[pyo3(signature = (store, ty, callable, access_caller = false))]
    fn py_new(store: StoreArg<'_>, ty: &FuncType, callable: Py<PyAny>, access_caller: bool) -> PyResult<Func> {
        let store = store.0;
        Store::enter(&store, |context| {
            let item = define(&store, context, ty.0.clone(), callable, access_caller)?;
            Ok(Func::new(&store, item))
        })
    }

    /// Returns the type.
    fn r#type(&self, store: StoreArg<'_>) -> PyResult<FuncType> {
        let store = store.0;
        Store::enter(&store, |context| Ok(FuncType(self.item.ty(&*context).or_raise(store.py())?)))
    }

    /// Calls the function. Returns `None`, the result, or a tuple of the results. The interpreter lock is released
    /// while WebAssembly runs.
    #[pyo3(signature = (store, *params))]
    fn __call__<'py>(&self, store: StoreArg<'py>, params: Vec<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let store = store.0;
        Store::enter(&store, |context| {
            let ty = self.item.ty(&*context).or_raise(store.py())?;
            let params = value::list_to_wasm(&params, &ty.params, &store, context)?;
            let mut results = vec![Val::I32(0); ty.results.len()];
            let called =
                access::without_lock(store.py(), context, |context| self.item.call(context, &params, &mut results));
            called.or_raise_in(&store)?;
            value::results_to_python(&results, &store, context)
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}

impl Func {
    /// Wraps a function of the store.
    pub(crate) fn new(store: &Bound<'_, Store>, item: engine::Func) -> Func {
        Func { store: store.clone().unbind(), item }
    }
}

/// The caller of a Python function: stands for the store while the call lasts, and finds exports of the instance that
/// calls.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Caller {
    pub(crate) store: Py<Store>,
    call: u64,
}

#[pymethods]
impl Caller {
    /// Returns an export of the calling instance; `None` if it has no export of this name.
    fn get<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let store = self.store.bind(py);
        let export = store.get().access().caller_export(py, self.call, name)?;
        export.map(|item| instance::item_to_python(store, item)).transpose()
    }

    /// Returns an export of the calling instance.
    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.get(py, name)?.ok_or_else(|| error::key_error(name))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}

/// Adds a Python function to a store.
///
/// # Errors
///
/// The type names a type that the engine does not have.
pub(crate) fn define(
    store: &Bound<'_, Store>,
    context: &mut Context<'_>,
    ty: engine::FuncType,
    callable: Py<PyAny>,
    access_caller: bool,
) -> PyResult<engine::Func> {
    let py = store.py();
    let results = ty.results.clone();
    let function = PythonFunction { callable: store.get().kept.keep(callable), access_caller };
    // A linker refuses what makes `engine::Func::new` panic.
    let mut linker = Linker::new(context.engine());
    let defined = linker.func_new("", "", ty, move |mut caller, arguments, slots| {
        let called = Python::try_attach(|py| function.call(py, &mut caller, arguments, &results));
        let values = called.unwrap_or_else(|| Err(store::interpreter_ends()))?;
        slots.copy_from_slice(&values);
        Ok(())
    });
    defined.map(drop).or_raise(py)?;
    let func = linker.get(context, "", "").and_then(Extern::into_func);
    func.ok_or_else(|| error::usage_error(py, "the engine has no room for another type"))
}

/// A Python function that a store owns.
struct PythonFunction {
    callable: Token,
    access_caller: bool,
}

impl PythonFunction {
    /// Calls the function.
    ///
    /// # Errors
    ///
    /// The exception that it raised, as one of WebAssembly if it is a `WasmException`.
    fn call(
        &self,
        py: Python<'_>,
        caller: &mut EngineCaller<'_>,
        arguments: &[Val],
        results: &[engine::ValType],
    ) -> engine::Result<Vec<Val>> {
        self.try_call(py, caller, arguments, results).map_err(|raised| {
            let reference = raised.value(py).getattr("exception").ok();
            match reference.as_ref().and_then(|reference| reference.cast::<ExnRef>().ok()) {
                Some(exception) => exception.get().throw(&mut caller.as_context_mut()),
                None => Error::host(raised),
            }
        })
    }

    fn try_call(
        &self,
        py: Python<'_>,
        caller: &mut EngineCaller<'_>,
        arguments: &[Val],
        results: &[engine::ValType],
    ) -> PyResult<Vec<Val>> {
        let data: &Data = caller.data();
        let store = Store::of(py, data)?;
        let callable = self.callable.get(py)?;
        let mut arguments = value::list_to_python(arguments, &store, &mut caller.as_context_mut())?;
        let returned = store.get().access().suspend(caller, |call| {
            if self.access_caller {
                let caller = Bound::new(py, Caller { store: store.clone().unbind(), call })?;
                arguments.insert(0, caller.into_any());
            }
            callable.call1(PyTuple::new(py, &arguments)?)
        })?;
        value::results_to_wasm(&returned, results, &store, &mut caller.as_context_mut())
    }
}
