//! Values of the host that objects of the heap name by number. One is dropped when a collection does not reach the
//! object.

use core::any::Any;

/// A value of the host.
pub(super) type Value = Box<dyn Any + Send + Sync>;

/// The values of a store.
#[derive(Default)]
pub(super) struct Values {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

struct Slot {
    value: Option<Value>,
    /// Whether the collection that is under way has reached the object.
    reached: bool,
}

impl Values {
    /// Puts a value in and returns its number; `None` if there are 2^32 already.
    pub(super) fn insert(&mut self, value: Value) -> Option<u32> {
        let slot = Slot { value: Some(value), reached: false };
        if let Some(number) = self.free.pop() {
            self.slots[number as usize] = slot;
            return Some(number);
        }
        let number = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(slot);
        Some(number)
    }

    /// The value of this number.
    pub(super) fn get(&self, number: u32) -> Option<&(dyn Any + Send + Sync)> {
        self.slots.get(number as usize)?.value.as_deref()
    }

    /// Takes note that the object of a value is reachable.
    pub(super) fn reach(&mut self, number: u32) {
        if let Some(slot) = self.slots.get_mut(number as usize) {
            slot.reached = true;
        }
    }

    /// Takes out the values that were not reached. The caller drops them, which runs code of the embedder, when nothing
    /// is half done.
    pub(super) fn sweep(&mut self) -> Vec<Value> {
        let mut dead = Vec::new();
        for (number, slot) in (0..).zip(&mut self.slots) {
            if core::mem::take(&mut slot.reached) {
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
