//! Handles of the host to arrays.

use super::array_ops;
use super::object::{composite, not_a};
use super::roots::handle;
use crate::abi::heap::{HEADER, Storage};
use crate::base::{Result, Trap};
use crate::runtime::Val;
use crate::runtime::store::{AsContext, AsContextMut, OpaqueMut};
use crate::wasm::composite::{CompositeType, FieldType};
use crate::wasm::types::ConcreteType;

handle! {
    /// A handle to an array. Never null.
    ///
    /// A handle is valid until the end of the host function, or of the [`RootScope`](crate::RootScope), in which it was
    /// made; [`to_owned_rooted`](ArrayRef::to_owned_rooted) makes a reference that lives longer. `==` compares handles;
    /// [`ref_eq`](ArrayRef::ref_eq) compares the objects.
    ArrayRef
}

impl ArrayRef {
    /// Makes an array of these elements, of a type of the store's engine.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the engine does not have the type, it is not the type of an array,
    /// or an element does not match it; [`Trap::OutOfHeap`] if the heap is full; the limiter's error.
    pub fn new_fixed(mut store: impl AsContextMut, ty: ConcreteType, elements: &[Val]) -> Result<ArrayRef> {
        let mut store = store.as_context_mut().into_opaque();
        let CompositeType::Array(element) = composite(&mut store, ty)? else { return Err(not_a("array", ty)) };
        let value_type = element.storage.unpacked();
        for value in elements {
            value.to_raw(&store, value_type, "the element")?;
        }
        let length = u32::try_from(elements.len()).map_err(|_| Trap::OutOfHeap)?;
        let object = array_ops::new(&mut store, ty.index, length)?;
        // The check before the allocation discards the raw values, and they are taken again here: the allocation may
        // have moved the objects to which they refer.
        for (index, value) in (0..).zip(elements) {
            let value = value.to_raw(&store, value_type, "the element")?;
            store.write_field(object, element_offset(element, index), element.storage.into(), value);
        }
        Ok(ArrayRef(store.root(object)))
    }

    /// Returns the number of elements.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn len(&self, store: impl AsContext) -> Result<u32> {
        let store = store.as_context().opaque();
        // SAFETY: the reference is an array's.
        Ok(unsafe { store.header(store.rooted(self.0)?).1 })
    }

    /// Returns whether the array has no elements.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn is_empty(&self, store: impl AsContext) -> Result<bool> {
        Ok(self.len(store)? == 0)
    }

    /// Returns an element. A packed element is zero-extended.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`] if the index is past the end; kind [`Usage`](crate::ErrorKind::Usage) if the handle
    /// belongs to another store, or its scope has ended.
    pub fn get(&self, mut store: impl AsContextMut, index: u32) -> Result<Val> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, element, offset) = self.locate(&store, index)?;
        // SAFETY: the element holds a value of its type, of this store.
        Ok(unsafe { store.read_field(object, offset, element.storage) })
    }

    /// Sets an element of a mutable array. A packed element takes the low bits of the value.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`] if the index is past the end; kind [`Usage`](crate::ErrorKind::Usage) if the array is
    /// immutable, the value is not of its type, the handle belongs to another store, or its scope has ended.
    pub fn set(&self, mut store: impl AsContextMut, index: u32, value: Val) -> Result<()> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, element, offset) = self.locate(&store, index)?;
        store.write_mutable(object, offset, element, value, "the element")
    }

    /// Returns the object, the type of its elements, and an element's offset.
    fn locate(&self, store: &OpaqueMut<'_>, index: u32) -> Result<(u32, FieldType, u32)> {
        let object = store.rooted(self.0)?;
        let CompositeType::Array(element) = store.composite_of(object) else {
            unreachable!("checked when it was made")
        };
        // SAFETY: the reference is an array's.
        let (_, length) = unsafe { store.header(object) };
        if index < length {
            Ok((object, element, element_offset(element, index)))
        } else {
            Err(Trap::ArrayOutOfBounds.into())
        }
    }
}

/// Returns the offset of an element in its object.
fn element_offset(element: FieldType, index: u32) -> u32 {
    HEADER + index * Storage::from(element.storage).size()
}
