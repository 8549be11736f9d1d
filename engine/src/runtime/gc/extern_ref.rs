//! Handles of the host to values of type `externref`, among them the host's own values.

use super::allocate::make_room;
use super::roots::handle;
use crate::abi::heap::{EXTERN, HEADER};
use crate::base::{Error, ErrorKind, Result};
use crate::runtime::store::{AsContextMut, StoreContext, StoreOpaque};
use core::any::Any;

handle! {
    /// A handle to a value that WebAssembly can pass around but not inspect, such as a value of the host. Never null.
    ///
    /// A handle is valid until the end of the host function, or of the [`RootScope`](crate::RootScope), in which it was
    /// made; [`to_owned_rooted`](ExternRef::to_owned_rooted) makes a reference that lives longer. `==` compares
    /// handles; [`ref_eq`](ExternRef::ref_eq) compares the objects.
    ///
    /// A value of the host is dropped when a collection finds that neither the host nor WebAssembly refers to it.
    ExternRef
}

impl ExternRef {
    /// Moves a value of the host into the store.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the store holds 2^32 values already;
    /// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full.
    pub fn new(mut store: impl AsContextMut, value: impl Any + Send + Sync) -> Result<ExternRef> {
        let mut store = store.as_context_mut().into_opaque();
        // A collection between the two steps would drop the value, because no object refers to it yet. So the room is
        // made first.
        make_room(&mut store, HEADER.into())?;
        let number = store.heap.values.insert(Box::new(value));
        let number =
            number.ok_or_else(|| Error::new(ErrorKind::Resource, "the store holds 2^32 values of the host already"))?;
        let reference = store.bump(EXTERN, number, HEADER.into());
        Ok(ExternRef(store.root(reference)))
    }

    /// Returns the value of the host; `None` if this refers to an object or integer of WebAssembly, which
    /// `extern.convert_any` has converted.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn data<'a, T: 'static>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        let store = store.into().opaque();
        let reference = store.rooted(self.0)?;
        Ok(store.host_value(reference))
    }

    /// Returns the reference as compiled code represents it.
    pub(crate) fn bits(self, store: &StoreOpaque) -> Result<u32> {
        store.rooted(self.0)
    }

    /// Makes a handle of a reference of compiled code; `None` if it is null.
    pub(crate) fn from_bits(bits: u32, store: &mut StoreOpaque) -> Option<ExternRef> {
        (bits != 0).then(|| ExternRef(store.root(bits)))
    }
}

impl StoreOpaque {
    /// Returns the value of the host to which a reference refers, if it refers to one.
    fn host_value(&self, reference: u32) -> Option<&(dyn Any + Send + Sync)> {
        if reference & 1 == 1 {
            return None;
        }
        // SAFETY: a rooted reference that is no i31 is an object's.
        match unsafe { self.header(reference) } {
            (EXTERN, number) => self.heap.values.get(number),
            _ => None,
        }
    }
}
