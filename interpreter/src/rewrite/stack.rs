//! The operand stack during rewriting: where each operand is.
//!
//! An operand has a home, the slot at its height. Constants and locals are not copied to their homes until something
//! needs them there; a local that is written first sends the operands that stand for it home.

use super::Rewriter;
use super::op::Op;
use crate::slot::{Reg, WINDOW};

/// The first of the slots that hold operands from outside of the window for the length of an instruction.
pub(super) const SCRATCH: u32 = WINDOW as u32 - 2 * SCRATCH_OPERANDS;

/// The number of operands that scratch slots can hold, each with two slots.
const SCRATCH_OPERANDS: u32 = 8;

/// The scratch slots of the result.
const RESULT: u32 = SCRATCH_OPERANDS - 1;

/// The scratch slots of an operand that is copied, while those of the instruction's own operands are in use.
const COPIED: u32 = SCRATCH_OPERANDS - 2;

/// The number of operands that stand for locals at a time. Each write of a local looks at all of them.
const MAX_IN_LOCALS: usize = 32;

/// An operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    /// The first slot of its home.
    pub(super) home: u32,
    /// The number of its slots, 1 or 2.
    pub(super) slots: u32,
    pub(super) source: Source,
}

/// The whereabouts of an operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Home,
    /// In the local whose first slot this is.
    Local(u32),
    /// Nowhere: these are the bits of its only slot.
    Constant(u64),
}

