//! The Python objects that a store owns: functions of the host, and values of type `externref`.
//!
//! The engine's closures and references hold a [`Token`], not the object itself. So all objects stand in one table,
//! which the store shows to Python's garbage collector: a cycle that leads through a store can be collected.

use crate::error;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The table of the objects. Nobody who holds its lock waits for the interpreter lock or runs Python code, so it may be
/// taken with and without the interpreter lock.
#[derive(Default)]
pub(crate) struct Kept {
    table: Mutex<Table>,
    /// The exception of a function that could not pass it on; see [`Kept::set_raised`].
    raised: Mutex<Option<PyErr>>,
}

#[derive(Default)]
struct Table {
    objects: HashMap<u64, Py<PyAny>>,
    next: u64,
}

/// The ownership of an object in the table, which ends when the token is dropped.
pub(crate) struct Token {
    number: u64,
    kept: Arc<Kept>,
}

impl Kept {
    /// Adds an object.
    pub(crate) fn keep(self: &Arc<Kept>, object: Py<PyAny>) -> Token {
        let mut table = self.lock();
        let number = table.next;
        table.next += 1;
        table.objects.insert(number, object);
        Token { number, kept: Arc::clone(self) }
    }

    /// Shows the objects to Python's garbage collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.lock().objects.values().try_for_each(|object| visit.call(object))
    }

    /// Drops all objects, to break a cycle.
    pub(crate) fn clear(&self) {
        // The destructors run after the lock is released, for they may come back.
        let objects = std::mem::take(&mut self.lock().objects);
        drop(objects);
    }

    /// Keeps the exception of a function whose caller, the implementation of WASI, passes on a text alone.
    pub(crate) fn set_raised(&self, raised: PyErr) {
        let old = self.raised.lock().unwrap_or_else(PoisonError::into_inner).replace(raised);
        drop(old);
    }

    /// Takes the exception that was kept last.
    pub(crate) fn take_raised(&self) -> Option<PyErr> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Token {
    /// Returns the object.
    ///
    /// # Errors
    ///
    /// The garbage collector has taken it, because the store was garbage.
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let object = self.kept.lock().objects.get(&self.number).map(|object| object.clone_ref(py));
        object
            .map(|object| object.into_bound(py))
            .ok_or_else(|| error::usage_error(py, "the store was garbage, and its Python objects are gone"))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // As in `clear`: the object's destructor runs after the lock is released.
        let object = self.kept.lock().objects.remove(&self.number);
        drop(object);
    }
}
