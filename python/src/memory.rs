//! Linear memories.
//!
//! Python can see a memory as a buffer: `memoryview(memory)`, or `numpy.frombuffer(memory, ..)`. As a `bytearray` does
//! not change its size while there are views of it, a store does nothing while there are views of its memories: no
//! call, no growth, no access in another way. So no view is ever stale, and nobody else reads or writes what a view
//! shows.

#![expect(unsafe_code, reason = "the buffer protocol passes pointers")]

use crate::error::OrRaise;
use crate::store::access::Context;
use crate::store::{Store, StoreArg};
use crate::types::MemoryType;
use engine::AsContextMut;
use pyo3::exceptions::{PyBufferError, PyIndexError};
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::ffi::c_int;

/// A linear memory. `memoryview(memory)` shows its bytes, which can be written. As long as the view is not released,
/// any other use of the store raises `BufferError`.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Memory {
    store: Py<Store>,
    pub(crate) item: engine::Memory,
}

#[pymethods]
impl Memory {
    /// Makes a memory of zeros.
    #[new]
    fn py_new(store: StoreArg<'_>, ty: &MemoryType) -> PyResult<Memory> {
        let store = store.0;
        Store::enter(&store, |context| {
            Ok(Memory::new(&store, engine::Memory::new(context, ty.0).or_raise(store.py())?))
        })
    }

    /// Returns the type.
    fn r#type(&self, store: StoreArg<'_>) -> PyResult<MemoryType> {
        let store = store.0;
        Store::enter(&store, |context| Ok(MemoryType(self.item.ty(&*context).or_raise(store.py())?)))
    }

    /// Returns the size in pages.
    fn size(&self, store: StoreArg<'_>) -> PyResult<u64> {
        let store = store.0;
        Store::enter(&store, |context| self.item.size(&*context).or_raise(store.py()))
    }

    /// Returns the size in bytes.
    fn data_len(&self, store: StoreArg<'_>) -> PyResult<u64> {
        let store = store.0;
        Store::enter(&store, |context| self.length(store.py(), context))
    }

    /// Grows by a number of pages. Returns the old size in pages.
    fn grow(&self, store: StoreArg<'_>, delta: u64) -> PyResult<u64> {
        let store = store.0;
        Store::enter(&store, |context| self.item.grow(context, delta).or_raise(store.py()))
    }

    /// Returns the bytes from `start` up to `stop`, which is the end of the memory by default. Raises `IndexError` if
    /// they do not lie in the memory.
    #[pyo3(signature = (store, start = 0, stop = None))]
    fn read<'py>(&self, store: StoreArg<'py>, start: u64, stop: Option<u64>) -> PyResult<Bound<'py, PyBytes>> {
        let store = store.0;
        Store::enter(&store, |context| {
            let length = self.length(store.py(), context)?;
            let stop = stop.unwrap_or(length);
            if start > stop || stop > length {
                return Err(PyIndexError::new_err(format!("{start} to {stop} is no part of the {length} bytes")));
            }
            PyBytes::new_with(store.py(), (stop - start) as usize, |buffer| {
                self.item.read(&*context, start, buffer).or_raise(store.py())
            })
        })
    }

    /// Writes bytes from `start` on. Returns their number. Raises `IndexError`, with nothing written, if they do not
    /// lie in the memory.
    #[pyo3(signature = (store, value, start = 0))]
    fn write(&self, store: StoreArg<'_>, value: PyBackedBytes, start: u64) -> PyResult<usize> {
        let store = store.0;
        Store::enter(&store, |context| {
            let length = self.length(store.py(), context)?;
            let count = value.len();
            if start.checked_add(count as u64).is_none_or(|end| end > length) {
                let message = format!("{count} bytes from {start} on are no part of the {length} bytes");
                return Err(PyIndexError::new_err(message));
            }
            self.item.write(context, start, &value).or_raise(store.py())?;
            Ok(count)
        })
    }

    /// Shows the memory as a buffer.
    ///
    /// # Safety
    ///
    /// Python calls it, with a structure to fill in.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let py = slf.py();
        let memory = slf.get();
        let access = memory.store.get().access();
        let (start, length) = access.begin_view(py, |context| {
            let bytes = memory.item.data_mut(context.as_context_mut());
            let bytes = bytes.map_err(|error| PyBufferError::new_err(error.to_string()))?;
            Ok((bytes.as_mut_ptr(), bytes.len()))
        })?;
        // SAFETY: `view` is the caller's. The bytes never move or shrink, and they live as long as the store. This
        // object keeps the store, and the view keeps this object. Nobody else uses the bytes before `end_view`, by
        // `Access`.
        let filled =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start.cast(), length.cast_signed(), 0, flags) };
        if filled < 0 {
            access.end_view();
            return Err(PyErr::fetch(py));
        }
        Ok(())
    }

    /// Ends a view.
    ///
    /// # Safety
    ///
    /// Python calls it, once for each view.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.store.get().access().end_view();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}

impl Memory {
    /// Wraps a memory of the store.
    pub(crate) fn new(store: &Bound<'_, Store>, item: engine::Memory) -> Memory {
        Memory { store: store.clone().unbind(), item }
    }

    /// Returns the size in bytes.
    fn length(&self, py: Python<'_>, context: &Context<'_>) -> PyResult<u64> {
        let ty = self.item.ty(context).or_raise(py)?;
        Ok(self.item.size(context).or_raise(py)? << ty.page_size_log2)
    }
}
