//! Relaxed vector instructions. The standard leaves some of their results to the implementation, as long as it always
//! chooses alike ([Relaxed operations](https://webassembly.github.io/spec/core/exec/numerics.html#relaxed-operations)).
//!
//! The deterministic choice is that of the standard's deterministic profile, and the same on every machine: a strict
//! instruction, or a short sequence of them. The machine's choice takes a shorter sequence if the CPU has one
//! ([`arch::relaxed`](crate::compile::arch::relaxed)). It depends on the CPU's features only, not on the tier.

use super::FuncTranslator;
use super::integer::Half;
use crate::compile::arch::relaxed;
use crate::compile::translate::Extension::Signed;
use crate::compile::translate::operators::operators;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, Type};
use cranelift_codegen::isa::TargetIsa;

impl FuncTranslator<'_> {
    operators! {
        visit_i8x16_relaxed_swizzle(self) => match self.machines_choice(relaxed::swizzle) {
            Some(emit) => self.vector_binary(I8X16, emit),
            None => self.visit_i8x16_swizzle(),
        };
        visit_i16x8_relaxed_q15mulr_s(self) => match self.machines_choice(relaxed::q15_multiply) {
            Some(emit) => self.vector_binary(I16X8, emit),
            None => self.visit_i16x8_q15mulr_sat_s(),
        };
        visit_i32x4_relaxed_trunc_f32x4_s(self) => match self.machines_choice(relaxed::truncate_to_i32x4) {
            Some(emit) => self.vector_unary(F32X4, emit),
            None => self.visit_i32x4_trunc_sat_f32x4_s(),
        };
        visit_f32x4_relaxed_madd(self) => self.multiply_and_add(F32X4, false);
        visit_f32x4_relaxed_nmadd(self) => self.multiply_and_add(F32X4, true);
        visit_f64x2_relaxed_madd(self) => self.multiply_and_add(F64X2, false);
        visit_f64x2_relaxed_nmadd(self) => self.multiply_and_add(F64X2, true);
        visit_f32x4_relaxed_min(self) => self.relaxed_minimum(F32X4);
        visit_f64x2_relaxed_min(self) => self.relaxed_minimum(F64X2);
        visit_f32x4_relaxed_max(self) => self.relaxed_maximum(F32X4);
        visit_f64x2_relaxed_max(self) => self.relaxed_maximum(F64X2);
    }

    // Operations for which no machine has a shorter sequence than the deterministic choice.
    operators! {
        visit_i32x4_relaxed_trunc_f32x4_u(self) => self.visit_i32x4_trunc_sat_f32x4_u();
        visit_i32x4_relaxed_trunc_f64x2_s_zero(self) => self.visit_i32x4_trunc_sat_f64x2_s_zero();
        visit_i32x4_relaxed_trunc_f64x2_u_zero(self) => self.visit_i32x4_trunc_sat_f64x2_u_zero();
        visit_i8x16_relaxed_laneselect | visit_i16x8_relaxed_laneselect | visit_i32x4_relaxed_laneselect
        | visit_i64x2_relaxed_laneselect (self) => self.visit_v128_bitselect();
        visit_i16x8_relaxed_dot_i8x16_i7x16_s(self) => self.saturating_dot_product();
        visit_i32x4_relaxed_dot_i8x16_i7x16_add_s(self) => {
            let addend = self.pop_vector(I32X4);
            self.saturating_dot_product();
            self.add_pairs(I16X8, Signed);
            self.push_vector(addend);
            self.vector_binary(I32X4, |ins, x, y| ins.iadd(x, y));
        };
    }

    /// Returns the machine's instruction for an operation, if it has one and the configuration leaves it the choice.
    fn machines_choice<T>(&self, instruction: impl FnOnce(&dyn TargetIsa) -> Option<T>) -> Option<T> {
        if self.env.config.relaxed_simd_deterministic { None } else { instruction(self.env.isa) }
    }

    fn multiply_and_add(&mut self, ty: Type, negated: bool) {
        if !self.env.config.relaxed_simd_deterministic && relaxed::has_fused_multiply_add(self.env.isa) {
            self.round_once(ty, negated);
        } else {
            self.round_twice(ty, negated);
        }
    }

    fn relaxed_minimum(&mut self, ty: Type) {
        if !self.env.config.relaxed_simd_deterministic && relaxed::PREFERS_PSEUDO_MINIMUM {
            self.pseudo_minimum(ty);
        } else {
            self.vector_binary(ty, |ins, x, y| ins.fmin(x, y));
        }
    }

    fn relaxed_maximum(&mut self, ty: Type) {
        if !self.env.config.relaxed_simd_deterministic && relaxed::PREFERS_PSEUDO_MINIMUM {
            self.pseudo_maximum(ty);
        } else {
            self.vector_binary(ty, |ins, x, y| ins.fmax(x, y));
        }
    }

    /// Translates `x * y + z`, or `-x * y + z`, where the product is rounded before the addition.
    fn round_twice(&mut self, ty: Type, negated: bool) {
        let addend = self.pop_vector(ty);
        let (x, y) = self.pop_vectors(ty);
        let x = if negated { self.ins().fneg(x) } else { x };
        let product = self.ins().fmul(x, y);
        let result = self.ins().fadd(product, addend);
        self.push_vector(result);
    }

    /// Translates `x * y + z`, or `-x * y + z`, rounded once.
    fn round_once(&mut self, ty: Type, negated: bool) {
        let addend = self.pop_vector(ty);
        let (x, y) = self.pop_vectors(ty);
        let x = if negated { self.ins().fneg(x) } else { x };
        let result = self.ins().fma(x, y, addend);
        self.push_vector(result);
    }

    /// Multiplies signed bytes and adds the products in pairs to 16 bits, with saturation. Only -128 * -128 twice
    /// exceeds the largest number, by one. That sum wraps to the smallest number, which no other sum reaches, and
    /// subtracting one wraps it back to the largest.
    fn saturating_dot_product(&mut self) {
        let (x, y) = self.pop_vectors(I8X16);
        let [low, high] = [Half::Low, Half::High].map(|half| {
            let x = self.widen(x, half, Signed);
            let y = self.widen(y, half, Signed);
            self.ins().imul(x, y)
        });
        let sum = self.ins().iadd_pairwise(low, high);
        let smallest = self.iconst(I16, i64::from(i16::MIN));
        let smallest = self.ins().splat(I16X8, smallest);
        let wrapped = self.ins().icmp(IntCC::Equal, sum, smallest);
        let result = self.ins().iadd(sum, wrapped);
        self.push_vector(result);
    }
}
