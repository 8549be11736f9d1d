//! [Numeric instructions](https://webassembly.github.io/spec/core/exec/instructions.html#exec-instr-numeric).
//!
//! Each instruction is a function of its operands, named after the instruction. Integers come in the signedness that
//! the instruction gives them. The only other outcome is a trap.

mod conversion;
mod float;
mod integer;
mod wide;

pub(crate) use conversion::*;
pub(crate) use float::*;
pub(crate) use integer::*;
pub(crate) use wide::*;

/// Defines instructions, one line each: the name, the operands, the result, and the result's value.
macro_rules! instructions {
    ($($name:ident($($operand:ident: $ty:ty),+) -> $result:ty = $value:expr;)*) => {
        $(
            #[inline(always)]
            pub(crate) fn $name($($operand: $ty),+) -> $result {
                $value
            }
        )*
    };
}
pub(super) use instructions;
