//! Structs and arrays
//! ([Aggregate instructions](https://webassembly.github.io/spec/core/exec/instructions.html#aggregate-instructions)), and
//! descriptors of structs
//! ([Custom descriptors](https://github.com/WebAssembly/custom-descriptors/blob/main/proposals/custom-descriptors/Overview.md)).
//!
//! Fields are named by their first slot (`FieldLayout`). Instructions on single elements are
//! generic over the representation of the elements, which the instruction's type tells.
//!
//! An instruction that makes an object fails with [`Failure::NoRoom`] if there is no room before a collection. The
//! caller then makes room and executes the instruction again. All other checks come first, so that a trap of the
//! specification comes before one for want of memory.

use crate::gc::{Element, Failure, Heap, Storage};
use crate::slot::{RawRef, V128};
use crate::trap::Trap;
use crate::types::TypeId;

/// Returns the object to which a reference of a struct or array type leads.
#[inline(always)]
fn object(reference: RawRef) -> Result<u32, Trap> {
    reference.as_object().ok_or(Trap::NullReference)
}

/// Extends the sign of a packed field or element.
#[inline(always)]
fn extend_s(storage: Storage, bits: u64) -> i32 {
    if storage == Storage::I8 { (bits as i8).into() } else { (bits as i16).into() }
}

/// [`struct.new`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-struct-new). `fields` are slots.
#[inline]
pub(crate) fn struct_new(heap: &mut Heap, ty: TypeId, fields: &[u64]) -> Result<RawRef, Failure> {
    heap.new_struct(ty, 0, fields)
}

/// [`struct.new_default`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-struct-new-default)
#[inline]
pub(crate) fn struct_new_default(heap: &mut Heap, ty: TypeId) -> Result<RawRef, Failure> {
    heap.new_default_struct(ty, 0)
}

/// `struct.new_desc`. `fields` are slots.
#[inline]
pub(crate) fn struct_new_desc(
    heap: &mut Heap,
    ty: TypeId,
    fields: &[u64],
    descriptor: RawRef,
) -> Result<RawRef, Failure> {
    heap.new_struct(ty, object(descriptor)?, fields)
}

/// `struct.new_default_desc`
#[inline]
pub(crate) fn struct_new_default_desc(heap: &mut Heap, ty: TypeId, descriptor: RawRef) -> Result<RawRef, Failure> {
    heap.new_default_struct(ty, object(descriptor)?)
}

/// `ref.get_desc`
#[inline]
pub(crate) fn ref_get_desc(heap: &Heap, reference: RawRef) -> Result<RawRef, Trap> {
    Ok(heap.descriptor(object(reference)?))
}

/// [`struct.get`, `struct.get_u`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-struct-get) of a
/// field of one slot.
#[inline(always)]
pub(crate) fn struct_get(heap: &Heap, reference: RawRef, slot: u32) -> Result<u64, Trap> {
    Ok(heap.field(object(reference)?, slot))
}

/// [`struct.get_s`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-struct-get)
#[inline]
pub(crate) fn struct_get_s(heap: &Heap, reference: RawRef, slot: u32, storage: Storage) -> Result<i32, Trap> {
    Ok(extend_s(storage, struct_get(heap, reference, slot)?))
}

/// [`struct.get`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-struct-get) of a vector.
#[inline]
pub(crate) fn struct_get_vector(heap: &Heap, reference: RawRef, slot: u32) -> Result<V128, Trap> {
    let object = object(reference)?;
    Ok(V128(u128::from(heap.field(object, slot)) | u128::from(heap.field(object, slot + 1)) << 64))
}

/// [`struct.set`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-struct-set) of a field of one
/// slot.
#[inline(always)]
pub(crate) fn struct_set(
    heap: &mut Heap,
    reference: RawRef,
    slot: u32,
    storage: Storage,
    value: u64,
) -> Result<(), Trap> {
    heap.set_field(object(reference)?, slot, value & storage.mask());
    Ok(())
}

/// [`struct.set`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-struct-set) of a vector.
#[inline]
pub(crate) fn struct_set_vector(heap: &mut Heap, reference: RawRef, slot: u32, value: V128) -> Result<(), Trap> {
    let object = object(reference)?;
    heap.set_field(object, slot, value.0 as u64);
    heap.set_field(object, slot + 1, (value.0 >> 64) as u64);
    Ok(())
}

/// [`array.new`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-new)
pub(crate) fn array_new(heap: &mut Heap, ty: TypeId, value: V128, length: u32) -> Result<RawRef, Failure> {
    let array = heap.new_array(ty, length)?;
    array_fill(heap, array, 0, value, length)?;
    Ok(array)
}

/// [`array.new_default`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-new-default)
pub(crate) fn array_new_default(heap: &mut Heap, ty: TypeId, length: u32) -> Result<RawRef, Failure> {
    heap.new_array(ty, length)
}

