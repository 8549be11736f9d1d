//! Vector loads and stores.

use super::FuncTranslator;
use super::integer::Half;
use crate::compile::translate::Extension::{self, Signed, Unsigned};
use crate::compile::translate::operators::operators;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use wasmparser::MemArg;

impl FuncTranslator<'_> {
    operators! {
        visit_v128_load(self, memarg: MemArg) => {
            let value = self.load_bits(memarg, I8X16);
            self.push(value);
        };
        visit_v128_store(self, memarg: MemArg) => {
            let value = self.pop();
            self.store_bits(memarg, value);
        };
    }

    operators! {
        visit_v128_load8x8_s(self, memarg: MemArg) => self.load_extended(memarg, I8X16, Signed);
        visit_v128_load8x8_u(self, memarg: MemArg) => self.load_extended(memarg, I8X16, Unsigned);
        visit_v128_load16x4_s(self, memarg: MemArg) => self.load_extended(memarg, I16X8, Signed);
        visit_v128_load16x4_u(self, memarg: MemArg) => self.load_extended(memarg, I16X8, Unsigned);
        visit_v128_load32x2_s(self, memarg: MemArg) => self.load_extended(memarg, I32X4, Signed);
        visit_v128_load32x2_u(self, memarg: MemArg) => self.load_extended(memarg, I32X4, Unsigned);
        visit_v128_load8_splat(self, memarg: MemArg) => self.load_splat(memarg, I8X16);
        visit_v128_load16_splat(self, memarg: MemArg) => self.load_splat(memarg, I16X8);
        visit_v128_load32_splat(self, memarg: MemArg) => self.load_splat(memarg, I32X4);
        visit_v128_load64_splat(self, memarg: MemArg) => self.load_splat(memarg, I64X2);
        visit_v128_load32_zero(self, memarg: MemArg) => self.load_zero(memarg, I32X4);
        visit_v128_load64_zero(self, memarg: MemArg) => self.load_zero(memarg, I64X2);
    }

    operators! {
        visit_v128_load8_lane(self, memarg: MemArg, lane: u8) => self.load_lane(memarg, I8X16, lane);
        visit_v128_load16_lane(self, memarg: MemArg, lane: u8) => self.load_lane(memarg, I16X8, lane);
        visit_v128_load32_lane(self, memarg: MemArg, lane: u8) => self.load_lane(memarg, I32X4, lane);
        visit_v128_load64_lane(self, memarg: MemArg, lane: u8) => self.load_lane(memarg, I64X2, lane);
        visit_v128_store8_lane(self, memarg: MemArg, lane: u8) => self.store_lane(memarg, I8X16, lane);
        visit_v128_store16_lane(self, memarg: MemArg, lane: u8) => self.store_lane(memarg, I16X8, lane);
        visit_v128_store32_lane(self, memarg: MemArg, lane: u8) => self.store_lane(memarg, I32X4, lane);
        visit_v128_store64_lane(self, memarg: MemArg, lane: u8) => self.store_lane(memarg, I64X2, lane);
    }

    /// Loads half a vector and widens each lane. Cranelift joins the load and the widening if the CPU has one
    /// instruction for both, which the baseline has not.
    fn load_extended(&mut self, memarg: MemArg, ty: Type, extension: Extension) {
        let bits = self.load_bits(memarg, I64);
        let half = self.ins().scalar_to_vector(I64X2, bits);
        let half = self.cast(half, ty);
        let result = self.widen(half, Half::Low, extension);
        self.push_vector(result);
    }

    /// Loads one number into every lane.
    fn load_splat(&mut self, memarg: MemArg, ty: Type) {
        let bits = self.load_bits(memarg, ty.lane_type());
        let result = self.ins().splat(ty, bits);
        self.push_vector(result);
    }

    /// Loads one number into the lowest lane, with zeros above.
    fn load_zero(&mut self, memarg: MemArg, ty: Type) {
        let bits = self.load_bits(memarg, ty.lane_type());
        let result = self.ins().scalar_to_vector(ty, bits);
        self.push_vector(result);
    }

    fn load_lane(&mut self, memarg: MemArg, ty: Type, lane: u8) {
        let vector = self.pop_vector(ty);
        let bits = self.load_bits(memarg, ty.lane_type());
        let result = self.ins().insertlane(vector, bits, lane);
        self.push_vector(result);
    }

    fn store_lane(&mut self, memarg: MemArg, ty: Type, lane: u8) {
        let vector = self.pop_vector(ty);
        let bits = self.ins().extractlane(vector, lane);
        self.store_bits(memarg, bits);
    }

    /// Pops the index and loads a value of this type, from an address of any alignment.
    fn load_bits(&mut self, memarg: MemArg, ty: Type) -> Value {
        let (flags, address, offset) = self.memory_access(memarg, byte_size(ty));
        self.ins().load(ty, flags, address, offset)
    }

    /// Pops the index and stores the value.
    fn store_bits(&mut self, memarg: MemArg, value: Value) {
        let (flags, address, offset) = self.memory_access(memarg, byte_size(self.type_of(value)));
        self.ins().store(flags, value, address, offset);
    }
}

fn byte_size(ty: Type) -> u8 {
    u8::try_from(ty.bytes()).expect("no type is wider than 16 bytes")
}
