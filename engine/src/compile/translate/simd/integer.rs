//! Integer arithmetic and comparison on lanes, and conversions between their widths.

use super::FuncTranslator;
use crate::compile::translate::Extension::{self, Signed, Unsigned};
use crate::compile::translate::operators::operators;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use cranelift_frontend::FuncInstBuilder;

/// A half of a vector.
#[derive(Clone, Copy)]
pub(super) enum Half {
    Low,
    High,
}

use Half::{High, Low};

impl<'a> FuncTranslator<'a> {
    // Arithmetic.
    operators! {
        visit_i8x16_abs(self) => self.vector_unary(I8X16, |ins, x| ins.iabs(x));
        visit_i16x8_abs(self) => self.vector_unary(I16X8, |ins, x| ins.iabs(x));
        visit_i32x4_abs(self) => self.vector_unary(I32X4, |ins, x| ins.iabs(x));
        visit_i64x2_abs(self) => self.vector_unary(I64X2, |ins, x| ins.iabs(x));
        visit_i8x16_neg(self) => self.vector_unary(I8X16, |ins, x| ins.ineg(x));
        visit_i16x8_neg(self) => self.vector_unary(I16X8, |ins, x| ins.ineg(x));
        visit_i32x4_neg(self) => self.vector_unary(I32X4, |ins, x| ins.ineg(x));
        visit_i64x2_neg(self) => self.vector_unary(I64X2, |ins, x| ins.ineg(x));
        visit_i8x16_popcnt(self) => self.vector_unary(I8X16, |ins, x| ins.popcnt(x));
        visit_i8x16_add(self) => self.vector_binary(I8X16, |ins, x, y| ins.iadd(x, y));
        visit_i16x8_add(self) => self.vector_binary(I16X8, |ins, x, y| ins.iadd(x, y));
        visit_i32x4_add(self) => self.vector_binary(I32X4, |ins, x, y| ins.iadd(x, y));
        visit_i64x2_add(self) => self.vector_binary(I64X2, |ins, x, y| ins.iadd(x, y));
        visit_i8x16_sub(self) => self.vector_binary(I8X16, |ins, x, y| ins.isub(x, y));
        visit_i16x8_sub(self) => self.vector_binary(I16X8, |ins, x, y| ins.isub(x, y));
        visit_i32x4_sub(self) => self.vector_binary(I32X4, |ins, x, y| ins.isub(x, y));
        visit_i64x2_sub(self) => self.vector_binary(I64X2, |ins, x, y| ins.isub(x, y));
        visit_i16x8_mul(self) => self.vector_binary(I16X8, |ins, x, y| ins.imul(x, y));
        visit_i32x4_mul(self) => self.vector_binary(I32X4, |ins, x, y| ins.imul(x, y));
        visit_i64x2_mul(self) => self.vector_binary(I64X2, |ins, x, y| ins.imul(x, y));
        visit_i8x16_avgr_u(self) => self.vector_binary(I8X16, |ins, x, y| ins.avg_round(x, y));
        visit_i16x8_avgr_u(self) => self.vector_binary(I16X8, |ins, x, y| ins.avg_round(x, y));
        visit_i32x4_dot_i16x8_s(self) => self.dot_product();
    }

    // Saturating arithmetic.
    operators! {
        visit_i8x16_add_sat_s(self) => self.vector_binary(I8X16, |ins, x, y| ins.sadd_sat(x, y));
        visit_i16x8_add_sat_s(self) => self.vector_binary(I16X8, |ins, x, y| ins.sadd_sat(x, y));
        visit_i8x16_add_sat_u(self) => self.vector_binary(I8X16, |ins, x, y| ins.uadd_sat(x, y));
        visit_i16x8_add_sat_u(self) => self.vector_binary(I16X8, |ins, x, y| ins.uadd_sat(x, y));
        visit_i8x16_sub_sat_s(self) => self.vector_binary(I8X16, |ins, x, y| ins.ssub_sat(x, y));
        visit_i16x8_sub_sat_s(self) => self.vector_binary(I16X8, |ins, x, y| ins.ssub_sat(x, y));
        visit_i8x16_sub_sat_u(self) => self.vector_binary(I8X16, |ins, x, y| ins.usub_sat(x, y));
        visit_i16x8_sub_sat_u(self) => self.vector_binary(I16X8, |ins, x, y| ins.usub_sat(x, y));
        visit_i16x8_q15mulr_sat_s(self) => self.vector_binary(I16X8, |ins, x, y| ins.sqmul_round_sat(x, y));
        visit_i8x16_narrow_i16x8_s(self) => self.vector_binary(I16X8, |ins, x, y| ins.snarrow(x, y));
        visit_i16x8_narrow_i32x4_s(self) => self.vector_binary(I32X4, |ins, x, y| ins.snarrow(x, y));
        visit_i8x16_narrow_i16x8_u(self) => self.vector_binary(I16X8, |ins, x, y| ins.unarrow(x, y));
        visit_i16x8_narrow_i32x4_u(self) => self.vector_binary(I32X4, |ins, x, y| ins.unarrow(x, y));
    }

