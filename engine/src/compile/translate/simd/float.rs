//! Float arithmetic and comparison on lanes, and conversions.

use super::FuncTranslator;
use crate::compile::translate::operators::operators;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, Type};

impl FuncTranslator<'_> {
    // Arithmetic.
    operators! {
        visit_f32x4_ceil(self) => self.vector_unary(F32X4, |ins, x| ins.ceil(x));
        visit_f64x2_ceil(self) => self.vector_unary(F64X2, |ins, x| ins.ceil(x));
        visit_f32x4_floor(self) => self.vector_unary(F32X4, |ins, x| ins.floor(x));
        visit_f64x2_floor(self) => self.vector_unary(F64X2, |ins, x| ins.floor(x));
        visit_f32x4_trunc(self) => self.vector_unary(F32X4, |ins, x| ins.trunc(x));
        visit_f64x2_trunc(self) => self.vector_unary(F64X2, |ins, x| ins.trunc(x));
        visit_f32x4_nearest(self) => self.vector_unary(F32X4, |ins, x| ins.nearest(x));
        visit_f64x2_nearest(self) => self.vector_unary(F64X2, |ins, x| ins.nearest(x));
        visit_f32x4_abs(self) => self.vector_unary(F32X4, |ins, x| ins.fabs(x));
        visit_f64x2_abs(self) => self.vector_unary(F64X2, |ins, x| ins.fabs(x));
        visit_f32x4_neg(self) => self.vector_unary(F32X4, |ins, x| ins.fneg(x));
        visit_f64x2_neg(self) => self.vector_unary(F64X2, |ins, x| ins.fneg(x));
        visit_f32x4_sqrt(self) => self.vector_unary(F32X4, |ins, x| ins.sqrt(x));
        visit_f64x2_sqrt(self) => self.vector_unary(F64X2, |ins, x| ins.sqrt(x));
        visit_f32x4_add(self) => self.vector_binary(F32X4, |ins, x, y| ins.fadd(x, y));
        visit_f64x2_add(self) => self.vector_binary(F64X2, |ins, x, y| ins.fadd(x, y));
        visit_f32x4_sub(self) => self.vector_binary(F32X4, |ins, x, y| ins.fsub(x, y));
        visit_f64x2_sub(self) => self.vector_binary(F64X2, |ins, x, y| ins.fsub(x, y));
        visit_f32x4_mul(self) => self.vector_binary(F32X4, |ins, x, y| ins.fmul(x, y));
        visit_f64x2_mul(self) => self.vector_binary(F64X2, |ins, x, y| ins.fmul(x, y));
        visit_f32x4_div(self) => self.vector_binary(F32X4, |ins, x, y| ins.fdiv(x, y));
        visit_f64x2_div(self) => self.vector_binary(F64X2, |ins, x, y| ins.fdiv(x, y));
        visit_f32x4_min(self) => self.vector_binary(F32X4, |ins, x, y| ins.fmin(x, y));
        visit_f64x2_min(self) => self.vector_binary(F64X2, |ins, x, y| ins.fmin(x, y));
        visit_f32x4_max(self) => self.vector_binary(F32X4, |ins, x, y| ins.fmax(x, y));
        visit_f64x2_max(self) => self.vector_binary(F64X2, |ins, x, y| ins.fmax(x, y));
        visit_f32x4_pmin(self) => self.pseudo_minimum(F32X4);
        visit_f64x2_pmin(self) => self.pseudo_minimum(F64X2);
        visit_f32x4_pmax(self) => self.pseudo_maximum(F32X4);
        visit_f64x2_pmax(self) => self.pseudo_maximum(F64X2);
    }

    // Comparison.
    operators! {
        visit_f32x4_eq(self) => self.compare_float_lanes(F32X4, FloatCC::Equal);
        visit_f64x2_eq(self) => self.compare_float_lanes(F64X2, FloatCC::Equal);
        visit_f32x4_ne(self) => self.compare_float_lanes(F32X4, FloatCC::NotEqual);
        visit_f64x2_ne(self) => self.compare_float_lanes(F64X2, FloatCC::NotEqual);
        visit_f32x4_lt(self) => self.compare_float_lanes(F32X4, FloatCC::LessThan);
        visit_f64x2_lt(self) => self.compare_float_lanes(F64X2, FloatCC::LessThan);
        visit_f32x4_gt(self) => self.compare_float_lanes(F32X4, FloatCC::GreaterThan);
        visit_f64x2_gt(self) => self.compare_float_lanes(F64X2, FloatCC::GreaterThan);
        visit_f32x4_le(self) => self.compare_float_lanes(F32X4, FloatCC::LessThanOrEqual);
        visit_f64x2_le(self) => self.compare_float_lanes(F64X2, FloatCC::LessThanOrEqual);
        visit_f32x4_ge(self) => self.compare_float_lanes(F32X4, FloatCC::GreaterThanOrEqual);
        visit_f64x2_ge(self) => self.compare_float_lanes(F64X2, FloatCC::GreaterThanOrEqual);
    }

    // Conversions.
    operators! {
        visit_i32x4_trunc_sat_f32x4_s(self) => self.vector_unary(F32X4, |ins, x| ins.fcvt_to_sint_sat(I32X4, x));
        visit_i32x4_trunc_sat_f32x4_u(self) => self.vector_unary(F32X4, |ins, x| ins.fcvt_to_uint_sat(I32X4, x));
        visit_f32x4_convert_i32x4_s(self) => self.vector_unary(I32X4, |ins, x| ins.fcvt_from_sint(F32X4, x));
        visit_f32x4_convert_i32x4_u(self) => self.vector_unary(I32X4, |ins, x| ins.fcvt_from_uint(F32X4, x));
        visit_f32x4_demote_f64x2_zero(self) => self.vector_unary(F64X2, |ins, x| ins.fvdemote(x));
        visit_f64x2_promote_low_f32x4(self) => self.vector_unary(F32X4, |ins, x| ins.fvpromote_low(x));
        visit_f64x2_convert_low_i32x4_s(self) => self.convert_low(true);
        visit_f64x2_convert_low_i32x4_u(self) => self.convert_low(false);
        visit_i32x4_trunc_sat_f64x2_s_zero(self) => self.truncate_zero(true);
        visit_i32x4_trunc_sat_f64x2_u_zero(self) => self.truncate_zero(false);
    }

    fn compare_float_lanes(&mut self, ty: Type, condition: FloatCC) {
        self.vector_binary(ty, |ins, x, y| ins.fcmp(condition, x, y));
    }

    /// Translates `pmin`: `y < x ? y : x` in each lane.
    pub(super) fn pseudo_minimum(&mut self, ty: Type) {
        let (x, y) = self.pop_vectors(ty);
        let less = self.ins().fcmp(FloatCC::LessThan, y, x);
        let mask = self.cast(less, ty);
        let result = self.ins().bitselect(mask, y, x);
        self.push_vector(result);
    }

    /// Translates `pmax`: `x < y ? y : x` in each lane.
    pub(super) fn pseudo_maximum(&mut self, ty: Type) {
        let (x, y) = self.pop_vectors(ty);
        let less = self.ins().fcmp(FloatCC::LessThan, x, y);
        let mask = self.cast(less, ty);
        let result = self.ins().bitselect(mask, y, x);
        self.push_vector(result);
    }

    /// Converts the two low integers to doubles.
    fn convert_low(&mut self, signed: bool) {
        let x = self.pop_vector(I32X4);
        let result = if signed {
            let wide = self.ins().swiden_low(x);
            self.ins().fcvt_from_sint(F64X2, wide)
        } else {
            let wide = self.ins().uwiden_low(x);
            self.ins().fcvt_from_uint(F64X2, wide)
        };
        self.push_vector(result);
    }

    /// Truncates two doubles to integers of 32 bits in the low lanes, with zeros above. Saturation to 64 bits and then
    /// to 32 has the same result as saturation to 32.
    fn truncate_zero(&mut self, signed: bool) {
        let x = self.pop_vector(F64X2);
        let zero = self.vector_const(I64X2, &[0; 16]);
        let result = if signed {
            let wide = self.ins().fcvt_to_sint_sat(I64X2, x);
            self.ins().snarrow(wide, zero)
        } else {
            let wide = self.ins().fcvt_to_uint_sat(I64X2, x);
            self.ins().uunarrow(wide, zero)
        };
        self.push_vector(result);
    }
}
