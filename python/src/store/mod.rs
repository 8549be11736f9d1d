//! Stores: what the WebAssembly code of one unit of work can reach.

pub(crate) mod access;
pub(crate) mod kept;

use crate::config::Engine;
use crate::error::{self, OrRaise};
use crate::func::Caller;
use crate::wasi_config::WasiConfig;
use access::{Access, Context};
use engine::{Error, ErrorKind, Linker, StoreLimits, UpdateDeadline};
use kept::{Kept, Token};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};
use std::collections::HashMap;
use std::sync::Arc;

/// Instances with their functions, memories, tables, globals and tags.
///
/// A store is used by one thread at a time; another one gets an error. Its items keep it alive.
#[pyclass(frozen, weakref, module = "touchstone")]
pub(crate) struct Store {
    engine: engine::Engine,
    has_deadlines: bool,
    access: Access,
    pub(crate) kept: Arc<Kept>,
    data: Token,
}

/// The data of the engine's store.
#[derive(Default)]
pub(crate) struct Data {
    /// A weak reference to the [`Store`], by which host functions find it.
    this: Option<Py<PyWeakrefReference>>,
    limits: StoreLimits,
    /// The functions of WASI, with what the guest may use.
    pub(crate) wasi: Option<Linker<Data>>,
    /// The Python functions of linkers that were added to this store, by the numbers of their definitions.
    pub(crate) linked: HashMap<u64, engine::Func>,
    on_deadline: Option<Token>,
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (engine, data = None))]
    fn new(py: Python<'_>, engine: &Engine, data: Option<Py<PyAny>>) -> Store {
        let has_deadlines = engine.has_deadlines;
        let engine = engine.engine.clone();
        let mut store = engine::Store::new(&engine, Data::default());
        store.limiter(|data| &mut data.limits);
        store.epoch_deadline_callback(|mut context| reach_deadline(&mut context));
        let kept = Arc::new(Kept::default());
        let data = kept.keep(data.unwrap_or_else(|| py.None()));
        Store { engine, has_deadlines, access: Access::new(store), kept, data }
    }

    /// Returns the object that was given as `data`.
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.data.get(py)
    }

    /// Sets the fuel: the number of instructions until a trap. It needs `Config.consume_fuel`.
    fn set_fuel(slf: &Bound<'_, Self>, fuel: u64) -> PyResult<()> {
        Store::enter(slf, |context| context.set_fuel(fuel).or_raise(slf.py()))
    }

    /// Returns the fuel that is left. It needs `Config.consume_fuel`.
    fn get_fuel(slf: &Bound<'_, Self>) -> PyResult<u64> {
        Store::enter(slf, |context| context.fuel().or_raise(slf.py()))
    }

    /// Sets the deadline to a number of ticks beyond the current epoch, which `Engine.increment_epoch` advances. It
    /// needs `Config.epoch_interruption`.
    ///
    /// When the deadline is reached, handlers of signals run, so that control-C raises `KeyboardInterrupt`. Then the
    /// function of `epoch_deadline_callback` decides. Without one the guest traps.
    fn set_epoch_deadline(slf: &Bound<'_, Self>, ticks: u64) -> PyResult<()> {
        if !slf.get().has_deadlines {
            return Err(error::usage_error(slf.py(), "deadlines need an engine with Config.epoch_interruption"));
        }
        Store::enter(slf, |context| {
            context.set_epoch_deadline(ticks);
            Ok(())
        })
    }

    /// Sets the function that is called, without arguments, when the deadline is reached. It returns the number of
    /// ticks until the next deadline, or `None` to trap. An exception that it raises ends the guest. `None` instead of
    /// a function restores the default, a trap.
    fn epoch_deadline_callback(slf: &Bound<'_, Self>, callback: Option<Py<PyAny>>) -> PyResult<()> {
        let token = callback.map(|callback| slf.get().kept.keep(callback));
        let old = Store::enter(slf, |context| Ok(std::mem::replace(&mut context.data_mut().on_deadline, token)))?;
        drop(old);
        Ok(())
    }

    /// Sets the limits: the bytes of each memory, the elements of each table, and the numbers of instances, tables and
    /// memories. What is `None` has no limit but the engine's.
    #[pyo3(
        signature = (*, memory_size = None, table_elements = None, instances = None, tables = None, memories = None)
    )]
    fn set_limits(
        slf: &Bound<'_, Self>,
        memory_size: Option<u64>,
        table_elements: Option<u64>,
        instances: Option<usize>,
        tables: Option<usize>,
        memories: Option<usize>,
    ) -> PyResult<()> {
        let limits = StoreLimits::new()
            .memory_size(memory_size.unwrap_or(u64::MAX))
            .table_elements(table_elements.unwrap_or(u64::MAX))
            .instances(instances.unwrap_or(usize::MAX))
            .tables(tables.unwrap_or(usize::MAX))
            .memories(memories.unwrap_or(usize::MAX));
        Store::enter(slf, |context| {
            context.data_mut().limits = limits;
            Ok(())
        })
    }

    /// Gives a guest what the configuration grants. `Linker.define_wasi` defines the functions that use it.
    fn set_wasi(slf: &Bound<'_, Self>, config: &WasiConfig) -> PyResult<()> {
        let wasi = config.build(slf.py(), &slf.get().kept)?;
        let mut linker = Linker::new(&slf.get().engine);
        wasi.define_in(&mut linker).or_raise(slf.py())?;
        let old = Store::enter(slf, |context| Ok(context.data_mut().wasi.replace(linker)))?;
        drop(old);
        Ok(())
    }

    /// Collects garbage of WebAssembly now: objects and values that neither Python nor WebAssembly can reach.
    fn gc(slf: &Bound<'_, Self>) -> PyResult<()> {
        Store::enter(slf, |context| context.gc().or_raise(slf.py()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.kept.traverse(&visit)
    }

    fn __clear__(&self) {
        self.kept.clear();
    }
}

impl Store {
    /// Uses a store; see [`Access::enter`].
    pub(crate) fn enter<R>(slf: &Bound<'_, Self>, run: impl FnOnce(&mut Context<'_>) -> PyResult<R>) -> PyResult<R> {
        let py = slf.py();
        slf.get().access.enter(py, |context| {
            if context.data().this.is_none() {
                context.data_mut().this = Some(PyWeakrefReference::new(slf)?.unbind());
            }
            run(context)
        })
    }

    /// The access, for callbacks and views.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Returns the store that a host function runs in.
    pub(crate) fn of<'py>(py: Python<'py>, data: &Data) -> PyResult<Bound<'py, Store>> {
        let this = data.this.as_ref().and_then(|this| this.bind(py).upgrade());
        let store = this.ok_or_else(|| error::usage_error(py, "the store is being dropped"))?;
        Ok(store.cast_into()?)
    }
}

