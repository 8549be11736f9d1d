//! Handles to values of type `externref`, among them the embedder's own values.

use super::handle::handle;
use super::referents::Referents;
use crate::error::Result;
use alloc::boxed::Box;
use core::any::Any;

handle! {
    /// A handle to a value that WebAssembly can pass around but not inspect, such as a value of the host. Never null.
    ///
    /// It keeps its object alive. `==` compares identities. A value of the host is dropped when a collection finds that
    /// neither the host nor WebAssembly refers to it.
    ExternRef
}

impl ExternRef {
    /// Moves a value of the host into the store.
    ///
    /// # Errors
    /// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full.
    pub(crate) fn new_in(store: &mut impl Referents, value: impl Any + Send + Sync) -> Result<ExternRef> {
        store.make_room(crate::gc::HOST_SIZE)?;
        let reference = store.heap_mut().new_host(Box::new(value))?;
        Ok(ExternRef::from_raw(reference, store).expect("a new object is not null"))
    }

    /// Returns the value of the host; `None` if this refers to an object or integer of WebAssembly, which
    /// `extern.convert_any` has converted.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn data_in<'a>(&self, store: &'a impl Referents) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        Ok(self.raw(store)?.as_object().and_then(|object| store.heap().host_value(object)))
    }
}