    // Minimum and maximum.
    operators! {
        visit_i8x16_min_s(self) => self.vector_binary(I8X16, |ins, x, y| ins.smin(x, y));
        visit_i16x8_min_s(self) => self.vector_binary(I16X8, |ins, x, y| ins.smin(x, y));
        visit_i32x4_min_s(self) => self.vector_binary(I32X4, |ins, x, y| ins.smin(x, y));
        visit_i8x16_min_u(self) => self.vector_binary(I8X16, |ins, x, y| ins.umin(x, y));
        visit_i16x8_min_u(self) => self.vector_binary(I16X8, |ins, x, y| ins.umin(x, y));
        visit_i32x4_min_u(self) => self.vector_binary(I32X4, |ins, x, y| ins.umin(x, y));
        visit_i8x16_max_s(self) => self.vector_binary(I8X16, |ins, x, y| ins.smax(x, y));
        visit_i16x8_max_s(self) => self.vector_binary(I16X8, |ins, x, y| ins.smax(x, y));
        visit_i32x4_max_s(self) => self.vector_binary(I32X4, |ins, x, y| ins.smax(x, y));
        visit_i8x16_max_u(self) => self.vector_binary(I8X16, |ins, x, y| ins.umax(x, y));
        visit_i16x8_max_u(self) => self.vector_binary(I16X8, |ins, x, y| ins.umax(x, y));
        visit_i32x4_max_u(self) => self.vector_binary(I32X4, |ins, x, y| ins.umax(x, y));
    }

    // Shifts, which take one amount for all lanes, modulo their width.
    operators! {
        visit_i8x16_shl(self) => self.shift_lanes(I8X16, |ins, x, amount| ins.ishl(x, amount));
        visit_i16x8_shl(self) => self.shift_lanes(I16X8, |ins, x, amount| ins.ishl(x, amount));
        visit_i32x4_shl(self) => self.shift_lanes(I32X4, |ins, x, amount| ins.ishl(x, amount));
        visit_i64x2_shl(self) => self.shift_lanes(I64X2, |ins, x, amount| ins.ishl(x, amount));
        visit_i8x16_shr_s(self) => self.shift_lanes(I8X16, |ins, x, amount| ins.sshr(x, amount));
        visit_i16x8_shr_s(self) => self.shift_lanes(I16X8, |ins, x, amount| ins.sshr(x, amount));
        visit_i32x4_shr_s(self) => self.shift_lanes(I32X4, |ins, x, amount| ins.sshr(x, amount));
        visit_i64x2_shr_s(self) => self.shift_lanes(I64X2, |ins, x, amount| ins.sshr(x, amount));
        visit_i8x16_shr_u(self) => self.shift_lanes(I8X16, |ins, x, amount| ins.ushr(x, amount));
        visit_i16x8_shr_u(self) => self.shift_lanes(I16X8, |ins, x, amount| ins.ushr(x, amount));
        visit_i32x4_shr_u(self) => self.shift_lanes(I32X4, |ins, x, amount| ins.ushr(x, amount));
        visit_i64x2_shr_u(self) => self.shift_lanes(I64X2, |ins, x, amount| ins.ushr(x, amount));
    }

    // Instructions that reduce all lanes to one number.
    operators! {
        visit_i8x16_all_true(self) => self.all_true(I8X16);
        visit_i16x8_all_true(self) => self.all_true(I16X8);
        visit_i32x4_all_true(self) => self.all_true(I32X4);
        visit_i64x2_all_true(self) => self.all_true(I64X2);
        visit_i8x16_bitmask(self) => self.bitmask(I8X16);
        visit_i16x8_bitmask(self) => self.bitmask(I16X8);
        visit_i32x4_bitmask(self) => self.bitmask(I32X4);
        visit_i64x2_bitmask(self) => self.bitmask(I64X2);
    }

