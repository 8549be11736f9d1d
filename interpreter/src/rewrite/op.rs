//! The compact internal code: register instructions of 12 bytes.
//!
//! Operands are slots of the function's window; `d` receives the result. An `Imm` form has a constant as its right
//! operand. A `Br` form is a comparison together with the branch that it decides. Instructions that do far more work
//! than their dispatch costs are [`Rare`](super::rare::Rare), kept in a table of their own.
//!
//! [`for_each_op`] hands its callback the tables that the enum, the rewriting, and the loop are made of, so that they
//! cannot differ.

use super::vector::VectorOp;
use crate::slot::Reg;

/// The integer instructions that have a form with a constant: `instruction, form with a constant, function, types
/// of its operands`.
macro_rules! for_each_immediate {
    ($callback:ident $($before:tt)*) => {
        $callback! { $($before)* {
            I32Add I32AddImm i32_add u32 u32;
            I32Mul I32MulImm i32_mul u32 u32;
            I32And I32AndImm i32_and u32 u32;
            I32Or I32OrImm i32_or u32 u32;
            I32Xor I32XorImm i32_xor u32 u32;
            I32Shl I32ShlImm i32_shl u32 u32;
            I32ShrS I32ShrSImm i32_shr_s i32 u32;
            I32ShrU I32ShrUImm i32_shr_u u32 u32;
            I32Rotl I32RotlImm i32_rotl u32 u32;
            I64Add I64AddImm i64_add u64 u64;
            I64Mul I64MulImm i64_mul u64 u64;
            I64And I64AndImm i64_and u64 u64;
            I64Or I64OrImm i64_or u64 u64;
            I64Xor I64XorImm i64_xor u64 u64;
            I64Shl I64ShlImm i64_shl u64 u64;
            I64ShrS I64ShrSImm i64_shr_s i64 u64;
            I64ShrU I64ShrUImm i64_shr_u u64 u64;
            I64Rotl I64RotlImm i64_rotl u64 u64;
            I32Eq I32EqImm i32_eq u32 u32;
            I32Ne I32NeImm i32_ne u32 u32;
            I32LtS I32LtSImm i32_lt_s i32 i32;
            I32LtU I32LtUImm i32_lt_u u32 u32;
            I32GtS I32GtSImm i32_gt_s i32 i32;
            I32GtU I32GtUImm i32_gt_u u32 u32;
            I32LeS I32LeSImm i32_le_s i32 i32;
            I32LeU I32LeUImm i32_le_u u32 u32;
            I32GeS I32GeSImm i32_ge_s i32 i32;
            I32GeU I32GeUImm i32_ge_u u32 u32;
            I64Eq I64EqImm i64_eq u64 u64;
            I64Ne I64NeImm i64_ne u64 u64;
            I64LtS I64LtSImm i64_lt_s i64 i64;
            I64LtU I64LtUImm i64_lt_u u64 u64;
            I64GtS I64GtSImm i64_gt_s i64 i64;
            I64GtU I64GtUImm i64_gt_u u64 u64;
            I64LeS I64LeSImm i64_le_s i64 i64;
            I64LeU I64LeUImm i64_le_u u64 u64;
            I64GeS I64GeSImm i64_ge_s i64 i64;
            I64GeU I64GeUImm i64_ge_u u64 u64;
        } }
    };
}
pub(crate) use for_each_immediate;

