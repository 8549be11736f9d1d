//! Relaxed vector operations that the CPU has a single instruction for. The results may differ from those of the
//! deterministic profile in the cases that the standard leaves open.
//!
//! Each function returns how to emit the instruction, or `None` if the CPU lacks it.

use crate::compile::isa::has_flag;
use cranelift_codegen::ir::types::I32X4;
use cranelift_codegen::ir::{InstBuilder, Value};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::FuncInstBuilder;

/// Emits an instruction of one operand.
type Unary = fn(FuncInstBuilder<'_, '_>, Value) -> Value;

/// Emits an instruction of two operands.
type Binary = fn(FuncInstBuilder<'_, '_>, Value, Value) -> Value;

/// True if the pseudo-minimum and pseudo-maximum are shorter than IEEE 754's: `minps` and its like order neither zeros
/// nor NaN.
pub(in crate::compile) const PREFERS_PSEUDO_MINIMUM: bool = true;

/// `i8x16.relaxed_swizzle`: `pshufb`, where an index of 16 or more selects a byte or zero by its high bit.
pub(in crate::compile) fn swizzle(isa: &dyn TargetIsa) -> Option<Binary> {
    if !has_flag(isa, "has_ssse3") {
        return None;
    }
    Some(|ins, x, indices| ins.x86_pshufb(x, indices))
}

/// `i16x8.relaxed_q15mulr_s`: `pmulhrsw`, which does not saturate.
pub(in crate::compile) fn q15_multiply(isa: &dyn TargetIsa) -> Option<Binary> {
    if !has_flag(isa, "has_ssse3") {
        return None;
    }
    Some(|ins, x, y| ins.x86_pmulhrsw(x, y))
}

/// `i32x4.relaxed_trunc_f32x4_s`: `cvttps2dq`, which makes `0x80000000` of NaN and of a number out of range.
pub(in crate::compile) fn truncate_to_i32x4(isa: &dyn TargetIsa) -> Option<Unary> {
    // Every x86-64 CPU has this one. It goes by the same flag as the two above, so that a CPU takes all three or none.
    if !has_flag(isa, "has_ssse3") {
        return None;
    }
    Some(|ins, x| ins.x86_cvtt2dq(I32X4, x))
}

/// Returns whether the CPU multiplies and adds with one rounding.
pub(in crate::compile) fn has_fused_multiply_add(isa: &dyn TargetIsa) -> bool {
    has_flag(isa, "has_fma")
}
