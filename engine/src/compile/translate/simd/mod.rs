//! Vector instructions
//! ([Vector instructions](https://webassembly.github.io/spec/core/exec/instructions.html#vector-instructions)).
//!
//! Between operators a `v128` is an `I8X16`. Each operator casts its operands to the lanes that it works on, and its
//! result back. The casts emit no code. They name little-endian byte order, in which WebAssembly numbers lanes on every
//! machine.
//!
//! Cranelift recognizes some WebAssembly instructions as a pattern of several CLIF instructions, for which the CPU has
//! one (dot products, conversions of half a vector, pseudo-minimum). The translations keep to these patterns.

mod float;
mod integer;
mod lane;
mod memory;
mod relaxed;

use super::FuncTranslator;
use super::operators::operators;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{ConstantData, Endianness, InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::V128;

impl<'a> FuncTranslator<'a> {
    // Instructions that do not look at lanes.
    operators! {
        visit_v128_const(self, value: V128) => {
            let result = self.vector_const(I8X16, value.bytes());
            self.push(result);
        };
        visit_v128_not(self) => self.vector_unary(I8X16, |ins, x| ins.bnot(x));
        visit_v128_and(self) => self.vector_binary(I8X16, |ins, x, y| ins.band(x, y));
        visit_v128_andnot(self) => self.vector_binary(I8X16, |ins, x, y| ins.band_not(x, y));
        visit_v128_or(self) => self.vector_binary(I8X16, |ins, x, y| ins.bor(x, y));
        visit_v128_xor(self) => self.vector_binary(I8X16, |ins, x, y| ins.bxor(x, y));
        visit_v128_bitselect(self) => {
            let (x, y, mask) = self.pop3();
            let result = self.ins().bitselect(mask, x, y);
            self.push(result);
        };
        visit_v128_any_true(self) => {
            let x = self.pop();
            let answer = self.ins().vany_true(x);
            let result = self.ins().uextend(I32, answer);
            self.push(result);
        };
    }

    /// Casts a value to another type of 128 bits, without a change of bits.
    fn cast(&mut self, value: Value, ty: Type) -> Value {
        if self.type_of(value) == ty {
            return value;
        }
        self.ins().bitcast(ty, MemFlagsData::new().with_endianness(Endianness::Little), value)
    }

    fn pop_vector(&mut self, ty: Type) -> Value {
        let value = self.pop();
        self.cast(value, ty)
    }

    /// Pops two vectors: the lower one, then the top.
    fn pop_vectors(&mut self, ty: Type) -> (Value, Value) {
        let (x, y) = self.pop2();
        (self.cast(x, ty), self.cast(y, ty))
    }

    fn push_vector(&mut self, value: Value) {
        let value = self.cast(value, I8X16);
        self.push(value);
    }

    fn vector_unary(&mut self, ty: Type, emit: impl FnOnce(FuncInstBuilder<'_, 'a>, Value) -> Value) {
        let x = self.pop_vector(ty);
        let result = emit(self.ins(), x);
        self.push_vector(result);
    }

    fn vector_binary(&mut self, ty: Type, emit: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let (x, y) = self.pop_vectors(ty);
        let result = emit(self.ins(), x, y);
        self.push_vector(result);
    }

    fn vector_const(&mut self, ty: Type, bytes: &[u8; 16]) -> Value {
        let constant = self.builder.func.dfg.constants.insert(ConstantData::from(&bytes[..]));
        self.ins().vconst(ty, constant)
    }
}