    // Comparison.
    operators! {
        visit_i8x16_eq(self) => self.compare_lanes(I8X16, IntCC::Equal);
        visit_i16x8_eq(self) => self.compare_lanes(I16X8, IntCC::Equal);
        visit_i32x4_eq(self) => self.compare_lanes(I32X4, IntCC::Equal);
        visit_i64x2_eq(self) => self.compare_lanes(I64X2, IntCC::Equal);
        visit_i8x16_ne(self) => self.compare_lanes(I8X16, IntCC::NotEqual);
        visit_i16x8_ne(self) => self.compare_lanes(I16X8, IntCC::NotEqual);
        visit_i32x4_ne(self) => self.compare_lanes(I32X4, IntCC::NotEqual);
        visit_i64x2_ne(self) => self.compare_lanes(I64X2, IntCC::NotEqual);
        visit_i8x16_lt_s(self) => self.compare_lanes(I8X16, IntCC::SignedLessThan);
        visit_i16x8_lt_s(self) => self.compare_lanes(I16X8, IntCC::SignedLessThan);
        visit_i32x4_lt_s(self) => self.compare_lanes(I32X4, IntCC::SignedLessThan);
        visit_i64x2_lt_s(self) => self.compare_lanes(I64X2, IntCC::SignedLessThan);
        visit_i8x16_lt_u(self) => self.compare_lanes(I8X16, IntCC::UnsignedLessThan);
        visit_i16x8_lt_u(self) => self.compare_lanes(I16X8, IntCC::UnsignedLessThan);
        visit_i32x4_lt_u(self) => self.compare_lanes(I32X4, IntCC::UnsignedLessThan);
        visit_i8x16_gt_s(self) => self.compare_lanes(I8X16, IntCC::SignedGreaterThan);
        visit_i16x8_gt_s(self) => self.compare_lanes(I16X8, IntCC::SignedGreaterThan);
        visit_i32x4_gt_s(self) => self.compare_lanes(I32X4, IntCC::SignedGreaterThan);
        visit_i64x2_gt_s(self) => self.compare_lanes(I64X2, IntCC::SignedGreaterThan);
        visit_i8x16_gt_u(self) => self.compare_lanes(I8X16, IntCC::UnsignedGreaterThan);
        visit_i16x8_gt_u(self) => self.compare_lanes(I16X8, IntCC::UnsignedGreaterThan);
        visit_i32x4_gt_u(self) => self.compare_lanes(I32X4, IntCC::UnsignedGreaterThan);
        visit_i8x16_le_s(self) => self.compare_lanes(I8X16, IntCC::SignedLessThanOrEqual);
        visit_i16x8_le_s(self) => self.compare_lanes(I16X8, IntCC::SignedLessThanOrEqual);
        visit_i32x4_le_s(self) => self.compare_lanes(I32X4, IntCC::SignedLessThanOrEqual);
        visit_i64x2_le_s(self) => self.compare_lanes(I64X2, IntCC::SignedLessThanOrEqual);
        visit_i8x16_le_u(self) => self.compare_lanes(I8X16, IntCC::UnsignedLessThanOrEqual);
        visit_i16x8_le_u(self) => self.compare_lanes(I16X8, IntCC::UnsignedLessThanOrEqual);
        visit_i32x4_le_u(self) => self.compare_lanes(I32X4, IntCC::UnsignedLessThanOrEqual);
        visit_i8x16_ge_s(self) => self.compare_lanes(I8X16, IntCC::SignedGreaterThanOrEqual);
        visit_i16x8_ge_s(self) => self.compare_lanes(I16X8, IntCC::SignedGreaterThanOrEqual);
        visit_i32x4_ge_s(self) => self.compare_lanes(I32X4, IntCC::SignedGreaterThanOrEqual);
        visit_i64x2_ge_s(self) => self.compare_lanes(I64X2, IntCC::SignedGreaterThanOrEqual);
        visit_i8x16_ge_u(self) => self.compare_lanes(I8X16, IntCC::UnsignedGreaterThanOrEqual);
        visit_i16x8_ge_u(self) => self.compare_lanes(I16X8, IntCC::UnsignedGreaterThanOrEqual);
        visit_i32x4_ge_u(self) => self.compare_lanes(I32X4, IntCC::UnsignedGreaterThanOrEqual);
    }

