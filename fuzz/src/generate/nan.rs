//! Canonicalizes NaNs in WebAssembly itself, so that engines which choose other bits for a NaN still compute the same.
//!
//! After each instruction that may return a NaN whose bits the specification leaves open
//! (<https://webassembly.github.io/spec/core/exec/numerics.html#nan-propagation>), a NaN is replaced by the positive
//! canonical one. wasm-smith can do this, too, but it misses the conversions between widths, and a reduced module needs
//! it anew.
//!
//! Instructions that only move bits (`neg`, `abs`, `copysign`, `pmin`, loads, reinterpretations) are left alone: their
//! results must be exact.

use crate::rewrite::{Patch, Scratch};
use wasm_encoder::{Instruction as I, ValType};
use wasmparser::Operator;

/// Returns the code that replaces the NaN that this instruction may make.
pub fn canonicalize(operator: &Operator<'_>, scratch: &mut Scratch) -> Patch {
    let after = Shape::of(operator).map_or_else(Vec::new, |shape| shape.replace(scratch));
    Patch { after, ..Patch::default() }
}

/// Returns whether an instruction may make a NaN whose bits are the engine's choice.
pub fn is_open(operator: &Operator<'_>) -> bool {
    Shape::of(operator).is_some()
}

/// The type of a result that may be a NaN.
#[derive(Clone, Copy)]
enum Shape {
    F32,
    F64,
    F32x4,
    F64x2,
}

impl Shape {
    /// Returns the shape of the result, if the bits of its NaNs are open.
    fn of(operator: &Operator<'_>) -> Option<Shape> {
        use Operator as O;
        match operator {
            O::F32Ceil | O::F32Floor | O::F32Trunc | O::F32Nearest | O::F32Sqrt => Some(Shape::F32),
            O::F32Add | O::F32Sub | O::F32Mul | O::F32Div | O::F32Min | O::F32Max => Some(Shape::F32),
            O::F32DemoteF64 => Some(Shape::F32),
            O::F64Ceil | O::F64Floor | O::F64Trunc | O::F64Nearest | O::F64Sqrt => Some(Shape::F64),
            O::F64Add | O::F64Sub | O::F64Mul | O::F64Div | O::F64Min | O::F64Max => Some(Shape::F64),
            O::F64PromoteF32 => Some(Shape::F64),
            O::F32x4Ceil | O::F32x4Floor | O::F32x4Trunc | O::F32x4Nearest | O::F32x4Sqrt => Some(Shape::F32x4),
            O::F32x4Add | O::F32x4Sub | O::F32x4Mul | O::F32x4Div | O::F32x4Min | O::F32x4Max => Some(Shape::F32x4),
            O::F32x4RelaxedMadd | O::F32x4RelaxedNmadd | O::F32x4RelaxedMin | O::F32x4RelaxedMax => Some(Shape::F32x4),
            O::F32x4DemoteF64x2Zero => Some(Shape::F32x4),
            O::F64x2Ceil | O::F64x2Floor | O::F64x2Trunc | O::F64x2Nearest | O::F64x2Sqrt => Some(Shape::F64x2),
            O::F64x2Add | O::F64x2Sub | O::F64x2Mul | O::F64x2Div | O::F64x2Min | O::F64x2Max => Some(Shape::F64x2),
            O::F64x2RelaxedMadd | O::F64x2RelaxedNmadd | O::F64x2RelaxedMin | O::F64x2RelaxedMax => Some(Shape::F64x2),
            O::F64x2PromoteLowF32x4 => Some(Shape::F64x2),
            _ => None,
        }
    }

    /// Returns code that replaces the value on the stack by the canonical NaN where it is a NaN, which is where it is
    /// not equal to itself.
    fn replace(self, scratch: &mut Scratch) -> Vec<I<'static>> {
        const NAN32: u32 = 0x7fc0_0000;
        const NAN64: u64 = 0x7ff8_0000_0000_0000;
        let lanes32 =
            |bits: u32| i128::from_le_bytes([bits.to_le_bytes(); 4].concat().try_into().expect("4 x 4 bytes"));
        let lanes64 =
            |bits: u64| i128::from_le_bytes([bits.to_le_bytes(); 2].concat().try_into().expect("2 x 8 bytes"));
        let (ty, nan, equal, choose) = match self {
            Shape::F32 => (ValType::F32, I::F32Const(f32::from_bits(NAN32).into()), I::F32Eq, I::Select),
            Shape::F64 => (ValType::F64, I::F64Const(f64::from_bits(NAN64).into()), I::F64Eq, I::Select),
            Shape::F32x4 => (ValType::V128, I::V128Const(lanes32(NAN32)), I::F32x4Eq, I::V128Bitselect),
            Shape::F64x2 => (ValType::V128, I::V128Const(lanes64(NAN64)), I::F64x2Eq, I::V128Bitselect),
        };
        let local = scratch.local(ty);
        vec![I::LocalTee(local), nan, I::LocalGet(local), I::LocalGet(local), equal, choose]
    }
}

