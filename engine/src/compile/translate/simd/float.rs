//! Float arithmetic and comparison on lanes, and conversions.

use super::FuncTranslator;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, Type};
use wasmparser::Operator;

impl FuncTranslator<'_> {
    pub(super) fn vector_float(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            F32x4Ceil => self.vector_unary(F32X4, |ins, x| ins.ceil(x)),
            F64x2Ceil => self.vector_unary(F64X2, |ins, x| ins.ceil(x)),
            F32x4Floor => self.vector_unary(F32X4, |ins, x| ins.floor(x)),
            F64x2Floor => self.vector_unary(F64X2, |ins, x| ins.floor(x)),
            F32x4Trunc => self.vector_unary(F32X4, |ins, x| ins.trunc(x)),
            F64x2Trunc => self.vector_unary(F64X2, |ins, x| ins.trunc(x)),
            F32x4Nearest => self.vector_unary(F32X4, |ins, x| ins.nearest(x)),
            F64x2Nearest => self.vector_unary(F64X2, |ins, x| ins.nearest(x)),
            F32x4Abs => self.vector_unary(F32X4, |ins, x| ins.fabs(x)),
            F64x2Abs => self.vector_unary(F64X2, |ins, x| ins.fabs(x)),
            F32x4Neg => self.vector_unary(F32X4, |ins, x| ins.fneg(x)),
            F64x2Neg => self.vector_unary(F64X2, |ins, x| ins.fneg(x)),
            F32x4Sqrt => self.vector_unary(F32X4, |ins, x| ins.sqrt(x)),
            F64x2Sqrt => self.vector_unary(F64X2, |ins, x| ins.sqrt(x)),
            F32x4Add => self.vector_binary(F32X4, |ins, x, y| ins.fadd(x, y)),
            F64x2Add => self.vector_binary(F64X2, |ins, x, y| ins.fadd(x, y)),
            F32x4Sub => self.vector_binary(F32X4, |ins, x, y| ins.fsub(x, y)),
            F64x2Sub => self.vector_binary(F64X2, |ins, x, y| ins.fsub(x, y)),
            F32x4Mul => self.vector_binary(F32X4, |ins, x, y| ins.fmul(x, y)),
            F64x2Mul => self.vector_binary(F64X2, |ins, x, y| ins.fmul(x, y)),
            F32x4Div => self.vector_binary(F32X4, |ins, x, y| ins.fdiv(x, y)),
            F64x2Div => self.vector_binary(F64X2, |ins, x, y| ins.fdiv(x, y)),
            F32x4Min => self.vector_binary(F32X4, |ins, x, y| ins.fmin(x, y)),
            F64x2Min => self.vector_binary(F64X2, |ins, x, y| ins.fmin(x, y)),
            F32x4Max => self.vector_binary(F32X4, |ins, x, y| ins.fmax(x, y)),
            F64x2Max => self.vector_binary(F64X2, |ins, x, y| ins.fmax(x, y)),
            F32x4PMin => self.pseudo_minimum(F32X4),
            F64x2PMin => self.pseudo_minimum(F64X2),
            F32x4PMax => self.pseudo_maximum(F32X4),
            F64x2PMax => self.pseudo_maximum(F64X2),
            _ => return false,
        }
        true
    }

    /// `y < x ? y : x`, lane by lane.
    pub(super) fn pseudo_minimum(&mut self, ty: Type) {
        let (x, y) = self.pop_vectors(ty);
        let less = self.ins().fcmp(FloatCC::LessThan, y, x);
        let mask = self.cast(less, ty);
        let result = self.ins().bitselect(mask, y, x);
        self.push_vector(result);
    }

    /// `x < y ? y : x`, lane by lane.
    pub(super) fn pseudo_maximum(&mut self, ty: Type) {
        let (x, y) = self.pop_vectors(ty);
        let less = self.ins().fcmp(FloatCC::LessThan, x, y);
        let mask = self.cast(less, ty);
        let result = self.ins().bitselect(mask, y, x);
        self.push_vector(result);
    }

    pub(super) fn vector_float_comparison(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        let (ty, condition) = match op {
            F32x4Eq => (F32X4, FloatCC::Equal),
            F64x2Eq => (F64X2, FloatCC::Equal),
            F32x4Ne => (F32X4, FloatCC::NotEqual),
            F64x2Ne => (F64X2, FloatCC::NotEqual),
            F32x4Lt => (F32X4, FloatCC::LessThan),
            F64x2Lt => (F64X2, FloatCC::LessThan),
            F32x4Gt => (F32X4, FloatCC::GreaterThan),
            F64x2Gt => (F64X2, FloatCC::GreaterThan),
            F32x4Le => (F32X4, FloatCC::LessThanOrEqual),
            F64x2Le => (F64X2, FloatCC::LessThanOrEqual),
            F32x4Ge => (F32X4, FloatCC::GreaterThanOrEqual),
            F64x2Ge => (F64X2, FloatCC::GreaterThanOrEqual),
            _ => return false,
        };
        self.vector_binary(ty, |ins, x, y| ins.fcmp(condition, x, y));
        true
    }

    pub(super) fn vector_conversion(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            I32x4TruncSatF32x4S => self.vector_unary(F32X4, |ins, x| ins.fcvt_to_sint_sat(I32X4, x)),
            I32x4TruncSatF32x4U => self.vector_unary(F32X4, |ins, x| ins.fcvt_to_uint_sat(I32X4, x)),
            F32x4ConvertI32x4S => self.vector_unary(I32X4, |ins, x| ins.fcvt_from_sint(F32X4, x)),
            F32x4ConvertI32x4U => self.vector_unary(I32X4, |ins, x| ins.fcvt_from_uint(F32X4, x)),
            F32x4DemoteF64x2Zero => self.vector_unary(F64X2, |ins, x| ins.fvdemote(x)),
            F64x2PromoteLowF32x4 => self.vector_unary(F32X4, |ins, x| ins.fvpromote_low(x)),
            F64x2ConvertLowI32x4S => self.convert_low(true),
            F64x2ConvertLowI32x4U => self.convert_low(false),
            I32x4TruncSatF64x2SZero => self.truncate_zero(true),
            I32x4TruncSatF64x2UZero => self.truncate_zero(false),
            _ => return false,
        }
        true
    }

    /// The two low integers as doubles.
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

    /// Two doubles as integers of 32 bits in the low lanes, zeros above. Saturating to 64 bits first and then to 32
    /// gives the same numbers as saturating to 32 at once.
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
