//! Arrays in the host's hands.

use super::object::{composite, not_a};
use super::roots::{Rooted, handle};
use super::{AnyRef, array_ops};
use crate::abi::heap::{HEADER, Storage};
use crate::base::{Result, Trap};
use crate::runtime::Val;
use crate::runtime::store::{AsContext, AsContextMut, OpaqueMut};
use crate::wasm::composite::{CompositeType, FieldType};
use crate::wasm::types::ConcreteType;

handle! {
    /// A reference to an array. Never null.
    ArrayRef
}

impl From<ArrayRef> for AnyRef {
    fn from(object: ArrayRef) -> AnyRef {
        AnyRef::from_root(object.0)
    }
}

impl ArrayRef {
    /// A new array of a type that a module in the store, or its imports, name.
    ///
    /// # Errors
    /// As [`StructRef::new`].
    pub fn new_fixed(mut store: impl AsContextMut, ty: ConcreteType, elements: &[Val]) -> Result<ArrayRef> {
        let mut store = store.as_context_mut().into_opaque();
        let CompositeType::Array(element) = composite(&store, ty)? else { return Err(not_a("array", ty)) };
        let value_type = element.storage.unpacked();
        elements.iter().try_for_each(|value| value.to_raw(&store, value_type, "the element").map(drop))?;
        let length = u32::try_from(elements.len()).map_err(|_| Trap::OutOfHeap)?;
        let object = array_ops::new(&mut store, ty.index, length)?;
        // The values are read again: the allocation may have moved what they refer to.
        for (index, value) in (0..).zip(elements) {
            let value = value.to_raw(&store, value_type, "the element")?;
            store.write_field(object, element_offset(element, index), element.storage.into(), value);
        }
        Ok(ArrayRef(store.root(object)))
    }

    /// How many elements there are.
    ///
    /// # Errors
    /// Here and below: kind [`Usage`](ErrorKind::Usage) if this belongs to another store, or its scope has ended.
    pub fn len(&self, store: impl AsContext) -> Result<u32> {
        let store = store.as_context().opaque();
        // SAFETY: the reference is an array's.
        Ok(unsafe { store.header(store.rooted(self.0)?).1 })
    }

    /// Whether there are none.
    pub fn is_empty(&self, store: impl AsContext) -> Result<bool> {
        Ok(self.len(store)? == 0)
    }

    /// An element; a packed one is zero-extended.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`] past the end.
    pub fn get(&self, mut store: impl AsContextMut, index: u32) -> Result<Val> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, element, offset) = self.place(&store, index)?;
        // SAFETY: the element holds a value of its type, of this store.
        Ok(unsafe { store.read_field(object, offset, element.storage) })
    }

    /// Sets an element of a mutable array; of a value for a packed one, the low bits count.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`] past the end; kind [`Usage`](ErrorKind::Usage) also if the array is immutable, or the
    /// value is not of its type.
    pub fn set(&self, mut store: impl AsContextMut, index: u32, value: Val) -> Result<()> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, element, offset) = self.place(&store, index)?;
        store.write_mutable(object, offset, element, value, "the element")
    }

    fn place(&self, store: &OpaqueMut<'_>, index: u32) -> Result<(u32, FieldType, u32)> {
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

fn element_offset(element: FieldType, index: u32) -> u32 {
    HEADER + index * Storage::from(element.storage).size()
}
