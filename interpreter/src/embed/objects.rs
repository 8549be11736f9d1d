//! Objects of the heap, as the embedder makes and inspects them, and the frames that are active.

use super::context::{AsContext, AsContextMut, StoreContext};
use crate::backtrace::Backtrace;
use crate::error::Result;
use crate::execute::backtrace;
use crate::types::{HeapType, TypeId, ValType};
use crate::values::{AnyRef, ArrayRef, ContRef, ExternRef, I31, StructRef, Val};
use alloc::vec::Vec;
use core::any::Any;

impl Val {
    /// Returns the default value of a type of the store: zero, or null even if the type is not nullable.
    ///
    /// # Panics
    /// When the type names a defined type that the store does not have.
    pub fn default_for_ty(store: impl AsContext, ty: ValType) -> Val {
        Val::default_in(ty, store.as_context().inner())
    }
}

impl AnyRef {
    /// Makes a reference that holds an integer.
    pub fn from_i31(mut store: impl AsContextMut, value: I31) -> AnyRef {
        AnyRef::from_i31_in(store.as_context_mut().into_inner(), value)
    }

    /// Returns the most specific type of the value: [`HeapType::I31`], [`HeapType::Exact`] with the type of a struct or
    /// array, or [`HeapType::Any`] for a converted value of the host.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<HeapType> {
        self.ty_in(store.as_context().inner())
    }

    /// Returns the integer, if this holds one.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>> {
        self.as_i31_in(store.as_context().inner())
    }

    /// Returns the struct, if this refers to one.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn as_struct(&self, store: impl AsContext) -> Result<Option<StructRef>> {
        self.as_struct_in(store.as_context().inner())
    }

    /// Returns the array, if this refers to one.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn as_array(&self, store: impl AsContext) -> Result<Option<ArrayRef>> {
        self.as_array_in(store.as_context().inner())
    }

    /// Returns a number that no other object of the store has as long as this one lives.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or holds an integer.
    pub fn address(&self, store: impl AsContext) -> Result<u32> {
        self.address_in(store.as_context().inner())
    }
}

impl ContRef {
    /// Returns a number that no other object of the store has as long as this one lives.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn address(&self, store: impl AsContext) -> Result<u32> {
        self.address_in(store.as_context().inner())
    }
}

impl ExternRef {
    /// Moves a value of the host into the store.
    ///
    /// # Errors
    /// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full.
    pub fn new(mut store: impl AsContextMut, value: impl Any + Send + Sync) -> Result<ExternRef> {
        ExternRef::new_in(store.as_context_mut().into_inner(), value)
    }

    /// Returns the value of the host; `None` if this refers to an object or integer of WebAssembly, which
    /// `extern.convert_any` has converted.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn data<'a, T: 'static>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        self.data_in(store.into().inner())
    }

    /// Returns a number that no other object of the store has as long as this one lives.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or holds an integer.
    pub fn address(&self, store: impl AsContext) -> Result<u32> {
        self.object(store.as_context().inner())
    }
}

impl StructRef {
    /// Makes a struct of a type of the store, with a descriptor if the type's structs have one.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the store does not have the type, it is not the type of a struct, the
    /// fields do not match it, a descriptor is given or missing against the type, or it is not of exactly the type that
    /// describes these structs; [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full.
    pub fn new(
        mut store: impl AsContextMut,
        ty: TypeId,
        fields: &[Val],
        descriptor: Option<&StructRef>,
    ) -> Result<StructRef> {
        StructRef::new_in(store.as_context_mut().into_inner(), ty, fields, descriptor)
    }

    /// Returns the descriptor of the struct, as `ref.get_desc` does; `None` if structs of its type have no descriptors.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn descriptor(&self, mut store: impl AsContextMut) -> Result<Option<StructRef>> {
        self.descriptor_in(store.as_context_mut().into_inner())
    }

    /// Returns all fields. Packed fields are zero-extended.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>> {
        self.fields_in(store.as_context_mut().into_inner())
    }

    /// Returns a field. A packed field is zero-extended.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if there is no such field, or the handle belongs to another store.
    pub fn field(&self, mut store: impl AsContextMut, index: usize) -> Result<Val> {
        self.field_in(store.as_context_mut().into_inner(), index)
    }

    /// Sets a mutable field. A packed field takes the low bits of the value.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if there is no such field, it is immutable, the value is not of its
    /// type, or a handle belongs to another store.
    pub fn set_field(&self, mut store: impl AsContextMut, index: usize, value: &Val) -> Result<()> {
        self.set_field_in(store.as_context_mut().into_inner(), index, value)
    }
}

impl ArrayRef {
    /// Makes an array of these elements, of a type of the store.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the store does not have the type, it is not the type of an array, or
    /// an element does not match it; [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full.
    pub fn new_fixed(mut store: impl AsContextMut, ty: TypeId, elements: &[Val]) -> Result<ArrayRef> {
        ArrayRef::new_fixed_in(store.as_context_mut().into_inner(), ty, elements)
    }

    /// Returns the number of elements.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn len(&self, store: impl AsContext) -> Result<u32> {
        self.len_in(store.as_context().inner())
    }

    /// Returns whether the array has no elements.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn is_empty(&self, store: impl AsContext) -> Result<bool> {
        self.is_empty_in(store.as_context().inner())
    }

    /// Returns an element. A packed element is zero-extended.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`](crate::Trap::ArrayOutOfBounds) if the index is past the end; kind
    /// [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub fn get(&self, mut store: impl AsContextMut, index: u32) -> Result<Val> {
        self.get_in(store.as_context_mut().into_inner(), index)
    }

    /// Sets an element of a mutable array. A packed element takes the low bits of the value.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`](crate::Trap::ArrayOutOfBounds) if the index is past the end; kind
    /// [`Usage`](crate::ErrorKind::Usage) if the array is immutable, the value is not of its type, or a handle belongs
    /// to another store.
    pub fn set(&self, mut store: impl AsContextMut, index: u32, value: &Val) -> Result<()> {
        self.set_in(store.as_context_mut().into_inner(), index, value)
    }
}

impl Backtrace {
    /// Returns the WebAssembly frames that are active in a store: those that wait for the host function that asks.
    pub fn capture(store: impl AsContext) -> Backtrace {
        backtrace(store.as_context().inner())
    }
}