/// [`array.new_fixed`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-new-fixed). `values` are
/// the slots of the elements.
pub(crate) fn array_new_fixed(heap: &mut Heap, ty: TypeId, values: &[u64]) -> Result<RawRef, Failure> {
    let per_element = heap.array_element(ty).slots();
    // No truncation: validation bounds the number of operands.
    let array = heap.new_array(ty, (values.len() / per_element) as u32)?;
    let object = object(array)?;
    for (index, value) in (0..).zip(values.chunks_exact(per_element)) {
        let high = value.get(1).copied().unwrap_or(0);
        let value = V128(u128::from(value[0]) | u128::from(high) << 64);
        heap.set_element_bits(object, index, value).ok_or(Trap::ArrayOutOfBounds)?;
    }
    Ok(array)
}

/// [`array.new_data`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-new-data) from the bytes
/// of a segment, none if it was dropped.
pub(crate) fn array_new_data(
    heap: &mut Heap,
    ty: TypeId,
    segment: &[u8],
    from: u32,
    count: u32,
) -> Result<RawRef, Failure> {
    segment_bytes(segment, from, count, heap.array_element(ty).size())?;
    let array = heap.new_array(ty, count)?;
    array_init_data(heap, array, 0, segment, from, count)?;
    Ok(array)
}

/// [`array.new_elem`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-new-elem) from the
/// references of a segment, none if it was dropped.
pub(crate) fn array_new_elem(
    heap: &mut Heap,
    ty: TypeId,
    segment: &[u64],
    from: u32,
    count: u32,
) -> Result<RawRef, Failure> {
    segment_elements(segment, from, count)?;
    let array = heap.new_array(ty, count)?;
    array_init_elem(heap, array, 0, segment, from, count)?;
    Ok(array)
}

/// [`array.get`, `array.get_u`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-get)
#[inline]
pub(crate) fn array_get<E: Element>(heap: &Heap, array: RawRef, index: u32) -> Result<E, Trap> {
    heap.element(object(array)?, index).ok_or(Trap::ArrayOutOfBounds)
}

/// [`array.get_s`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-get) of elements of 8 bits.
#[inline]
pub(crate) fn array_get_i8_s(heap: &Heap, array: RawRef, index: u32) -> Result<i32, Trap> {
    Ok(extend_s(Storage::I8, array_get::<u8>(heap, array, index)?.into()))
}

/// [`array.get_s`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-get) of elements of 16
/// bits.
#[inline]
pub(crate) fn array_get_i16_s(heap: &Heap, array: RawRef, index: u32) -> Result<i32, Trap> {
    Ok(extend_s(Storage::I16, array_get::<u16>(heap, array, index)?.into()))
}

/// [`array.set`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-set)
#[inline]
pub(crate) fn array_set<E: Element>(heap: &mut Heap, array: RawRef, index: u32, value: E) -> Result<(), Trap> {
    heap.set_element(object(array)?, index, value).ok_or(Trap::ArrayOutOfBounds)
}

/// [`array.len`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-len)
#[inline(always)]
pub(crate) fn array_len(heap: &Heap, array: RawRef) -> Result<u32, Trap> {
    Ok(heap.array_length(object(array)?))
}

/// [`array.fill`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-fill) with the low bits of a
/// value.
pub(crate) fn array_fill(heap: &mut Heap, array: RawRef, at: u32, value: V128, count: u32) -> Result<(), Trap> {
    heap.fill_elements(object(array)?, at, value, count).ok_or(Trap::ArrayOutOfBounds)
}

/// [`array.copy`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-copy). The arrays may be the
/// same, and the ranges overlap.
pub(crate) fn array_copy(
    heap: &mut Heap,
    target: RawRef,
    to: u32,
    source: RawRef,
    from: u32,
    count: u32,
) -> Result<(), Trap> {
    let (target, source) = (object(target)?, object(source)?);
    heap.copy_elements((target, to), (source, from), count).ok_or(Trap::ArrayOutOfBounds)
}

/// [`array.init_data`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-init-data) from the
/// bytes of a segment, none if it was dropped.
pub(crate) fn array_init_data(
    heap: &mut Heap,
    array: RawRef,
    to: u32,
    segment: &[u8],
    from: u32,
    count: u32,
) -> Result<(), Trap> {
    let object = object(array)?;
    let size = heap.element_size(object);
    let target = heap.elements_mut(object, to, count).ok_or(Trap::ArrayOutOfBounds)?;
    target.copy_from_slice(segment_bytes(segment, from, count, size)?);
    Ok(())
}

