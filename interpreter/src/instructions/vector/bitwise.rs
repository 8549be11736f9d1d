//! Instructions on all 128 bits
//! ([vvunop and the three that follow](https://webassembly.github.io/spec/core/exec/instructions.html#exec-instr-vec)).

use crate::instructions::numeric::instructions as small_instructions;
use crate::slot::V128;

// https://webassembly.github.io/spec/core/exec/numerics.html#op-inot, #op-iand, #op-iandnot, #op-ior, #op-ixor
small_instructions! {
    v128_not(a: V128) -> V128 = V128(!a.0);
    v128_and(a: V128, b: V128) -> V128 = V128(a.0 & b.0);
    v128_andnot(a: V128, b: V128) -> V128 = V128(a.0 & !b.0);
    v128_or(a: V128, b: V128) -> V128 = V128(a.0 | b.0);
    v128_xor(a: V128, b: V128) -> V128 = V128(a.0 ^ b.0);
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ibitselect: the bits of `a` where `c` has ones.
small_instructions! {
    v128_bitselect(a: V128, b: V128, c: V128) -> V128 = V128(a.0 & c.0 | b.0 & !c.0);
}

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vvtestop
small_instructions! {
    v128_any_true(a: V128) -> bool = a.0 != 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_combinations_of_bits_are_right() {
        let (a, b, c) = (V128(0b1111_0000), V128(0b1100_1100), V128(0b1010_1010));
        assert_eq!(v128_not(a).0, u128::MAX - 0b1111_0000);
        assert_eq!(v128_and(a, b).0, 0b1100_0000);
        assert_eq!(v128_andnot(a, b).0, 0b0011_0000);
        assert_eq!(v128_or(a, b).0, 0b1111_1100);
        assert_eq!(v128_xor(a, b).0, 0b0011_1100);
        assert_eq!(v128_bitselect(a, b, c).0, 0b1110_0100);
    }

    #[test]
    fn any_bit_is_true() {
        assert_eq!([0, 1, 1 << 64, 1 << 127].map(|a| v128_any_true(V128(a))), [false, true, true, true]);
    }
}
