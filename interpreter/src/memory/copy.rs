//! Fills and copies of memories
//! ([`memory.copy`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-memory.copy)). Where the ranges
//! overlap, the result is as if all bytes had been read before the first is written.

use super::{Bytes, MemoryInstance};
use crate::trap::Trap;
use alloc::sync::Arc;

/// The bytes that are copied at once between memories of which one is shared.
const BUFFER: u64 = 1024;

impl MemoryInstance {
    /// Sets `length` bytes from `at` on to a value.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing written, if they do not lie inside the memory.
    pub(crate) fn fill(&mut self, at: u64, value: u8, length: u64) -> Result<(), Trap> {
        let range = self.range(at, length)?;
        match &mut self.bytes {
            Bytes::Own(own) => own.as_mut_slice()[range].fill(value),
            Bytes::Shared(shared) => shared.fill(at, value, range.len()),
        }
        Ok(())
    }

    /// Copies `length` bytes within the memory, from the address `from` to the address `to`.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing copied, if a range does not lie inside the memory.
    pub(crate) fn copy_within(&mut self, to: u64, from: u64, length: u64) -> Result<(), Trap> {
        let (target, source) = (self.range(to, length)?, self.range(from, length)?);
        match &mut self.bytes {
            Bytes::Own(own) => own.as_mut_slice().copy_within(source, target.start),
            Bytes::Shared(shared) => {
                let shared = shared.clone();
                in_buffers(length, to > from, |at, buffer| {
                    shared.read(from + at, buffer);
                    shared.write(to + at, buffer);
                });
            }
        }
        Ok(())
    }

    /// Copies `length` bytes of another memory from the address `from` to the address `to` of this one.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing copied, if a range does not lie inside its memory.
    pub(crate) fn copy_from(&mut self, source: &MemoryInstance, to: u64, from: u64, length: u64) -> Result<(), Trap> {
        if self.is_same(source) {
            return self.copy_within(to, from, length);
        }
        let (target_range, range) = (self.range(to, length)?, source.range(from, length)?);
        match (&mut self.bytes, &source.bytes) {
            (_, Bytes::Own(from)) => self.write(to, &from.as_slice()[range]),
            (Bytes::Own(to), _) => source.read(from, &mut to.as_mut_slice()[target_range]),
            (Bytes::Shared(target), Bytes::Shared(source)) => {
                in_buffers(length, false, |at, buffer| {
                    source.read(from + at, buffer);
                    target.write(to + at, buffer);
                });
                Ok(())
            }
        }
    }

    /// Returns whether both are entries of one shared memory.
    pub(crate) fn is_same(&self, other: &MemoryInstance) -> bool {
        match (&self.bytes, &other.bytes) {
            (Bytes::Shared(one), Bytes::Shared(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// Calls `work` with the start of each part of `0..length` and a buffer of its size. The parts come in order, or in the
/// reverse order.
fn in_buffers(length: u64, last_first: bool, mut work: impl FnMut(u64, &mut [u8])) {
    let mut buffer = [0; BUFFER as usize];
    for part in crate::store::pieces(length, BUFFER, last_first) {
        work(part.start, &mut buffer[..(part.end - part.start) as usize]);
    }
}
