//! Numeric instructions with immediates or results that the compact forms have no room for
//! ([Numeric instructions](https://webassembly.github.io/spec/core/exec/instructions.html#numeric-instructions)).

use super::{Context, Stop};
use crate::instructions::{numeric, vector};
use crate::rewrite::rare::Rare;
use crate::slot::V128;

pub(crate) fn v128_const(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    context.set_result(rare, V128(u128::from_le_bytes(rare.lanes)));
    Ok(())
}

pub(crate) fn i8x16_shuffle(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (a, b) = (context.operand(rare, 0), context.operand(rare, 1));
    context.set_result(rare, vector::i8x16_shuffle(a, b, rare.lanes));
    Ok(())
}

macro_rules! wide {
    ($($name:ident($($index:literal),*);)*) => {
        $(pub(crate) fn $name(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (low, high) = numeric::$name($(context.operand(rare, $index)),*);
            context.set_result(rare, V128(u128::from(low) | u128::from(high) << 64));
            Ok(())
        })*
    };
}

wide! {
    i64_add128(0, 1, 2, 3);
    i64_sub128(0, 1, 2, 3);
    i64_mul_wide_s(0, 1);
    i64_mul_wide_u(0, 1);
}

pub(crate) fn f32x4_canonicalize(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let value = vector::f32x4_canonicalize(context.operand(rare, 0));
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn f64x2_canonicalize(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let value = vector::f64x2_canonicalize(context.operand(rare, 0));
    context.set_result(rare, value);
    Ok(())
}
