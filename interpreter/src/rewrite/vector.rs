//! Vector instructions, and numeric ones with two results.

use super::Rewriter;
use super::op::Op;
use super::rare::{Instruction, Rare};
use crate::execute::numeric;
use crate::instructions::table::for_each_vector;
use crate::instructions::vector::*;
use crate::slot::{Operand, Reg, Registers, V128};
use wasmparser::Operator;

macro_rules! define {
    (
        unary { $($unary:ident $unary_fn:ident ($unary_in:ty) -> $unary_out:ty;)* }
        binary { $($binary:ident $binary_fn:ident ($left:ty, $right:ty) -> $binary_out:ty;)* }
        ternary { $($ternary:ident $ternary_fn:ident ($first:ty, $second:ty, $third:ty) -> $ternary_out:ty;)* }
        extract { $($extract:ident $extract_fn:ident ($extract_in:ty) -> $extract_out:ty;)* }
        replace { $($replace:ident $replace_fn:ident ($replace_in:ty, $lane:ty) -> $replace_out:ty;)* }
        $($rest:tt)*
    ) => {
        /// A vector instruction whose operands are slots.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u16)]
        pub(crate) enum VectorOp { $($unary,)* $($binary,)* $($ternary,)* $($extract,)* $($replace,)* }

        impl VectorOp {
            /// Executes the instruction.
            #[inline(never)]
            pub(crate) fn run(self, registers: &mut Registers, d: Reg, a: Reg, b: Reg, c: Reg) {
                match self {
                    $(VectorOp::$unary => $unary_fn(<$unary_in>::read(registers, a)).write(registers, d),)*
                    $(VectorOp::$binary => {
                        $binary_fn(<$left>::read(registers, a), <$right>::read(registers, b)).write(registers, d);
                    })*
                    $(VectorOp::$ternary => {
                        let (first, second) = (<$first>::read(registers, a), <$second>::read(registers, b));
                        $ternary_fn(first, second, <$third>::read(registers, c)).write(registers, d);
                    })*
                    $(VectorOp::$extract => {
                        $extract_fn(<$extract_in>::read(registers, a), c as u8).write(registers, d);
                    })*
                    $(VectorOp::$replace => {
                        let lane = <$lane>::read(registers, b);
                        $replace_fn(<$replace_in>::read(registers, a), lane, c as u8).write(registers, d);
                    })*
                }
            }
        }

        impl Rewriter<'_> {
            /// Rewrites an instruction on vectors in slots, if it is one.
            fn pure_vector(&mut self, operator: &Operator<'_>) -> bool {
                match *operator {
                    $(Operator::$unary => self.emit_vector(VectorOp::$unary, 1, slots_of::<$unary_out>(), 0),)*
                    $(Operator::$binary => self.emit_vector(VectorOp::$binary, 2, slots_of::<$binary_out>(), 0),)*
                    $(Operator::$ternary => self.emit_vector(VectorOp::$ternary, 3, slots_of::<$ternary_out>(), 0),)*
                    $(Operator::$extract { lane } => {
                        self.emit_vector(VectorOp::$extract, 1, slots_of::<$extract_out>(), lane);
                    })*
                    $(Operator::$replace { lane } => self.emit_vector(VectorOp::$replace, 2, 2, lane),)*
                    _ => return false,
                }
                true
            }
        }
    };
}
for_each_vector!(define);

/// Returns the number of slots of a type.
const fn slots_of<T: Operand>() -> u32 {
    T::SLOTS
}

impl Rewriter<'_> {
    /// Rewrites a vector instruction that does not access memory, if it is one.
    pub(super) fn vector(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::V128Const { value } => {
                self.emit_rare_with_result(0, 2, Rare::new(numeric::v128_const).lanes(*value.bytes()))
            }
            Operator::I8x16Shuffle { lanes } => {
                self.emit_rare_with_result(2, 2, Rare::new(numeric::i8x16_shuffle).lanes(lanes));
            }
            Operator::I64Add128 => self.wide(4, numeric::i64_add128),
            Operator::I64Sub128 => self.wide(4, numeric::i64_sub128),
            Operator::I64MulWideS => self.wide(2, numeric::i64_mul_wide_s),
            Operator::I64MulWideU => self.wide(2, numeric::i64_mul_wide_u),
            _ => return self.pure_vector(operator),
        }
        true
    }

    /// Emits an instruction with up to three operands, and a lane in place of the third.
    fn emit_vector(&mut self, op: VectorOp, operands: usize, slots: u32, lane: u8) {
        let mut regs = [0, 0, lane.into()];
        for index in (0..operands).rev() {
            regs[index] = self.pop_reg(index as u32);
        }
        let [a, b, c] = regs;
        self.push_result(slots, |d| Op::Vector { op, d, a, b, c });
    }

    /// Emits an instruction whose result is a pair of integers, the low half in the lower operand.
    fn wide(&mut self, operands: usize, run: Instruction) {
        self.emit_rare_with_result(operands, 2, Rare::new(run));
        let pair = self.pop();
        self.push_home(1);
        self.push_home(1);
        debug_assert_eq!(self.next_home(), pair.home + 2);
    }
}
