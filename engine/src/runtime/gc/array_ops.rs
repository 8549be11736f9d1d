//! Bulk operations on arrays, for library calls and constant expressions.

use super::allocate::allocate;
use super::shape::Shape;
use crate::abi::heap::{HEADER, array_size};
use crate::base::{Result, Trap};
use crate::runtime::instance::Elements;
use crate::runtime::store::{OpaqueMut, StoreOpaque};
use crate::wasm::index::{DataIndex, ElemIndex};
use core::ops::Range;
use core::ptr;

/// The location of an array's elements. It is valid until the next allocation.
#[derive(Clone, Copy)]
struct Array {
    elements: *mut u8,
    length: u32,
    /// The size of an element in bytes.
    size: usize,
}

impl Array {
    /// Returns the address of the first of `len` elements from `at` on, after a check that they exist.
    fn range(self, at: u32, len: u32) -> Result<*mut u8, Trap> {
        match at.checked_add(len) {
            Some(end) if end <= self.length => Ok(self.elements.wrapping_add(at as usize * self.size)),
            _ => Err(Trap::ArrayOutOfBounds),
        }
    }
}

impl StoreOpaque {
    /// Returns the array to which a reference of an array type refers.
    fn array(&self, reference: u32) -> Result<Array, Trap> {
        if reference == 0 {
            return Err(Trap::NullReference);
        }
        // SAFETY: validated code passes references to arrays only.
        let (id, length) = unsafe { self.header(reference) };
        let elements = self.context.heap_base.wrapping_add(reference as usize + HEADER as usize);
        Ok(Array { elements, length, size: self.element_size(id) })
    }

    /// Returns the size in bytes of the elements of arrays of a type.
    fn element_size(&self, id: u32) -> usize {
        match self.heap.shapes.of(id, 0) {
            Shape::Array { element, .. } => element as usize,
            other => unreachable!("an array's type has the shape {other:?}"),
        }
    }

    /// Returns the bytes of `len` elements of `size` bytes each in a data segment.
    fn segment_bytes(&self, instance: u32, segment: DataIndex, src: u32, len: u32, size: usize) -> Result<&[u8], Trap> {
        let bytes = self.instances[instance as usize].data(segment);
        let range = src as usize..src as usize + len as usize * size;
        bytes.get(range).ok_or(Trap::MemoryOutOfBounds)
    }

    /// Writes elements of a segment to an array whose elements have `size` bytes. The range lies inside the segment.
    ///
    /// # Safety
    /// `to` is the address of as many elements of an array of the segment's type.
    unsafe fn write_elements(&self, instance: u32, segment: ElemIndex, range: Range<usize>, to: *mut u8, size: usize) {
        let entry = &self.instances[instance as usize];
        match entry.elements(segment) {
            Elements::Functions(functions) => {
                for (index, &function) in functions[range].iter().enumerate() {
                    // SAFETY: references to functions take 8 bytes; the caller vouches for the destination.
                    unsafe { to.cast::<u64>().add(index).write(entry.func_ref_bits(function)) };
                }
            }
            Elements::Values(values) => {
                for (index, value) in values[range].iter().enumerate() {
                    // SAFETY: a value has 8 bytes, the element in the low ones; the caller vouches for the destination.
                    unsafe { ptr::copy_nonoverlapping(value.to_le_bytes().as_ptr(), to.add(index * size), size) };
                }
            }
        }
    }

    /// Returns the range of `len` elements from `src` on, after a check that it lies inside the segment.
    fn segment_range(&self, instance: u32, segment: ElemIndex, src: u32, len: u32) -> Result<Range<usize>, Trap> {
        let range = src as usize..src as usize + len as usize;
        let available = match self.instances[instance as usize].elements(segment) {
            Elements::Functions(functions) => functions.len(),
            Elements::Values(values) => values.len(),
        };
        if range.end <= available { Ok(range) } else { Err(Trap::TableOutOfBounds) }
    }
}

