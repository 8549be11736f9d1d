//! A set of small numbers as bits.

use alloc::vec::Vec;

const WIDTH: usize = u64::BITS as usize;

/// A set of numbers below a bound.
#[derive(Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Makes room for the numbers below `bound`. New numbers are not in the set. Returns `None`, with nothing changed,
    /// if the system has no memory.
    pub(super) fn grow(&mut self, bound: usize) -> Option<()> {
        let words = bound.div_ceil(WIDTH);
        self.0.try_reserve_exact(words.saturating_sub(self.0.len())).ok()?;
        self.0.resize(words.max(self.0.len()), 0);
        Some(())
    }

    /// Removes all numbers.
    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Returns whether a number is in the set. Numbers above the bound are not.
    #[inline]
    pub(super) fn contains(&self, number: usize) -> bool {
        self.0.get(number / WIDTH).is_some_and(|word| word >> (number % WIDTH) & 1 == 1)
    }

    /// Adds a number below the bound. Returns whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, number: usize) -> bool {
        let (word, bit) = (&mut self.0[number / WIDTH], 1 << (number % WIDTH));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Visits the numbers in ascending order.
    #[inline]
    pub(super) fn for_each(&self, mut visit: impl FnMut(usize)) {
        for (index, &word) in self.0.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                visit(index * WIDTH + rest.trailing_zeros() as usize);
                rest &= rest - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_order_and_once() {
        let mut bits = Bits::default();
        bits.grow(300).unwrap();
        for number in [299, 0, 63, 64, 128, 63] {
            bits.insert(number);
        }
        let mut numbers = Vec::new();
        bits.for_each(|number| numbers.push(number));
        assert_eq!(numbers, [0, 63, 64, 128, 299]);
        assert!(bits.contains(64) && !bits.contains(65) && !bits.contains(100_000));
        assert!(bits.insert(65) && !bits.insert(65));
        bits.clear();
        bits.for_each(|number| panic!("{number} is not in the set"));
        assert!(!bits.contains(0));
    }
}
