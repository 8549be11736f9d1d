//! From the engine's errors to Python's exceptions, whose classes `touchstone/_errors.py` defines.

use crate::store::Store;
use crate::value::ExnRef;
use engine::{Backtrace, Error, ErrorKind, Frame, Trap};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use std::fmt::Display;
use wasi::Stop;

/// Raises the errors of the engine's results.
pub(crate) trait OrRaise<T> {
    /// Raises an error that concerns no store.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;

    /// Raises an error of code that ran in a store.
    fn or_raise_in(self, store: &Bound<'_, Store>) -> PyResult<T>;
}

impl<T> OrRaise<T> for engine::Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error).unwrap_or_else(|failure| failure))
    }

    fn or_raise_in(self, store: &Bound<'_, Store>) -> PyResult<T> {
        self.map_err(|error| exception_in(store, &error).unwrap_or_else(|failure| failure))
    }
}

/// Makes a `ValueError`.
pub(crate) fn value_error(message: impl Display) -> PyErr {
    PyValueError::new_err(message.to_string())
}

/// Makes a `KeyError` for a name that nothing has.
pub(crate) fn key_error(name: &str) -> PyErr {
    PyKeyError::new_err(name.to_string())
}

/// Makes a `TouchstoneError` for a wrong use of the interface.
pub(crate) fn usage_error(py: Python<'_>, message: &str) -> PyErr {
    let error = Error::new(ErrorKind::Usage, message);
    exception(py, &error).unwrap_or_else(|failure| failure)
}

/// Returns the code and the name of each trap. The enumeration `TrapCode` lists the same.
#[pyfunction]
pub(crate) fn traps() -> Vec<(u8, String)> {
    Trap::ALL.iter().map(|trap| (trap.code(), trap.text().to_string())).collect()
}

/// Makes the exception for an error of code that ran in a store.
fn exception_in(store: &Bound<'_, Store>, error: &Error) -> PyResult<PyErr> {
    let py = store.py();
    if let Some(thrown) = error.as_exception() {
        let reference = Py::new(py, ExnRef::new(store, thrown.clone()))?;
        let class = class(py, "WasmException")?;
        return Ok(PyErr::from_value(class.call1((reference, frames(py, error.backtrace())?))?));
    }
    let is_of_wasi = matches!(error.downcast_ref(), Some(Stop::Failure(_)));
    match store.get().kept.take_raised().filter(|_| is_of_wasi) {
        Some(raised) => with_note(py, &raised, error.backtrace()),
        None => exception(py, error),
    }
}

/// Makes the exception for an error. An exception that Python code raised inside arrives unchanged, with the frames of
/// WebAssembly as a note.
fn exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    if let Some(raised) = error.downcast_ref::<PyErr>() {
        return with_note(py, raised, error.backtrace());
    }
    let frames = frames(py, error.backtrace())?;
    let value = if let Some(code) = wasi::exit_code(error) {
        class(py, "ExitTrap")?.call1((code,))?
    } else if let Some(trap) = error.as_trap() {
        class(py, "Trap")?.call1((error.message(), trap.code(), frames))?
    } else {
        let kind = kind_name(error.kind());
        class(py, "TouchstoneError")?.call1((error.to_string(), kind, error.offset(), frames))?
    };
    Ok(PyErr::from_value(value))
}

/// Returns an exception that Python code raised, with the frames of WebAssembly as a note.
fn with_note(py: Python<'_>, raised: &PyErr, backtrace: Option<&Backtrace>) -> PyResult<PyErr> {
    if let Some(backtrace) = backtrace.filter(|backtrace| !backtrace.frames.is_empty()) {
        raised.add_note(py, format!("WebAssembly frames, innermost first:\n{backtrace}"))?;
    }
    Ok(raised.clone_ref(py))
}

/// Returns the frames as a list of `Frame`.
fn frames<'py>(py: Python<'py>, backtrace: Option<&Backtrace>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let class = class(py, "Frame")?;
    let frame = |frame: &Frame| {
        let offset = frame.module_offset.map(|offset| offset.0);
        class.call1((frame.func_index, frame.func_name.as_deref(), frame.module_name.as_deref(), offset))
    };
    backtrace.map_or(&[][..], |backtrace| &backtrace.frames).iter().map(frame).collect()
}

/// Returns a class of `touchstone/_errors.py`.
fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyType>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("touchstone._errors").map(Bound::unbind))?;
    Ok(module.bind(py).getattr(name)?.cast_into()?)
}

/// Returns the word for a kind of error, which `TouchstoneError.kind` shows.
fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Malformed => "malformed",
        ErrorKind::Invalid => "invalid",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::TooLarge => "too-large",
        ErrorKind::Link => "link",
        ErrorKind::Trap(_) => "trap",
        ErrorKind::Exception => "exception",
        ErrorKind::Host => "host",
        ErrorKind::Artifact => "artifact",
        ErrorKind::Resource => "resource",
        ErrorKind::Io => "io",
        ErrorKind::Usage => "usage",
        _ => "other",
    }
}
