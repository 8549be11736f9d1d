//! Vector instructions.

use crate::instructions::table::for_each_vector;
use crate::instructions::vector::*;
use crate::slot::{Operand, Reg, Registers, V128};

macro_rules! define {
    (
        unary { $($unary:ident $unary_fn:ident ($unary_in:ty) -> $unary_out:ty;)* }
        binary { $($binary:ident $binary_fn:ident ($left:ty, $right:ty) -> $binary_out:ty;)* }
        ternary { $($ternary:ident $ternary_fn:ident ($first:ty, $second:ty, $third:ty) -> $ternary_out:ty;)* }
        extract { $($extract:ident $extract_fn:ident ($extract_in:ty) -> $extract_out:ty;)* }
        replace { $($replace:ident $replace_fn:ident ($replace_in:ty, $lane:ty) -> $replace_out:ty;)* }
        $($rest:tt)*
    ) => {
        /// A vector instruction whose operands are slots.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u16)]
        pub(crate) enum VectorOp { $($unary,)* $($binary,)* $($ternary,)* $($extract,)* $($replace,)* }

        impl VectorOp {
            /// Executes the instruction.
            #[inline(never)]
            pub(crate) fn run(self, registers: &mut Registers, d: Reg, a: Reg, b: Reg, c: Reg) {
                match self {
                    $(VectorOp::$unary => $unary_fn(<$unary_in>::read(registers, a)).write(registers, d),)*
                    $(VectorOp::$binary => {
                        $binary_fn(<$left>::read(registers, a), <$right>::read(registers, b)).write(registers, d);
                    })*
                    $(VectorOp::$ternary => {
                        let (first, second) = (<$first>::read(registers, a), <$second>::read(registers, b));
                        $ternary_fn(first, second, <$third>::read(registers, c)).write(registers, d);
                    })*
                    $(VectorOp::$extract => $extract_fn(<$extract_in>::read(registers, a), c as u8).write(registers, d),)*
                    $(VectorOp::$replace => {
                        let lane = <$lane>::read(registers, b);
                        $replace_fn(<$replace_in>::read(registers, a), lane, c as u8).write(registers, d);
                    })*
                }
            }
        }
    };
}
for_each_vector!(define);
