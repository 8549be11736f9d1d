//! Integer arithmetic and comparison on lanes, and changes of their width.

use super::FuncTranslator;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use wasmparser::Operator;

/// Which half of a vector is widened.
#[derive(Clone, Copy)]
pub(super) enum Half {
    Low,
    High,
}

/// How lanes are widened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    Signed,
    Unsigned,
}

use Extension::{Signed, Unsigned};
use Half::{High, Low};

impl FuncTranslator<'_> {
    pub(super) fn vector_integer(&mut self, op: &Operator<'_>) -> bool {
        self.integer_lanes(op)
            || self.saturating_lanes(op)
            || self.minimum_and_maximum(op)
            || self.vector_shift(op)
            || self.lane_summary(op)
    }

    fn integer_lanes(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            I8x16Abs => self.vector_unary(I8X16, |ins, x| ins.iabs(x)),
            I16x8Abs => self.vector_unary(I16X8, |ins, x| ins.iabs(x)),
            I32x4Abs => self.vector_unary(I32X4, |ins, x| ins.iabs(x)),
            I64x2Abs => self.vector_unary(I64X2, |ins, x| ins.iabs(x)),
            I8x16Neg => self.vector_unary(I8X16, |ins, x| ins.ineg(x)),
            I16x8Neg => self.vector_unary(I16X8, |ins, x| ins.ineg(x)),
            I32x4Neg => self.vector_unary(I32X4, |ins, x| ins.ineg(x)),
            I64x2Neg => self.vector_unary(I64X2, |ins, x| ins.ineg(x)),
            I8x16Popcnt => self.vector_unary(I8X16, |ins, x| ins.popcnt(x)),
            I8x16Add => self.vector_binary(I8X16, |ins, x, y| ins.iadd(x, y)),
            I16x8Add => self.vector_binary(I16X8, |ins, x, y| ins.iadd(x, y)),
            I32x4Add => self.vector_binary(I32X4, |ins, x, y| ins.iadd(x, y)),
            I64x2Add => self.vector_binary(I64X2, |ins, x, y| ins.iadd(x, y)),
            I8x16Sub => self.vector_binary(I8X16, |ins, x, y| ins.isub(x, y)),
            I16x8Sub => self.vector_binary(I16X8, |ins, x, y| ins.isub(x, y)),
            I32x4Sub => self.vector_binary(I32X4, |ins, x, y| ins.isub(x, y)),
            I64x2Sub => self.vector_binary(I64X2, |ins, x, y| ins.isub(x, y)),
            I16x8Mul => self.vector_binary(I16X8, |ins, x, y| ins.imul(x, y)),
            I32x4Mul => self.vector_binary(I32X4, |ins, x, y| ins.imul(x, y)),
            I64x2Mul => self.vector_binary(I64X2, |ins, x, y| ins.imul(x, y)),
            I8x16AvgrU => self.vector_binary(I8X16, |ins, x, y| ins.avg_round(x, y)),
            I16x8AvgrU => self.vector_binary(I16X8, |ins, x, y| ins.avg_round(x, y)),
            I32x4DotI16x8S => self.dot_product(),
            _ => return false,
        }
        true
    }

    fn saturating_lanes(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            I8x16AddSatS => self.vector_binary(I8X16, |ins, x, y| ins.sadd_sat(x, y)),
            I16x8AddSatS => self.vector_binary(I16X8, |ins, x, y| ins.sadd_sat(x, y)),
            I8x16AddSatU => self.vector_binary(I8X16, |ins, x, y| ins.uadd_sat(x, y)),
            I16x8AddSatU => self.vector_binary(I16X8, |ins, x, y| ins.uadd_sat(x, y)),
            I8x16SubSatS => self.vector_binary(I8X16, |ins, x, y| ins.ssub_sat(x, y)),
            I16x8SubSatS => self.vector_binary(I16X8, |ins, x, y| ins.ssub_sat(x, y)),
            I8x16SubSatU => self.vector_binary(I8X16, |ins, x, y| ins.usub_sat(x, y)),
            I16x8SubSatU => self.vector_binary(I16X8, |ins, x, y| ins.usub_sat(x, y)),
            I16x8Q15MulrSatS => self.vector_binary(I16X8, |ins, x, y| ins.sqmul_round_sat(x, y)),
            I8x16NarrowI16x8S => self.vector_binary(I16X8, |ins, x, y| ins.snarrow(x, y)),
            I16x8NarrowI32x4S => self.vector_binary(I32X4, |ins, x, y| ins.snarrow(x, y)),
            I8x16NarrowI16x8U => self.vector_binary(I16X8, |ins, x, y| ins.unarrow(x, y)),
            I16x8NarrowI32x4U => self.vector_binary(I32X4, |ins, x, y| ins.unarrow(x, y)),
            _ => return false,
        }
        true
    }

    fn minimum_and_maximum(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            I8x16MinS => self.vector_binary(I8X16, |ins, x, y| ins.smin(x, y)),
            I16x8MinS => self.vector_binary(I16X8, |ins, x, y| ins.smin(x, y)),
            I32x4MinS => self.vector_binary(I32X4, |ins, x, y| ins.smin(x, y)),
            I8x16MinU => self.vector_binary(I8X16, |ins, x, y| ins.umin(x, y)),
            I16x8MinU => self.vector_binary(I16X8, |ins, x, y| ins.umin(x, y)),
            I32x4MinU => self.vector_binary(I32X4, |ins, x, y| ins.umin(x, y)),
            I8x16MaxS => self.vector_binary(I8X16, |ins, x, y| ins.smax(x, y)),
            I16x8MaxS => self.vector_binary(I16X8, |ins, x, y| ins.smax(x, y)),
            I32x4MaxS => self.vector_binary(I32X4, |ins, x, y| ins.smax(x, y)),
            I8x16MaxU => self.vector_binary(I8X16, |ins, x, y| ins.umax(x, y)),
            I16x8MaxU => self.vector_binary(I16X8, |ins, x, y| ins.umax(x, y)),
            I32x4MaxU => self.vector_binary(I32X4, |ins, x, y| ins.umax(x, y)),
            _ => return false,
        }
        true
    }

    /// Shifts take one amount for all lanes, modulo their width.
    fn vector_shift(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        let ty = match op {
            I8x16Shl | I8x16ShrS | I8x16ShrU => I8X16,
            I16x8Shl | I16x8ShrS | I16x8ShrU => I16X8,
            I32x4Shl | I32x4ShrS | I32x4ShrU => I32X4,
            I64x2Shl | I64x2ShrS | I64x2ShrU => I64X2,
            _ => return false,
        };
        let amount = self.pop();
        let vector = self.pop_vector(ty);
        let result = match op {
            I8x16Shl | I16x8Shl | I32x4Shl | I64x2Shl => self.ins().ishl(vector, amount),
            I8x16ShrS | I16x8ShrS | I32x4ShrS | I64x2ShrS => self.ins().sshr(vector, amount),
            _ => self.ins().ushr(vector, amount),
        };
        self.push_vector(result);
        true
    }

    /// Instructions that make one number of all lanes.
    fn lane_summary(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        let (ty, all_true) = match op {
            I8x16AllTrue => (I8X16, true),
            I16x8AllTrue => (I16X8, true),
            I32x4AllTrue => (I32X4, true),
            I64x2AllTrue => (I64X2, true),
            I8x16Bitmask => (I8X16, false),
            I16x8Bitmask => (I16X8, false),
            I32x4Bitmask => (I32X4, false),
            I64x2Bitmask => (I64X2, false),
            _ => return false,
        };
        let vector = self.pop_vector(ty);
        let result = if all_true {
            let answer = self.ins().vall_true(vector);
            self.ins().uextend(I32, answer)
        } else {
            self.ins().vhigh_bits(I32, vector)
        };
        self.push(result);
        true
    }

    pub(super) fn vector_integer_comparison(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        let (ty, condition) = match op {
            I8x16Eq => (I8X16, IntCC::Equal),
            I16x8Eq => (I16X8, IntCC::Equal),
            I32x4Eq => (I32X4, IntCC::Equal),
            I64x2Eq => (I64X2, IntCC::Equal),
            I8x16Ne => (I8X16, IntCC::NotEqual),
            I16x8Ne => (I16X8, IntCC::NotEqual),
            I32x4Ne => (I32X4, IntCC::NotEqual),
            I64x2Ne => (I64X2, IntCC::NotEqual),
            I8x16LtS => (I8X16, IntCC::SignedLessThan),
            I16x8LtS => (I16X8, IntCC::SignedLessThan),
            I32x4LtS => (I32X4, IntCC::SignedLessThan),
            I64x2LtS => (I64X2, IntCC::SignedLessThan),
            I8x16LtU => (I8X16, IntCC::UnsignedLessThan),
            I16x8LtU => (I16X8, IntCC::UnsignedLessThan),
            I32x4LtU => (I32X4, IntCC::UnsignedLessThan),
            I8x16GtS => (I8X16, IntCC::SignedGreaterThan),
            I16x8GtS => (I16X8, IntCC::SignedGreaterThan),
            I32x4GtS => (I32X4, IntCC::SignedGreaterThan),
            I64x2GtS => (I64X2, IntCC::SignedGreaterThan),
            I8x16GtU => (I8X16, IntCC::UnsignedGreaterThan),
            I16x8GtU => (I16X8, IntCC::UnsignedGreaterThan),
            I32x4GtU => (I32X4, IntCC::UnsignedGreaterThan),
            I8x16LeS => (I8X16, IntCC::SignedLessThanOrEqual),
            I16x8LeS => (I16X8, IntCC::SignedLessThanOrEqual),
            I32x4LeS => (I32X4, IntCC::SignedLessThanOrEqual),
            I64x2LeS => (I64X2, IntCC::SignedLessThanOrEqual),
            I8x16LeU => (I8X16, IntCC::UnsignedLessThanOrEqual),
            I16x8LeU => (I16X8, IntCC::UnsignedLessThanOrEqual),
            I32x4LeU => (I32X4, IntCC::UnsignedLessThanOrEqual),
            I8x16GeS => (I8X16, IntCC::SignedGreaterThanOrEqual),
            I16x8GeS => (I16X8, IntCC::SignedGreaterThanOrEqual),
            I32x4GeS => (I32X4, IntCC::SignedGreaterThanOrEqual),
            I64x2GeS => (I64X2, IntCC::SignedGreaterThanOrEqual),
            I8x16GeU => (I8X16, IntCC::UnsignedGreaterThanOrEqual),
            I16x8GeU => (I16X8, IntCC::UnsignedGreaterThanOrEqual),
            I32x4GeU => (I32X4, IntCC::UnsignedGreaterThanOrEqual),
            _ => return false,
        };
        self.vector_binary(ty, |ins, x, y| ins.icmp(condition, x, y));
        true
    }

    /// Instructions whose result has wider lanes than their operands.
    pub(super) fn vector_width(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            I16x8ExtendLowI8x16S => self.extend_half(I8X16, Low, Signed),
            I16x8ExtendHighI8x16S => self.extend_half(I8X16, High, Signed),
            I16x8ExtendLowI8x16U => self.extend_half(I8X16, Low, Unsigned),
            I16x8ExtendHighI8x16U => self.extend_half(I8X16, High, Unsigned),
            I32x4ExtendLowI16x8S => self.extend_half(I16X8, Low, Signed),
            I32x4ExtendHighI16x8S => self.extend_half(I16X8, High, Signed),
            I32x4ExtendLowI16x8U => self.extend_half(I16X8, Low, Unsigned),
            I32x4ExtendHighI16x8U => self.extend_half(I16X8, High, Unsigned),
            I64x2ExtendLowI32x4S => self.extend_half(I32X4, Low, Signed),
            I64x2ExtendHighI32x4S => self.extend_half(I32X4, High, Signed),
            I64x2ExtendLowI32x4U => self.extend_half(I32X4, Low, Unsigned),
            I64x2ExtendHighI32x4U => self.extend_half(I32X4, High, Unsigned),
            I16x8ExtMulLowI8x16S => self.multiply_half(I8X16, Low, Signed),
            I16x8ExtMulHighI8x16S => self.multiply_half(I8X16, High, Signed),
            I16x8ExtMulLowI8x16U => self.multiply_half(I8X16, Low, Unsigned),
            I16x8ExtMulHighI8x16U => self.multiply_half(I8X16, High, Unsigned),
            I32x4ExtMulLowI16x8S => self.multiply_half(I16X8, Low, Signed),
            I32x4ExtMulHighI16x8S => self.multiply_half(I16X8, High, Signed),
            I32x4ExtMulLowI16x8U => self.multiply_half(I16X8, Low, Unsigned),
            I32x4ExtMulHighI16x8U => self.multiply_half(I16X8, High, Unsigned),
            I64x2ExtMulLowI32x4S => self.multiply_half(I32X4, Low, Signed),
            I64x2ExtMulHighI32x4S => self.multiply_half(I32X4, High, Signed),
            I64x2ExtMulLowI32x4U => self.multiply_half(I32X4, Low, Unsigned),
            I64x2ExtMulHighI32x4U => self.multiply_half(I32X4, High, Unsigned),
            I16x8ExtAddPairwiseI8x16S => self.add_pairs(I8X16, Signed),
            I16x8ExtAddPairwiseI8x16U => self.add_pairs(I8X16, Unsigned),
            I32x4ExtAddPairwiseI16x8S => self.add_pairs(I16X8, Signed),
            I32x4ExtAddPairwiseI16x8U => self.add_pairs(I16X8, Unsigned),
            _ => return false,
        }
        true
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
