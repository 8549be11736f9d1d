//! Values that objects name by number. A value is removed when a collection reaches no object that names it.

use alloc::vec::Vec;
use core::mem;

/// Values by number.
pub(super) struct Slab<T> {
    entries: Vec<Option<Entry<T>>>,
    /// The numbers without a value.
    free: Vec<u32>,
}

struct Entry<T> {
    value: T,
    /// True if the current collection has reached the object.
    is_marked: bool,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Adds a value and returns its number. `None` if there are 2^32 values already.
    pub(super) fn insert(&mut self, value: T) -> Option<u32> {
        let entry = Some(Entry { value, is_marked: false });
        if let Some(number) = self.free.pop() {
            self.entries[number as usize] = entry;
            return Some(number);
        }
        let number = u32::try_from(self.entries.len()).ok()?;
        self.entries.push(entry);
        Some(number)
    }

    /// Returns the value with this number.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.entries.get(number as usize)?.as_ref().map(|entry| &entry.value)
    }

    /// Returns the value with this number, to change it.
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.entries.get_mut(number as usize)?.as_mut().map(|entry| &mut entry.value)
    }

    /// Removes the value with this number.
    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
        let entry = self.entries.get_mut(number as usize)?.take()?;
        self.free.push(number);
        Some(entry.value)
    }

    /// Marks a value whose object is reachable.
    pub(super) fn mark(&mut self, number: u32) {
        if let Some(Some(entry)) = self.entries.get_mut(number as usize) {
            entry.is_marked = true;
        }
    }

    /// Removes and returns the values that were not marked, and clears the marks. To drop a value may run code of the
    /// embedder, so the caller does that when its own work is complete.
    pub(super) fn sweep(&mut self) -> Vec<T> {
        let mut dead = Vec::new();
        for (number, entry) in (0..).zip(&mut self.entries) {
            let is_marked = entry.as_mut().is_some_and(|entry| mem::take(&mut entry.is_marked));
            if is_marked {
                continue;
            }
            if let Some(Entry { value, .. }) = entry.take() {
                dead.push(value);
                self.free.push(number);
            }
        }
        dead
    }
}
