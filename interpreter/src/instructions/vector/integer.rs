//! Arithmetic on integer lanes
//! ([Integer operations](https://webassembly.github.io/spec/core/exec/numerics.html#int-ops)).

use super::{Lane, instructions, lanewise_binary, lanewise_unary, map, zip};
use crate::slot::V128;

// https://webassembly.github.io/spec/core/exec/numerics.html#op-iadd, #op-isub, #op-imul: modulo 2^N.
lanewise_binary! {
    i8x16_add = u8::wrapping_add;
    i16x8_add = u16::wrapping_add;
    i32x4_add = u32::wrapping_add;
    i64x2_add = u64::wrapping_add;
    i8x16_sub = u8::wrapping_sub;
    i16x8_sub = u16::wrapping_sub;
    i32x4_sub = u32::wrapping_sub;
    i64x2_sub = u64::wrapping_sub;
    i16x8_mul = u16::wrapping_mul;
    i32x4_mul = u32::wrapping_mul;
    i64x2_mul = u64::wrapping_mul;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-iadd-sat, #op-isub-sat
lanewise_binary! {
    i8x16_add_sat_u = u8::saturating_add;
    i8x16_add_sat_s = i8::saturating_add;
    i16x8_add_sat_u = u16::saturating_add;
    i16x8_add_sat_s = i16::saturating_add;
    i8x16_sub_sat_u = u8::saturating_sub;
    i8x16_sub_sat_s = i8::saturating_sub;
    i16x8_sub_sat_u = u16::saturating_sub;
    i16x8_sub_sat_s = i16::saturating_sub;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-imin, #op-imax
lanewise_binary! {
    i8x16_min_u = u8::min;
    i8x16_min_s = i8::min;
    i16x8_min_u = u16::min;
    i16x8_min_s = i16::min;
    i32x4_min_u = u32::min;
    i32x4_min_s = i32::min;
    i8x16_max_u = u8::max;
    i8x16_max_s = i8::max;
    i16x8_max_u = u16::max;
    i16x8_max_s = i16::max;
    i32x4_max_u = u32::max;
    i32x4_max_s = i32::max;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-iavgr: half the sum, rounded up.
lanewise_binary! {
    i8x16_avgr_u = |a: u8, b: u8| (u16::from(a) + u16::from(b)).div_ceil(2) as u8;
    i16x8_avgr_u = |a: u16, b: u16| (u32::from(a) + u32::from(b)).div_ceil(2) as u16;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-iq15mulrsat: numbers with 15 bits for the fraction.
// Only the product of the smallest with itself is too large.
lanewise_binary! {
    i16x8_q15mulr_sat_s = |a: i16, b: i16| saturate_i16((i32::from(a) * i32::from(b) + (1 << 14)) >> 15);
}

/// Returns the nearest number of 16 bits.
#[inline(always)]
pub(super) fn saturate_i16(a: i32) -> i16 {
    a.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-iabs, #op-ineg: modulo 2^N: the smallest number stays.
lanewise_unary! {
    i8x16_abs = i8::wrapping_abs;
    i16x8_abs = i16::wrapping_abs;
    i32x4_abs = i32::wrapping_abs;
    i64x2_abs = i64::wrapping_abs;
    i8x16_neg = i8::wrapping_neg;
    i16x8_neg = i16::wrapping_neg;
    i32x4_neg = i32::wrapping_neg;
    i64x2_neg = i64::wrapping_neg;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ipopcnt
lanewise_unary! {
    i8x16_popcnt = |a: u8| a.count_ones() as u8;
}

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vtestop
instructions! {
    i8x16_all_true(a: V128) -> bool = u8::lanes(a).iter().all(|lane| *lane != 0);
    i16x8_all_true(a: V128) -> bool = u16::lanes(a).iter().all(|lane| *lane != 0);
    i32x4_all_true(a: V128) -> bool = u32::lanes(a).iter().all(|lane| *lane != 0);
    i64x2_all_true(a: V128) -> bool = u64::lanes(a).iter().all(|lane| *lane != 0);
}

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vbitmask: the sign of lane i as bit i.
instructions! {
    i8x16_bitmask(a: V128) -> u32 = i8::lanes(a).iter().rfold(0, |bits, lane| bits << 1 | u32::from(*lane < 0));
    i16x8_bitmask(a: V128) -> u32 = i16::lanes(a).iter().rfold(0, |bits, lane| bits << 1 | u32::from(*lane < 0));
    i32x4_bitmask(a: V128) -> u32 = i32::lanes(a).iter().rfold(0, |bits, lane| bits << 1 | u32::from(*lane < 0));
    i64x2_bitmask(a: V128) -> u32 = i64::lanes(a).iter().rfold(0, |bits, lane| bits << 1 | u32::from(*lane < 0));
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_binary, check_unary};
    use super::*;

    #[test]
    fn arithmetic_is_modulo_the_width() {
        check_binary::<u8, u8, 16>(i8x16_add, |a, b| a + b);
        check_binary::<u8, u8, 16>(i8x16_sub, |a, b| a - b);
        check_binary::<u16, u16, 8>(i16x8_add, |a, b| a + b);
        check_binary::<u16, u16, 8>(i16x8_sub, |a, b| a - b);
        check_binary::<u16, u16, 8>(i16x8_mul, |a, b| a * b);
        check_binary::<u32, u32, 4>(i32x4_add, |a, b| a + b);
        check_binary::<u32, u32, 4>(i32x4_sub, |a, b| a - b);
        check_binary::<u32, u32, 4>(i32x4_mul, |a, b| a * b);
        check_binary::<u64, u64, 2>(i64x2_add, |a, b| a + b);
        check_binary::<u64, u64, 2>(i64x2_sub, |a, b| a - b);
        check_binary::<i64, i64, 2>(i64x2_mul, |a, b| a.wrapping_mul(b));
    }

    #[test]
    fn saturation_ends_at_the_bounds() {
        check_binary::<u8, u8, 16>(i8x16_add_sat_u, |a, b| (a + b).clamp(0, (1 << 8) - 1));
        check_binary::<i8, i8, 16>(i8x16_add_sat_s, |a, b| (a + b).clamp(-(1 << 7), (1 << 7) - 1));
        check_binary::<u8, u8, 16>(i8x16_sub_sat_u, |a, b| (a - b).clamp(0, (1 << 8) - 1));
        check_binary::<i8, i8, 16>(i8x16_sub_sat_s, |a, b| (a - b).clamp(-(1 << 7), (1 << 7) - 1));
        check_binary::<u16, u16, 8>(i16x8_add_sat_u, |a, b| (a + b).clamp(0, (1 << 16) - 1));
        check_binary::<i16, i16, 8>(i16x8_add_sat_s, |a, b| (a + b).clamp(-(1 << 15), (1 << 15) - 1));
        check_binary::<u16, u16, 8>(i16x8_sub_sat_u, |a, b| (a - b).clamp(0, (1 << 16) - 1));
        check_binary::<i16, i16, 8>(i16x8_sub_sat_s, |a, b| (a - b).clamp(-(1 << 15), (1 << 15) - 1));
    }

    #[test]
    fn minima_and_maxima_follow_their_signedness() {
        check_binary::<u8, u8, 16>(i8x16_min_u, |a, b| if a < b { a } else { b });
        check_binary::<u8, u8, 16>(i8x16_max_u, |a, b| if a < b { b } else { a });
        check_binary::<i8, i8, 16>(i8x16_min_s, |a, b| if a < b { a } else { b });
        check_binary::<i8, i8, 16>(i8x16_max_s, |a, b| if a < b { b } else { a });
        check_binary::<u16, u16, 8>(i16x8_min_u, |a, b| if a < b { a } else { b });
        check_binary::<u16, u16, 8>(i16x8_max_u, |a, b| if a < b { b } else { a });
        check_binary::<i16, i16, 8>(i16x8_min_s, |a, b| if a < b { a } else { b });
        check_binary::<i16, i16, 8>(i16x8_max_s, |a, b| if a < b { b } else { a });
        check_binary::<u32, u32, 4>(i32x4_min_u, |a, b| if a < b { a } else { b });
        check_binary::<u32, u32, 4>(i32x4_max_u, |a, b| if a < b { b } else { a });
        check_binary::<i32, i32, 4>(i32x4_min_s, |a, b| if a < b { a } else { b });
        check_binary::<i32, i32, 4>(i32x4_max_s, |a, b| if a < b { b } else { a });
    }

    #[test]
    fn averages_and_products_are_rounded() {
        check_binary::<u8, u8, 16>(i8x16_avgr_u, |a, b| a + b - (a + b) / 2);
        check_binary::<u16, u16, 8>(i16x8_avgr_u, |a, b| a + b - (a + b) / 2);
        // Halves up: the floor of twice the product and one, over two.
        let product = |a: i128, b: i128| (a * b * 2 + 0x8000).div_euclid(0x1_0000);
        check_binary::<i16, i16, 8>(i16x8_q15mulr_sat_s, |a, b| product(a, b).min(0x7fff));
    }

    #[test]
    fn signs_change_modulo_the_width() {
        check_unary::<i8, i8, 16>(i8x16_abs, |a| if a < 0 { -a } else { a });
        check_unary::<i8, i8, 16>(i8x16_neg, |a| -a);
        check_unary::<i16, i16, 8>(i16x8_abs, |a| if a < 0 { -a } else { a });
        check_unary::<i16, i16, 8>(i16x8_neg, |a| -a);
        check_unary::<i32, i32, 4>(i32x4_abs, |a| if a < 0 { -a } else { a });
        check_unary::<i32, i32, 4>(i32x4_neg, |a| -a);
        check_unary::<i64, i64, 2>(i64x2_abs, |a| if a < 0 { -a } else { a });
        check_unary::<i64, i64, 2>(i64x2_neg, |a| -a);
    }

    #[test]
    fn bits_of_bytes_are_counted() {
        check_unary::<u8, u8, 16>(i8x16_popcnt, |a| (0..8).map(|bit| a >> bit & 1).sum());
    }

    #[test]
    fn one_zero_lane_is_not_all_true() {
        let ones = V128(0x0000_0001_0000_0001_0000_0001_0000_0001);
        assert_eq!(
            [i8x16_all_true(ones), i16x8_all_true(ones), i32x4_all_true(ones), i64x2_all_true(ones)],
            [false, false, true, true]
        );
        for lane in 0..16 {
            assert!(!i8x16_all_true(V128(u128::MAX ^ 0xff << (8 * lane))));
            assert!(i16x8_all_true(V128(u128::MAX ^ 0xff << (8 * lane))));
        }
        assert!(i8x16_all_true(V128(u128::MAX)));
        assert!(!i32x4_all_true(V128(u128::from(u64::MAX))) && !i64x2_all_true(V128(u128::from(u64::MAX))));
    }

    #[test]
    fn masks_have_the_signs_from_lane_zero_up() {
        for lane in 0..16 {
            assert_eq!(i8x16_bitmask(V128(0x80 << (8 * lane))), 1 << lane);
            assert_eq!(i8x16_bitmask(V128(0x7f << (8 * lane))), 0);
            assert_eq!(i16x8_bitmask(V128(0x80 << (8 * lane))), if lane % 2 == 1 { 1 << (lane / 2) } else { 0 });
            assert_eq!(i32x4_bitmask(V128(0x80 << (8 * lane))), if lane % 4 == 3 { 1 << (lane / 4) } else { 0 });
            assert_eq!(i64x2_bitmask(V128(0x80 << (8 * lane))), if lane % 8 == 7 { 1 << (lane / 8) } else { 0 });
        }
        assert_eq!(i8x16_bitmask(V128(u128::MAX)), 0xffff);
        assert_eq!(i64x2_bitmask(V128(u128::MAX)), 3);
    }
}