/// The comparisons that branches decide by: `comparison, form with a constant, branch, branch with a constant, opposite
/// comparison, function, operands`.
macro_rules! for_each_comparison {
    ($callback:ident $($before:tt)*) => {
        $callback! { $($before)* {
            I32Eq I32EqImm BrI32Eq BrI32EqImm I32Ne i32_eq u32;
            I32Ne I32NeImm BrI32Ne BrI32NeImm I32Eq i32_ne u32;
            I32LtS I32LtSImm BrI32LtS BrI32LtSImm I32GeS i32_lt_s i32;
            I32LtU I32LtUImm BrI32LtU BrI32LtUImm I32GeU i32_lt_u u32;
            I32GtS I32GtSImm BrI32GtS BrI32GtSImm I32LeS i32_gt_s i32;
            I32GtU I32GtUImm BrI32GtU BrI32GtUImm I32LeU i32_gt_u u32;
            I32LeS I32LeSImm BrI32LeS BrI32LeSImm I32GtS i32_le_s i32;
            I32LeU I32LeUImm BrI32LeU BrI32LeUImm I32GtU i32_le_u u32;
            I32GeS I32GeSImm BrI32GeS BrI32GeSImm I32LtS i32_ge_s i32;
            I32GeU I32GeUImm BrI32GeU BrI32GeUImm I32LtU i32_ge_u u32;
            I64Eq I64EqImm BrI64Eq BrI64EqImm I64Ne i64_eq u64;
            I64Ne I64NeImm BrI64Ne BrI64NeImm I64Eq i64_ne u64;
            I64LtS I64LtSImm BrI64LtS BrI64LtSImm I64GeS i64_lt_s i64;
            I64LtU I64LtUImm BrI64LtU BrI64LtUImm I64GeU i64_lt_u u64;
            I64GtS I64GtSImm BrI64GtS BrI64GtSImm I64LeS i64_gt_s i64;
            I64GtU I64GtUImm BrI64GtU BrI64GtUImm I64LeU i64_gt_u u64;
            I64LeS I64LeSImm BrI64LeS BrI64LeSImm I64GtS i64_le_s i64;
            I64LeU I64LeUImm BrI64LeU BrI64LeUImm I64GtU i64_le_u u64;
            I64GeS I64GeSImm BrI64GeS BrI64GeSImm I64LtS i64_ge_s i64;
            I64GeU I64GeUImm BrI64GeU BrI64GeUImm I64LtU i64_ge_u u64;
        } }
    };
}
pub(crate) use for_each_comparison;

/// Calls `$callback!` with the tables of scalar instructions, of forms with a constant, and of comparisons.
macro_rules! for_each_op {
    ($callback:ident) => {
        $crate::instructions::table::for_each_scalar! { for_each_op_2 $callback }
    };
}
pub(crate) use for_each_op;

macro_rules! for_each_op_2 {
    ($callback:ident $($scalar:tt)*) => {
        $crate::rewrite::op::for_each_immediate! { for_each_op_3 $callback { $($scalar)* } }
    };
}
pub(crate) use for_each_op_2;

macro_rules! for_each_op_3 {
    ($callback:ident $scalar:tt $immediate:tt) => {
        $crate::rewrite::op::for_each_comparison! { $callback $scalar $immediate }
    };
}
pub(crate) use for_each_op_3;

