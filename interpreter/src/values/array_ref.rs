//! Handles to arrays.

use super::handle::handle;
use super::referents::Referents;
use super::struct_ref::{check_mutable, not_a};
use super::val::{Val, slots_of};
use crate::error::Result;
use crate::trap::Trap;
use crate::types::{CompositeType, FieldType, TypeId};
use alloc::vec::Vec;

handle! {
    /// A handle to an array. Never null.
    ///
    /// It keeps its object alive. `==` compares identities, as `ref.eq` does.
    ArrayRef
}

impl ArrayRef {
    /// Makes an array of these elements, of a type of the store.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the store does not have the type, it is not the type of an array, or
    /// an element does not match it; [`Trap::OutOfHeap`] if the heap is full.
    pub(crate) fn new_fixed_in(store: &mut impl Referents, ty: TypeId, elements: &[Val]) -> Result<ArrayRef> {
        store.types().check(ty)?;
        let CompositeType::Array(array_type) = &store.types().get(ty).composite else {
            return Err(not_a(store, "an array", ty));
        };
        let element = array_type.element.storage.unpacked();
        let bits: Result<Vec<_>> = elements.iter().map(|value| value.to_bits(store, element, "the element")).collect();
        let (bits, length) = (bits?, u32::try_from(elements.len()).map_err(|_| Trap::OutOfHeap)?);
        let reference = store.allocate(|heap| heap.new_array(ty, length))?;
        let array = ArrayRef::from_raw(reference, store).expect("a new object is not null");
        let object = array.object(store)?;
        for (index, bits) in (0..).zip(bits) {
            store.heap_mut().set_element_bits(object, index, bits).ok_or(Trap::ArrayOutOfBounds)?;
        }
        Ok(array)
    }

    /// Returns the number of elements.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn len_in(&self, store: &impl Referents) -> Result<u32> {
        Ok(store.heap().array_length(self.object(store)?))
    }

    /// Returns whether the array has no elements.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn is_empty_in(&self, store: &impl Referents) -> Result<bool> {
        Ok(self.len_in(store)? == 0)
    }

    /// Returns an element. A packed element is zero-extended.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`] if the index is past the end; kind [`Usage`](crate::ErrorKind::Usage) if the handle
    /// belongs to another store.
    pub(crate) fn get_in(&self, store: &mut impl Referents, index: u32) -> Result<Val> {
        let (object, element) = self.element(store)?;
        let bits = store.heap().element_bits(object, index).ok_or(Trap::ArrayOutOfBounds)?;
        Ok(Val::take(element.storage.unpacked(), &mut &slots_of(bits)[..], store))
    }

    /// Sets an element of a mutable array. A packed element takes the low bits of the value.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`] if the index is past the end; kind [`Usage`](crate::ErrorKind::Usage) if the array is
    /// immutable, the value is not of its type, or a handle belongs to another store.
    pub(crate) fn set_in(&self, store: &mut impl Referents, index: u32, value: &Val) -> Result<()> {
        let (object, element) = self.element(store)?;
        if index >= store.heap().array_length(object) {
            return Err(Trap::ArrayOutOfBounds.into());
        }
        check_mutable(element, "the element")?;
        let bits = value.to_bits(store, element.storage.unpacked(), "the element")?;
        store.heap_mut().set_element_bits(object, index, bits).ok_or(Trap::ArrayOutOfBounds)?;
        Ok(())
    }

    /// Returns the object and the type of its elements.
    fn element(&self, store: &impl Referents) -> Result<(u32, FieldType)> {
        let object = self.object(store)?;
        let ty = store.heap().type_of(object).expect("the handle is an array's");
        Ok((object, store.types().array(ty).element))
    }
}
