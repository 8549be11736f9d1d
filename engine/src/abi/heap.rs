//! The heap of garbage-collected objects, as compiled code and the collector see it.
//!
//! A store reserves one region of [`REGION`] bytes when it first needs it. A reference is a 32-bit offset into it:
//!
//! ```text
//! 0              null
//! ...1           i31: the value, shifted left by one, plus one
//! ...000         an object; never below NULL_GUARD
//! ```
//!
//! The first [`NULL_GUARD`] bytes are never accessible, which is more than the offset of any field: an access through
//! null faults, and needs no check. Objects are aligned to [`ALIGNMENT`] bytes, and so are their sizes.
//!
//! ```text
//! +0  u32  what the object is: a canonical type id below FIRST_SPECIAL, EXTERN, EXCEPTION or FORWARDED
//! +4  u32  struct: a reference to its descriptor, if its type has one. Array: its length. Exception: the canonical id of
//!          its tag's function type. EXTERN: the number of the host's value in the store. FORWARDED: where the object is
//!          now. Otherwise 0
//! +8       struct: fields in order, each at its natural alignment, but at most ALIGNMENT
//!          array: elements
//!          exception: the number of its tag in the store, and at +16 the payload, laid out as a struct's fields
//! ```
//!
//! Compiled code allocates between `VmStoreContext::heap_next` and `heap_end`, which are offsets too, and calls
//! [`GcAlloc`](super::builtins::Builtin::GcAlloc) when there is no room. What stands there is not zeroed: an object is
//! whole before the next call. A call is where the collector may run, and every object may move then; an address is never
//! kept across one.

use super::signature::MachineType;
use crate::wasm::composite::{StorageType, StructType};
use crate::wasm::types::ValType;

/// Bytes of the region.
pub(crate) const REGION: u64 = 1 << 32;

/// Bytes at the start of the region that nobody can access. Fields are at most 10,000 of at most 16 bytes.
pub(crate) const NULL_GUARD: u64 = 256 << 10;

/// Alignment of objects, in bytes.
pub(crate) const ALIGNMENT: u32 = 8;

/// Bytes before the fields of a struct or the elements of an array.
pub(crate) const HEADER: u32 = 8;

/// Where a struct has the reference to its descriptor. It is no field: the fields of a type that has a descriptor stand
/// where they do in a supertype that has none.
pub(crate) const DESCRIPTOR: u32 = 4;

/// Objects of at most so many bytes may be made in place; the library makes larger ones, and those for which there is no
/// room. So that what an allocation costs does not depend on the room, the library may charge for larger ones only.
pub(crate) const LARGEST_IN_PLACE: u32 = 1024;

/// Canonical type ids ([`crate::wasm::canonical`]) are below this.
pub(crate) const FIRST_SPECIAL: u32 = 0xffff_fff0;

/// An object that names a value of the host.
pub(crate) const EXTERN: u32 = FIRST_SPECIAL;

/// An exception.
pub(crate) const EXCEPTION: u32 = FIRST_SPECIAL + 1;

/// Where an exception has the number of its tag in the store, in 64 bits.
pub(crate) const EXCEPTION_TAG: u32 = 8;

/// Where what an exception carries begins, laid out as the fields of a struct are.
pub(crate) const EXCEPTION_PAYLOAD: u32 = 16;

/// An object that has moved. Never seen by compiled code.
pub(crate) const FORWARDED: u32 = FIRST_SPECIAL + 2;

/// How a field or element is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Storage {
    /// An integer of 8 bits.
    I8,
    /// An integer of 16 bits.
    I16,
    /// A value of this machine type that is no reference into the heap.
    Plain(MachineType),
    /// A reference into the heap.
    Reference,
}

impl Storage {
    /// Whether the collector follows it.
    pub(crate) fn is_traced(self) -> bool {
        self == Storage::Reference
    }

    /// Bytes.
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

/// Where the fields of a struct, or of an exception's payload, stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StructLayout {
    /// Bytes of the object.
    pub(crate) size: u32,
    /// Bytes from the object's start, by field.
    pub(crate) offsets: Box<[u32]>,
    /// The offsets of what the collector follows: fields, and before them the descriptor.
    pub(crate) traced: Box<[u32]>,
}

impl StructLayout {
    /// The layout of fields that begin `start` bytes into the object.
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

/// The layout of the exceptions of a tag that has these parameters.
pub(crate) fn exception_layout(params: &[ValType]) -> StructLayout {
    StructLayout::of(EXCEPTION_PAYLOAD, params.iter().map(|&ty| ty.into()))
}

/// Bytes of an array of so many elements of `element` bytes, which can be more than the region has.
pub(crate) fn array_size(element: u32, length: u32) -> u64 {
    (u64::from(HEADER) + u64::from(length) * u64::from(element)).next_multiple_of(u64::from(ALIGNMENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::composite::FieldType;
    use crate::wasm::types::{CompositeKind, ConcreteType};

    #[test]
    fn fields_stand_at_their_alignment() {
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
        let descriptor = ConcreteType { kind: CompositeKind::Struct, index: 1 };
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