    // Instructions whose result has wider lanes than their operands.
    operators! {
        visit_i16x8_extend_low_i8x16_s(self) => self.extend_half(I8X16, Low, Signed);
        visit_i16x8_extend_high_i8x16_s(self) => self.extend_half(I8X16, High, Signed);
        visit_i16x8_extend_low_i8x16_u(self) => self.extend_half(I8X16, Low, Unsigned);
        visit_i16x8_extend_high_i8x16_u(self) => self.extend_half(I8X16, High, Unsigned);
        visit_i32x4_extend_low_i16x8_s(self) => self.extend_half(I16X8, Low, Signed);
        visit_i32x4_extend_high_i16x8_s(self) => self.extend_half(I16X8, High, Signed);
        visit_i32x4_extend_low_i16x8_u(self) => self.extend_half(I16X8, Low, Unsigned);
        visit_i32x4_extend_high_i16x8_u(self) => self.extend_half(I16X8, High, Unsigned);
        visit_i64x2_extend_low_i32x4_s(self) => self.extend_half(I32X4, Low, Signed);
        visit_i64x2_extend_high_i32x4_s(self) => self.extend_half(I32X4, High, Signed);
        visit_i64x2_extend_low_i32x4_u(self) => self.extend_half(I32X4, Low, Unsigned);
        visit_i64x2_extend_high_i32x4_u(self) => self.extend_half(I32X4, High, Unsigned);
        visit_i16x8_extmul_low_i8x16_s(self) => self.multiply_half(I8X16, Low, Signed);
        visit_i16x8_extmul_high_i8x16_s(self) => self.multiply_half(I8X16, High, Signed);
        visit_i16x8_extmul_low_i8x16_u(self) => self.multiply_half(I8X16, Low, Unsigned);
        visit_i16x8_extmul_high_i8x16_u(self) => self.multiply_half(I8X16, High, Unsigned);
        visit_i32x4_extmul_low_i16x8_s(self) => self.multiply_half(I16X8, Low, Signed);
        visit_i32x4_extmul_high_i16x8_s(self) => self.multiply_half(I16X8, High, Signed);
        visit_i32x4_extmul_low_i16x8_u(self) => self.multiply_half(I16X8, Low, Unsigned);
        visit_i32x4_extmul_high_i16x8_u(self) => self.multiply_half(I16X8, High, Unsigned);
        visit_i64x2_extmul_low_i32x4_s(self) => self.multiply_half(I32X4, Low, Signed);
        visit_i64x2_extmul_high_i32x4_s(self) => self.multiply_half(I32X4, High, Signed);
        visit_i64x2_extmul_low_i32x4_u(self) => self.multiply_half(I32X4, Low, Unsigned);
        visit_i64x2_extmul_high_i32x4_u(self) => self.multiply_half(I32X4, High, Unsigned);
        visit_i16x8_extadd_pairwise_i8x16_s(self) => self.add_pairs(I8X16, Signed);
        visit_i16x8_extadd_pairwise_i8x16_u(self) => self.add_pairs(I8X16, Unsigned);
        visit_i32x4_extadd_pairwise_i16x8_s(self) => self.add_pairs(I16X8, Signed);
        visit_i32x4_extadd_pairwise_i16x8_u(self) => self.add_pairs(I16X8, Unsigned);
    }

    /// Shifts all lanes by one amount.
    fn shift_lanes(&mut self, ty: Type, emit: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let amount = self.pop();
        let vector = self.pop_vector(ty);
        let result = emit(self.ins(), vector, amount);
        self.push_vector(result);
    }

    /// Translates `all_true`: 1 if no lane is zero, else 0.
    fn all_true(&mut self, ty: Type) {
        let vector = self.pop_vector(ty);
        let answer = self.ins().vall_true(vector);
        let result = self.ins().uextend(I32, answer);
        self.push(result);
    }

    /// Translates `bitmask`: the sign bits of all lanes, the lowest lane's in the lowest bit.
    fn bitmask(&mut self, ty: Type) {
        let vector = self.pop_vector(ty);
        let result = self.ins().vhigh_bits(I32, vector);
        self.push(result);
    }

    fn compare_lanes(&mut self, ty: Type, condition: IntCC) {
        self.vector_binary(ty, |ins, x, y| ins.icmp(condition, x, y));
    }

    pub(super) fn widen(&mut self, x: Value, half: Half, extension: Extension) -> Value {
        match (half, extension) {
            (Low, Signed) => self.ins().swiden_low(x),
            (High, Signed) => self.ins().swiden_high(x),
            (Low, Unsigned) => self.ins().uwiden_low(x),
            (High, Unsigned) => self.ins().uwiden_high(x),
        }
    }

    fn extend_half(&mut self, ty: Type, half: Half, extension: Extension) {
        let x = self.pop_vector(ty);
        let result = self.widen(x, half, extension);
        self.push_vector(result);
    }

    fn multiply_half(&mut self, ty: Type, half: Half, extension: Extension) {
        let (x, y) = self.pop_vectors(ty);
        let x = self.widen(x, half, extension);
        let y = self.widen(y, half, extension);
        let result = self.ins().imul(x, y);
        self.push_vector(result);
    }

    pub(super) fn add_pairs(&mut self, ty: Type, extension: Extension) {
        let x = self.pop_vector(ty);
        let low = self.widen(x, Low, extension);
        let high = self.widen(x, High, extension);
        let result = self.ins().iadd_pairwise(low, high);
        self.push_vector(result);
    }

    fn dot_product(&mut self) {
        let (x, y) = self.pop_vectors(I16X8);
        let [low, high] = [Low, High].map(|half| {
            let x = self.widen(x, half, Signed);
            let y = self.widen(y, half, Signed);
            self.ins().imul(x, y)
        });
        let result = self.ins().iadd_pairwise(low, high);
        self.push_vector(result);
    }
}
