//! Values of the host, to which objects of the heap refer by number. A value is dropped when a collection finds its
//! object unreachable.

use core::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// A value of the host.
pub(super) type Value = Box<dyn Any + Send + Sync>;

/// The host's values in a store.
#[derive(Default)]
pub(super) struct HostValues {
    /// The values, by number.
    slots: Vec<HostValue>,
    /// The numbers of slots without a value.
    free: Vec<u32>,
}

impl Drop for HostValues {
    fn drop(&mut self) {
        drop_all(self.slots.drain(..).filter_map(|slot| slot.value).collect());
    }
}

/// Drops values of the host.
///
/// # Panics
/// When a value panics while it is dropped. The first panic goes on when all values are dropped, since a second one on
/// its way would abort the process. During another panic it ends here.
pub(super) fn drop_all(values: Vec<Value>) {
    let mut first = None;
    for value in values {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            match first {
                None => first = Some(panic),
                // A payload may panic in turn when it is dropped.
                Some(_) => core::mem::forget(panic),
            }
        }
    }
    if let Some(panic) = first
        && !thread::panicking()
    {
        resume_unwind(panic);
    }
}

/// A slot for a value.
struct HostValue {
    value: Option<Value>,
    /// True if the current collection has reached the object.
    marked: bool,
}

impl HostValues {
    /// Adds a value and returns its number; `None` if there are 2^32 values already.
    pub(super) fn insert(&mut self, value: Value) -> Option<u32> {
        let slot = HostValue { value: Some(value), marked: false };
        if let Some(number) = self.free.pop() {
            self.slots[number as usize] = slot;
            return Some(number);
        }
        let number = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(slot);
        Some(number)
    }

    /// Returns the value with this number.
    pub(super) fn get(&self, number: u32) -> Option<&(dyn Any + Send + Sync)> {
        self.slots.get(number as usize)?.value.as_deref()
    }

    /// Marks a value whose object is reachable.
    pub(super) fn mark(&mut self, number: u32) {
        if let Some(slot) = self.slots.get_mut(number as usize) {
            slot.marked = true;
        }
    }

    /// Removes and returns the values that were not marked, and clears the marks. Dropping them runs the embedder's
    /// code, so the caller does that when its own update is complete.
    pub(super) fn sweep(&mut self) -> Vec<Value> {
        let mut dead = Vec::new();
        for (number, slot) in (0..).zip(&mut self.slots) {
            if core::mem::take(&mut slot.marked) {
                continue;
            }
            if let Some(value) = slot.value.take() {
                dead.push(value);
                self.free.push(number);
            }
        }
        dead
    }
}
