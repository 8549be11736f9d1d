//! The memory of the heap: cells of 64 bits in one vector, and the holes between the objects in it.
//!
//! An object is named by the index of its first cell. So to read a field is one access to the vector, with one check of
//! bounds, and no table of objects stands between. To allocate is to advance an index in a hole. A collection makes the
//! list of holes anew, from the marks: it looks at live objects only. Objects never move, since the collector cannot
//! tell references on the stack from numbers, and so cannot update them.
//!
//! The first cell is part of no object, so that no object has the index 0.
//!
//! A hole too small for the object at hand is given up until the next collection. Objects are small (long arrays have
//! their elements elsewhere), so little is lost by that; [`Arena::allocate`] has a bound for programs that aim at it.

use super::bits::Bits;
use alloc::vec::Vec;

/// The bytes of 64 bits, in little-endian order. Bytes, so that elements of every size can be reached in safe code.
type Cell = [u8; 8];

/// The size of a cell in bytes.
pub(super) const CELL: usize = size_of::<Cell>();

/// The number of cells by which an arena grows at least.
const LEAST_GROWTH: usize = 512;

/// The byte that fills free cells when the heap is under test. It makes neither a header nor a reference.
const POISON: u8 = 0xfb;

/// The memory of the heap.
#[derive(Default)]
pub(super) struct Arena {
    cells: Vec<Cell>,
    /// The first free cell of the hole in use.
    next: usize,
    /// The end of the hole in use.
    end: usize,
    /// The other holes, the first of them last.
    holes: Vec<(usize, usize)>,
    /// The indices of all objects, garbage included.
    starts: Bits,
    /// The indices of the objects that the current collection has reached. Empty between collections.
    marks: Bits,
}

impl Arena {
    /// Returns the index of an object of `count` cells, which the caller has to fill. `None` if the arena would need
    /// more than `bound` cells, or the system has no memory.
    #[inline]
    pub(super) fn allocate(&mut self, count: usize, bound: usize) -> Option<usize> {
        if count > self.end - self.next {
            self.find_hole(count, bound)?;
        }
        let at = self.next;
        self.next += count;
        self.starts.insert(at);
        Some(at)
    }

    /// Takes the next hole of at least `count` cells into use.
    #[cold]
    #[inline(never)]
    fn find_hole(&mut self, count: usize, bound: usize) -> Option<()> {
        while let Some((start, end)) = self.holes.pop() {
            (self.next, self.end) = (start, end);
            if end - start >= count {
                return Some(());
            }
        }
        self.grow(count, bound)
    }

    /// Adds cells at the end of the arena, for at least `count` more.
    fn grow(&mut self, count: usize, bound: usize) -> Option<()> {
        let old = self.cells.len();
        // The hole in use may be the one at the end.
        let start = if self.end == old && old > 0 { self.next } else { old.max(1) };
        let needed = start + count;
        // References have 32 bits.
        let bound = bound.min(u32::MAX as usize);
        let new = (old + (old / 2).max(LEAST_GROWTH)).min(bound).max(needed);
        if new > bound {
            return None;
        }
        self.starts.grow(new)?;
        self.marks.grow(new)?;
        self.cells.try_reserve_exact(new - old).ok()?;
        self.cells.resize(new, [0; CELL]);
        (self.next, self.end) = (start, new);
        Some(())
    }

    /// Marks an object as reachable. Returns whether it was not marked before; `false` if no object begins at the cell.
    #[inline]
    pub(super) fn mark(&mut self, at: usize) -> bool {
        self.starts.contains(at) && self.marks.insert(at)
    }

    /// Frees the objects that are not marked, and clears the marks. `size` returns the number of an object's cells.
    pub(super) fn sweep(&mut self, size: impl Fn(&Arena, usize) -> usize, poison: bool) {
        core::mem::swap(&mut self.starts, &mut self.marks);
        self.marks.clear();
        self.holes.clear();
        let (mut free, mut holes) = (1, core::mem::take(&mut self.holes));
        self.starts.for_each(|at| {
            if at > free {
                holes.push((free, at));
            }
            free = at + size(self, at);
        });
        if self.cells.len() > free {
            holes.push((free, self.cells.len()));
        }
        holes.reverse();
        if poison {
            holes.iter().for_each(|&(start, end)| self.cells[start..end].fill([POISON; CELL]));
        }
        (self.holes, self.next, self.end) = (holes, 0, 0);
    }

    /// Returns the bits of a cell.
    #[inline(always)]
    pub(super) fn read(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.cells[at])
    }

    /// Sets the bits of a cell.
    #[inline(always)]
    pub(super) fn write(&mut self, at: usize, bits: u64) {
        self.cells[at] = bits.to_le_bytes();
    }

    /// Sets the bits of the cells from `at` on.
    #[inline]
    pub(super) fn write_all(&mut self, at: usize, bits: &[u64]) {
        let cells = &mut self.cells[at..at + bits.len()];
        cells.iter_mut().zip(bits).for_each(|(cell, bits)| *cell = bits.to_le_bytes());
    }

    /// Clears `count` cells from `at` on.
    pub(super) fn clear(&mut self, at: usize, count: usize) {
        self.cells[at..at + count].fill([0; CELL]);
    }

    /// Returns all cells as bytes.
    #[inline(always)]
    pub(super) fn bytes(&self) -> &[u8] {
        self.cells.as_flattened()
    }

    /// Returns all cells as bytes, to change them.
    #[inline(always)]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.cells.as_flattened_mut()
    }
}
