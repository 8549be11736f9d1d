//! The instructions that do more work than their dispatch costs: all but those of [`Op`](super::op::Op).
//!
//! Such an instruction is the address of the function that executes it, with the operands in a common form. So an
//! instruction is one function in `execute/` and one line here.

use super::Rewriter;
use super::op::Op;
use crate::execute::{Context, Stop};
use crate::slot::Reg;
use core::fmt;
use wasmparser::{MemArg, MemArgTarget};

/// The execution of an instruction.
pub(crate) type Instruction = fn(&mut Context<'_>, &Rare) -> Result<(), Stop>;

/// An instruction with its operands.
#[derive(Clone, Copy)]
pub(crate) struct Rare {
    /// The function that executes it.
    pub(crate) run: Instruction,
    /// The slot that receives the result.
    pub(crate) d: Reg,
    /// The slots of the operands, the lowest operand first.
    pub(crate) operands: [Reg; 5],
    /// The first slot of operands that lie in a row, relative to the frame.
    pub(crate) row: u32,
    /// The first immediate: mostly the index of what the instruction is about.
    pub(crate) x: u32,
    /// The second immediate.
    pub(crate) y: u32,
    /// The offset of an access to memory, or another immediate of 64 bits.
    pub(crate) offset: u64,
    /// The lanes of a shuffle, or a constant of 128 bits.
    pub(crate) lanes: [u8; 16],
}

impl Rare {
    /// An instruction without immediates.
    pub(super) fn new(run: Instruction) -> Rare {
        Rare { run, d: 0, operands: [0; 5], row: 0, x: 0, y: 0, offset: 0, lanes: [0; 16] }
    }

    /// Sets the first immediate.
    pub(super) fn x(self, x: u32) -> Rare {
        Rare { x, ..self }
    }

    /// Sets the second immediate.
    pub(super) fn y(self, y: u32) -> Rare {
        Rare { y, ..self }
    }

    /// Sets the offset, and the memory as the first immediate.
    pub(super) fn access(self, access: MemArg) -> Rare {
        let MemArgTarget::Memory(memory) = access.target else { unreachable!("accesses of arrays are not enabled") };
        Rare { x: memory, offset: access.offset, ..self }
    }

    /// Sets the 16 bytes.
    pub(super) fn lanes(self, lanes: [u8; 16]) -> Rare {
        Rare { lanes, ..self }
    }
}

impl fmt::Debug for Rare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rare { d, operands, row, x, y, offset, .. } = self;
        write!(f, "Rare {{ d: {d}, operands: {operands:?}, row: {row}, x: {x}, y: {y}, offset: {offset} }}")
    }
}

impl Rewriter<'_> {
    /// Emits an instruction that takes operands from the stack and leaves no result.
    pub(super) fn emit_rare(&mut self, operands: usize, rare: Rare) {
        let rare = self.take_operands(operands, rare);
        let index = self.rare.len() as u32;
        self.rare.push(rare);
        self.emit(Op::Rare { index });
    }

    /// Emits an instruction that takes operands from the stack and leaves a result of so many slots.
    pub(super) fn emit_rare_with_result(&mut self, operands: usize, slots: u32, rare: Rare) {
        let mut rare = self.take_operands(operands, rare);
        let index = self.rare.len() as u32;
        self.push_result(slots, |d| {
            rare.d = d;
            Op::Rare { index }
        });
        self.rare.push(rare);
    }

    /// Removes operands from the stack and sets them in an instruction.
    fn take_operands(&mut self, count: usize, mut rare: Rare) -> Rare {
        let first = self.stack.len() - count;
        let mut operands = [None; 5];
        for index in (0..count).rev() {
            operands[index] = Some(self.pop());
        }
        debug_assert_eq!(self.stack.len(), first);
        for (index, operand) in operands.into_iter().flatten().enumerate() {
            rare.operands[index] = self.reg_of(operand, index as u32);
        }
        rare
    }
}
