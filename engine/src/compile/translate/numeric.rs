//! Numeric instructions on integers and floats
//! ([Numeric instructions](https://webassembly.github.io/spec/core/exec/instructions.html#numeric-instructions)).
//!
//! Cranelift's arithmetic is WebAssembly's: it takes shift and rotation amounts modulo the width, `fmin` and `fmax`
//! order the zeros and propagate NaN, and division and conversion trap with a code for each reason. Cranelift knows
//! which instructions can trap, and neither removes them nor moves them before one with an effect.

use super::FuncTranslator;
use super::operators::operators;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FuncInstBuilder;

impl<'a> FuncTranslator<'a> {
    // Constants.
    operators! {
        visit_i32_const(self, value: i32) => self.push_constant(|ins| ins.iconst(I32, i64::from(value)));
        visit_i64_const(self, value: i64) => self.push_constant(|ins| ins.iconst(I64, value));
        visit_f32_const(self, value: wasmparser::Ieee32) => {
            self.push_constant(|ins| ins.f32const(Ieee32::with_bits(value.bits())));
        };
        visit_f64_const(self, value: wasmparser::Ieee64) => {
            self.push_constant(|ins| ins.f64const(Ieee64::with_bits(value.bits())));
        };
    }

    // Integer arithmetic.
    operators! {
        visit_i32_clz | visit_i64_clz (self) => self.unary(|ins, x| ins.clz(x));
        visit_i32_ctz | visit_i64_ctz (self) => self.unary(|ins, x| ins.ctz(x));
        visit_i32_popcnt | visit_i64_popcnt (self) => self.unary(|ins, x| ins.popcnt(x));
        visit_i32_add | visit_i64_add (self) => self.binary(|ins, x, y| ins.iadd(x, y));
        visit_i32_sub | visit_i64_sub (self) => self.binary(|ins, x, y| ins.isub(x, y));
        visit_i32_mul | visit_i64_mul (self) => self.binary(|ins, x, y| ins.imul(x, y));
        visit_i32_div_s | visit_i64_div_s (self) => self.binary(|ins, x, y| ins.sdiv(x, y));
        visit_i32_div_u | visit_i64_div_u (self) => self.binary(|ins, x, y| ins.udiv(x, y));
        visit_i32_rem_s | visit_i64_rem_s (self) => self.binary(|ins, x, y| ins.srem(x, y));
        visit_i32_rem_u | visit_i64_rem_u (self) => self.binary(|ins, x, y| ins.urem(x, y));
        visit_i32_and | visit_i64_and (self) => self.binary(|ins, x, y| ins.band(x, y));
        visit_i32_or | visit_i64_or (self) => self.binary(|ins, x, y| ins.bor(x, y));
        visit_i32_xor | visit_i64_xor (self) => self.binary(|ins, x, y| ins.bxor(x, y));
        visit_i32_shl | visit_i64_shl (self) => self.binary(|ins, x, y| ins.ishl(x, y));
        visit_i32_shr_s | visit_i64_shr_s (self) => self.binary(|ins, x, y| ins.sshr(x, y));
        visit_i32_shr_u | visit_i64_shr_u (self) => self.binary(|ins, x, y| ins.ushr(x, y));
        visit_i32_rotl | visit_i64_rotl (self) => self.binary(|ins, x, y| ins.rotl(x, y));
        visit_i32_rotr | visit_i64_rotr (self) => self.binary(|ins, x, y| ins.rotr(x, y));
        visit_i32_extend8_s(self) => self.extend_from(I8, I32);
        visit_i32_extend16_s(self) => self.extend_from(I16, I32);
        visit_i64_extend8_s(self) => self.extend_from(I8, I64);
        visit_i64_extend16_s(self) => self.extend_from(I16, I64);
        visit_i64_extend32_s(self) => self.extend_from(I32, I64);
    }

    // Arithmetic of 128 bits, whose operands and results are pairs of 64 bits, the low half first
    // (https://github.com/WebAssembly/wide-arithmetic).
    operators! {
        visit_i64_add128(self) => self.wide_binary(|ins, x, y| ins.iadd(x, y));
        visit_i64_sub128(self) => self.wide_binary(|ins, x, y| ins.isub(x, y));
        visit_i64_mul_wide_s(self) => self.wide_product(|ins, x| ins.sextend(I128, x));
        visit_i64_mul_wide_u(self) => self.wide_product(|ins, x| ins.uextend(I128, x));
    }

