//! The layout of each type's objects.
//!
//! A field takes one cell of 64 bits, a vector two, whatever the field's type: so one instruction reads every field of
//! up to 64 bits, with one check of bounds. The elements of an array are packed by their storage type.
//!
//! A layout also says how large the objects are for the limit of the heap. That is the size which a compact
//! representation would need: fields at their natural alignment, references to objects in 4 bytes, references to
//! functions in 8, and a header of 8. The limit of a store is about the program, not about this representation of it.

use crate::types::{CanonicalTypes, CompositeType, HeapType, StorageType, TypeId, ValType};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The size of an object's header, which is also the alignment of objects, in counted bytes.
const HEADER: u64 = 8;

/// The representation of a field or element
/// ([storage types](https://webassembly.github.io/spec/core/syntax/types.html#aggregate-types)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Storage {
    /// `i8`
    I8,
    /// `i16`
    I16,
    /// `i32` or `f32`
    Bits32,
    /// `i64` or `f64`
    Bits64,
    /// `v128`
    Bits128,
    /// A reference to a function, or null.
    Func,
    /// A reference that may be to an object: of the types `any`, `extern`, `exn`, and those below them.
    Object,
}

impl Storage {
    /// Returns the representation of a field or element of a type. `is_func` tells whether a defined type is that of
    /// functions.
    pub(crate) fn of<T: Copy>(ty: StorageType<T>, is_func: impl Fn(T) -> bool) -> Storage {
        match ty {
            StorageType::I8 => Storage::I8,
            StorageType::I16 => Storage::I16,
            StorageType::Val(ty) => Storage::of_value(ty, is_func),
        }
    }

    /// Returns the representation of a value. `is_func` tells whether a defined type is that of functions.
    pub(crate) fn of_value<T: Copy>(ty: ValType<T>, is_func: impl Fn(T) -> bool) -> Storage {
        match ty {
            ValType::I32 | ValType::F32 => Storage::Bits32,
            ValType::I64 | ValType::F64 => Storage::Bits64,
            ValType::V128 => Storage::Bits128,
            ValType::Ref(ty) => match ty.heap.unshared() {
                HeapType::Func | HeapType::NoFunc => Storage::Func,
                heap if heap.defined().is_some_and(is_func) => Storage::Func,
                _ => Storage::Object,
            },
        }
    }

    /// Returns the number of slots that the value takes in a struct, and on the stack.
    pub(crate) fn slots(self) -> usize {
        if self == Storage::Bits128 { 2 } else { 1 }
    }

    /// Returns the number of bytes that an element of an array takes.
    pub(crate) fn size(self) -> usize {
        match self {
            Storage::I8 => 1,
            Storage::I16 => 2,
            Storage::Bits32 => 4,
            Storage::Bits64 | Storage::Func | Storage::Object => 8,
            Storage::Bits128 => 16,
        }
    }

    /// Returns the number of bytes that count for the heap's limit.
    fn counted(self) -> u64 {
        if self == Storage::Object { 4 } else { self.size() as u64 }
    }

    /// Returns the bits that a field keeps of a value.
    pub(crate) fn mask(self) -> u64 {
        match self {
            Storage::I8 => 0xff,
            Storage::I16 => 0xffff,
            _ => u64::MAX,
        }
    }
}

/// The layout of a struct or an exception.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FieldLayout {
    /// The number of slots that all fields take.
    pub(crate) slots: u32,
    /// The first slot of each field, and how it is stored.
    pub(crate) fields: Box<[(u32, Storage)]>,
    /// The slots with references that the collector follows.
    pub(super) traced: Box<[u32]>,
    /// The slots that keep some bits only.
    pub(super) packed: Box<[(u32, u64)]>,
    /// The bytes that an object counts for the heap's limit.
    pub(crate) size: u64,
}

impl FieldLayout {
    /// Returns the layout of a struct with these fields.
    pub(crate) fn of_struct(fields: impl IntoIterator<Item = Storage>) -> FieldLayout {
        FieldLayout::new(HEADER, fields)
    }

    /// Returns the layout of an exception whose tag has these parameters.
    pub(crate) fn of_exception(params: impl IntoIterator<Item = Storage>) -> FieldLayout {
        // The tag takes as much as the header.
        FieldLayout::new(2 * HEADER, params)
    }

