//! Instructions that name lanes: splats, extraction, replacement, shuffles.

use super::FuncTranslator;
use crate::compile::translate::operators::operators;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{ConstantData, InstBuilder, Type, Value};

impl FuncTranslator<'_> {
    operators! {
        visit_i8x16_splat(self) => self.splat(I8X16);
        visit_i16x8_splat(self) => self.splat(I16X8);
        visit_i32x4_splat(self) => self.splat(I32X4);
        visit_i64x2_splat(self) => self.splat(I64X2);
        visit_f32x4_splat(self) => self.splat(F32X4);
        visit_f64x2_splat(self) => self.splat(F64X2);
        visit_i8x16_extract_lane_s(self, lane: u8) => self.extract_lane(I8X16, lane, true);
        visit_i8x16_extract_lane_u(self, lane: u8) => self.extract_lane(I8X16, lane, false);
        visit_i16x8_extract_lane_s(self, lane: u8) => self.extract_lane(I16X8, lane, true);
        visit_i16x8_extract_lane_u(self, lane: u8) => self.extract_lane(I16X8, lane, false);
        visit_i32x4_extract_lane(self, lane: u8) => self.extract_lane(I32X4, lane, false);
        visit_i64x2_extract_lane(self, lane: u8) => self.extract_lane(I64X2, lane, false);
        visit_f32x4_extract_lane(self, lane: u8) => self.extract_lane(F32X4, lane, false);
        visit_f64x2_extract_lane(self, lane: u8) => self.extract_lane(F64X2, lane, false);
        visit_i8x16_replace_lane(self, lane: u8) => self.replace_lane(I8X16, lane);
        visit_i16x8_replace_lane(self, lane: u8) => self.replace_lane(I16X8, lane);
        visit_i32x4_replace_lane(self, lane: u8) => self.replace_lane(I32X4, lane);
        visit_i64x2_replace_lane(self, lane: u8) => self.replace_lane(I64X2, lane);
        visit_f32x4_replace_lane(self, lane: u8) => self.replace_lane(F32X4, lane);
        visit_f64x2_replace_lane(self, lane: u8) => self.replace_lane(F64X2, lane);
        visit_i8x16_swizzle(self) => self.vector_binary(I8X16, |ins, x, lanes| ins.swizzle(x, lanes));
        visit_i8x16_shuffle(self, lanes: [u8; 16]) => {
            let lanes = self.builder.func.dfg.immediates.push(ConstantData::from(&lanes[..]));
            self.vector_binary(I8X16, |ins, x, y| ins.shuffle(x, y, lanes));
        };
    }

    /// Pops a number and reduces it to a lane: an integer lane of less than 32 bits comes as an `i32`.
    fn pop_lane(&mut self, lane: Type) -> Value {
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