    // Integer comparison.
    operators! {
        visit_i32_eqz(self) => self.equals_zero(I32);
        visit_i64_eqz(self) => self.equals_zero(I64);
        visit_i32_eq | visit_i64_eq (self) => self.compare(IntCC::Equal);
        visit_i32_ne | visit_i64_ne (self) => self.compare(IntCC::NotEqual);
        visit_i32_lt_s | visit_i64_lt_s (self) => self.compare(IntCC::SignedLessThan);
        visit_i32_lt_u | visit_i64_lt_u (self) => self.compare(IntCC::UnsignedLessThan);
        visit_i32_gt_s | visit_i64_gt_s (self) => self.compare(IntCC::SignedGreaterThan);
        visit_i32_gt_u | visit_i64_gt_u (self) => self.compare(IntCC::UnsignedGreaterThan);
        visit_i32_le_s | visit_i64_le_s (self) => self.compare(IntCC::SignedLessThanOrEqual);
        visit_i32_le_u | visit_i64_le_u (self) => self.compare(IntCC::UnsignedLessThanOrEqual);
        visit_i32_ge_s | visit_i64_ge_s (self) => self.compare(IntCC::SignedGreaterThanOrEqual);
        visit_i32_ge_u | visit_i64_ge_u (self) => self.compare(IntCC::UnsignedGreaterThanOrEqual);
    }

    // Float arithmetic.
    operators! {
        visit_f32_abs | visit_f64_abs (self) => self.unary(|ins, x| ins.fabs(x));
        visit_f32_neg | visit_f64_neg (self) => self.unary(|ins, x| ins.fneg(x));
        visit_f32_ceil | visit_f64_ceil (self) => self.unary(|ins, x| ins.ceil(x));
        visit_f32_floor | visit_f64_floor (self) => self.unary(|ins, x| ins.floor(x));
        visit_f32_trunc | visit_f64_trunc (self) => self.unary(|ins, x| ins.trunc(x));
        visit_f32_nearest | visit_f64_nearest (self) => self.unary(|ins, x| ins.nearest(x));
        visit_f32_sqrt | visit_f64_sqrt (self) => self.unary(|ins, x| ins.sqrt(x));
        visit_f32_add | visit_f64_add (self) => self.binary(|ins, x, y| ins.fadd(x, y));
        visit_f32_sub | visit_f64_sub (self) => self.binary(|ins, x, y| ins.fsub(x, y));
        visit_f32_mul | visit_f64_mul (self) => self.binary(|ins, x, y| ins.fmul(x, y));
        visit_f32_div | visit_f64_div (self) => self.binary(|ins, x, y| ins.fdiv(x, y));
        visit_f32_min | visit_f64_min (self) => self.binary(|ins, x, y| ins.fmin(x, y));
        visit_f32_max | visit_f64_max (self) => self.binary(|ins, x, y| ins.fmax(x, y));
        visit_f32_copysign | visit_f64_copysign (self) => self.binary(|ins, x, y| ins.fcopysign(x, y));
    }

    // Float comparison.
    operators! {
        visit_f32_eq | visit_f64_eq (self) => self.compare_floats(FloatCC::Equal);
        visit_f32_ne | visit_f64_ne (self) => self.compare_floats(FloatCC::NotEqual);
        visit_f32_lt | visit_f64_lt (self) => self.compare_floats(FloatCC::LessThan);
        visit_f32_gt | visit_f64_gt (self) => self.compare_floats(FloatCC::GreaterThan);
        visit_f32_le | visit_f64_le (self) => self.compare_floats(FloatCC::LessThanOrEqual);
        visit_f32_ge | visit_f64_ge (self) => self.compare_floats(FloatCC::GreaterThanOrEqual);
    }

    // Conversions that cannot trap and are not truncations.
    operators! {
        visit_i32_wrap_i64(self) => self.unary(|ins, x| ins.ireduce(I32, x));
        visit_i64_extend_i32_s(self) => self.unary(|ins, x| ins.sextend(I64, x));
        visit_i64_extend_i32_u(self) => self.unary(|ins, x| ins.uextend(I64, x));
        visit_f32_convert_i32_s | visit_f32_convert_i64_s (self) => self.unary(|ins, x| ins.fcvt_from_sint(F32, x));
        visit_f32_convert_i32_u | visit_f32_convert_i64_u (self) => self.unary(|ins, x| ins.fcvt_from_uint(F32, x));
        visit_f64_convert_i32_s | visit_f64_convert_i64_s (self) => self.unary(|ins, x| ins.fcvt_from_sint(F64, x));
        visit_f64_convert_i32_u | visit_f64_convert_i64_u (self) => self.unary(|ins, x| ins.fcvt_from_uint(F64, x));
        visit_f32_demote_f64(self) => self.unary(|ins, x| ins.fdemote(F32, x));
        visit_f64_promote_f32(self) => self.unary(|ins, x| ins.fpromote(F64, x));
        visit_i32_reinterpret_f32(self) => self.reinterpret(I32);
        visit_i64_reinterpret_f64(self) => self.reinterpret(I64);
        visit_f32_reinterpret_i32(self) => self.reinterpret(F32);
        visit_f64_reinterpret_i64(self) => self.reinterpret(F64);
    }