#[cfg(test)]
mod tests {
    use lanes::{Binary, Features, Options, Value};

    /// Each instruction gets NaNs with a sign and a payload, and returns the canonical one.
    #[test]
    fn every_open_instruction_returns_the_canonical_nan() {
        let mut open = Vec::new();
        for (ty, nan) in [("f32", "-nan:0x200001"), ("f64", "-nan:0x4000000000001")] {
            open.extend(UNARY.map(|name| (format!("({ty}.const {nan})"), format!("{ty}.{name}"), ty)));
            open.extend(BINARY.map(|name| (format!("({ty}.const {nan}) ({ty}.const 1)"), format!("{ty}.{name}"), ty)));
        }
        for (ty, lanes, nan) in [("f32x4", 4, "-nan:0x200001"), ("f64x2", 2, "-nan:0x4000000000001")] {
            let vector = |lane: &str| format!("(v128.const {ty}{})", format!(" {lane}").repeat(lanes));
            open.extend(UNARY.map(|name| (vector(nan), format!("{ty}.{name}"), ty)));
            open.extend(BINARY.map(|name| (vector(nan) + &vector("1"), format!("{ty}.{name}"), ty)));
        }
        let wide = "(v128.const f64x2 -nan:0x4000000000001 -nan:0x4000000000001)".to_string();
        let narrow = "(v128.const f32x4 -nan:0x1 -nan:0x1 0 0)".to_string();
        open.push(("(f64.const -nan:0x4000000000001)".to_string(), "f32.demote_f64".to_string(), "f32"));
        open.push(("(f32.const -nan:0x200001)".to_string(), "f64.promote_f32".to_string(), "f64"));
        open.push((narrow, "f64x2.promote_low_f32x4".to_string(), "f64x2"));
        open.push((wide, "f32x4.demote_f64x2_zero".to_string(), "f32x2"));
        for (operands, instruction, ty) in open {
            assert_eq!(run(&operands, &instruction, ty), canonical(ty), "{instruction}");
        }
    }

    const UNARY: [&str; 5] = ["ceil", "floor", "trunc", "nearest", "sqrt"];
    const BINARY: [&str; 6] = ["add", "sub", "mul", "div", "min", "max"];

    fn canonical(ty: &str) -> Value {
        match ty {
            "f32" => Value::F32(0x7fc0_0000),
            "f64" => Value::F64(0x7ff8_0000_0000_0000),
            "f32x4" => Value::V128(0x7fc0_0000_7fc0_0000_7fc0_0000_7fc0_0000),
            "f64x2" => Value::V128(0x7ff8_0000_0000_0000_7ff8_0000_0000_0000),
            // The two upper lanes are zeros.
            _ => Value::V128(0x7fc0_0000_7fc0_0000),
        }
    }

    fn run(operands: &str, instruction: &str, ty: &str) -> Value {
        let result = if ty.contains('x') { "v128" } else { ty };
        let text = format!("(module (func (export \"f\") (param i32) (result {result}) ({instruction} {operands})))");
        let wasm = crate::generate::deterministic::make_deterministic(&wat::parse_str(&text).expect("it parses"))
            .expect("it is valid");
        let lane = crate::panel::own_lane("speed/fresh", &Options::default());
        let mut session = lane.session(Features::WASM_2_0).expect("a session");
        let module = session.load(&Binary::new(wasm)).unwrap_or_else(|refusal| panic!("{instruction}: {refusal}"));
        let instance = session.instantiate(module).expect("an instance");
        session.invoke(instance, "f", &[Value::I32(0)]).expect("no trap")[0]
    }
}
