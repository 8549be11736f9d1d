//! [Vector instructions](https://webassembly.github.io/spec/core/exec/instructions.html#exec-instr-vec).
//!
//! Each instruction is a function of its operands, named after the instruction. Immediates follow the operands. Most
//! instructions apply a scalar operation lane by lane: [`map`] and [`zip`] are the specification's lane-wise operators.

mod bitwise;
mod comparison;
mod conversion;
mod float;
mod integer;
mod lane;
mod relaxed;
mod shape;
mod shift;
#[cfg(test)]
mod tests;
mod widening;

pub(crate) use bitwise::*;
pub(crate) use comparison::*;
pub(crate) use conversion::*;
pub(crate) use float::*;
pub(crate) use integer::*;
pub(crate) use lane::*;
pub(crate) use relaxed::*;
pub(crate) use shape::{Lane, map, zip};
pub(crate) use shift::*;
pub(crate) use widening::*;

/// Defines instructions, one line each: the name, the operands, the result, and the result's value. They are too
/// large to be inlined into the interpreter's loop.
macro_rules! instructions {
    ($($name:ident($($operand:ident: $ty:ty),+) -> $result:ty = $value:expr;)*) => {
        $(
            #[inline(never)]
            pub(crate) fn $name($($operand: $ty),+) -> $result {
                $value
            }
        )*
    };
}
use instructions;

/// Defines instructions on one vector by the operation on a lane.
macro_rules! lanewise_unary {
    ($($name:ident = $operation:expr;)*) => {
        super::instructions! { $($name(a: V128) -> V128 = map(a, $operation);)* }
    };
}
use lanewise_unary;

/// Defines instructions on two vectors by the operation on a pair of lanes.
macro_rules! lanewise_binary {
    ($($name:ident = $operation:expr;)*) => {
        super::instructions! { $($name(a: V128, b: V128) -> V128 = zip(a, b, $operation);)* }
    };
}
use lanewise_binary;
