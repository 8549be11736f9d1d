//! Expressions over the numeric types, which a compiler folds, fuses and reorders. wasm-smith's random instructions
//! hardly contain any whose result is visible. Nothing here traps.

use super::body::Body;
use super::{Plan, heap};
use arbitrary::{Result, Unstructured};
use lanes::Features;
use wasm_encoder::ValType::{self, F32, F64, I32, I64, V128};
use wasm_encoder::{BlockType, Instruction as I};

/// Instructions of one type: the result, the operands, the instructions.
type Family = (ValType, &'static [ValType], &'static [I<'static>]);

/// The instructions without immediates that cannot trap.
const FAMILIES: &[Family] = &[
    (I32, &[I32, I32], &[I::I32Add, I::I32Sub, I::I32Mul, I::I32And, I::I32Or, I::I32Xor]),
    (I32, &[I32, I32], &[I::I32Shl, I::I32ShrS, I::I32ShrU, I::I32Rotl, I::I32Rotr]),
    (I32, &[I32, I32], &[I::I32Eq, I::I32Ne, I::I32LtS, I::I32LtU, I::I32GtS, I::I32GtU, I::I32LeS, I::I32GeU]),
    (I32, &[I32], &[I::I32Eqz, I::I32Eqz, I::I32Clz, I::I32Ctz, I::I32Popcnt, I::I32Extend8S, I::I32Extend16S]),
    (I32, &[I64], &[I::I64Eqz, I::I32WrapI64]),
    (I32, &[I64, I64], &[I::I64Eq, I::I64Ne, I::I64LtS, I::I64LtU, I::I64GtS, I::I64LeU, I::I64GeS, I::I64GeU]),
    (I32, &[F32, F32], &[I::F32Eq, I::F32Ne, I::F32Lt, I::F32Gt, I::F32Le, I::F32Ge]),
    (I32, &[F64, F64], &[I::F64Eq, I::F64Ne, I::F64Lt, I::F64Gt, I::F64Le, I::F64Ge]),
    (I32, &[F32], &[I::I32TruncSatF32S, I::I32TruncSatF32U, I::I32ReinterpretF32]),
    (I32, &[F64], &[I::I32TruncSatF64S, I::I32TruncSatF64U]),
    (
        I32,
        &[V128],
        &[I::V128AnyTrue, I::I8x16AllTrue, I::I32x4AllTrue, I::I8x16Bitmask, I::I16x8Bitmask, I::I64x2Bitmask],
    ),
    (I64, &[I64, I64], &[I::I64Add, I::I64Sub, I::I64Mul, I::I64And, I::I64Or, I::I64Xor]),
    (I64, &[I64, I64], &[I::I64Shl, I::I64ShrS, I::I64ShrU, I::I64Rotl, I::I64Rotr]),
    (I64, &[I64], &[I::I64Clz, I::I64Ctz, I::I64Popcnt, I::I64Extend8S, I::I64Extend16S, I::I64Extend32S]),
    (I64, &[I32], &[I::I64ExtendI32S, I::I64ExtendI32U]),
    (I64, &[F32], &[I::I64TruncSatF32S, I::I64TruncSatF32U]),
    (I64, &[F64], &[I::I64TruncSatF64S, I::I64TruncSatF64U, I::I64ReinterpretF64]),
    (F32, &[F32, F32], &[I::F32Add, I::F32Sub, I::F32Mul, I::F32Div, I::F32Min, I::F32Max, I::F32Copysign]),
    (F32, &[F32], &[I::F32Abs, I::F32Neg, I::F32Ceil, I::F32Floor, I::F32Trunc, I::F32Nearest, I::F32Sqrt]),
    (F32, &[I32], &[I::F32ConvertI32S, I::F32ConvertI32U, I::F32ReinterpretI32]),
    (F32, &[I64], &[I::F32ConvertI64S, I::F32ConvertI64U]),
    (F32, &[F64], &[I::F32DemoteF64]),
    (F64, &[F64, F64], &[I::F64Add, I::F64Sub, I::F64Mul, I::F64Div, I::F64Min, I::F64Max, I::F64Copysign]),
    (F64, &[F64], &[I::F64Abs, I::F64Neg, I::F64Ceil, I::F64Floor, I::F64Trunc, I::F64Nearest, I::F64Sqrt]),
    (F64, &[I32], &[I::F64ConvertI32S, I::F64ConvertI32U]),
    (F64, &[I64], &[I::F64ConvertI64S, I::F64ConvertI64U, I::F64ReinterpretI64]),
    (F64, &[F32], &[I::F64PromoteF32]),
    (V128, &[I32], &[I::I8x16Splat, I::I16x8Splat, I::I32x4Splat]),
    (V128, &[I64], &[I::I64x2Splat]),
    (V128, &[F32], &[I::F32x4Splat]),
    (V128, &[F64], &[I::F64x2Splat]),
    (V128, &[V128], &[I::V128Not, I::I8x16Abs, I::I16x8Neg, I::I8x16Popcnt, I::I32x4Abs, I::I64x2Abs, I::I64x2Neg]),
    (
        V128,
        &[V128],
        &[I::F32x4Abs, I::F32x4Neg, I::F32x4Ceil, I::F32x4Sqrt, I::F64x2Nearest, I::F64x2Trunc, I::F64x2Neg],
    ),
    (
        V128,
        &[V128],
        &[I::I32x4TruncSatF32x4S, I::I32x4TruncSatF32x4U, I::I32x4TruncSatF64x2SZero, I::I32x4TruncSatF64x2UZero],
    ),
    (
        V128,
        &[V128],
        &[I::F32x4ConvertI32x4S, I::F32x4ConvertI32x4U, I::F64x2ConvertLowI32x4S, I::F64x2ConvertLowI32x4U],
    ),
    (V128, &[V128], &[I::F32x4DemoteF64x2Zero, I::F64x2PromoteLowF32x4, I::I16x8ExtAddPairwiseI8x16S]),
    (
        V128,
        &[V128],
        &[I::I16x8ExtendLowI8x16S, I::I16x8ExtendHighI8x16U, I::I32x4ExtendLowI16x8U, I::I64x2ExtendHighI32x4S],
    ),
    (V128, &[V128, V128], &[I::V128And, I::V128AndNot, I::V128Or, I::V128Xor, I::I8x16Swizzle]),
    (V128, &[V128, V128], &[I::I8x16Add, I::I8x16SubSatS, I::I8x16AddSatU, I::I8x16MinS, I::I8x16MaxU, I::I8x16AvgrU]),
    (V128, &[V128, V128], &[I::I16x8Mul, I::I16x8SubSatU, I::I16x8MinU, I::I16x8Q15MulrSatS, I::I16x8ExtMulHighI8x16S]),
    (V128, &[V128, V128], &[I::I32x4Add, I::I32x4Mul, I::I32x4MaxS, I::I32x4DotI16x8S, I::I64x2Mul, I::I64x2Sub]),
    (V128, &[V128, V128], &[I::I8x16NarrowI16x8S, I::I8x16NarrowI16x8U, I::I16x8NarrowI32x4S, I::I64x2ExtMulLowI32x4U]),
    (V128, &[V128, V128], &[I::I8x16Eq, I::I8x16LtU, I::I16x8GtS, I::I32x4LeU, I::I64x2LtS, I::F32x4Lt, I::F64x2Ge]),
    (
        V128,
        &[V128, V128],
        &[I::F32x4Add, I::F32x4Div, I::F32x4Min, I::F32x4PMax, I::F64x2Sub, I::F64x2Max, I::F64x2PMin],
    ),
    (V128, &[V128, I32], &[I::I8x16Shl, I::I8x16ShrS, I::I16x8ShrU, I::I32x4Shl, I::I64x2ShrS, I::I64x2ShrU]),
    (V128, &[V128, V128, V128], &[I::V128Bitselect]),
];

const TYPES: [ValType; 5] = [I32, I64, F32, F64, V128];

/// Emits a few expressions, and adds each result to a sum.
pub(super) fn compute(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    for _ in 0..u.int_in_range(1..=4)? {
        let ty = *u.choose(&TYPES)?;
        let depth = u.int_in_range(1..=5)?;
        expression(u, plan, body, ty, depth)?;
        body.sum(u, plan, ty)?;
    }
    Ok(())
}

/// The relaxed instructions.
const RELAXED: &[Family] = &[
    (
        V128,
        &[V128, V128],
        &[I::I8x16RelaxedSwizzle, I::I16x8RelaxedQ15mulrS, I::I16x8RelaxedDotI8x16I7x16S, I::F32x4RelaxedMin],
    ),
    (V128, &[V128, V128], &[I::F32x4RelaxedMax, I::F64x2RelaxedMin, I::F64x2RelaxedMax]),
    (
        V128,
        &[V128, V128, V128],
        &[I::F32x4RelaxedMadd, I::F32x4RelaxedNmadd, I::F64x2RelaxedMadd, I::I32x4RelaxedDotI8x16I7x16AddS],
    ),
    (V128, &[V128, V128, V128], &[I::I8x16RelaxedLaneselect, I::I32x4RelaxedLaneselect, I::I64x2RelaxedLaneselect]),
    (V128, &[V128], &[I::I32x4RelaxedTruncF32x4S, I::I32x4RelaxedTruncF64x2UZero]),
];

/// The instructions of wide arithmetic, which have two results.
const WIDE: &[(&[ValType], &[I<'static>])] =
    &[(&[I64, I64, I64, I64], &[I::I64Add128, I::I64Sub128]), (&[I64, I64], &[I::I64MulWideS, I::I64MulWideU])];

/// Pushes a value of type `ty` that `depth` levels of instructions compute.
pub(super) fn expression(
    u: &mut Unstructured<'_>,
    plan: &Plan,
    body: &mut Body,
    ty: ValType,
    depth: u32,
) -> Result<()> {
    if depth == 0 || u.is_empty() {
        return body.value(u, plan, ty);
    }
    let below = depth - 1;
    match u.int_in_range(0..=9)? {
        0 | 1 => {
            expression(u, plan, body, ty, below)?;
            expression(u, plan, body, ty, below.min(1))?;
            expression(u, plan, body, I32, below)?;
            body.push(I::Select);
            Ok(())
        }
        2 => branches(u, plan, body, ty, below),
        3 => {
            expression(u, plan, body, ty, below)?;
            body.tee(ty);
            Ok(())
        }
        4 if ty == I32 && plan.heap.is_some() => heap::question(u, plan, body, below.min(2)),
        4 if ty == I64 && plan.features.contains(Features::WIDE_ARITHMETIC) => wide(u, plan, body, below),
        _ => {
            let relaxed = if plan.features.contains(Features::RELAXED_SIMD) { RELAXED } else { &[] };
            let fitting: Vec<_> = FAMILIES.iter().chain(relaxed).filter(|(result, ..)| *result == ty).collect();
            let (_, operands, instructions) = u.choose(&fitting)?;
            for &operand in *operands {
                let depth = u.int_in_range(0..=below)?;
                expression(u, plan, body, operand, depth)?;
            }
            let instruction = u.choose(instructions)?.clone();
            body.push(instruction);
            Ok(())
        }
    }
}

/// Pushes the difference of the two results of wide arithmetic.
fn wide(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, depth: u32) -> Result<()> {
    let (operands, instructions) = u.choose(WIDE)?;
    operands.iter().try_for_each(|&operand| expression(u, plan, body, operand, depth.min(1)))?;
    let instruction = u.choose(instructions)?.clone();
    body.extend([instruction, I::I64Sub]);
    Ok(())
}

/// Pushes one of two values, chosen by an `if` or by a branch out of a block.
fn branches(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, ty: ValType, depth: u32) -> Result<()> {
    let block = BlockType::Result(ty);
    if u.arbitrary()? {
        expression(u, plan, body, I32, depth)?;
        body.push(I::If(block));
        expression(u, plan, body, ty, depth)?;
        body.push(I::Else);
    } else {
        body.push(I::Block(block));
        expression(u, plan, body, ty, depth)?;
        expression(u, plan, body, I32, depth)?;
        body.extend([I::BrIf(0), I::Drop]);
    }
    expression(u, plan, body, ty, depth.min(1))?;
    body.push(I::End);
    Ok(())
}
