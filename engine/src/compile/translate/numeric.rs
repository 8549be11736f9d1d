//! Numeric instructions: integers and floats but vectors
//! ([Numeric instructions](https://webassembly.github.io/spec/core/exec/instructions.html#numeric-instructions)).
//!
//! Cranelift's arithmetic is WebAssembly's: shift and rotation amounts are taken modulo the width, `fmin` and `fmax`
//! order the zeros and let NaN through, and division and conversion trap with a code of their own for each reason.
//! Instructions that trap are never removed and never moved before one with an effect, because Cranelift knows that
//! they trap.

use super::FuncTranslator;
#[cfg(feature = "planted-faults")]
use crate::base::Fault;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator;

impl<'a> FuncTranslator<'a> {
    /// Translates a numeric instruction; `false` if the operator is none.
    pub(super) fn translate_numeric(&mut self, op: &Operator<'_>) -> bool {
        self.numeric_const(op)
            || self.integer_arithmetic(op)
            || self.wide_arithmetic(op)
            || self.integer_comparison(op)
            || self.float_arithmetic(op)
            || self.float_comparison(op)
            || self.conversion(op)
            || self.truncation(op)
    }

    fn numeric_const(&mut self, op: &Operator<'_>) -> bool {
        let value = match *op {
            Operator::I32Const { value } => self.ins().iconst(I32, i64::from(value)),
            Operator::I64Const { value } => self.ins().iconst(I64, value),
            Operator::F32Const { value } => self.ins().f32const(Ieee32::with_bits(value.bits())),
            Operator::F64Const { value } => self.ins().f64const(Ieee64::with_bits(value.bits())),
            _ => return false,
        };
        self.push(value);
        true
    }

    /// Arithmetic of 128 bits, whose operands and results are pairs of 64 bits, the low half first
    /// ([Wide arithmetic](https://github.com/WebAssembly/wide-arithmetic)).
    fn wide_arithmetic(&mut self, op: &Operator<'_>) -> bool {
        let result = match op {
            Operator::I64Add128 => {
                let (x, y) = self.pop_wide();
                self.ins().iadd(x, y)
            }
            Operator::I64Sub128 => {
                let (x, y) = self.pop_wide();
                self.ins().isub(x, y)
            }
            Operator::I64MulWideS => {
                let (x, y) = self.pop2();
                let (x, y) = (self.ins().sextend(I128, x), self.ins().sextend(I128, y));
                self.ins().imul(x, y)
            }
            Operator::I64MulWideU => {
                let (x, y) = self.pop2();
                let (x, y) = (self.ins().uextend(I128, x), self.ins().uextend(I128, y));
                self.ins().imul(x, y)
            }
            _ => return false,
        };
        let (low, high) = self.ins().isplit(result);
        self.push(low);
        self.push(high);
        true
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

    fn integer_arithmetic(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            I32Clz | I64Clz => self.unary(|ins, x| ins.clz(x)),
            I32Ctz | I64Ctz => self.unary(|ins, x| ins.ctz(x)),
            I32Popcnt | I64Popcnt => self.unary(|ins, x| ins.popcnt(x)),
            I32Add | I64Add => self.binary(|ins, x, y| ins.iadd(x, y)),
            #[cfg(feature = "planted-faults")]
            I32Sub if self.env.config.fault == Some(Fault::SubtractionAdds) => {
                self.binary(|ins, x, y| ins.iadd(x, y));
            }
            I32Sub | I64Sub => self.binary(|ins, x, y| ins.isub(x, y)),
            I32Mul | I64Mul => self.binary(|ins, x, y| ins.imul(x, y)),
            I32DivS | I64DivS => self.binary(|ins, x, y| ins.sdiv(x, y)),
            I32DivU | I64DivU => self.binary(|ins, x, y| ins.udiv(x, y)),
            I32RemS | I64RemS => self.binary(|ins, x, y| ins.srem(x, y)),
            I32RemU | I64RemU => self.binary(|ins, x, y| ins.urem(x, y)),
            I32And | I64And => self.binary(|ins, x, y| ins.band(x, y)),
            I32Or | I64Or => self.binary(|ins, x, y| ins.bor(x, y)),
            I32Xor | I64Xor => self.binary(|ins, x, y| ins.bxor(x, y)),
            I32Shl | I64Shl => self.binary(|ins, x, y| ins.ishl(x, y)),
            I32ShrS | I64ShrS => self.binary(|ins, x, y| ins.sshr(x, y)),
            I32ShrU | I64ShrU => self.binary(|ins, x, y| ins.ushr(x, y)),
            I32Rotl | I64Rotl => self.binary(|ins, x, y| ins.rotl(x, y)),
            I32Rotr | I64Rotr => self.binary(|ins, x, y| ins.rotr(x, y)),
            I32Extend8S => self.extend_from(I8, I32),
            I32Extend16S => self.extend_from(I16, I32),
            I64Extend8S => self.extend_from(I8, I64),
            I64Extend16S => self.extend_from(I16, I64),
            I64Extend32S => self.extend_from(I32, I64),
            _ => return false,
        }
        true
    }

