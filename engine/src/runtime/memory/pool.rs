//! Address space that an engine keeps when a memory is dropped, for memories to come: to take it is cheaper than to
//! reserve and to unmap each time.
//!
//! A kept slot holds no pages: they are given back when the memory is dropped. Its bytes are zero again, or those of a
//! memory image that stays mapped for the next instance of the same module. Shared memories are not kept.

use super::slot::Slot;
use crate::runtime::sys::{self, Reclaim};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The largest accessible part of a slot that is kept, in bytes. Its page tables stay, 2 KiB for each MiB.
const LARGEST: usize = 64 << 20;

/// The address space that an engine keeps.
pub(crate) struct Pool {
    /// The slots that are kept, the latest last.
    slots: Mutex<VecDeque<Slot>>,
    /// The largest number of slots that are kept.
    capacity: usize,
}

impl Pool {
    /// Makes an empty pool for up to `capacity` slots.
    pub(crate) fn new(capacity: usize) -> Arc<Pool> {
        let pool = Arc::new(Pool { slots: Mutex::default(), capacity });
        if capacity > 0 {
            sys::register(&pool);
        }
        pool
    }

    /// Takes out a slot of `len` bytes of address space, if there is one: the latest that has the wanted image, or else
    /// the latest.
    pub(super) fn take(&self, len: usize, image: Option<u64>) -> Option<Slot> {
        let mut slots = self.lock();
        let fits = |slot: &Slot| slot.mapping().len() == len;
        let best = slots.iter().rposition(|slot| fits(slot) && slot.image() == image);
        let index = best.or_else(|| slots.iter().rposition(fits))?;
        slots.remove(index)
    }

    /// Clears a slot and keeps it, in place of the oldest one if there are too many.
    pub(super) fn give(&self, mut slot: Slot) {
        if self.capacity == 0 || slot.accessible() > LARGEST || slot.clear().is_err() {
            return;
        }
        let mut slots = self.lock();
        let oldest = if slots.len() < self.capacity { None } else { slots.pop_front() };
        slots.push_back(slot);
        drop(slots);
        // Unmapped only now, so that others do not wait for it.
        drop(oldest);
    }

    /// Unmaps the slots with an image, whose module is gone.
    pub(crate) fn forget_image(&self, image: u64) {
        let mut slots = self.lock();
        if slots.iter().any(|slot| slot.image() == Some(image)) {
            let (forgotten, kept) = slots.drain(..).partition::<VecDeque<_>, _>(|slot| slot.image() == Some(image));
            *slots = kept;
            drop(slots);
            drop(forgotten);
        }
    }

    /// The number of slots that are kept.
    #[cfg(all(test, feature = "compile"))]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Slot>> {
        // A slot is in the list or is not, so the list behind a poisoned lock is consistent.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reclaim for Pool {
    fn release_unused(&self, most: usize) -> usize {
        let mut slots = self.lock();
        let count = slots.len().min(most);
        let oldest: Vec<Slot> = slots.drain(..count).collect();
        drop(slots);
        oldest.len()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        sys::unregister(self);
    }
}
