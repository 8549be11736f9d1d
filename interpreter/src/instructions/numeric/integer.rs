//! Integer instructions ([Integer operations](https://webassembly.github.io/spec/core/exec/numerics.html#int-ops)).

use super::instructions;
use crate::trap::Trap;

// https://webassembly.github.io/spec/core/exec/numerics.html#op-iadd, #op-isub, #op-imul: modulo 2^N.
instructions! {
    i32_add(a: u32, b: u32) -> u32 = a.wrapping_add(b);
    i64_add(a: u64, b: u64) -> u64 = a.wrapping_add(b);
    i32_sub(a: u32, b: u32) -> u32 = a.wrapping_sub(b);
    i64_sub(a: u64, b: u64) -> u64 = a.wrapping_sub(b);
    i32_mul(a: u32, b: u32) -> u32 = a.wrapping_mul(b);
    i64_mul(a: u64, b: u64) -> u64 = a.wrapping_mul(b);
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-idiv: toward zero. A signed quotient
// overflows if it is 2^(N-1).
instructions! {
    i32_div_u(a: u32, b: u32) -> Result<u32, Trap> = a.checked_div(b).ok_or(Trap::IntegerDivisionByZero);
    i64_div_u(a: u64, b: u64) -> Result<u64, Trap> = a.checked_div(b).ok_or(Trap::IntegerDivisionByZero);
    i32_div_s(a: i32, b: i32) -> Result<i32, Trap> = match b {
        0 => Err(Trap::IntegerDivisionByZero),
        _ => a.checked_div(b).ok_or(Trap::IntegerOverflow),
    };
    i64_div_s(a: i64, b: i64) -> Result<i64, Trap> = match b {
        0 => Err(Trap::IntegerDivisionByZero),
        _ => a.checked_div(b).ok_or(Trap::IntegerOverflow),
    };
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-irem: with the sign of the dividend. The
// remainder of the division that overflows is zero.
instructions! {
    i32_rem_u(a: u32, b: u32) -> Result<u32, Trap> = a.checked_rem(b).ok_or(Trap::IntegerDivisionByZero);
    i64_rem_u(a: u64, b: u64) -> Result<u64, Trap> = a.checked_rem(b).ok_or(Trap::IntegerDivisionByZero);
    i32_rem_s(a: i32, b: i32) -> Result<i32, Trap> = match b {
        0 => Err(Trap::IntegerDivisionByZero),
        _ => Ok(a.wrapping_rem(b)),
    };
    i64_rem_s(a: i64, b: i64) -> Result<i64, Trap> = match b {
        0 => Err(Trap::IntegerDivisionByZero),
        _ => Ok(a.wrapping_rem(b)),
    };
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-iand, #op-ior, #op-ixor
instructions! {
    i32_and(a: u32, b: u32) -> u32 = a & b;
    i64_and(a: u64, b: u64) -> u64 = a & b;
    i32_or(a: u32, b: u32) -> u32 = a | b;
    i64_or(a: u64, b: u64) -> u64 = a | b;
    i32_xor(a: u32, b: u32) -> u32 = a ^ b;
    i64_xor(a: u64, b: u64) -> u64 = a ^ b;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ishl, #op-ishr, #op-irotl, #op-irotr: by
// a distance modulo N, which a power of two divides, so that the high bits of a distance do not count.
instructions! {
    i32_shl(a: u32, b: u32) -> u32 = a.wrapping_shl(b);
    i64_shl(a: u64, b: u64) -> u64 = a.wrapping_shl(b as u32);
    i32_shr_u(a: u32, b: u32) -> u32 = a.wrapping_shr(b);
    i64_shr_u(a: u64, b: u64) -> u64 = a.wrapping_shr(b as u32);
    i32_shr_s(a: i32, b: u32) -> i32 = a.wrapping_shr(b);
    i64_shr_s(a: i64, b: u64) -> i64 = a.wrapping_shr(b as u32);
    i32_rotl(a: u32, b: u32) -> u32 = a.rotate_left(b % 32);
    i64_rotl(a: u64, b: u64) -> u64 = a.rotate_left(b as u32 % 64);
    i32_rotr(a: u32, b: u32) -> u32 = a.rotate_right(b % 32);
    i64_rotr(a: u64, b: u64) -> u64 = a.rotate_right(b as u32 % 64);
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-iclz, #op-ictz, #op-ipopcnt: N for the zeros of zero.
instructions! {
    i32_clz(a: u32) -> u32 = a.leading_zeros();
    i64_clz(a: u64) -> u64 = u64::from(a.leading_zeros());
    i32_ctz(a: u32) -> u32 = a.trailing_zeros();
    i64_ctz(a: u64) -> u64 = u64::from(a.trailing_zeros());
    i32_popcnt(a: u32) -> u32 = a.count_ones();
    i64_popcnt(a: u64) -> u64 = u64::from(a.count_ones());
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ieqz, #op-ieq, #op-ine
instructions! {
    i32_eqz(a: u32) -> bool = a == 0;
    i64_eqz(a: u64) -> bool = a == 0;
    i32_eq(a: u32, b: u32) -> bool = a == b;
    i64_eq(a: u64, b: u64) -> bool = a == b;
    i32_ne(a: u32, b: u32) -> bool = a != b;
    i64_ne(a: u64, b: u64) -> bool = a != b;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ilt, #op-igt, #op-ile, #op-ige
instructions! {
    i32_lt_u(a: u32, b: u32) -> bool = a < b;
    i32_lt_s(a: i32, b: i32) -> bool = a < b;
    i64_lt_u(a: u64, b: u64) -> bool = a < b;
    i64_lt_s(a: i64, b: i64) -> bool = a < b;
    i32_gt_u(a: u32, b: u32) -> bool = a > b;
    i32_gt_s(a: i32, b: i32) -> bool = a > b;
    i64_gt_u(a: u64, b: u64) -> bool = a > b;
    i64_gt_s(a: i64, b: i64) -> bool = a > b;
    i32_le_u(a: u32, b: u32) -> bool = a <= b;
    i32_le_s(a: i32, b: i32) -> bool = a <= b;
    i64_le_u(a: u64, b: u64) -> bool = a <= b;
    i64_le_s(a: i64, b: i64) -> bool = a <= b;
    i32_ge_u(a: u32, b: u32) -> bool = a >= b;
    i32_ge_s(a: i32, b: i32) -> bool = a >= b;
    i64_ge_u(a: u64, b: u64) -> bool = a >= b;
    i64_ge_s(a: i64, b: i64) -> bool = a >= b;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-iextendn: the low bits, taken as signed.
instructions! {
    i32_extend8_s(a: u32) -> i32 = i32::from(a as i8);
    i32_extend16_s(a: u32) -> i32 = i32::from(a as i16);
    i64_extend8_s(a: u64) -> i64 = i64::from(a as i8);
    i64_extend16_s(a: u64) -> i64 = i64::from(a as i16);
    i64_extend32_s(a: u64) -> i64 = i64::from(a as i32);
}

#[cfg(test)]
mod tests {
    use super::*;

    const U32: [u32; 9] = [0, 1, 2, 31, 32, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff];
    const U64: [u64; 9] = [0, 1, 2, 63, 64, i64::MAX as u64, 1 << 63, (1 << 63) + 1, u64::MAX];

    #[test]
    fn arithmetic_is_modulo_the_width() {
        for (a, b) in U32.into_iter().flat_map(|a| U32.map(|b| (a, b))) {
            let (x, y) = (i128::from(a), i128::from(b));
            assert_eq!(i128::from(i32_add(a, b)), (x + y).rem_euclid(1 << 32));
            assert_eq!(i128::from(i32_sub(a, b)), (x - y).rem_euclid(1 << 32));
            assert_eq!(i128::from(i32_mul(a, b)), (x * y).rem_euclid(1 << 32));
        }
        for (a, b) in U64.into_iter().flat_map(|a| U64.map(|b| (a, b))) {
            let (x, y) = (u128::from(a), u128::from(b));
            assert_eq!(u128::from(i64_add(a, b)), (x + y) % (1 << 64));
            assert_eq!(u128::from(i64_sub(a, b)), (x + (1 << 64) - y) % (1 << 64));
            assert_eq!(u128::from(i64_mul(a, b)), (x * y) % (1 << 64));
        }
    }

    #[test]
    fn division_traps_by_zero_and_by_overflow() {
        assert_eq!(i32_div_u(7, 2), Ok(3));
        assert_eq!(i32_div_u(0x8000_0000, 0xffff_ffff), Ok(0));
        assert_eq!(i32_div_s(-7, 2), Ok(-3));
        assert_eq!(i32_div_s(7, -2), Ok(-3));
        assert_eq!(i32_rem_s(-7, 2), Ok(-1));
        assert_eq!(i32_rem_s(7, -2), Ok(1));
        assert_eq!(i32_rem_u(7, 4), Ok(3));
        assert_eq!(i32_rem_s(i32::MIN, -1), Ok(0));
        assert_eq!(i32_div_s(i32::MIN, -1), Err(Trap::IntegerOverflow));
        assert_eq!(i32_div_s(i32::MIN, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(i32_div_u(1, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(i32_rem_s(i32::MIN, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(i32_rem_u(1, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(i64_div_u(1 << 63, u64::MAX), Ok(0));
        assert_eq!(i64_div_u(u64::MAX, 10), Ok(1_844_674_407_370_955_161));
        assert_eq!(i64_div_s(-7, 2), Ok(-3));
        assert_eq!(i64_rem_s(-7, 2), Ok(-1));
        assert_eq!(i64_rem_u(u64::MAX, 10), Ok(5));
        assert_eq!(i64_rem_s(i64::MIN, -1), Ok(0));
        assert_eq!(i64_div_s(i64::MIN, -1), Err(Trap::IntegerOverflow));
        assert_eq!(i64_div_s(0, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(i64_div_u(0, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(i64_rem_s(0, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(i64_rem_u(0, 0), Err(Trap::IntegerDivisionByZero));
    }

    /// Shifts and rotates by multiplication and division, for each distance and for distances beyond the width.
    #[test]
    fn shifts_are_by_a_distance_modulo_the_width() {
        for (a, by) in U32.into_iter().flat_map(|a| (0..100).map(move |by| (a, by))) {
            let power = 1_i128 << (by % 32);
            let (shifted, down) = (i128::from(a) * power, i128::from(a) / power);
            assert_eq!(i128::from(i32_shl(a, by)), shifted % (1 << 32));
            assert_eq!(i128::from(i32_shr_u(a, by)), down);
            assert_eq!(i128::from(i32_shr_s(a as i32, by)), i128::from(a as i32).div_euclid(power));
            assert_eq!(i128::from(i32_rotl(a, by)), shifted % (1 << 32) + shifted / (1 << 32));
            assert_eq!(i32_rotl(i32_rotr(a, by), by), a);
        }
        for (a, by) in U64.into_iter().flat_map(|a| (0..200).map(move |by| (a, by))) {
            let by = by + (5 << 40) * u64::from(by > 130);
            let power = 1_u128 << (by % 64);
            let (shifted, down) = (u128::from(a) * power, u128::from(a) / power);
            assert_eq!(u128::from(i64_shl(a, by)), shifted % (1 << 64));
            assert_eq!(u128::from(i64_shr_u(a, by)), down);
            assert_eq!(i128::from(i64_shr_s(a as i64, by)), i128::from(a as i64).div_euclid(power as i128));
            assert_eq!(u128::from(i64_rotl(a, by)), shifted % (1 << 64) + shifted / (1 << 64));
            assert_eq!(i64_rotl(i64_rotr(a, by), by), a);
        }
    }

    #[test]
    fn bits_are_counted() {
        let counts = |a: u32| (i32_clz(a), i32_ctz(a), i32_popcnt(a));
        assert_eq!(counts(0), (32, 32, 0));
        assert_eq!(counts(1), (31, 0, 1));
        assert_eq!(counts(0x00a0_0100), (8, 8, 3));
        assert_eq!(counts(u32::MAX), (0, 0, 32));
        let counts = |a: u64| (i64_clz(a), i64_ctz(a), i64_popcnt(a));
        assert_eq!(counts(0), (64, 64, 0));
        assert_eq!(counts(1 << 40), (23, 40, 1));
        assert_eq!(counts(u64::MAX), (0, 0, 64));
    }

    #[test]
    fn bitwise_instructions_are_boolean() {
        let (a, b) = (0b1100, 0b1010);
        assert_eq!((i32_and(a, b), i32_or(a, b), i32_xor(a, b)), (0b1000, 0b1110, 0b0110));
        let (a, b) = (0b1100 << 40, 0b1010 << 40);
        assert_eq!((i64_and(a, b), i64_or(a, b), i64_xor(a, b)), (0b1000 << 40, 0b1110 << 40, 0b0110 << 40));
    }

    /// Compares by the sign of the difference of the values that the specification compares.
    #[test]
    fn comparisons_follow_their_signedness() {
        let outcomes = |difference: i128| {
            (difference == 0, difference != 0, difference < 0, difference > 0, difference <= 0, difference >= 0)
        };
        for (a, b) in U32.into_iter().flat_map(|a| U32.map(|b| (a, b))) {
            let unsigned = (i32_eq(a, b), i32_ne(a, b), i32_lt_u(a, b), i32_gt_u(a, b), i32_le_u(a, b), i32_ge_u(a, b));
            assert_eq!(unsigned, outcomes(i128::from(a) - i128::from(b)));
            let (a, b) = (a as i32, b as i32);
            let signed = (a == b, a != b, i32_lt_s(a, b), i32_gt_s(a, b), i32_le_s(a, b), i32_ge_s(a, b));
            assert_eq!(signed, outcomes(i128::from(a) - i128::from(b)));
        }
        for (a, b) in U64.into_iter().flat_map(|a| U64.map(|b| (a, b))) {
            let unsigned = (i64_eq(a, b), i64_ne(a, b), i64_lt_u(a, b), i64_gt_u(a, b), i64_le_u(a, b), i64_ge_u(a, b));
            assert_eq!(unsigned, outcomes(i128::from(a) - i128::from(b)));
            let (a, b) = (a as i64, b as i64);
            let signed = (a == b, a != b, i64_lt_s(a, b), i64_gt_s(a, b), i64_le_s(a, b), i64_ge_s(a, b));
            assert_eq!(signed, outcomes(i128::from(a) - i128::from(b)));
        }
        assert_eq!([0, 1, 1 << 31].map(i32_eqz), [true, false, false]);
        assert_eq!([0, 1, 1 << 32].map(i64_eqz), [true, false, false]);
    }

    #[test]
    fn sign_extension_takes_the_low_bits() {
        assert_eq!([0x7f, 0x80, 0xff, 0x1200].map(i32_extend8_s), [127, -128, -1, 0]);
        assert_eq!([0x7fff, 0x8000, 0x1_ffff].map(i32_extend16_s), [32767, -32768, -1]);
        assert_eq!([0x7f, 0x80, 0xff, 1 << 40].map(i64_extend8_s), [127, -128, -1, 0]);
        assert_eq!([0x7fff, 0x8000, 0x1_ffff].map(i64_extend16_s), [32767, -32768, -1]);
        assert_eq!([0x7fff_ffff, 0x8000_0000, u64::MAX << 32].map(i64_extend32_s), [0x7fff_ffff, -0x8000_0000, 0]);
    }
}
