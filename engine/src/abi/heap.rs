//! The layout of the heap of garbage-collected objects, which compiled code and the collector share.
//!
//! A store reserves one region of [`REGION`] bytes when it first needs one. A reference is a 32-bit offset in the
//! region:
//!
//! ```text
//! 0              null
//! ...1           i31: the value, shifted left by one, plus one
//! ...000         an object; never below NULL_GUARD
//! ```
//!
//! The first [`NULL_GUARD`] bytes are never accessible. The offset of every field is smaller, so that an access through
//! null faults and needs no check. Objects and their sizes are aligned to [`ALIGNMENT`] bytes.
//!
//! ```text
//! +0  u32  the kind of the object: a canonical type id below FIRST_SPECIAL, EXTERN, EXCEPTION or FORWARDED
//! +4  u32  struct: the reference to its descriptor, if its type has one, otherwise 0
//!          array: its length
//!          EXCEPTION: the canonical id of its tag's function type
//!          EXTERN: the number of the host's value in the store
//!          FORWARDED: the object's new offset
//! +8       struct: the fields in order, each at its natural alignment, but at most ALIGNMENT
//!          array: the elements
//!          EXCEPTION: the number of its tag in the store, and at +16 the payload, laid out like the fields of a struct
//! ```
//!
//! Compiled code allocates between the offsets `VmStoreContext::heap_next` and `heap_end`, and calls
//! [`GcAlloc`](super::builtins::Builtin::GcAlloc) when there is no room. This part of the region is not zeroed, so code
//! must initialize the whole object before the next call. The collector may run at any call and move every object, so
//! code must not keep an address across a call.

use super::signature::MachineType;
use crate::wasm::composite::{StorageType, StructType};
use crate::wasm::types::ValType;

/// The size of the region in bytes.
pub(crate) const REGION: u64 = 1 << 32;

/// The number of bytes at the start of the region that are not accessible. A struct has at most 10,000 fields of at
/// most 16 bytes.
pub(crate) const NULL_GUARD: u64 = 256 << 10;

/// The alignment of objects in bytes.
pub(crate) const ALIGNMENT: u32 = 8;

/// The number of bytes before the fields of a struct or the elements of an array.
pub(crate) const HEADER: u32 = 8;

/// The offset of the reference to a struct's descriptor. It is in the header, so that the fields have the same offsets
/// as in a supertype without a descriptor.
pub(crate) const DESCRIPTOR: u32 = 4;

/// The largest size in bytes of an object that compiled code may allocate itself. The library call allocates larger
/// objects, and smaller ones when there is no room. It may charge fuel for the larger ones only, so that the cost of an
/// allocation does not depend on the room.
pub(crate) const LARGEST_IN_PLACE: u32 = 1024;

/// The first number after all canonical type ids ([`crate::wasm::canonical`]).
pub(crate) const FIRST_SPECIAL: u32 = 0xffff_fff0;

/// The kind of an object that names a value of the host.
pub(crate) const EXTERN: u32 = FIRST_SPECIAL;

/// The kind of an exception.
pub(crate) const EXCEPTION: u32 = FIRST_SPECIAL + 1;

/// The offset of the 64-bit number of an exception's tag in the store.
pub(crate) const EXCEPTION_TAG: u32 = 8;

/// The offset of an exception's payload, which is laid out like the fields of a struct.
pub(crate) const EXCEPTION_PAYLOAD: u32 = 16;

/// The kind of an object that has moved. Compiled code never sees one.
pub(crate) const FORWARDED: u32 = FIRST_SPECIAL + 2;

/// The representation of a field or element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Storage {
    /// An integer of 8 bits.
    I8,
    /// An integer of 16 bits.
    I16,
    /// A value of this machine type that is not a reference into the heap.
    Plain(MachineType),
    /// A reference into the heap.
    Reference,
}

impl Storage {
    /// Returns whether the collector traces the field or element.
    pub(crate) fn is_traced(self) -> bool {
        self == Storage::Reference
    }

    /// Returns the size in bytes.
    pub(crate) fn size(self) -> u32 {
        match self {
            Storage::I8 => 1,
            Storage::I16 => 2,
            Storage::Plain(MachineType::I32 | MachineType::F32) | Storage::Reference => 4,
            Storage::Plain(MachineType::I64 | MachineType::F64) => 8,
            Storage::Plain(MachineType::V128) => 16,
        }
    }
}