impl Rewriter<'_> {
    /// Returns the home of the next operand.
    pub(super) fn next_home(&self) -> u32 {
        self.stack.last().map_or(self.first_home, |top| top.home + top.slots)
    }

    /// Pushes an operand.
    pub(super) fn push(&mut self, source: Source, slots: u32) {
        let home = self.next_home();
        self.frame_slots = self.frame_slots.max(home + slots);
        self.stack.push(Operand { home, slots, source });
    }

    /// Pushes the value of a local.
    pub(super) fn push_local(&mut self, local: u32, slots: u32) {
        self.push(Source::Local(local), slots);
        let index = self.stack.len() - 1;
        if self.in_locals.len() < MAX_IN_LOCALS {
            self.in_locals.push(index as u32);
        } else {
            self.bring_home(index);
        }
    }

    /// Pushes an operand that is in its home.
    pub(super) fn push_home(&mut self, slots: u32) {
        self.push(Source::Home, slots);
    }

    /// Removes the top operand.
    pub(super) fn pop(&mut self) -> Operand {
        let operand = self.stack.pop().expect("validation has checked the height of the stack");
        if let Source::Local(_) = operand.source {
            self.in_locals.pop();
        }
        operand
    }

    /// Removes the top operand, whose `ordinal` among the operands of the instruction decides which scratch slots are
    /// its own, and returns the slot where it is.
    pub(super) fn pop_reg(&mut self, ordinal: u32) -> Reg {
        let operand = self.pop();
        self.reg_of(operand, ordinal)
    }

    /// Returns the slot where an operand is, which a constant is brought to.
    pub(super) fn reg_of(&mut self, operand: Operand, ordinal: u32) -> Reg {
        match operand.source {
            Source::Home => self.near(operand.home, operand.slots, ordinal),
            Source::Local(slot) => self.near(slot, operand.slots, ordinal),
            Source::Constant(bits) => {
                let reg = near(operand.home).unwrap_or_else(|| scratch(ordinal));
                self.emit_constant(reg, bits);
                reg
            }
        }
    }

    /// Returns a slot of the window with a value, which is copied to scratch slots if it is outside.
    pub(super) fn near(&mut self, slot: u32, slots: u32, ordinal: u32) -> Reg {
        // If the last slot can be named, so can the first.
        if let Some(last) = near(slot + slots - 1) {
            return last + 1 - slots as Reg;
        }
        let reg = scratch(ordinal);
        for part in 0..slots {
            self.emit(Op::FarGet { d: reg + part as Reg, slot: slot + part });
        }
        reg
    }

    /// Emits an instruction whose result of so many slots goes to the next home, and pushes it.
    pub(super) fn push_result(&mut self, slots: u32, make: impl FnOnce(Reg) -> Op) {
        let home = self.next_home();
        self.write(home, slots, make);
        self.push_home(slots);
    }

    /// Emits an instruction whose result goes to these slots.
    pub(super) fn write(&mut self, slot: u32, slots: u32, make: impl FnOnce(Reg) -> Op) {
        match near(slot + slots - 1) {
            Some(last) => self.emit(make(last + 1 - slots as Reg)),
            None => {
                let reg = scratch(RESULT);
                self.emit(make(reg));
                for part in 0..slots {
                    self.emit(Op::FarSet { a: reg + part as Reg, slot: slot + part });
                }
            }
        }
    }

    /// Emits a copy of an operand to a slot, unless it is there.
    pub(super) fn copy_to(&mut self, operand: Operand, slot: u32) {
        let from = match operand.source {
            Source::Home => operand.home,
            Source::Local(local) => local,
            Source::Constant(bits) => return self.write_constant(slot, bits),
        };
        if from == slot {
            return;
        }
        let a = self.near(from, operand.slots, COPIED);
        self.write(slot, operand.slots, |d| if operand.slots == 2 { Op::Copy2 { d, a } } else { Op::Copy { d, a } });
    }

    fn write_constant(&mut self, slot: u32, bits: u64) {
        match near(slot) {
            Some(reg) => self.emit_constant(reg, bits),
            None => {
                let reg = scratch(RESULT);
                self.emit_constant(reg, bits);
                self.emit(Op::FarSet { a: reg, slot });
            }
        }
    }

    /// Emits the instruction that writes a constant.
    fn emit_constant(&mut self, d: Reg, bits: u64) {
        if let Ok(value) = i32::try_from(bits.cast_signed()) {
            return self.emit(Op::Const { d, value });
        }
        let index = self.constants.len() as u32;
        self.constants.push(bits);
        self.emit(Op::ConstAt { d, index });
    }

    /// Brings the top operands to their homes.
    pub(super) fn send_home(&mut self, count: usize) {
        for index in self.stack.len() - count..self.stack.len() {
            self.bring_home(index);
        }
        let first = (self.stack.len() - count) as u32;
        self.in_locals.retain(|&index| index < first);
    }

    /// Brings the operands that stand for a local home, before the local is written.
    pub(super) fn preserve(&mut self, local: u32) {
        let mut kept = core::mem::take(&mut self.in_locals);
        kept.retain(|&index| {
            let stays = self.stack[index as usize].source != Source::Local(local);
            if !stays {
                self.bring_home(index as usize);
            }
            stays
        });
        self.in_locals = kept;
    }

    /// Brings the operands that stand for locals home, before code of which only a part is executed.
    pub(super) fn preserve_all(&mut self) {
        for index in core::mem::take(&mut self.in_locals) {
            self.bring_home(index as usize);
        }
    }

    fn bring_home(&mut self, index: usize) {
        let operand = self.stack[index];
        self.copy_to(operand, operand.home);
        self.stack[index].source = Source::Home;
    }
}

/// Returns the slot of the window, if it can be named and is no scratch slot.
fn near(slot: u32) -> Option<Reg> {
    if slot < SCRATCH { Some(slot as Reg) } else { None }
}

/// Returns where so many slots can begin, from a slot on, without overlapping the scratch slots.
pub(super) fn past_scratch(slot: u32, slots: u32) -> u32 {
    if slot + slots > SCRATCH { slot.max(WINDOW as u32) } else { slot }
}

/// Returns the first of an operand's scratch slots.
fn scratch(ordinal: u32) -> Reg {
    (SCRATCH + 2 * ordinal) as Reg
}
