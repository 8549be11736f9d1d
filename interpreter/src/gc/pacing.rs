//! When to collect: after how many bytes, and how many bytes are too many.
//!
//! The rules are about counted bytes ([`layout`](super::layout)).

/// The most bytes that objects may count: half of a region of 4 GiB, less a guard for accesses through null. The
/// engine's heap holds as many, so that one program exhausts both.
pub(crate) const LARGEST: u64 = (2 << 30) - (256 << 10);

/// The first capacity, in bytes.
const INITIAL: u64 = 512 << 10;

/// The granularity of a capacity, in bytes.
const STEP: u64 = 64 << 10;

/// The capacity up to which a heap gets four times what survives. A larger heap gets twice as much.
const GENEROUS: u64 = 32 << 20;

/// The size of a heap, in bytes, in which zeal means that every allocation collects.
const SMALL: u64 = 4 << 10;

/// The bytes of the arena for each byte of the limit. A field of 8 bits counts 1 byte and takes 8. As much again is for
/// holes that are too small.
const BYTES_PER_COUNTED: u64 = 16;

/// The count of bytes, and the decisions.
pub(super) struct Pacing {
    /// The bytes of all objects, garbage included.
    pub(super) used: u64,
    /// The bytes at which there is no room without a collection.
    full_at: u64,
    /// The bytes that objects may count before a collection.
    capacity: u64,
    /// The greatest capacity.
    limit: u64,
    /// True if each allocation collects.
    zeal: bool,
}

impl Pacing {
    pub(super) fn new(limit: u64, zeal: bool) -> Pacing {
        let mut pacing = Pacing { used: 0, full_at: 0, capacity: 0, limit: 0, zeal };
        pacing.set_limit(limit);
        pacing
    }

    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit.min(LARGEST) / STEP * STEP;
    }

    /// Returns whether an object of `size` bytes fits without a collection.
    #[inline(always)]
    pub(super) fn has_room(&self, size: u64) -> bool {
        self.used + size <= self.full_at
    }

    /// Returns the number of cells that the arena may have.
    #[inline]
    pub(super) fn cells(&self) -> usize {
        let bytes = self.limit.max(self.capacity) * BYTES_PER_COUNTED;
        usize::try_from(bytes / super::arena::CELL as u64).unwrap_or(usize::MAX)
    }

    /// Returns whether an object of `size` bytes can never fit.
    pub(super) fn is_too_large(&self, size: u64) -> bool {
        size > self.limit.max(self.capacity)
    }

    /// Makes room for `size` bytes after a collection. Returns false if that is past the limit.
    pub(super) fn grow(&mut self, size: u64) -> bool {
        let needed = self.used + size;
        let factor = if self.capacity < GENEROUS { 4 } else { 2 };
        if needed > self.capacity / factor {
            // Near the limit all of it is used at once: with one step at a time, each step would cost a collection.
            let generous = (needed * factor).next_power_of_two().max(INITIAL).min(self.limit);
            if generous >= needed {
                self.capacity = self.capacity.max(generous);
            }
        }
        if needed > self.capacity {
            return false;
        }
        // Under zeal there is room for this object alone, so that the next allocation collects again.
        self.full_at = if self.zeal { (needed + slack(self.used)).min(self.capacity) } else { self.capacity };
        true
    }

    /// Returns whether free memory is to be overwritten, so that a reference to a lost object shows.
    pub(super) fn poisons(&self) -> bool {
        self.zeal
    }
}

/// Returns the bytes that may be allocated between two collections under zeal, where `used` bytes are alive: none in a
/// small heap. In a large one, the time would grow with the square of the number of objects.
fn slack(used: u64) -> u64 {
    used.saturating_sub(SMALL) / 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_grows_with_what_survives() {
        let mut pacing = Pacing::new(u64::MAX, false);
        assert!(!pacing.has_room(8), "nothing is reserved yet");
        assert!(pacing.grow(8) && pacing.capacity == INITIAL);
        pacing.used = INITIAL;
        assert!(!pacing.has_room(8) && pacing.grow(8));
        assert_eq!(pacing.capacity, 4 << 20);
        pacing.used = 100;
        assert!(pacing.grow(8) && pacing.capacity == 4 << 20, "little survived");
        pacing.used = LARGEST - 8;
        assert!(pacing.grow(8) && !pacing.grow(16));
    }

    #[test]
    fn zeal_leaves_a_large_heap_a_little_room() {
        let mut pacing = Pacing::new(u64::MAX, true);
        pacing.used = SMALL;
        assert!(pacing.grow(8) && pacing.has_room(8) && !pacing.has_room(9));
        pacing.used = SMALL + 64 * 24;
        assert!(pacing.grow(8) && pacing.has_room(8 + 24) && !pacing.has_room(8 + 25));
    }

    /// The whole limit is room at once, and not a step at a time.
    #[test]
    fn a_limit_below_the_generous_capacity_is_used_at_once() {
        let mut pacing = Pacing::new(GENEROUS + STEP, false);
        pacing.used = GENEROUS;
        assert!(pacing.grow(8) && pacing.capacity == GENEROUS + STEP);
        let mut small = Pacing::new(INITIAL / 2, false);
        assert!(small.grow(8) && small.capacity == INITIAL / 2);
    }

    #[test]
    fn a_limit_is_used_up_to_its_last_step() {
        let mut pacing = Pacing::new(3 * STEP + 1, false);
        pacing.used = 3 * STEP - 8;
        assert!(pacing.grow(8) && pacing.has_room(8) && !pacing.has_room(16));
        assert!(!pacing.grow(16) && pacing.is_too_large(4 * STEP));
        pacing.set_limit(0);
        assert!(pacing.grow(8), "room that is there stays");
    }
}
