//! Objects of WebAssembly in the host's hands: `anyref`.
//!
//! All of these are handles, which end with their scopes as [`ExternRef`]s do.

use super::roots::{Rooted, handle};
use super::{ArrayRef, ExternRef, StructRef};
use crate::base::Result;
use crate::runtime::store::{AsContext, AsContextMut, StoreOpaque};
use crate::wasm::types::{CompositeKind, HeapType};

handle! {
    /// A reference to a struct, an array, an [`I31`] or a converted value of the host. Never null.
    ///
    /// Equal handles are one handle. Whether two of them refer to the same object, [`ref_eq`](AnyRef::ref_eq) says.
    AnyRef
}

/// An integer of 31 bits, which a reference holds in itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct I31(u32);

impl I31 {
    /// The low 31 bits of an integer, as `ref.i31` takes them.
    pub fn wrapping_i32(value: i32) -> I31 {
        I31(value.cast_unsigned() << 1 | 1)
    }

    /// The value, sign-extended.
    pub fn get_i32(self) -> i32 {
        self.0.cast_signed() >> 1
    }

    /// The value, zero-extended.
    pub fn get_u32(self) -> u32 {
        self.0 >> 1
    }
}

impl AnyRef {
    /// A reference that holds an integer.
    pub fn from_i31(mut store: impl AsContextMut, value: I31) -> AnyRef {
        AnyRef(store.as_context_mut().into_opaque().root(value.0))
    }

    /// The most exact type of what this refers to: [`HeapType::I31`], [`HeapType::Exact`] of a type of structs or arrays,
    /// or [`HeapType::Any`] for a converted value of the host.
    ///
    /// # Errors
    /// Here and below: kind [`Usage`](ErrorKind::Usage) if this belongs to another store, or its scope has ended.
    pub fn ty(&self, store: impl AsContext) -> Result<HeapType> {
        let store = store.as_context().opaque();
        Ok(store.heap_type_of(store.rooted(self.0)?))
    }

    /// The integer, if this holds one.
    pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>> {
        let bits = store.as_context().opaque().rooted(self.0)?;
        Ok((bits & 1 == 1).then_some(I31(bits)))
    }

    /// The struct, if it is one. The handle is the same, and ends with the same scope.
    pub fn as_struct(&self, store: impl AsContext) -> Result<Option<StructRef>> {
        Ok(self.is_a(store, CompositeKind::Struct)?.then_some(StructRef::from_root(self.0)))
    }

    /// The array, if it is one. The handle is the same, and ends with the same scope.
    pub fn as_array(&self, store: impl AsContext) -> Result<Option<ArrayRef>> {
        Ok(self.is_a(store, CompositeKind::Array)?.then_some(ArrayRef::from_root(self.0)))
    }

    fn is_a(&self, store: impl AsContext, kind: CompositeKind) -> Result<bool> {
        Ok(self.ty(store)?.defined().is_some_and(|ty| ty.kind == kind))
    }

    /// Where this refers to: a number that nothing else in the store has until the next collection, which moves objects.
    /// For tables of the objects that are looked at while nothing is allocated.
    pub fn address(&self, store: impl AsContext) -> Result<u32> {
        store.as_context().opaque().rooted(self.0)
    }

    /// The same reference as an `externref`, as `extern.convert_any` makes it.
    pub fn to_extern(self) -> ExternRef {
        ExternRef::from_root(self.0)
    }

    /// What WebAssembly sees.
    pub(crate) fn bits(self, store: &StoreOpaque) -> Result<u32> {
        store.rooted(self.0)
    }

    /// What WebAssembly code of this store holds; null is null.
    pub(crate) fn from_bits(bits: u32, store: &mut StoreOpaque) -> Option<AnyRef> {
        (bits != 0).then(|| AnyRef(store.root(bits)))
    }
}
