//! The bytes of a memory that only its store uses.

use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;

/// The unit in which a growth looks for bytes that are not zero.
const BLOCK: usize = 4096;

/// Bytes in one piece, so that an access is one comparison and one access to a slice.
///
/// Zeros come from the allocator, which takes them from the system without touching them. So a memory costs as much as
/// the guest has written, whatever its size.
pub(super) struct OwnBytes {
    /// The bytes of the memory, and zeros for its growth.
    bytes: Vec<u8>,
    length: usize,
}

impl OwnBytes {
    /// Makes a memory of zeros; `None` if the system refuses.
    pub(super) fn new(length: usize) -> Option<OwnBytes> {
        Some(OwnBytes { bytes: filled(0, length)?, length })
    }

    #[inline(always)]
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    #[inline(always)]
    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }

    /// Grows to `length` bytes. `most` is the largest length that the memory will ever have. Returns whether the system
    /// had enough memory; nothing has changed otherwise.
    #[must_use]
    pub(super) fn grow(&mut self, length: usize, most: usize) -> bool {
        if length > self.bytes.len() {
            // Doubling makes the cost of many small growths linear. Spare bytes cost nothing while they are untouched.
            let generous = self.bytes.len().saturating_mul(2).clamp(length, most.max(length));
            let Some(mut bytes) = filled(0, generous).or_else(|| filled(0, length)) else { return false };
            copy_to_zeros(self.as_slice(), &mut bytes);
            self.bytes = bytes;
        }
        self.length = length;
        true
    }
}

/// Returns so many equal elements; `None` if the system refuses. Zeros are untouched if there are many.
pub(crate) fn filled<T: Clone>(element: T, length: usize) -> Option<Vec<T>> {
    // `vec![0; n]` takes zeros from the allocator and ends the process if there are none. A reservation that can fail
    // is not zeroed. So one is made to ask, and given back.
    let mut question: Vec<T> = Vec::new();
    question.try_reserve_exact(length).ok()?;
    // An allocation that nobody uses may be optimized away.
    drop(black_box(question));
    Some(vec![element; length])
}

/// Copies the blocks that are not zero, so that the others stay untouched.
fn copy_to_zeros(source: &[u8], target: &mut [u8]) {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    for (from, to) in source.chunks(BLOCK).zip(target.chunks_mut(BLOCK)) {
        if *from != ZEROS[..from.len()] {
            to[..from.len()].copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growth_keeps_the_bytes_and_adds_zeros() {
        let (mut bytes, mut model) = (OwnBytes::new(3).unwrap(), vec![0; 3]);
        for length in [3, 4, 5, 4095, 4096, 4097, 3 * 4096 + 1] {
            assert!(bytes.grow(length, 1 << 20));
            model.resize(length, 0);
            assert_eq!(bytes.as_slice(), model);
            *bytes.as_mut_slice().last_mut().unwrap() = 7;
            model[length - 1] = 7;
        }
    }

    #[test]
    fn a_growth_reserves_no_more_than_the_most() {
        let mut bytes = OwnBytes::new(100).unwrap();
        assert!(bytes.grow(101, 150));
        assert_eq!(bytes.bytes.len(), 150);
        assert!(bytes.grow(150, 150));
        assert_eq!(bytes.as_slice().len(), 150);
    }

    #[test]
    fn a_refusal_changes_nothing() {
        let mut bytes = OwnBytes::new(1).unwrap();
        assert!(!bytes.grow(isize::MAX as usize, isize::MAX as usize));
        assert_eq!(bytes.as_slice(), [0]);
        assert!(OwnBytes::new(usize::MAX).is_none());
    }

    #[test]
    fn only_written_blocks_are_copied() {
        let mut target = vec![1; 3 * BLOCK];
        let mut source = vec![0; 3 * BLOCK - 5];
        source[BLOCK] = 9;
        copy_to_zeros(&source, &mut target);
        assert_eq!((target[0], target[BLOCK], target[BLOCK + 1], target[2 * BLOCK]), (1, 9, 0, 1));
    }
}