    fn new(start: u64, storages: impl IntoIterator<Item = Storage>) -> FieldLayout {
        let (mut fields, mut traced, mut packed) = (Vec::new(), Vec::new(), Vec::new());
        let (mut slot, mut size) = (0_u32, start);
        for storage in storages {
            fields.push((slot, storage));
            if storage == Storage::Object {
                traced.push(slot);
            }
            if storage.mask() != u64::MAX {
                packed.push((slot, storage.mask()));
            }
            slot += storage.slots() as u32;
            size = size.next_multiple_of(storage.counted().min(HEADER)) + storage.counted();
        }
        let size = size.next_multiple_of(HEADER);
        FieldLayout { slots: slot, fields: fields.into(), traced: traced.into(), packed: packed.into(), size }
    }
}

/// The layout of a type's objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Layout {
    /// A struct type.
    Struct(FieldLayout),
    /// An array type with elements of this kind.
    Array(Storage),
    /// A function type: the layout of the exceptions that carry its parameters.
    Exception(FieldLayout),
    /// A type of continuations.
    Continuation,
}

impl Layout {
    /// Returns the layout of a type's objects.
    pub(super) fn of(id: TypeId, types: &CanonicalTypes) -> Layout {
        let is_func = |id| types.kind(id) == HeapType::Func;
        match &types.get(id).composite {
            CompositeType::Struct(ty) => {
                let fields = ty.fields.iter().map(|field| Storage::of(field.storage, is_func));
                Layout::Struct(FieldLayout::of_struct(fields))
            }
            CompositeType::Array(ty) => Layout::Array(Storage::of(ty.element.storage, is_func)),
            CompositeType::Func(ty) => {
                let params = ty.params().iter().map(|&ty| Storage::of_value(ty, is_func));
                Layout::Exception(FieldLayout::of_exception(params))
            }
            CompositeType::Cont(_) => Layout::Continuation,
        }
    }
}

/// Returns the bytes that an array of `length` elements counts for the heap's limit.
pub(crate) fn array_size(element: Storage, length: u32) -> u64 {
    (HEADER + u64::from(length) * element.counted()).next_multiple_of(HEADER)
}

/// The bytes that a value of the host counts for the heap's limit.
pub(crate) const HOST_SIZE: u64 = HEADER;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_a_compact_representation() {
        use Storage::{Bits64, Bits128, Func, I8, I16, Object};
        let layout = FieldLayout::of_struct([I8, I16, Object, I8, Bits64, Bits128, Func]);
        assert_eq!(layout.size, 56, "8 + 1 (+1) + 2 + 4 + 1 (+7) + 8 + 16 + 8");
        assert_eq!(FieldLayout::of_struct([]).size, 8);
        assert_eq!(FieldLayout::of_exception([Object]).size, 24);
        assert_eq!((array_size(I8, 0), array_size(I8, 9), array_size(Object, 3)), (8, 24, 24));
        assert_eq!(array_size(Bits128, u32::MAX), 8 + 16 * 0xffff_ffff);
    }

    #[test]
    fn references_to_functions_are_not_traced() {
        let is_func = |index| index == 1;
        let reference = |heap| StorageType::Val(ValType::Ref(crate::types::RefType { nullable: true, heap }));
        for heap in [HeapType::Func, HeapType::NoFunc, HeapType::Defined(1), HeapType::Exact(1)] {
            assert_eq!(Storage::of(reference(heap), is_func), Storage::Func);
        }
        for heap in [HeapType::Any, HeapType::I31, HeapType::Extern, HeapType::Exn, HeapType::Defined(2)] {
            assert_eq!(Storage::of(reference(heap), is_func), Storage::Object);
        }
    }

    #[test]
    fn slots_are_counted_by_field() {
        let layout = FieldLayout::of_struct([Storage::I8, Storage::Bits128, Storage::Object, Storage::I16]);
        assert!(layout.fields.iter().map(|field| field.0).eq([0, 1, 3, 4]));
        assert_eq!((layout.slots, &*layout.traced), (5, &[3][..]));
        assert_eq!(&*layout.packed, &[(0, 0xff), (4, 0xffff)]);
    }
}
