//! Globals ([Global instances](https://webassembly.github.io/spec/core/exec/runtime.html#syntax-globalinst)).

use crate::slot::V128;
use crate::types::GlobalType;

/// A global: a value as slots hold it.
pub(crate) struct GlobalInstance {
    /// The value: the first slot of every type, and the second of a vector.
    slots: [u64; 2],
    ty: GlobalType,
}

impl GlobalInstance {
    /// Makes a global. A value of one slot has zero in the second.
    pub(crate) fn new(ty: GlobalType, slots: [u64; 2]) -> GlobalInstance {
        GlobalInstance { slots, ty }
    }

    /// Returns the type.
    pub(crate) fn ty(&self) -> GlobalType {
        self.ty
    }

    /// Returns the slots of the value. One that is no vector has zero in the second.
    pub(crate) fn slots(&self) -> [u64; 2] {
        self.slots
    }

    /// Sets the slots of the value.
    pub(crate) fn set_slots(&mut self, slots: [u64; 2]) {
        self.slots = slots;
    }

    /// Returns the value of a global of one slot.
    #[inline(always)]
    pub(crate) fn slot(&self) -> u64 {
        self.slots[0]
    }

    /// Sets the value of a global of one slot.
    #[inline(always)]
    pub(crate) fn set_slot(&mut self, bits: u64) {
        self.slots[0] = bits;
    }

    /// Returns the value of a global that is a vector.
    #[inline(always)]
    pub(crate) fn vector(&self) -> V128 {
        V128(u128::from(self.slots[0]) | u128::from(self.slots[1]) << 64)
    }

    /// Sets the value of a global that is a vector.
    #[inline(always)]
    pub(crate) fn set_vector(&mut self, vector: V128) {
        self.slots = [vector.0 as u64, (vector.0 >> 64) as u64];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ValType;

    #[test]
    fn a_vector_takes_both_slots() {
        let mut global = GlobalInstance::new(GlobalType::new(ValType::V128, true), [1, 2]);
        assert_eq!(global.vector(), V128(2 << 64 | 1));
        global.set_vector(V128(3 << 64 | 4));
        assert_eq!((global.vector(), global.slot()), (V128(3 << 64 | 4), 4));
        global.set_slot(5);
        assert_eq!((global.vector(), global.ty().mutable), (V128(3 << 64 | 5), true));
    }
}
