//! Bulk operations on arrays, for library calls and constant expressions. All check the deadline, and so may collect.
//! Copies from a segment are one piece, since a segment is no longer than its module.

use super::allocate::allocate;
use super::rooting::poll_deadline;
use super::shape::Shape;
use crate::abi::heap::{HEADER, array_size};
use crate::base::{Result, Trap};
use crate::runtime::bulk::{PIECE, pieces};
use crate::runtime::instance::{Elements, InstanceEntry};
use crate::runtime::store::{OpaqueMut, StoreOpaque};
use crate::wasm::index::{DataIndex, ElemIndex, FuncIndex};
use core::ptr;

/// The location of an array's elements. It is valid until the next allocation.
#[derive(Clone, Copy)]
struct Array {
    elements: *mut u8,
    length: u32,
    /// The size of an element in bytes.
    size: usize,
    /// True if the elements are references that the collector updates.
    traced: bool,
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
        let (size, traced) = self.element(id);
        Ok(Array { elements, length, size, traced })
    }

    /// Returns the size in bytes of the elements of arrays of a type, and whether they are traced references.
    fn element(&self, id: u32) -> (usize, bool) {
        // SAFETY: the callers have an array of the type, or code of an instance makes one.
        match &unsafe { self.type_info(id) }.shape {
            Shape::Array { element, traced } => (*element as usize, *traced),
            other => unreachable!("an array's type has the shape {other:?}"),
        }
    }

    /// Returns `len` elements of `size` bytes each from `src` on, after a check that the segment has them.
    fn source(
        &self,
        instance: u32,
        segment: ArraySegment,
        src: u32,
        len: u32,
        size: usize,
    ) -> Result<Source<'_>, Trap> {
        let entry = &self.instances[instance as usize];
        let (start, len) = (src as usize, len as usize);
        match segment {
            ArraySegment::Data(segment) => {
                let bytes = entry.data(segment).get(start..start + len * size);
                bytes.map(Source::Bytes).ok_or(Trap::MemoryOutOfBounds)
            }
            ArraySegment::Elements(segment) => {
                let source = match entry.elements(segment) {
                    Elements::Functions(functions) => {
                        functions.get(start..start + len).map(|functions| Source::Functions(entry, functions))
                    }
                    Elements::Values(values) => values.get(start..start + len).map(Source::Values),
                };
                source.ok_or(Trap::TableOutOfBounds)
            }
        }
    }
}

/// A segment that gives an array its elements.
#[derive(Clone, Copy)]
pub(crate) enum ArraySegment {
    Data(DataIndex),
    Elements(ElemIndex),
}

/// Elements of a segment.
enum Source<'a> {
    Bytes(&'a [u8]),
    /// Functions of an instance.
    Functions(&'a InstanceEntry, &'a [FuncIndex]),
    /// References as tables hold them.
    Values(&'a [u64]),
}

impl Source<'_> {
    /// Writes the elements, of `size` bytes each.
    ///
    /// # Safety
    /// `to` is the address of as many elements of an array of the segment's type.
    unsafe fn write(self, to: *mut u8, size: usize) {
        match self {
            // SAFETY: the caller's contract; segments are no part of the heap.
            Source::Bytes(bytes) => unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) },
            // SAFETY: the caller's contract.
            Source::Functions(entry, functions) => unsafe {
                write_values(entry.all_func_ref_bits(functions), to, size);
            },
            // SAFETY: the caller's contract.
            Source::Values(values) => unsafe { write_values(values.iter().copied(), to, size) },
        }
    }
}

/// Writes references, which are elements of `size` bytes, from `to` on.
///
/// # Safety
/// There is room for all of them.
unsafe fn write_values(values: impl Iterator<Item = u64>, to: *mut u8, size: usize) {
    for (index, value) in values.enumerate() {
        // SAFETY: a value has 8 bytes, the element in the low ones; the caller vouches for the destination.
        unsafe { ptr::copy_nonoverlapping(value.to_le_bytes().as_ptr(), to.add(index * size), size) };
    }
}

/// `array.fill`. The value is in the low bytes of `value`. Returns the reference to the array, which a collection in
/// the callback of the deadline may move.
pub(crate) fn fill(store: &mut OpaqueMut<'_>, array: u32, at: u32, value: u128, len: u32) -> Result<u32> {
    let checked = store.array(array)?;
    checked.range(at, len)?;
    let Array { size, traced, .. } = checked;
    let element = if traced { value as u32 } else { 0 };
    let [array, _] = in_pieces(store, [array, element], size, len, false, |store, [array, element], piece| {
        let to = store.array(array)?.range(at + piece.start, piece.len)?;
        let value = if traced { element.into() } else { value };
        // SAFETY: the range was checked, and has elements of this size.
        unsafe { repeat_sized(to, value, size, piece.len as usize) };
        Ok(())
    })?;
    Ok(array)
}