impl From<ValType> for Storage {
    fn from(ty: ValType) -> Storage {
        match ty {
            ValType::Ref(reference) if !reference.heap.is_func() => Storage::Reference,
            _ => Storage::Plain(ty.into()),
        }
    }
}

impl From<StorageType> for Storage {
    fn from(ty: StorageType) -> Storage {
        match ty {
            StorageType::I8 => Storage::I8,
            StorageType::I16 => Storage::I16,
            StorageType::Val(ty) => ty.into(),
        }
    }
}

/// The layout of a struct or an exception.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StructLayout {
    /// The size of the object in bytes.
    pub(crate) size: u32,
    /// The offset of each field from the start of the object.
    pub(crate) offsets: Box<[u32]>,
    /// The offsets of the references that the collector traces: the descriptor, then fields.
    pub(crate) traced: Box<[u32]>,
}

impl StructLayout {
    /// Returns the layout of fields that begin at offset `start`.
    pub(crate) fn of(start: u32, fields: impl IntoIterator<Item = Storage>) -> StructLayout {
        let (mut at, mut offsets, mut traced) = (start, Vec::new(), Vec::new());
        for field in fields {
            at = at.next_multiple_of(field.size().min(ALIGNMENT));
            offsets.push(at);
            if field.is_traced() {
                traced.push(at);
            }
            at += field.size();
        }
        StructLayout { size: at.next_multiple_of(ALIGNMENT), offsets: offsets.into(), traced: traced.into() }
    }
}

impl From<&StructType> for StructLayout {
    fn from(ty: &StructType) -> StructLayout {
        let mut layout = StructLayout::of(HEADER, ty.fields.iter().map(|field| field.storage.into()));
        if ty.descriptor.is_some() {
            layout.traced = core::iter::once(DESCRIPTOR).chain(layout.traced).collect();
        }
        layout
    }
}

/// Returns the layout of exceptions of a tag with these parameters.
pub(crate) fn exception_layout(params: &[ValType]) -> StructLayout {
    StructLayout::of(EXCEPTION_PAYLOAD, params.iter().map(|&ty| ty.into()))
}

/// Returns the size in bytes of an array of `length` elements of `element` bytes. It may exceed the region.
pub(crate) fn array_size(element: u32, length: u32) -> u64 {
    (u64::from(HEADER) + u64::from(length) * u64::from(element)).next_multiple_of(u64::from(ALIGNMENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::composite::FieldType;
    use crate::wasm::types::{CompositeKind, ConcreteType};

    #[test]
    fn fields_are_aligned() {
        let i64 = Storage::Plain(MachineType::I64);
        let v128 = Storage::Plain(MachineType::V128);
        let layout = StructLayout::of(HEADER, [Storage::I8, Storage::I16, Storage::Reference, Storage::I8, i64, v128]);
        assert_eq!(*layout.offsets, [8, 10, 12, 16, 24, 32]);
        assert_eq!(*layout.traced, [12]);
        assert_eq!(layout.size, 48);
        assert_eq!(StructLayout::of(HEADER, []).size, HEADER);
        assert_eq!(exception_layout(&[ValType::EXTERNREF]).size, 24);
        let widest = StructLayout::of(HEADER, [v128; 10_000]);
        assert!(u64::from(widest.size) <= NULL_GUARD, "an access through null stays below the guard's end");
    }

    #[test]
    fn a_descriptor_takes_no_room() {
        let fields =
            [ValType::I64, ValType::ANYREF].map(|ty| FieldType { storage: StorageType::Val(ty), mutable: false });
        let plain = StructType { fields: fields.into(), ..StructType::default() };
        let descriptor = ConcreteType::in_module(CompositeKind::Struct, 1);
        let described = StructLayout::from(&StructType { descriptor: Some(descriptor), ..plain.clone() });
        let describing = StructLayout::from(&StructType { describes: Some(descriptor), ..plain.clone() });
        let plain = StructLayout::from(&plain);
        assert_eq!((&described.offsets, described.size), (&plain.offsets, plain.size));
        assert_eq!((&*described.traced, &*plain.traced), (&[DESCRIPTOR, 16][..], &[16][..]));
        assert_eq!(describing, plain);
    }

    #[test]
    fn arrays_of_any_length_have_a_size() {
        assert_eq!(array_size(1, 0), 8);
        assert_eq!(array_size(1, 9), 24);
        assert!(array_size(16, u32::MAX) > REGION);
    }
}
