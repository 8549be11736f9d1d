//! Planted faults of the translation. This file exists only under the cargo feature `planted-faults`.
//!
//! Most faults replace an operator by another one, or emit code for it here and go on with `nop`.

use super::FuncTranslator;
use crate::base::{Fault, Trap, planted};
use crate::compile::clif::trap_code;
use crate::wasm::composite::{CompositeType, StorageType};
use crate::wasm::index::TagIndex;
use crate::wasm::types::ValType;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32, F64, I8, I8X16, I16, I16X8};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Type, Value};
use wasmparser::Operator;

impl FuncTranslator<'_> {
    /// Plants the configured fault in an operator that is about to be translated. Returns the operator to translate in
    /// its place.
    pub(super) fn plant_in_operator<'o>(&mut self, operator: Operator<'o>) -> Operator<'o> {
        let Some(fault) = self.env.config.fault else { return operator };
        match operator {
            Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. } => {
                self.plant_in_tail_call(fault, operator)
            }
            Operator::TryTable { mut try_table } if fault == Fault::ClausesReversed => {
                try_table.catches.reverse();
                Operator::TryTable { try_table }
            }
            operator => {
                let planted = self.plant_in_number(fault, &operator);
                let planted = planted.or_else(|| self.plant_in_vector(fault, &operator));
                planted.or_else(|| self.plant_in_access(fault, &operator)).unwrap_or(operator)
            }
        }
    }

    fn plant_in_tail_call<'o>(&mut self, fault: Fault, operator: Operator<'o>) -> Operator<'o> {
        if fault != Fault::TailCallKeepsFrame {
            return operator;
        }
        self.dispatch(match operator {
            Operator::ReturnCall { function_index } => Operator::Call { function_index },
            Operator::ReturnCallIndirect { type_index, table_index } => {
                Operator::CallIndirect { type_index, table_index }
            }
            Operator::ReturnCallRef { type_index } => Operator::CallRef { type_index },
            other => other,
        });
        Operator::Return
    }

    /// Plants a fault in an operator on numbers. Returns the operator to translate in its place, if it has the fault.
    fn plant_in_number(&mut self, fault: Fault, operator: &Operator<'_>) -> Option<Operator<'static>> {
        match (fault, operator) {
            (Fault::SubtractionAdds, Operator::I32Sub) => return Some(Operator::I32Add),
            (Fault::SpilledExtensionLosesSign, Operator::I64ExtendI32S) if self.locals.len() > 12 => {
                return Some(Operator::I64ExtendI32U);
            }
            (Fault::MinimumOfZeros, Operator::F64Min) => {
                let (x, y) = self.pop2();
                let minimum = self.ins().fmin(x, y);
                let equal = self.ins().fcmp(FloatCC::Equal, x, y);
                let result = self.ins().select(equal, y, minimum);
                self.push(result);
            }
            (Fault::UnsignedRoundsTwice, Operator::F32ConvertI64U) => {
                let number = self.pop();
                let wide = self.ins().fcvt_from_uint(F64, number);
                let result = self.ins().fdemote(F32, wide);
                self.push(result);
            }
            (Fault::TruncationBoundRounded, Operator::I32TruncF64S) => {
                let number = *self.stack.last().expect("validated code has the operand");
                let bound = self.ins().f64const(f64::from(i32::MIN));
                let below = self.ins().fcmp(FloatCC::LessThan, number, bound);
                self.ins().trapnz(below, trap_code(Trap::IntegerOverflow));
                return Some(Operator::I32TruncF64S);
            }
            (Fault::RemainderOverflows, Operator::I64RemS) => {
                let (x, y) = self.pop2();
                self.ins().sdiv(x, y);
                self.push(x);
                self.push(y);
                return Some(Operator::I64RemS);
            }
            _ => return None,
        }
        Some(Operator::Nop)
    }

    /// Plants a fault in an operator on vectors. Returns the operator to translate in its place, if it has the fault.
    fn plant_in_vector(&mut self, fault: Fault, operator: &Operator<'_>) -> Option<Operator<'static>> {
        match (fault, operator) {
            (Fault::LastLaneMissed, Operator::F32x4ReplaceLane { lane: 3 }) => {
                return Some(Operator::F32x4ReplaceLane { lane: 2 });
            }
            (Fault::ShuffleOfSecond, Operator::I8x16Shuffle { lanes }) if lanes.iter().all(|&lane| lane >= 16) => {
                return Some(Operator::I8x16Shuffle { lanes: lanes.map(|lane| lane - 16) });
            }
            (Fault::VectorShiftWraps, Operator::I64x2ShrS) => {
                let amount = self.pop();
                let amount = self.ins().band_imm_u(amount, 31);
                self.push(amount);
                return Some(Operator::I64x2ShrS);
            }
            (Fault::SwizzleWraps, Operator::I8x16Swizzle) => {
                let (lanes, mask) = (self.pop(), self.splat_const(I8X16, I8, 0x8f));
                let lanes = self.ins().band(lanes, mask);
                self.push(lanes);
                return Some(Operator::I8x16Swizzle);
            }
            (Fault::SelectOfVectorsSwapped, Operator::Select | Operator::TypedSelect { .. }) => {
                let (first, second, condition) = self.pop3();
                let is_vector = self.type_of(first).is_vector();
                let (first, second) = if is_vector { (second, first) } else { (first, second) };
                for value in [first, second, condition] {
                    self.push(value);
                }
                return None;
            }
            (Fault::RoundedProductOverflows, Operator::I16x8Q15MulrSatS) => self.rounded_product_that_overflows(),
            _ => return None,
        }
        Some(Operator::Nop)
    }

    /// Plants a fault in an operator on memories, objects or exceptions. Returns the operator to translate in its
    /// place, if it has the fault.
    fn plant_in_access(&mut self, fault: Fault, operator: &Operator<'_>) -> Option<Operator<'static>> {
        match (fault, operator) {
            (Fault::LaneStoreOffsetLost, &Operator::V128Store16Lane { mut memarg, lane }) => {
                memarg.offset = 0;
                Some(Operator::V128Store16Lane { memarg, lane })
            }
            (Fault::MemoriesSwapped, &Operator::MemoryCopy { dst_mem, src_mem }) => {
                Some(Operator::MemoryCopy { dst_mem: src_mem, src_mem: dst_mem })
            }
            (Fault::PackedFieldUnsigned, &Operator::StructGetS { struct_type_index, field_index }) => {
                let CompositeType::Struct(ty) = &self.env.module.types[struct_type_index as usize].composite else {
                    return None;
                };
                let is_byte = ty.fields[field_index as usize].storage == StorageType::I8;
                is_byte.then_some(Operator::StructGetU { struct_type_index, field_index })
            }
            (Fault::PayloadAltered, &Operator::Throw { tag_index }) => {
                self.alter_payload(TagIndex(tag_index));
                None
            }
            _ => None,
        }
    }

    /// Translates `i16x8.q15mulr_sat_s` without the correction for its only overflow.
    fn rounded_product_that_overflows(&mut self) {
        let little = MemFlagsData::new().with_endianness(Endianness::Little);
        let (x, y) = self.pop2();
        let [x, y] = [x, y].map(|value| self.ins().bitcast(I16X8, little, value));
        let product = self.ins().sqmul_round_sat(x, y);
        let smallest = self.splat_const(I16X8, I16, 0x8000);
        let [x, y] = [x, y].map(|value| self.ins().icmp(IntCC::Equal, value, smallest));
        let overflows = self.ins().band(x, y);
        let result = self.ins().bxor(product, overflows);
        let result = self.ins().bitcast(I8X16, little, result);
        self.push(result);
    }

    fn splat_const(&mut self, ty: Type, lane: Type, value: i64) -> Value {
        let lane = self.iconst(lane, value);
        self.ins().splat(ty, lane)
    }

    /// Adds one to the first integer among the operands of a `throw`.
    fn alter_payload(&mut self, tag: TagIndex) {
        let params = &self.env.module.tag_type(tag).params;
        let first = params.iter().position(|ty| matches!(ty, ValType::I32 | ValType::I64));
        let Some(first) = first else { return };
        let position = self.stack.len() - params.len() + first;
        let value = self.stack[position];
        let one = self.iconst(self.type_of(value), 1);
        self.stack[position] = self.ins().iadd(value, one);
    }

    /// Plants a fault in the payload of a `catch_ref`, which are the operands from `height` on: reverses values of one
    /// type.
    pub(super) fn plant_in_payload(&mut self, height: usize) {
        let of_one_type = self.stack[height..].windows(2).all(|pair| self.type_of(pair[0]) == self.type_of(pair[1]));
        if planted!(CatchRefReversed, self.env.config) && of_one_type {
            self.stack[height..].reverse();
        }
    }

    /// Plants a fault in the charge for an operator. Returns whether it did.
    pub(super) fn plant_in_charge(&mut self, operator: &Operator<'_>) -> bool {
        match (self.env.config.fault, operator) {
            (Some(Fault::OperatorFree), Operator::TableSize { .. }) => true,
            (Some(Fault::TrapUncharged), Operator::Unreachable) => {
                self.fuel = 0;
                true
            }
            _ => false,
        }
    }

    /// Plants a fault in the offset of an operator. Returns the offset to record.
    pub(super) fn plant_in_offset(&self, offset: u64) -> u64 {
        let before = &self.env.wasm[..usize::try_from(offset).expect("the binary is in memory")];
        let is_after_long_number = match before {
            [.., one, two, three, last] => [one, two, three].iter().all(|byte| **byte >= 0x80) && *last < 0x80,
            _ => false,
        };
        offset + u64::from(planted!(OffsetAfterLongNumber, self.env.config) && is_after_long_number)
    }
}