/// A part of a bulk operation, in elements.
#[derive(Clone, Copy)]
struct Piece {
    start: u32,
    len: u32,
}

/// Calls `work` for each piece of `len` elements of `size` bytes. Checks the deadline before each, so that `references`
/// may change from piece to piece. Returns them.
fn in_pieces<const N: usize>(
    store: &mut OpaqueMut<'_>,
    mut references: [u32; N],
    size: usize,
    len: u32,
    last_first: bool,
    mut work: impl FnMut(&StoreOpaque, [u32; N], Piece) -> Result<(), Trap>,
) -> Result<[u32; N]> {
    for piece in pieces(len as usize, PIECE / size, last_first) {
        poll_deadline(store, &mut references)?;
        // No truncation: both are at most `len`.
        work(store, references, Piece { start: piece.start as u32, len: piece.len() as u32 })?;
    }
    Ok(references)
}

/// Writes the low `size` bytes of a value `len` times.
///
/// # Safety
/// There is room for `len` values at `to`, which need not be aligned.
unsafe fn repeat_sized(to: *mut u8, value: u128, size: usize, len: usize) {
    // SAFETY: the caller's contract.
    unsafe {
        match size {
            1 => repeat(to, value as u8, len),
            2 => repeat(to, value as u16, len),
            4 => repeat(to, value as u32, len),
            8 => repeat(to, value as u64, len),
            _ => repeat(to, value, len),
        }
    }
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
pub(crate) fn copy(store: &mut OpaqueMut<'_>, to: u32, dst: u32, from: u32, src: u32, len: u32) -> Result<()> {
    // Both references are looked at before any range.
    let (target, source) = (store.array(to)?, store.array(from)?);
    target.range(dst, len)?;
    source.range(src, len)?;
    assert_eq!(target.size, source.size, "validation allows copies between arrays of matching elements only");
    let size = target.size;
    // Within one array, a piece must not overwrite what a later one reads.
    in_pieces(store, [to, from], size, len, dst > src, |store, [to, from], piece| {
        let to = store.array(to)?.range(dst + piece.start, piece.len)?;
        let from = store.array(from)?.range(src + piece.start, piece.len)?;
        #[cfg(feature = "planted-faults")]
        if crate::base::planted!(ArrayCopyForward) {
            // SAFETY: both ranges were checked.
            (0..piece.len as usize).for_each(|at| unsafe { ptr::copy(from.add(at * size), to.add(at * size), size) });
            return Ok(());
        }
        // SAFETY: both ranges were checked; `copy` allows them to overlap.
        unsafe { ptr::copy(from, to, piece.len as usize * size) };
        Ok(())
    })?;
    Ok(())
}

/// `array.new_data` and `array.new_elem`. Checks the segment's bounds first: a trap of the specification comes before
/// one for want of memory.
pub(crate) fn new_of_segment(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    id: u32,
    segment: ArraySegment,
    src: u32,
    len: u32,
) -> Result<u32> {
    store.poll_deadline()?;
    let (size, _) = store.element(id);
    store.source(instance, segment, src, len, size)?;
    let array = new(store, id, len)?;
    write_segment(store, instance, array, 0, segment, src, len)?;
    Ok(array)
}

/// `array.init_data` and `array.init_elem`.
pub(crate) fn init_of_segment(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    array: u32,
    dst: u32,
    segment: ArraySegment,
    src: u32,
    len: u32,
) -> Result<()> {
    let mut references = [array];
    poll_deadline(store, &mut references)?;
    Ok(write_segment(store, instance, references[0], dst, segment, src, len)?)
}

/// Writes elements of a segment to an array, after a check of both bounds.
fn write_segment(
    store: &StoreOpaque,
    instance: u32,
    array: u32,
    dst: u32,
    segment: ArraySegment,
    src: u32,
    len: u32,
) -> Result<(), Trap> {
    let array = store.array(array)?;
    let to = array.range(dst, len)?;
    let source = store.source(instance, segment, src, len, array.size)?;
    // SAFETY: the range was checked, and has room for `len` elements; validation has matched the segment's type with
    // the array's.
    unsafe { source.write(to, array.size) };
    Ok(())
}

/// Makes an array of zeros.
pub(crate) fn new(store: &mut OpaqueMut<'_>, id: u32, len: u32) -> Result<u32> {
    let (size, _) = store.element(id);
    let size = u32::try_from(size).expect("an element has at most 16 bytes");
    allocate(store, id, len, array_size(size, len))
}
