//! Instructions that name lanes: splats, extraction, replacement, shuffles.

use super::FuncTranslator;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{ConstantData, InstBuilder, Type};
use wasmparser::Operator;

impl FuncTranslator<'_> {
    pub(super) fn vector_lanes(&mut self, op: &Operator<'_>) -> bool {
        use Operator::*;
        match op {
            I8x16Splat => self.splat(I8X16),
            I16x8Splat => self.splat(I16X8),
            I32x4Splat => self.splat(I32X4),
            I64x2Splat => self.splat(I64X2),
            F32x4Splat => self.splat(F32X4),
            F64x2Splat => self.splat(F64X2),
            I8x16ExtractLaneS { lane } => self.extract_lane(I8X16, *lane, true),
            I8x16ExtractLaneU { lane } => self.extract_lane(I8X16, *lane, false),
            I16x8ExtractLaneS { lane } => self.extract_lane(I16X8, *lane, true),
            I16x8ExtractLaneU { lane } => self.extract_lane(I16X8, *lane, false),
            I32x4ExtractLane { lane } => self.extract_lane(I32X4, *lane, false),
            I64x2ExtractLane { lane } => self.extract_lane(I64X2, *lane, false),
            F32x4ExtractLane { lane } => self.extract_lane(F32X4, *lane, false),
            F64x2ExtractLane { lane } => self.extract_lane(F64X2, *lane, false),
            I8x16ReplaceLane { lane } => self.replace_lane(I8X16, *lane),
            I16x8ReplaceLane { lane } => self.replace_lane(I16X8, *lane),
            I32x4ReplaceLane { lane } => self.replace_lane(I32X4, *lane),
            I64x2ReplaceLane { lane } => self.replace_lane(I64X2, *lane),
            F32x4ReplaceLane { lane } => self.replace_lane(F32X4, *lane),
            F64x2ReplaceLane { lane } => self.replace_lane(F64X2, *lane),
            I8x16Swizzle => self.vector_binary(I8X16, |ins, x, lanes| ins.swizzle(x, lanes)),
            I8x16Shuffle { lanes } => {
                let lanes = self.builder.func.dfg.immediates.push(ConstantData::from(&lanes[..]));
                self.vector_binary(I8X16, |ins, x, y| ins.shuffle(x, y, lanes));
            }
            _ => return false,
        }
        true
    }

    /// Pops a number and makes it a lane: integer lanes of fewer than 32 bits come as an `i32`.
    fn pop_lane(&mut self, lane: Type) -> cranelift_codegen::ir::Value {
        let value = self.pop();
        if self.type_of(value) == lane { value } else { self.ins().ireduce(lane, value) }
    }

    fn splat(&mut self, ty: Type) {
        let lane = self.pop_lane(ty.lane_type());
        let result = self.ins().splat(ty, lane);
        self.push_vector(result);
    }

    fn extract_lane(&mut self, ty: Type, lane: u8, signed: bool) {
        let vector = self.pop_vector(ty);
        let value = self.ins().extractlane(vector, lane);
        let result = match (ty.lane_bits() < 32, signed) {
            (false, _) => value,
            (true, true) => self.ins().sextend(I32, value),
            (true, false) => self.ins().uextend(I32, value),
        };
        self.push(result);
    }

    fn replace_lane(&mut self, ty: Type, lane: u8) {
        let value = self.pop_lane(ty.lane_type());
        let vector = self.pop_vector(ty);
        let result = self.ins().insertlane(vector, value, lane);
        self.push_vector(result);
    }
}