/// The argument `store` of a method: a `Store`, or the `Caller` that stands for it in a host function.
pub(crate) struct StoreArg<'py>(pub(crate) Bound<'py, Store>);

impl<'py> FromPyObject<'_, 'py> for StoreArg<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<StoreArg<'py>> {
        match object.cast::<Caller>() {
            Ok(caller) => Ok(StoreArg(caller.get().store.bind(object.py()).clone())),
            Err(_) => Ok(StoreArg(object.cast::<Store>()?.to_owned())),
        }
    }
}

/// Decides what happens at a deadline: handlers of signals run, and then the function that Python gave.
fn reach_deadline(context: &mut Context<'_>) -> engine::Result<UpdateDeadline> {
    let decision = Python::try_attach(|py| -> PyResult<UpdateDeadline> {
        py.check_signals()?;
        let Some(callback) = &context.data().on_deadline else {
            return Ok(UpdateDeadline::Interrupt);
        };
        let ticks: Option<u64> = callback.get(py)?.call0()?.extract()?;
        Ok(ticks.map_or(UpdateDeadline::Interrupt, UpdateDeadline::Continue))
    });
    decision.unwrap_or_else(|| Ok(UpdateDeadline::Interrupt)).map_err(Error::host)
}

/// Returns the error of a host function that is called while the interpreter ends.
pub(crate) fn interpreter_ends() -> Error {
    Error::new(ErrorKind::Usage, "the Python interpreter has ended")
}
