//! Handles to values of type `anyref`.

use super::array_ref::ArrayRef;
use super::extern_ref::ExternRef;
use super::handle::handle;
use super::referents::Referents;
use super::struct_ref::StructRef;
use crate::error::Result;
use crate::slot::RawRef;
use crate::types::HeapType;

handle! {
    /// A handle to a struct, an array, an [`I31`], or a value of the host converted by `any.convert_extern`. Never
    /// null.
    ///
    /// It keeps its object alive. `==` compares identities, as `ref.eq` does.
    AnyRef
}

/// An integer of 31 bits, which an `anyref` holds without an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct I31(u32);

impl I31 {
    /// Takes the low 31 bits of an integer, as `ref.i31` does.
    pub fn wrapping_i32(value: i32) -> I31 {
        I31(value.cast_unsigned() & 0x7fff_ffff)
    }

    /// Returns the value, sign-extended.
    pub fn get_i32(self) -> i32 {
        (self.0 << 1).cast_signed() >> 1
    }

    /// Returns the value, zero-extended.
    pub fn get_u32(self) -> u32 {
        self.0
    }
}

impl AnyRef {
    /// Makes a reference that holds an integer.
    pub(crate) fn from_i31_in(store: &mut impl Referents, value: I31) -> AnyRef {
        AnyRef::from_raw(RawRef::from_i31(value.0), store).expect("an integer is not null")
    }

    /// Returns the most specific type of the value: [`HeapType::I31`], [`HeapType::Exact`] with the type of a struct or
    /// array, or [`HeapType::Any`] for a converted value of the host.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn ty_in(&self, store: &impl Referents) -> Result<HeapType> {
        Ok(store.heap_type_of(self.raw(store)?))
    }

    /// Returns the integer, if this holds one.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn as_i31_in(&self, store: &impl Referents) -> Result<Option<I31>> {
        Ok(self.raw(store)?.as_i31().map(I31))
    }

    /// Returns the struct, if this refers to one.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn as_struct_in(&self, store: &impl Referents) -> Result<Option<StructRef>> {
        Ok(self.is_a(store, HeapType::Struct)?.then(|| StructRef(self.0.clone())))
    }

    /// Returns the array, if this refers to one.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn as_array_in(&self, store: &impl Referents) -> Result<Option<ArrayRef>> {
        Ok(self.is_a(store, HeapType::Array)?.then(|| ArrayRef(self.0.clone())))
    }

    fn is_a(&self, store: &impl Referents, kind: HeapType) -> Result<bool> {
        Ok(self.ty_in(store)?.defined().is_some_and(|id| store.types().kind(id) == kind))
    }

    /// Returns a number that no other object of the store has as long as this one lives.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or holds an integer.
    pub(crate) fn address_in(&self, store: &impl Referents) -> Result<u32> {
        self.object(store)
    }

    /// Converts the reference to an `externref`, as `extern.convert_any` does.
    pub fn to_extern(&self) -> ExternRef {
        ExternRef(self.0.clone())
    }
}

impl ExternRef {
    /// Converts the reference to an `anyref`, as `any.convert_extern` does.
    pub fn to_any(&self) -> AnyRef {
        AnyRef(self.0.clone())
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