/// [`array.init_elem`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-array-init-elem) from the
/// references of a segment, none if it was dropped.
pub(crate) fn array_init_elem(
    heap: &mut Heap,
    array: RawRef,
    to: u32,
    segment: &[u64],
    from: u32,
    count: u32,
) -> Result<(), Trap> {
    let target = heap.elements_mut(object(array)?, to, count).ok_or(Trap::ArrayOutOfBounds)?;
    let (target, _) = target.as_chunks_mut();
    for (element, bits) in target.iter_mut().zip(segment_elements(segment, from, count)?) {
        *element = bits.to_le_bytes();
    }
    Ok(())
}

/// Returns the bytes of `count` elements of `size` bytes in a segment, from the byte `from` on.
fn segment_bytes(segment: &[u8], from: u32, count: u32, size: usize) -> Result<&[u8], Trap> {
    let end = u64::from(from) + u64::from(count) * size as u64;
    let bytes = usize::try_from(end).ok().and_then(|end| segment.get(from as usize..end));
    bytes.ok_or(Trap::MemoryOutOfBounds)
}

/// Returns `count` references of a segment, from the index `from` on.
fn segment_elements(segment: &[u64], from: u32, count: u32) -> Result<&[u64], Trap> {
    let end = u64::from(from) + u64::from(count);
    let elements = usize::try_from(end).ok().and_then(|end| segment.get(from as usize..end));
    elements.ok_or(Trap::TableOutOfBounds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_store::{BYTES, DESCRIBED, DESCRIPTOR, PAIRS, TRIPLE, TestStore};
    use crate::values::Referents;

    const NULL: RawRef = RawRef::NULL;

    #[test]
    fn fields_are_read_and_set() {
        let mut store = TestStore::without_collections();
        let fields = [1, 2, RawRef::from_i31(3).0, 0xfff5];
        let made = store.allocate(|heap| struct_new(heap, TRIPLE, &fields)).unwrap();
        let heap = &mut store.heap;
        assert_eq!(struct_get_vector(heap, made, 0), Ok(V128(1 | 2 << 64)));
        assert_eq!((struct_get(heap, made, 2), struct_get(heap, made, 3)), (Ok(fields[2]), Ok(0xf5)));
        assert_eq!(struct_get_s(heap, made, 3, Storage::I8), Ok(-11));
        struct_set(heap, made, 3, Storage::I8, 0x17f).unwrap();
        struct_set_vector(heap, made, 0, V128(u128::MAX - 1)).unwrap();
        assert_eq!((struct_get(heap, made, 3), struct_get_s(heap, made, 3, Storage::I8)), (Ok(0x7f), Ok(0x7f)));
        assert_eq!(struct_get_vector(heap, made, 0), Ok(V128(u128::MAX - 1)));
        assert_eq!(struct_get(heap, NULL, 0), Err(Trap::NullReference));
        assert_eq!(struct_get_s(heap, NULL, 0, Storage::I16), Err(Trap::NullReference));
        assert_eq!(struct_get_vector(heap, NULL, 0), Err(Trap::NullReference));
        assert_eq!(struct_set(heap, NULL, 0, Storage::Bits64, 0), Err(Trap::NullReference));
        assert_eq!(struct_set_vector(heap, NULL, 0, V128(0)), Err(Trap::NullReference));
        let empty = store.allocate(|heap| struct_new_default(heap, TRIPLE)).unwrap();
        assert!((0..4).all(|slot| struct_get(&store.heap, empty, slot) == Ok(0)));
    }

    #[test]
    fn a_null_descriptor_traps_before_the_heap_is_full() {
        let mut store = TestStore::with_limit(0);
        let null = Err(Failure::Trap(Trap::NullReference));
        assert_eq!(struct_new_desc(&mut store.heap, DESCRIBED, &[], NULL), null);
        assert_eq!(struct_new_default_desc(&mut store.heap, DESCRIBED, NULL), null);
        assert_eq!(struct_new_default(&mut store.heap, DESCRIPTOR), Err(Failure::NoRoom(8)));
        assert_eq!(store.allocate(|heap| struct_new_default(heap, DESCRIPTOR)), Err(Trap::OutOfHeap));
    }

    #[test]
    fn arrays_are_made_of_values_and_segments() {
        let mut store = TestStore::without_collections();
        let bytes = |store: &TestStore, array| -> alloc::vec::Vec<u8> {
            (0..array_len(&store.heap, array).unwrap()).map(|i| array_get(&store.heap, array, i).unwrap()).collect()
        };
        let made = store.allocate(|heap| array_new(heap, BYTES, V128(0x1f0), 3)).unwrap();
        assert_eq!(bytes(&store, made), [0xf0; 3]);
        assert_eq!(array_get_i8_s(&store.heap, made, 2), Ok(-16));
        let made = store.allocate(|heap| array_new_fixed(heap, BYTES, &[1, 0x102, 3])).unwrap();
        assert_eq!(bytes(&store, made), [1, 2, 3]);
        let made = store.allocate(|heap| array_new_data(heap, BYTES, b"segment", 1, 4)).unwrap();
        assert_eq!(bytes(&store, made), *b"egme");
        array_init_data(&mut store.heap, made, 2, b"xyz", 1, 2).unwrap();
        array_copy(&mut store.heap, made, 0, made, 1, 3).unwrap();
        array_fill(&mut store.heap, made, 3, V128(b'!'.into()), 1).unwrap();
        assert_eq!(bytes(&store, made), *b"gyz!");
        let references = [RawRef::from_i31(1).0, NULL.0, RawRef::from_i31(2).0];
        let made = store.allocate(|heap| array_new_elem(heap, PAIRS, &references, 1, 2)).unwrap();
        array_init_elem(&mut store.heap, made, 0, &references, 0, 1).unwrap();
        assert_eq!(
            [0, 1].map(|index| array_get::<u64>(&store.heap, made, index).unwrap()),
            [references[0], references[2]]
        );
        array_set(&mut store.heap, made, 1, 7_u64).unwrap();
        assert_eq!((array_get(&store.heap, made, 1), array_len(&store.heap, made)), (Ok(7_u64), Ok(2)));
    }

    #[test]
    fn bounds_of_arrays_and_segments() {
        let mut store = TestStore::without_collections();
        let made = store.allocate(|heap| array_new_default(heap, BYTES, 4)).unwrap();
        let (heap, outside) = (&mut store.heap, Err(Trap::ArrayOutOfBounds));
        assert_eq!(array_get::<u8>(heap, made, 4), Err(Trap::ArrayOutOfBounds));
        assert_eq!(array_set(heap, made, u32::MAX, 0_u8), outside);
        for (at, count) in [(4, 1), (0, 5), (u32::MAX, 1), (1, u32::MAX)] {
            assert_eq!(array_fill(heap, made, at, V128(0), count), outside);
            assert_eq!(array_copy(heap, made, at, made, 0, count), outside);
            assert_eq!(array_copy(heap, made, 0, made, at, count), outside);
            assert_eq!(array_init_data(heap, made, at, &[], 0, count), outside, "before the segment's bounds");
            assert_eq!(array_init_elem(heap, made, at, &[], 0, count), outside, "before the segment's bounds");
        }
        assert_eq!(array_init_data(heap, made, 0, b"abc", 0, 4), Err(Trap::MemoryOutOfBounds));
        assert_eq!(array_init_data(heap, made, 0, b"abc", u32::MAX, 1), Err(Trap::MemoryOutOfBounds));
        assert_eq!(array_init_data(heap, made, 4, b"abc", 3, 0), Ok(()), "nothing at the ends");
        assert_eq!(array_init_elem(heap, made, 0, &[1], 2, 0), Err(Trap::TableOutOfBounds));
    }

    #[test]
    fn null_traps_before_bounds() {
        let mut store = TestStore::without_collections();
        let made = store.allocate(|heap| array_new_default(heap, BYTES, 1)).unwrap();
        let (heap, null) = (&mut store.heap, Err(Trap::NullReference));
        assert_eq!(array_len(heap, NULL), Err(Trap::NullReference));
        assert_eq!(array_get::<u8>(heap, NULL, 9), Err(Trap::NullReference));
        assert_eq!(array_get_i16_s(heap, NULL, 9), Err(Trap::NullReference));
        assert_eq!(array_set(heap, NULL, 9, 0_u8), null);
        assert_eq!(array_fill(heap, NULL, 9, V128(0), 9), null);
        assert_eq!(array_copy(heap, made, 9, NULL, 9, 9), null, "the second null comes before the first bound");
        assert_eq!(array_copy(heap, NULL, 9, made, 9, 9), null);
        assert_eq!(array_init_data(heap, NULL, 9, &[], 9, 9), null);
        assert_eq!(array_init_elem(heap, NULL, 9, &[], 9, 9), null);
    }

    #[test]
    fn a_segment_that_is_too_short_comes_before_a_full_heap() {
        let mut store = TestStore::with_limit(0);
        let data = array_new_data(&mut store.heap, BYTES, b"abc", 1, 3);
        assert_eq!(data, Err(Failure::Trap(Trap::MemoryOutOfBounds)));
        let elements = array_new_elem(&mut store.heap, PAIRS, &[0], 1, 1);
        assert_eq!(elements, Err(Failure::Trap(Trap::TableOutOfBounds)));
        assert_eq!(array_new_data(&mut store.heap, BYTES, b"abc", 0, 3), Err(Failure::NoRoom(16)));
        assert_eq!(store.allocate(|heap| array_new_data(heap, BYTES, b"abc", 0, 3)), Err(Trap::OutOfHeap));
    }
}