    // Floats to integers. Cranelift's conversions that trap have a code of their own for NaN and for a number out of
    // range.
    operators! {
        visit_i32_trunc_f32_s | visit_i32_trunc_f64_s (self) => self.unary(|ins, x| ins.fcvt_to_sint(I32, x));
        visit_i32_trunc_f32_u | visit_i32_trunc_f64_u (self) => self.unary(|ins, x| ins.fcvt_to_uint(I32, x));
        visit_i64_trunc_f32_s | visit_i64_trunc_f64_s (self) => self.unary(|ins, x| ins.fcvt_to_sint(I64, x));
        visit_i64_trunc_f32_u | visit_i64_trunc_f64_u (self) => self.unary(|ins, x| ins.fcvt_to_uint(I64, x));
        visit_i32_trunc_sat_f32_s | visit_i32_trunc_sat_f64_s (self) => {
            self.unary(|ins, x| ins.fcvt_to_sint_sat(I32, x));
        };
        visit_i32_trunc_sat_f32_u | visit_i32_trunc_sat_f64_u (self) => {
            self.unary(|ins, x| ins.fcvt_to_uint_sat(I32, x));
        };
        visit_i64_trunc_sat_f32_s | visit_i64_trunc_sat_f64_s (self) => {
            self.unary(|ins, x| ins.fcvt_to_sint_sat(I64, x));
        };
        visit_i64_trunc_sat_f32_u | visit_i64_trunc_sat_f64_u (self) => {
            self.unary(|ins, x| ins.fcvt_to_uint_sat(I64, x));
        };
    }

    fn push_constant(&mut self, emit: impl FnOnce(FuncInstBuilder<'_, 'a>) -> Value) {
        let value = emit(self.ins());
        self.push(value);
    }

    /// Pops two numbers of 128 bits: the lower one, then the top.
    fn pop_wide(&mut self) -> (Value, Value) {
        let mut number = || {
            let (low, high) = self.pop2();
            self.ins().iconcat(low, high)
        };
        let top = number();
        (number(), top)
    }

    /// Pushes a number of 128 bits: its low half, then its high half.
    fn push_wide(&mut self, value: Value) {
        let (low, high) = self.ins().isplit(value);
        self.push(low);
        self.push(high);
    }

    fn wide_binary(&mut self, emit: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let (x, y) = self.pop_wide();
        let result = emit(self.ins(), x, y);
        self.push_wide(result);
    }

    /// Multiplies two numbers of 64 bits, which `extend` widens to 128.
    fn wide_product(&mut self, extend: impl Fn(FuncInstBuilder<'_, 'a>, Value) -> Value) {
        let (x, y) = self.pop2();
        let (x, y) = (extend(self.ins(), x), extend(self.ins(), y));
        let result = self.ins().imul(x, y);
        self.push_wide(result);
    }

    fn unary(&mut self, emit: impl FnOnce(FuncInstBuilder<'_, 'a>, Value) -> Value) {
        let x = self.pop();
        let result = emit(self.ins(), x);
        self.push(result);
    }

    fn binary(&mut self, emit: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let (x, y) = self.pop2();
        let result = emit(self.ins(), x, y);
        self.push(result);
    }

    fn equals_zero(&mut self, ty: Type) {
        let zero = self.iconst(ty, 0);
        self.push(zero);
        self.compare(IntCC::Equal);
    }

    /// Compares integers. Cranelift's answer is a byte, WebAssembly's an `i32`.
    fn compare(&mut self, condition: IntCC) {
        self.binary(|ins, x, y| ins.icmp(condition, x, y));
        self.unary(|ins, answer| ins.uextend(I32, answer));
    }

    /// Compares floats. Cranelift's answer is a byte, WebAssembly's an `i32`.
    fn compare_floats(&mut self, condition: FloatCC) {
        self.binary(|ins, x, y| ins.fcmp(condition, x, y));
        self.unary(|ins, answer| ins.uextend(I32, answer));
    }

    /// Takes the low bits of the operand and extends their sign.
    fn extend_from(&mut self, narrow: Type, wide: Type) {
        self.unary(|ins, x| ins.ireduce(narrow, x));
        self.unary(|ins, x| ins.sextend(wide, x));
    }

    fn reinterpret(&mut self, ty: Type) {
        self.unary(|ins, x| ins.bitcast(ty, MemFlagsData::new(), x));
    }
}
