//! Handles of the host to values of type `anyref`.

use super::array_ref::ArrayRef;
use super::extern_ref::ExternRef;
use super::roots::handle;
use super::struct_ref::StructRef;
use crate::base::Result;
use crate::runtime::store::{AsContext, AsContextMut, StoreOpaque};
use crate::wasm::types::{CompositeKind, HeapType};

handle! {
    /// A handle to a struct, an array, an [`I31`], or a value of the host converted by `any.convert_extern`. Never
    /// null.
    ///
    /// A handle is valid until the end of the host function, or of the [`RootScope`](crate::RootScope), in which it was
    /// made; [`to_owned_rooted`](AnyRef::to_owned_rooted) makes a reference that lives longer. `==` compares handles;
    /// [`ref_eq`](AnyRef::ref_eq) compares the objects.
    AnyRef
}

/// An integer of 31 bits, which an `anyref` holds without an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct I31(u32);

impl I31 {
    /// Takes the low 31 bits of an integer, as `ref.i31` does.
    pub fn wrapping_i32(value: i32) -> I31 {
        I31(value.cast_unsigned() << 1 | 1)
    }

    /// Returns the value, sign-extended.
    pub fn get_i32(self) -> i32 {
        self.0.cast_signed() >> 1
    }

    /// Returns the value, zero-extended.
    pub fn get_u32(self) -> u32 {
        self.0 >> 1
    }
}

impl AnyRef {
    /// Makes a reference that holds an integer.
    pub fn from_i31(mut store: impl AsContextMut, value: I31) -> AnyRef {
        AnyRef(store.as_context_mut().into_opaque().root(value.0))
    }

    /// Returns the most specific type of the value: [`HeapType::I31`], [`HeapType::Exact`] with the type of a struct or
    /// array, or [`HeapType::Any`] for a converted value of the host.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn ty(&self, store: impl AsContext) -> Result<HeapType> {
        let store = store.as_context().opaque();
        Ok(store.heap_type_of(store.rooted(self.0)?))
    }

    /// Returns the integer, if this holds one.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>> {
        let bits = store.as_context().opaque().rooted(self.0)?;
        Ok((bits & 1 == 1).then_some(I31(bits)))
    }

    /// Returns the struct, if this refers to one. The result belongs to the same scope.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn as_struct(&self, store: impl AsContext) -> Result<Option<StructRef>> {
        Ok(self.is_a(store, CompositeKind::Struct)?.then_some(StructRef(self.0)))
    }

    /// Returns the array, if this refers to one. The result belongs to the same scope.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn as_array(&self, store: impl AsContext) -> Result<Option<ArrayRef>> {
        Ok(self.is_a(store, CompositeKind::Array)?.then_some(ArrayRef(self.0)))
    }

    fn is_a(&self, store: impl AsContext, kind: CompositeKind) -> Result<bool> {
        Ok(self.ty(store)?.defined().is_some_and(|ty| ty.kind == kind))
    }

    /// Returns a number that identifies the object in its store until the next collection. Collections move objects, so
    /// it serves as a key only while nothing is allocated.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn address(&self, store: impl AsContext) -> Result<u32> {
        store.as_context().opaque().rooted(self.0)
    }

    /// Converts the reference to an `externref`, as `extern.convert_any` does.
    pub fn to_extern(self) -> ExternRef {
        ExternRef(self.0)
    }

    /// Returns the reference as compiled code represents it.
    pub(crate) fn bits(self, store: &StoreOpaque) -> Result<u32> {
        store.rooted(self.0)
    }

    /// Makes a handle of a reference of compiled code; `None` if it is null.
    pub(crate) fn from_bits(bits: u32, store: &mut StoreOpaque) -> Option<AnyRef> {
        (bits != 0).then(|| AnyRef(store.root(bits)))
    }
}

impl ExternRef {
    /// Converts the reference to an `anyref`, as `any.convert_extern` does.
    pub fn to_any(self) -> AnyRef {
        AnyRef(self.0)
    }
}

impl From<StructRef> for AnyRef {
    fn from(object: StructRef) -> AnyRef {
        AnyRef(object.0)
    }
}

impl From<ArrayRef> for AnyRef {
    fn from(object: ArrayRef) -> AnyRef {
        AnyRef(object.0)
    }
}