    fn integer_comparison(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        let condition = match op {
            I32Eqz | I64Eqz => {
                let x = self.pop();
                let zero = self.iconst(self.type_of(x), 0);
                self.push(x);
                self.push(zero);
                IntCC::Equal
            }
            I32Eq | I64Eq => IntCC::Equal,
            I32Ne | I64Ne => IntCC::NotEqual,
            I32LtS | I64LtS => IntCC::SignedLessThan,
            I32LtU | I64LtU => IntCC::UnsignedLessThan,
            I32GtS | I64GtS => IntCC::SignedGreaterThan,
            I32GtU | I64GtU => IntCC::UnsignedGreaterThan,
            I32LeS | I64LeS => IntCC::SignedLessThanOrEqual,
            I32LeU | I64LeU => IntCC::UnsignedLessThanOrEqual,
            I32GeS | I64GeS => IntCC::SignedGreaterThanOrEqual,
            I32GeU | I64GeU => IntCC::UnsignedGreaterThanOrEqual,
            _ => return false,
        };
        self.test(|ins, x, y| ins.icmp(condition, x, y));
        true
    }

    fn float_arithmetic(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            F32Abs | F64Abs => self.unary(|ins, x| ins.fabs(x)),
            F32Neg | F64Neg => self.unary(|ins, x| ins.fneg(x)),
            F32Ceil | F64Ceil => self.unary(|ins, x| ins.ceil(x)),
            F32Floor | F64Floor => self.unary(|ins, x| ins.floor(x)),
            F32Trunc | F64Trunc => self.unary(|ins, x| ins.trunc(x)),
            F32Nearest | F64Nearest => self.unary(|ins, x| ins.nearest(x)),
            F32Sqrt | F64Sqrt => self.unary(|ins, x| ins.sqrt(x)),
            F32Add | F64Add => self.binary(|ins, x, y| ins.fadd(x, y)),
            F32Sub | F64Sub => self.binary(|ins, x, y| ins.fsub(x, y)),
            F32Mul | F64Mul => self.binary(|ins, x, y| ins.fmul(x, y)),
            F32Div | F64Div => self.binary(|ins, x, y| ins.fdiv(x, y)),
            F32Min | F64Min => self.binary(|ins, x, y| ins.fmin(x, y)),
            F32Max | F64Max => self.binary(|ins, x, y| ins.fmax(x, y)),
            F32Copysign | F64Copysign => self.binary(|ins, x, y| ins.fcopysign(x, y)),
            _ => return false,
        }
        true
    }

    fn float_comparison(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        let condition = match op {
            F32Eq | F64Eq => FloatCC::Equal,
            F32Ne | F64Ne => FloatCC::NotEqual,
            F32Lt | F64Lt => FloatCC::LessThan,
            F32Gt | F64Gt => FloatCC::GreaterThan,
            F32Le | F64Le => FloatCC::LessThanOrEqual,
            F32Ge | F64Ge => FloatCC::GreaterThanOrEqual,
            _ => return false,
        };
        self.test(|ins, x, y| ins.fcmp(condition, x, y));
        true
    }

    /// Conversions that cannot trap and are not truncations.
    fn conversion(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            I32WrapI64 => self.unary(|ins, x| ins.ireduce(I32, x)),
            I64ExtendI32S => self.unary(|ins, x| ins.sextend(I64, x)),
            I64ExtendI32U => self.unary(|ins, x| ins.uextend(I64, x)),
            F32ConvertI32S | F32ConvertI64S => self.unary(|ins, x| ins.fcvt_from_sint(F32, x)),
            F32ConvertI32U | F32ConvertI64U => self.unary(|ins, x| ins.fcvt_from_uint(F32, x)),
            F64ConvertI32S | F64ConvertI64S => self.unary(|ins, x| ins.fcvt_from_sint(F64, x)),
            F64ConvertI32U | F64ConvertI64U => self.unary(|ins, x| ins.fcvt_from_uint(F64, x)),
            F32DemoteF64 => self.unary(|ins, x| ins.fdemote(F32, x)),
            F64PromoteF32 => self.unary(|ins, x| ins.fpromote(F64, x)),
            I32ReinterpretF32 => self.reinterpret(I32),
            I64ReinterpretF64 => self.reinterpret(I64),
            F32ReinterpretI32 => self.reinterpret(F32),
            F64ReinterpretI64 => self.reinterpret(F64),
            _ => return false,
        }
        true
    }

    /// Floats to integers. Those that trap tell NaN from a value out of range.
    fn truncation(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            I32TruncF32S | I32TruncF64S => self.unary(|ins, x| ins.fcvt_to_sint(I32, x)),
            I32TruncF32U | I32TruncF64U => self.unary(|ins, x| ins.fcvt_to_uint(I32, x)),
            I64TruncF32S | I64TruncF64S => self.unary(|ins, x| ins.fcvt_to_sint(I64, x)),
            I64TruncF32U | I64TruncF64U => self.unary(|ins, x| ins.fcvt_to_uint(I64, x)),
            I32TruncSatF32S | I32TruncSatF64S => self.unary(|ins, x| ins.fcvt_to_sint_sat(I32, x)),
            I32TruncSatF32U | I32TruncSatF64U => self.unary(|ins, x| ins.fcvt_to_uint_sat(I32, x)),
            I64TruncSatF32S | I64TruncSatF64S => self.unary(|ins, x| ins.fcvt_to_sint_sat(I64, x)),
            I64TruncSatF32U | I64TruncSatF64U => self.unary(|ins, x| ins.fcvt_to_uint_sat(I64, x)),
            _ => return false,
        }
        true
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

    /// A comparison: Cranelift's answer is a byte, WebAssembly's an `i32`.
    fn test(&mut self, emit: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        self.binary(emit);
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
