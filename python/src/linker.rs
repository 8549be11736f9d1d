//! Linkers: definitions by name, which modules import.

use crate::config::Engine;
use crate::error::{self, OrRaise};
use crate::func;
use crate::instance::{self, Instance};
use crate::module::Module;
use crate::store::access::Context;
use crate::store::{Store, StoreArg};
use crate::types::FuncType;
use engine::{Extern, ImportType};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Definitions that modules can import. Each has the name of a module and a name in it.
///
/// Python functions that are defined here belong to no store: a linker that holds only such functions serves any number
/// of stores of its engine.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Linker {
    engine: engine::Engine,
    // The lock is held for single look-ups and insertions, during which no Python code runs.
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    allow_shadowing: bool,
    has_wasi: bool,
    definitions: HashMap<(String, String), Definition>,
}

/// A definition: an item, or how to make one.
enum Definition {
    /// An item of a store, which the object keeps.
    Item(Extern, Py<PyAny>),
    /// A Python function. It is added to a store when the store first needs it.
    Function { number: u64, ty: engine::FuncType, callable: Py<PyAny>, access_caller: bool },
}

#[pymethods]
impl Linker {
    #[new]
    fn new(engine: &Engine) -> Linker {
        Linker { engine: engine.engine.clone(), names: Mutex::default() }
    }

    /// True if a name may be defined again, which replaces its definition.
    #[getter]
    fn get_allow_shadowing(&self) -> bool {
        self.names().allow_shadowing
    }

    #[setter]
    fn set_allow_shadowing(&self, allow: bool) {
        self.names().allow_shadowing = allow;
    }

    /// Defines a name as an item: a `Func`, `Table`, `Memory`, `Global` or `Tag` of the store.
    fn define(&self, store: StoreArg<'_>, module: &str, name: &str, item: &Bound<'_, PyAny>) -> PyResult<()> {
        let engine_item = instance::item_to_engine(item)?;
        let store = store.0;
        Store::enter(&store, |context| engine_item.ty(&*context).map(drop).or_raise(store.py()))?;
        self.insert(store.py(), module, name, Definition::Item(engine_item, item.clone().unbind()))
    }

    /// Defines a name as a Python function; `Func` says what it gets and returns.
    #[pyo3(signature = (module, name, ty, callable, access_caller = false))]
    fn define_func(
        &self,
        module: &str,
        name: &str,
        ty: &FuncType,
        callable: Bound<'_, PyAny>,
        access_caller: bool,
    ) -> PyResult<()> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let (number, ty, py) = (NUMBERS.fetch_add(1, Ordering::Relaxed), ty.0.clone(), callable.py());
        let function = Definition::Function { number, ty, callable: callable.unbind(), access_caller };
        self.insert(py, module, name, function)
    }

    /// Defines all exports of an instance under the name of a module.
    fn define_instance(&self, store: StoreArg<'_>, module: &str, instance: &Bound<'_, Instance>) -> PyResult<()> {
        let store = store.0;
        let exports = Store::enter(&store, |context| instance.get().item.exports(context).or_raise(store.py()))?;
        for (name, item) in exports {
            let object = instance::item_to_python(&store, item)?.unbind();
            self.insert(store.py(), module, &name, Definition::Item(item, object))?;
        }
        Ok(())
    }

    /// Defines the functions of WASI preview 1. They use what `Store.set_wasi` grants to the store that a module is
    /// instantiated in.
    fn define_wasi(&self) {
        self.names().has_wasi = true;
    }

    /// Instantiates a module with imports by name, and runs its start function.
    fn instantiate(&self, store: StoreArg<'_>, module: &Module) -> PyResult<Instance> {
        let store = store.0;
        Store::enter(&store, |context| {
            if !self.engine.same(context.engine()) {
                return Err(error::usage_error(store.py(), "the linker is of another engine than the store"));
            }
            let imports = module.module.imports().map(|import| self.resolve(&store, context, &import));
            let imports: Vec<Extern> = imports.collect::<PyResult<_>>()?;
            instance::instantiate(&store, context, module, &imports)
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.names().definitions.values().try_for_each(|definition| match definition {
            Definition::Item(_, object) | Definition::Function { callable: object, .. } => visit.call(object),
        })
    }

    fn __clear__(&self) {
        // The destructors run after the lock is released, for they may come back.
        let definitions = std::mem::take(&mut self.names().definitions);
        drop(definitions);
    }
}

impl Linker {
    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, py: Python<'_>, module: &str, name: &str, definition: Definition) -> PyResult<()> {
        let mut names = self.names();
        let key = (module.to_string(), name.to_string());
        if names.definitions.contains_key(&key) && !names.allow_shadowing {
            drop(names);
            let message = format!("{module}.{name} is defined already; with allow_shadowing the new one replaces it");
            return Err(error::usage_error(py, &message));
        }
        let old = names.definitions.insert(key, definition);
        // As in `__clear__`.
        drop(names);
        drop(old);
        Ok(())
    }

    /// Returns what an import stands for in a store.
    fn resolve(
        &self,
        store: &Bound<'_, Store>,
        context: &mut Context<'_>,
        import: &ImportType<'_>,
    ) -> PyResult<Extern> {
        let py = store.py();
        let key = (import.module.to_string(), import.name.to_string());
        // The lock is released before an exception is made, which may start the garbage collector, which takes it.
        let names = self.names();
        let definition = names.definitions.get(&key).map(|definition| definition.clone_ref(py));
        let is_wasi = names.has_wasi && import.module == wasi::MODULE;
        drop(names);
        match definition {
            Some(Definition::Item(item, _)) => Ok(item),
            Some(Definition::Function { number, ty, callable, access_caller }) => {
                if let Some(func) = context.data().linked.get(&number) {
                    return Ok((*func).into());
                }
                let func = func::define(store, context, ty, callable, access_caller)?;
                context.data_mut().linked.insert(number, func);
                Ok(func.into())
            }
            None if is_wasi => find_wasi(py, context, import),
            None => Err(Module::unknown_import(import)).or_raise(py),
        }
    }
}

impl Definition {
    fn clone_ref(&self, py: Python<'_>) -> Definition {
        match self {
            Definition::Item(item, object) => Definition::Item(*item, object.clone_ref(py)),
            Definition::Function { number, ty, callable, access_caller } => Definition::Function {
                number: *number,
                ty: ty.clone(),
                callable: callable.clone_ref(py),
                access_caller: *access_caller,
            },
        }
    }
}

/// Returns the function of WASI that an import names.
fn find_wasi(py: Python<'_>, context: &mut Context<'_>, import: &ImportType<'_>) -> PyResult<Extern> {
    let Some(linker) = context.data().wasi.clone() else {
        return Err(error::usage_error(py, "the module imports WASI: say what it may use with Store.set_wasi"));
    };
    let item = linker.get(context, import.module, import.name);
    item.ok_or_else(|| Module::unknown_import(import)).or_raise(py)
}