macro_rules! define {
    (
        {
            unary { $($unary:ident $unary_fn:ident $unary_in:tt -> $unary_out:ty;)* }
            binary { $($binary:ident $binary_fn:ident $binary_in:tt -> $binary_out:ty;)* }
            unary_trapping { $($unary_trap:ident $unary_trap_fn:ident $unary_trap_in:tt -> $unary_trap_out:ty;)* }
            binary_trapping { $($binary_trap:ident $binary_trap_fn:ident $binary_trap_in:tt -> $binary_trap_out:ty;)* }
            $($wide:tt)*
        }
        { $($with_imm:ident $imm:ident $imm_fn:ident $imm_left:ident $imm_right:ident;)* }
        { $($cmp:ident $cmp_imm:ident $br:ident $br_imm:ident $opposite:ident $cmp_fn:ident $cmp_ty:ident;)* }
    ) => {
        /// An instruction of the internal code.
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub(crate) enum Op {
            $($unary { d: Reg, a: Reg },)*
            $($unary_trap { d: Reg, a: Reg },)*
            $($binary { d: Reg, a: Reg, b: Reg },)*
            $($binary_trap { d: Reg, a: Reg, b: Reg },)*
            $($imm { d: Reg, a: Reg, imm: i32 },)*
            $($br { a: Reg, b: Reg, target: u32 },)*
            $($br_imm { a: Reg, imm: i32, target: u32 },)*
            /// Writes an integer, sign-extended to 64 bits.
            Const { d: Reg, value: i32 },
            /// Writes one of the constants of the code.
            ConstAt { d: Reg, index: u32 },
            Copy { d: Reg, a: Reg },
            /// Copies the two slots of a vector.
            Copy2 { d: Reg, a: Reg },
            /// Reads a slot that may lie outside of the window.
            FarGet { d: Reg, slot: u32 },
            /// Writes a slot that may lie outside of the window.
            FarSet { a: Reg, slot: u32 },
            Select { d: Reg, a: Reg, b: Reg, condition: Reg },
            Select2 { d: Reg, a: Reg, b: Reg, condition: Reg },
            /// Reads a global of one slot.
            GlobalGet { d: Reg, index: u32 },
            /// Writes a global of one slot.
            GlobalSet { a: Reg, index: u32 },
            // Accesses of memory 0 where it is not shared. `Load8U` and its like serve both types of integers.
            Load32 { d: Reg, a: Reg, offset: u32 },
            Load64 { d: Reg, a: Reg, offset: u32 },
            Load8U { d: Reg, a: Reg, offset: u32 },
            Load16U { d: Reg, a: Reg, offset: u32 },
            I32Load8S { d: Reg, a: Reg, offset: u32 },
            I32Load16S { d: Reg, a: Reg, offset: u32 },
            I64Load8S { d: Reg, a: Reg, offset: u32 },
            I64Load16S { d: Reg, a: Reg, offset: u32 },
            I64Load32S { d: Reg, a: Reg, offset: u32 },
            Store8 { a: Reg, b: Reg, offset: u32 },
            Store16 { a: Reg, b: Reg, offset: u32 },
            Store32 { a: Reg, b: Reg, offset: u32 },
            Store64 { a: Reg, b: Reg, offset: u32 },
            Jump { target: u32 },
            /// Branches if the low 32 bits are not zero.
            BrIf { a: Reg, target: u32 },
            /// Branches if the low 32 bits are zero.
            BrIfZero { a: Reg, target: u32 },
            BrOnNull { a: Reg, target: u32 },
            BrOnNonNull { a: Reg, target: u32 },
            /// Branches to one of `count` targets of the code, the last one for all greater indices.
            BrTable { a: Reg, start: u32, count: u32 },
            /// Calls a function whose arguments begin at `base`.
            Call { function: u32, base: u32 },
            CallIndirect { a: Reg, site: u32, base: u32 },
            CallRef { a: Reg, base: u32 },
            /// Calls a function in place of this one, whose arguments lie at the start of the frame.
            ReturnCall { function: u32 },
            ReturnCallIndirect { a: Reg, site: u32 },
            ReturnCallRef { a: Reg },
            /// Resumes or suspends a stack, by one of the code's descriptions.
            SwitchStack { index: u32 },
            /// Returns; the results lie at the start of the frame.
            Return,
            /// Returns one result.
            ReturnOne { a: Reg },
            Unreachable,
            RefIsNull { d: Reg, a: Reg },
            F32Canonicalize { d: Reg, a: Reg },
            F64Canonicalize { d: Reg, a: Reg },
            /// Subtracts from the fuel, without a check.
            Fuel { cost: u32 },
            /// Checks the fuel and the deadline.
            Poll,
            /// A vector instruction: a second or third operand that it lacks is 0; `c` may be a lane.
            Vector { op: VectorOp, d: Reg, a: Reg, b: Reg, c: Reg },
            Rare { index: u32 },
        }

        impl Op {
            /// Returns the form of the instruction whose right operand is a constant.
            pub(super) fn with_constant(self, imm: i32) -> Option<Op> {
                match self {
                    $(Op::$with_imm { d, a, .. } => Some(Op::$imm { d, a, imm }),)*
                    _ => None,
                }
            }

            /// Returns the branch that a comparison decides.
            pub(super) fn branch_if(self, target: u32) -> Option<Op> {
                match self {
                    $(Op::$cmp { a, b, .. } => Some(Op::$br { a, b, target }),)*
                    $(Op::$cmp_imm { a, imm, .. } => Some(Op::$br_imm { a, imm, target }),)*
                    Op::I32Eqz { a, .. } => Some(Op::BrIfZero { a, target }),
                    Op::I64Eqz { a, .. } => Some(Op::BrI64EqImm { a, imm: 0, target }),
                    Op::RefIsNull { a, .. } => Some(Op::BrOnNull { a, target }),
                    _ => None,
                }
            }

            /// Returns the branch that the opposite of a comparison decides.
            pub(super) fn branch_unless(self, target: u32) -> Option<Op> {
                match self {
                    $(Op::$cmp { d, a, b } => Op::$opposite { d, a, b }.branch_if(target),)*
                    $(Op::$cmp_imm { d, a, imm } => {
                        Op::$opposite { d, a, b: 0 }.with_constant(imm)?.branch_if(target)
                    })*
                    Op::I32Eqz { a, .. } => Some(Op::BrIf { a, target }),
                    Op::I64Eqz { a, .. } => Some(Op::BrI64NeImm { a, imm: 0, target }),
                    Op::RefIsNull { a, .. } => Some(Op::BrOnNonNull { a, target }),
                    _ => None,
                }
            }

            /// Returns the slot that receives the only result of an instruction without another effect.
            pub(super) fn destination(&mut self) -> Option<&mut Reg> {
                match self {
                    $(Op::$unary { d, .. } => Some(d),)*
                    $(Op::$unary_trap { d, .. } => Some(d),)*
                    $(Op::$binary { d, .. } => Some(d),)*
                    $(Op::$binary_trap { d, .. } => Some(d),)*
                    $(Op::$imm { d, .. } => Some(d),)*
                    Op::Const { d, .. } | Op::ConstAt { d, .. } | Op::Copy { d, .. } | Op::Select { d, .. }
                    | Op::GlobalGet { d, .. } | Op::Load32 { d, .. } | Op::Load64 { d, .. } | Op::Load8U { d, .. }
                    | Op::Load16U { d, .. } | Op::I32Load8S { d, .. } | Op::I32Load16S { d, .. }
                    | Op::I64Load8S { d, .. } | Op::I64Load16S { d, .. } | Op::I64Load32S { d, .. }
                    | Op::RefIsNull { d, .. } => Some(d),
                    _ => None,
                }
            }

            /// Returns the first operand of an instruction that may have [`LAST`](crate::slot::LAST) there.
            pub(super) fn first(&mut self) -> Option<&mut Reg> {
                match self {
                    $(Op::$unary { a, .. } => Some(a),)*
                    $(Op::$unary_trap { a, .. } => Some(a),)*
                    $(Op::$binary { a, .. } => Some(a),)*
                    $(Op::$binary_trap { a, .. } => Some(a),)*
                    $(Op::$imm { a, .. } => Some(a),)*
                    $(Op::$br { a, .. } => Some(a),)*
                    $(Op::$br_imm { a, .. } => Some(a),)*
                    Op::Copy { a, .. } | Op::ReturnOne { a } | Op::BrIf { a, .. } | Op::BrIfZero { a, .. }
                    | Op::Load32 { a, .. } | Op::Load64 { a, .. } | Op::Load8U { a, .. } | Op::Load16U { a, .. }
                    | Op::I32Load8S { a, .. } | Op::I32Load16S { a, .. } | Op::I64Load8S { a, .. }
                    | Op::I64Load16S { a, .. } | Op::I64Load32S { a, .. } | Op::Store8 { a, .. }
                    | Op::Store16 { a, .. } | Op::Store32 { a, .. } | Op::Store64 { a, .. } => Some(a),
                    _ => None,
                }
            }

            /// Sets the result and the operand of a form with a constant.
            pub(super) fn set_operands(&mut self, to: Reg, from: Reg) {
                match self {
                    $(Op::$imm { d, a, .. } => (*d, *a) = (to, from),)*
                    _ => unreachable!("only forms with a constant are completed"),
                }
            }

            /// Sets where a branch leads.
            pub(super) fn set_target(&mut self, to: u32) {
                match self {
                    $(Op::$br { target, .. } => *target = to,)*
                    $(Op::$br_imm { target, .. } => *target = to,)*
                    Op::Jump { target } | Op::BrIf { target, .. } | Op::BrIfZero { target, .. }
                    | Op::BrOnNull { target, .. } | Op::BrOnNonNull { target, .. } => *target = to,
                    _ => unreachable!("only branches are patched"),
                }
            }
        }
    };
}
for_each_op!(define);

const _: () = assert!(size_of::<Op>() == 12);
