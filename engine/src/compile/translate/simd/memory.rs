//! Vector loads and stores.

use super::FuncTranslator;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use wasmparser::{MemArg, Operator};

impl FuncTranslator<'_> {
    pub(super) fn vector_memory(&mut self, op: &Operator<'_>) -> bool {
        match op {
            Operator::V128Load { memarg } => {
                let value = self.load_bits(memarg, I8X16);
                self.push(value);
            }
            Operator::V128Store { memarg } => {
                let value = self.pop();
                self.store_bits(memarg, value);
            }
            _ => return self.load_extended(op) || self.load_filled(op) || self.lane_memory(op),
        }
        true
    }

    /// Loads half a vector and widens each lane. As a plain load and a widening: Cranelift joins the two where the CPU
    /// can, and has no single instruction on the baseline.
    fn load_extended(&mut self, op: &Operator<'_>) -> bool {
        let (memarg, ty, signed) = match op {
            Operator::V128Load8x8S { memarg } => (memarg, I8X16, true),
            Operator::V128Load8x8U { memarg } => (memarg, I8X16, false),
            Operator::V128Load16x4S { memarg } => (memarg, I16X8, true),
            Operator::V128Load16x4U { memarg } => (memarg, I16X8, false),
            Operator::V128Load32x2S { memarg } => (memarg, I32X4, true),
            Operator::V128Load32x2U { memarg } => (memarg, I32X4, false),
            _ => return false,
        };
        let bits = self.load_bits(memarg, I64);
        let half = self.ins().scalar_to_vector(I64X2, bits);
        let half = self.cast(half, ty);
        let result = if signed { self.ins().swiden_low(half) } else { self.ins().uwiden_low(half) };
        self.push_vector(result);
        true
    }

    /// Loads one number: into every lane, or into the lowest with zeros above.
    fn load_filled(&mut self, op: &Operator<'_>) -> bool {
        let (memarg, ty, splat) = match op {
            Operator::V128Load8Splat { memarg } => (memarg, I8X16, true),
            Operator::V128Load16Splat { memarg } => (memarg, I16X8, true),
            Operator::V128Load32Splat { memarg } => (memarg, I32X4, true),
            Operator::V128Load64Splat { memarg } => (memarg, I64X2, true),
            Operator::V128Load32Zero { memarg } => (memarg, I32X4, false),
            Operator::V128Load64Zero { memarg } => (memarg, I64X2, false),
            _ => return false,
        };
        let bits = self.load_bits(memarg, ty.lane_type());
        let result = if splat { self.ins().splat(ty, bits) } else { self.ins().scalar_to_vector(ty, bits) };
        self.push_vector(result);
        true
    }

    /// Loads or stores one lane of a vector.
    fn lane_memory(&mut self, op: &Operator<'_>) -> bool {
        let (memarg, ty, lane, load) = match op {
            Operator::V128Load8Lane { memarg, lane } => (memarg, I8X16, lane, true),
            Operator::V128Load16Lane { memarg, lane } => (memarg, I16X8, lane, true),
            Operator::V128Load32Lane { memarg, lane } => (memarg, I32X4, lane, true),
            Operator::V128Load64Lane { memarg, lane } => (memarg, I64X2, lane, true),
            Operator::V128Store8Lane { memarg, lane } => (memarg, I8X16, lane, false),
            Operator::V128Store16Lane { memarg, lane } => (memarg, I16X8, lane, false),
            Operator::V128Store32Lane { memarg, lane } => (memarg, I32X4, lane, false),
            Operator::V128Store64Lane { memarg, lane } => (memarg, I64X2, lane, false),
            _ => return false,
        };
        let vector = self.pop_vector(ty);
        if load {
            let bits = self.load_bits(memarg, ty.lane_type());
            let result = self.ins().insertlane(vector, bits, *lane);
            self.push_vector(result);
        } else {
            let bits = self.ins().extractlane(vector, *lane);
            self.store_bits(memarg, bits);
        }
        true
    }

    /// Pops the index and loads a value of this type, which may stand at any address.
    fn load_bits(&mut self, memarg: &MemArg, ty: Type) -> Value {
        let (flags, address, offset) = self.memory_access(memarg, byte_size(ty));
        self.ins().load(ty, flags, address, offset)
    }

    /// Pops the index and stores the value.
    fn store_bits(&mut self, memarg: &MemArg, value: Value) {
        let (flags, address, offset) = self.memory_access(memarg, byte_size(self.type_of(value)));
        self.ins().store(flags, value, address, offset);
    }
}

fn byte_size(ty: Type) -> u8 {
    u8::try_from(ty.bytes()).expect("no type is wider than 16 bytes")
}
