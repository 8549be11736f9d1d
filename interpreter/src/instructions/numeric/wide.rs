//! Arithmetic on integers of 128 bits, which are pairs of 64 bits, the low half first
//! ([Wide arithmetic](https://github.com/WebAssembly/wide-arithmetic/blob/main/proposals/wide-arithmetic/Overview.md)).

use super::instructions;

// Modulo 2^128.
instructions! {
    i64_add128(a_low: u64, a_high: u64, b_low: u64, b_high: u64) -> (u64, u64)
        = split(join(a_low, a_high).wrapping_add(join(b_low, b_high)));
    i64_sub128(a_low: u64, a_high: u64, b_low: u64, b_high: u64) -> (u64, u64)
        = split(join(a_low, a_high).wrapping_sub(join(b_low, b_high)));
}

// The whole product, which 128 bits can hold.
instructions! {
    i64_mul_wide_u(a: u64, b: u64) -> (u64, u64) = split(u128::from(a) * u128::from(b));
    i64_mul_wide_s(a: i64, b: i64) -> (u64, u64) = split((i128::from(a) * i128::from(b)).cast_unsigned());
}

#[inline(always)]
fn join(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

#[inline(always)]
fn split(a: u128) -> (u64, u64) {
    (a as u64, (a >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = u64::MAX;

    #[test]
    fn sums_carry_and_differences_borrow() {
        assert_eq!(i64_add128(1, 2, 3, 4), (4, 6));
        assert_eq!(i64_add128(MAX, 0, 1, 0), (0, 1));
        assert_eq!(i64_add128(MAX, MAX, 1, 0), (0, 0));
        assert_eq!(i64_add128(MAX, 7, MAX, 8), (MAX - 1, 16));
        assert_eq!(i64_sub128(4, 6, 3, 4), (1, 2));
        assert_eq!(i64_sub128(0, 1, 1, 0), (MAX, 0));
        assert_eq!(i64_sub128(0, 0, 1, 0), (MAX, MAX));
    }

    #[test]
    fn products_are_whole() {
        assert_eq!(i64_mul_wide_u(MAX, MAX), (1, MAX - 1));
        assert_eq!(i64_mul_wide_u(1 << 63, 6), (0, 3));
        assert_eq!(i64_mul_wide_s(-1, -1), (1, 0));
        assert_eq!(i64_mul_wide_s(-1, 1), (MAX, MAX));
        assert_eq!(i64_mul_wide_s(i64::MIN, i64::MIN), (0, 1 << 62));
        assert_eq!(i64_mul_wide_s(i64::MIN, 2), (0, MAX));
    }
}
