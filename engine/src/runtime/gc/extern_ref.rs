//! Values of the host in WebAssembly.

use super::AnyRef;
use super::allocate::make_room;
use super::roots::{Rooted, handle};
use crate::abi::heap::{EXTERN, HEADER};
use crate::base::{Error, ErrorKind, Result};
use crate::runtime::store::{AsContextMut, StoreContext, StoreOpaque};
use core::any::Any;

handle! {
    /// A reference that WebAssembly can pass around but not look into, such as one to a value of the host.
    ///
    /// This is a handle: it ends with the call of the host function, or the [`RootScope`](crate::RootScope), in which it was
    /// made, and [`OwnedRooted`](crate::OwnedRooted) holds what it refers to for longer. A value of the host is dropped when a collection
    /// finds that neither the host nor WebAssembly holds a reference to it.
    ///
    /// Equal handles are one handle. Whether two of them refer to the same value, [`ref_eq`](ExternRef::ref_eq) says.
    ExternRef
}

impl ExternRef {
    /// Puts a value into the store.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the store holds 2^32 of them already;
    /// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full.
    pub fn new(mut store: impl AsContextMut, value: impl Any + Send + Sync) -> Result<ExternRef> {
        let mut store = store.as_context_mut().into_opaque();
        // Until its object is there, a collection would not find the value to be in use.
        make_room(&mut store, HEADER.into())?;
        let number = store.heap.values.insert(Box::new(value));
        let number =
            number.ok_or_else(|| Error::new(ErrorKind::Resource, "the store holds 2^32 values of the host already"))?;
        let reference = store.bump(EXTERN, number, HEADER.into());
        Ok(ExternRef(store.root(reference)))
    }

    /// The value of the host; `None` if this refers to something else, which `extern.convert_any` has made an
    /// `externref` of.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if this belongs to another store, or its scope has ended.
    pub fn data<'a, T: 'static>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        let store = store.into().opaque();
        let reference = store.rooted(self.0)?;
        Ok(store.host_value(reference))
    }

    /// The same reference as an `anyref`, as `any.convert_extern` makes it.
    pub fn to_any(self) -> AnyRef {
        AnyRef::from_root(self.0)
    }

    /// What WebAssembly sees.
    pub(crate) fn bits(self, store: &StoreOpaque) -> Result<u32> {
        store.rooted(self.0)
    }

    /// What WebAssembly code of this store holds; null is null.
    pub(crate) fn from_bits(bits: u32, store: &mut StoreOpaque) -> Option<ExternRef> {
        (bits != 0).then(|| ExternRef(store.root(bits)))
    }
}

impl StoreOpaque {
    /// The value of the host that a reference names, if it names one.
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