/// `array.fill`. The value is in the low bytes of `value`.
pub(crate) fn fill(store: &StoreOpaque, array: u32, at: u32, value: u128, len: u32) -> Result<(), Trap> {
    let array = store.array(array)?;
    let (to, len) = (array.range(at, len)?, len as usize);
    // SAFETY: the range was checked, and has elements of this size.
    unsafe {
        match array.size {
            1 => repeat(to, value as u8, len),
            2 => repeat(to, value as u16, len),
            4 => repeat(to, value as u32, len),
            8 => repeat(to, value as u64, len),
            _ => repeat(to, value, len),
        }
    }
    Ok(())
}

/// Writes a value `len` times.
///
/// # Safety
/// There is room for `len` values at `to`, which need not be aligned.
unsafe fn repeat<T: Copy>(to: *mut u8, value: T, len: usize) {
    let to = to.cast::<T>();
    for index in 0..len {
        // SAFETY: the caller's contract.
        unsafe { to.add(index).write_unaligned(value) };
    }
}

/// `array.copy`.
pub(crate) fn copy(store: &StoreOpaque, to: u32, dst: u32, from: u32, src: u32, len: u32) -> Result<(), Trap> {
    let (to, from) = (store.array(to)?, store.array(from)?);
    assert_eq!(to.size, from.size, "validation allows copies between arrays of matching elements only");
    let (dst, src) = (to.range(dst, len)?, from.range(src, len)?);
    // SAFETY: both ranges were checked; `copy` allows them to overlap.
    unsafe { ptr::copy(src, dst, len as usize * to.size) };
    Ok(())
}

/// `array.new_data`. Checks the segment's bounds first: a trap of the specification comes before one for want of
/// memory.
pub(crate) fn new_data(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    id: u32,
    segment: DataIndex,
    src: u32,
    len: u32,
) -> Result<u32> {
    let size = store.element_size(id);
    store.segment_bytes(instance, segment, src, len, size)?;
    let array = new(store, id, len)?;
    init_data(store, instance, array, 0, segment, src, len)?;
    Ok(array)
}

/// `array.init_data`.
pub(crate) fn init_data(
    store: &StoreOpaque,
    instance: u32,
    array: u32,
    dst: u32,
    segment: DataIndex,
    src: u32,
    len: u32,
) -> Result<(), Trap> {
    let array = store.array(array)?;
    let to = array.range(dst, len)?;
    let bytes = store.segment_bytes(instance, segment, src, len, array.size)?;
    // SAFETY: the range was checked, and has as many bytes; segments are no part of the heap.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    Ok(())
}

/// `array.new_elem`. Checks the segment's bounds first: a trap of the specification comes before one for want of
/// memory.
pub(crate) fn new_elem(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    id: u32,
    segment: ElemIndex,
    src: u32,
    len: u32,
) -> Result<u32> {
    store.segment_range(instance, segment, src, len)?;
    let array = new(store, id, len)?;
    init_elem(store, instance, array, 0, segment, src, len)?;
    Ok(array)
}

/// `array.init_elem`.
pub(crate) fn init_elem(
    store: &StoreOpaque,
    instance: u32,
    array: u32,
    dst: u32,
    segment: ElemIndex,
    src: u32,
    len: u32,
) -> Result<(), Trap> {
    let array = store.array(array)?;
    let to = array.range(dst, len)?;
    let range = store.segment_range(instance, segment, src, len)?;
    // SAFETY: the range was checked; validation has matched the segment's type with the array's.
    unsafe { store.write_elements(instance, segment, range, to, array.size) };
    Ok(())
}

/// Makes an array of zeros.
pub(crate) fn new(store: &mut OpaqueMut<'_>, id: u32, len: u32) -> Result<u32> {
    let size = store.element_size(id);
    let size = u32::try_from(size).expect("an element has at most 16 bytes");
    allocate(store, id, len, array_size(size, len))
}
