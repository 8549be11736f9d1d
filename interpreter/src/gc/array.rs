//! Arrays: elements by index, and operations on many of them.
//!
//! A short array has its elements after its header. A long one has them in a buffer of its own, which is freed as soon
//! as the array is, and which the search for holes need not step over.

use super::arena::{Arena, CELL};
use super::heap::{Failure, Heap, object, wrong_layout};
use super::layout::{Layout, Storage, array_size};
use super::slab::Slab;
use crate::slot::{RawRef, V128};
use crate::trap::Trap;
use crate::types::TypeId;
use alloc::vec::Vec;
use core::ops::Range;

/// The most bytes that elements take in the arena.
const SHORT: usize = 128;

/// An element as an array stores it.
pub(crate) trait Element: Copy {
    /// The size in bytes.
    const SIZE: usize;

    /// Reads an element from the start of bytes, which are enough.
    fn load(bytes: &[u8]) -> Self;

    /// Writes the element to the start of bytes, which are enough.
    fn store(self, bytes: &mut [u8]);
}

macro_rules! elements {
    ($($ty:ty: $bytes:ident => $from:expr, $value:ident => $to:expr;)*) => {
        $(impl Element for $ty {
            const SIZE: usize = size_of::<$ty>();

            #[inline(always)]
            fn load(bytes: &[u8]) -> $ty {
                let mut $bytes = [0; size_of::<$ty>()];
                $bytes.copy_from_slice(&bytes[..size_of::<$ty>()]);
                $from
            }

            #[inline(always)]
            fn store(self, bytes: &mut [u8]) {
                let $value = self;
                bytes[..size_of::<$ty>()].copy_from_slice(&$to);
            }
        })*
    };
}

elements! {
    u8: bytes => bytes[0], value => [value];
    u16: bytes => u16::from_le_bytes(bytes), value => value.to_le_bytes();
    u32: bytes => u32::from_le_bytes(bytes), value => value.to_le_bytes();
    u64: bytes => u64::from_le_bytes(bytes), value => value.to_le_bytes();
    V128: bytes => V128(u128::from_le_bytes(bytes)), value => value.0.to_le_bytes();
}

/// Returns whether an array has its elements in a buffer of its own.
#[inline(always)]
pub(super) fn is_long(element: Storage, length: u32) -> bool {
    length as usize > SHORT / element.size()
}

/// Returns the number of cells of an array.
pub(super) fn cells(element: Storage, length: u32) -> usize {
    if is_long(element, length) { 2 } else { 1 + (length as usize * element.size()).div_ceil(CELL) }
}

/// The location of some bytes of an array.
enum Location {
    Arena(Range<usize>),
    Buffer(u32, Range<usize>),
}

impl Heap {
    /// Returns the kind of an array type's elements.
    #[inline]
    pub(crate) fn array_element(&self, id: TypeId) -> Storage {
        match self.layouts[id.index()] {
            Layout::Array(element) => element,
            _ => wrong_layout(id),
        }
    }

    /// Makes an array of a type whose elements are zero or null.
    pub(crate) fn new_array(&mut self, id: TypeId, length: u32) -> Result<RawRef, Failure> {
        let element = self.array_element(id);
        let (cells, size) = (cells(element, length), array_size(element, length));
        if !is_long(element, length) {
            let at = self.allocate(id.0, length, cells, size)?;
            self.arena.clear(at + 1, cells - 1);
            return Ok(object(at));
        }
        if !self.pacing.has_room(size) {
            return Err(Failure::NoRoom(size));
        }
        let buffer = zeros(length, element.size()).ok_or(Trap::OutOfHeap)?;
        let at = self.allocate(id.0, length, cells, size)?;
        let number = self.long.insert(buffer).ok_or(Trap::OutOfHeap)?;
        self.arena.write(at + 1, number.into());
        Ok(object(at))
    }

    /// Returns the length of an array.
    #[inline(always)]
    pub(crate) fn array_length(&self, array: u32) -> u32 {
        self.header(array as usize).1
    }

    /// Returns an element. `None` if the array is not as long.
    #[inline]
    pub(crate) fn element<E: Element>(&self, array: u32, index: u32) -> Option<E> {
        let (at, length) = (array as usize, self.array_length(array));
        if index >= length {
            return None;
        }
        let start = index as usize * E::SIZE;
        let bytes = if length as usize <= SHORT / E::SIZE {
            &self.arena.bytes()[(at + 1) * CELL + start..][..E::SIZE]
        } else {
            self.long.get(self.arena.read(at + 1) as u32)?.get(start..start + E::SIZE)?
        };
        Some(E::load(bytes))
    }

    /// Sets an element. `None` if the array is not as long.
    #[inline]
    pub(crate) fn set_element<E: Element>(&mut self, array: u32, index: u32, value: E) -> Option<()> {
        let (at, length) = (array as usize, self.array_length(array));
        if index >= length {
            return None;
        }
        let start = index as usize * E::SIZE;
        let bytes = if length as usize <= SHORT / E::SIZE {
            &mut self.arena.bytes_mut()[(at + 1) * CELL + start..][..E::SIZE]
        } else {
            self.long.get_mut(self.arena.read(at + 1) as u32)?.get_mut(start..start + E::SIZE)?
        };
        value.store(bytes);
        Some(())
    }

