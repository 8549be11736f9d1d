//! Relaxed vector instructions: the standard leaves some of their results to the implementation, as long as it always
//! chooses alike ([Relaxed operations](https://webassembly.github.io/spec/core/exec/numerics.html#relaxed-operations)).
//!
//! The deterministic choice is that of the standard's deterministic profile, and the same on every machine: each is then
//! a strict instruction, or a short sequence of them. The machine's choice takes a shorter sequence where this CPU has
//! one; which one depends on the CPU's features only, never on the tier.

use super::FuncTranslator;
use super::integer::{Extension::Signed, Half};
use crate::compile::isa;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, Type};
use wasmparser::Operator;

impl FuncTranslator<'_> {
    /// Translates a relaxed vector instruction; `false` if the operator is none.
    pub(super) fn vector_relaxed(&mut self, op: &Operator<'_>) -> bool {
        (!self.env.config.relaxed_simd_deterministic && self.relaxed_by_machine(op)) || self.relaxed_strictly(op)
    }

    /// The deterministic choice.
    fn relaxed_strictly(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        let strict = match op {
            I8x16RelaxedSwizzle => I8x16Swizzle,
            I32x4RelaxedTruncF32x4S => I32x4TruncSatF32x4S,
            I32x4RelaxedTruncF32x4U => I32x4TruncSatF32x4U,
            I32x4RelaxedTruncF64x2SZero => I32x4TruncSatF64x2SZero,
            I32x4RelaxedTruncF64x2UZero => I32x4TruncSatF64x2UZero,
            I8x16RelaxedLaneselect | I16x8RelaxedLaneselect | I32x4RelaxedLaneselect | I64x2RelaxedLaneselect => {
                V128Bitselect
            }
            F32x4RelaxedMin => F32x4Min,
            F32x4RelaxedMax => F32x4Max,
            F64x2RelaxedMin => F64x2Min,
            F64x2RelaxedMax => F64x2Max,
            I16x8RelaxedQ15mulrS => I16x8Q15MulrSatS,
            _ => return self.multiply_and_add(op),
        };
        assert!(self.translate_simd(&strict), "strict instructions have translations");
        true
    }

    fn multiply_and_add(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            F32x4RelaxedMadd => self.round_twice(F32X4, false),
            F32x4RelaxedNmadd => self.round_twice(F32X4, true),
            F64x2RelaxedMadd => self.round_twice(F64X2, false),
            F64x2RelaxedNmadd => self.round_twice(F64X2, true),
            I16x8RelaxedDotI8x16I7x16S => self.saturating_dot_product(),
            I32x4RelaxedDotI8x16I7x16AddS => {
                let addend = self.pop_vector(I32X4);
                self.saturating_dot_product();
                self.add_pairs(I16X8, Signed);
                self.push_vector(addend);
                self.vector_binary(I32X4, |ins, x, y| ins.iadd(x, y));
            }
            _ => return false,
        }
        true
    }

    /// `x * y + z`, or `-x * y + z`, where the product is rounded before the addition.
    fn round_twice(&mut self, ty: Type, negated: bool) {
        let addend = self.pop_vector(ty);
        let (x, y) = self.pop_vectors(ty);
        let x = if negated { self.ins().fneg(x) } else { x };
        let product = self.ins().fmul(x, y);
        let result = self.ins().fadd(product, addend);
        self.push_vector(result);
    }

    /// `x * y + z`, or `-x * y + z`, rounded once.
    fn round_once(&mut self, ty: Type, negated: bool) {
        let addend = self.pop_vector(ty);
        let (x, y) = self.pop_vectors(ty);
        let x = if negated { self.ins().fneg(x) } else { x };
        let result = self.ins().fma(x, y, addend);
        self.push_vector(result);
    }

    /// Products of signed bytes, added in pairs to 16 bits. Only -128 * -128 twice passes the largest number, by one: it
    /// wraps to the smallest, which no other sum reaches, and one less than that is the largest again.
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

    /// The machine's choice; `false` if this CPU has no shorter way than the deterministic one.
    fn relaxed_by_machine(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        let has = |feature| isa::has_flag(self.env.isa, feature);
        match op {
            I8x16RelaxedSwizzle if has("has_ssse3") => self.vector_binary(I8X16, |ins, x, y| ins.x86_pshufb(x, y)),
            I16x8RelaxedQ15mulrS if has("has_ssse3") => self.vector_binary(I16X8, |ins, x, y| ins.x86_pmulhrsw(x, y)),
            // Every x86-64 CPU can do this, and only those have the feature at all.
            I32x4RelaxedTruncF32x4S if has("has_ssse3") => self.vector_unary(F32X4, |ins, x| ins.x86_cvtt2dq(I32X4, x)),
            F32x4RelaxedMadd if has("has_fma") => self.round_once(F32X4, false),
            F32x4RelaxedNmadd if has("has_fma") => self.round_once(F32X4, true),
            F64x2RelaxedMadd if has("has_fma") => self.round_once(F64X2, false),
            F64x2RelaxedNmadd if has("has_fma") => self.round_once(F64X2, true),
            F32x4RelaxedMin => self.pseudo_minimum(F32X4),
            F64x2RelaxedMin => self.pseudo_minimum(F64X2),
            F32x4RelaxedMax => self.pseudo_maximum(F32X4),
            F64x2RelaxedMax => self.pseudo_maximum(F64X2),
            _ => return false,
        }
        true
    }
}