    /// Returns the size in bytes of an array's elements.
    pub(crate) fn element_size(&self, array: u32) -> usize {
        self.array_element(TypeId(self.header(array as usize).0)).size()
    }

    /// Returns an element as the slots of the stack hold it, packed ones zero-extended. `None` if the array is not as
    /// long.
    pub(crate) fn element_bits(&self, array: u32, index: u32) -> Option<V128> {
        Some(match self.element_size(array) {
            1 => V128(self.element::<u8>(array, index)?.into()),
            2 => V128(self.element::<u16>(array, index)?.into()),
            4 => V128(self.element::<u32>(array, index)?.into()),
            8 => V128(self.element::<u64>(array, index)?.into()),
            _ => self.element(array, index)?,
        })
    }

    /// Sets an element to the low bits of a value. `None` if the array is not as long.
    pub(crate) fn set_element_bits(&mut self, array: u32, index: u32, value: V128) -> Option<()> {
        match self.element_size(array) {
            1 => self.set_element(array, index, value.0 as u8),
            2 => self.set_element(array, index, value.0 as u16),
            4 => self.set_element(array, index, value.0 as u32),
            8 => self.set_element(array, index, value.0 as u64),
            _ => self.set_element(array, index, value),
        }
    }

    /// Returns the location of `count` elements from `start` on. `None` if the array is not as long.
    fn locate(&self, array: u32, start: u32, count: u32) -> Option<Location> {
        let at = array as usize;
        let (id, length) = self.header(at);
        let id = TypeId(id);
        if u64::from(start) + u64::from(count) > u64::from(length) {
            return None;
        }
        let element = self.array_element(id);
        let (start, count) = (start as usize * element.size(), count as usize * element.size());
        if is_long(element, length) {
            return Some(Location::Buffer(self.arena.read(at + 1) as u32, start..start + count));
        }
        let start = (at + 1) * CELL + start;
        Some(Location::Arena(start..start + count))
    }

    /// Returns the bytes of `count` elements from `start` on, in little-endian order, to change them. `None` if the
    /// array is not as long.
    pub(crate) fn elements_mut(&mut self, array: u32, start: u32, count: u32) -> Option<&mut [u8]> {
        let location = self.locate(array, start, count)?;
        bytes_mut(&mut self.arena, &mut self.long, location)
    }

    /// Sets `count` elements from `start` on to the low bits of a value. `None`, with nothing changed, if the array is
    /// not as long.
    pub(crate) fn fill_elements(&mut self, array: u32, start: u32, value: V128, count: u32) -> Option<()> {
        let size = self.element_size(array);
        let pattern = value.0.to_le_bytes();
        let bytes = self.elements_mut(array, start, count)?;
        if size == 1 {
            bytes.fill(pattern[0]);
        } else {
            bytes.chunks_exact_mut(size).for_each(|element| element.copy_from_slice(&pattern[..size]));
        }
        Some(())
    }

    /// Copies `count` elements of the same size between arrays, or within one, where the ranges may overlap. `None`,
    /// with nothing changed, if an array is not as long.
    pub(crate) fn copy_elements(&mut self, to: (u32, u32), from: (u32, u32), count: u32) -> Option<()> {
        let target = self.locate(to.0, to.1, count)?;
        let source = self.locate(from.0, from.1, count)?;
        match (target, source) {
            (Location::Arena(target), Location::Arena(source)) => {
                self.arena.bytes_mut().copy_within(source, target.start);
            }
            (Location::Buffer(number, target), Location::Buffer(other, source)) if number == other => {
                self.long.get_mut(number)?.copy_within(source, target.start);
            }
            (Location::Arena(target), Location::Buffer(number, source)) => {
                self.arena.bytes_mut()[target].copy_from_slice(&self.long.get(number)?[source]);
            }
            (Location::Buffer(number, target), Location::Arena(source)) => {
                self.long.get_mut(number)?[target].copy_from_slice(&self.arena.bytes()[source]);
            }
            (Location::Buffer(number, target), Location::Buffer(other, source)) => {
                // The source leaves the list of buffers meanwhile, so that both can be borrowed.
                let buffer = core::mem::take(self.long.get_mut(other)?);
                self.long.get_mut(number)?[target].copy_from_slice(&buffer[source]);
                *self.long.get_mut(other)? = buffer;
            }
        }
        Some(())
    }
}

/// Returns bytes at a location, to change them.
fn bytes_mut<'a>(arena: &'a mut Arena, long: &'a mut Slab<Vec<u8>>, location: Location) -> Option<&'a mut [u8]> {
    match location {
        Location::Arena(range) => arena.bytes_mut().get_mut(range),
        Location::Buffer(number, range) => long.get_mut(number)?.get_mut(range),
    }
}

/// Returns a buffer of zeros; `None` if the system has no memory.
fn zeros(length: u32, size: usize) -> Option<Vec<u8>> {
    let bytes = usize::try_from(length).ok()?.checked_mul(size)?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(bytes).ok()?;
    buffer.resize(bytes, 0);
    Some(buffer)
}
