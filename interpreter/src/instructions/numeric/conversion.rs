//! Conversions ([Conversions](https://webassembly.github.io/spec/core/exec/numerics.html#convert-ops)).

use super::instructions;
use crate::trap::Trap;

// https://webassembly.github.io/spec/core/exec/numerics.html#op-wrap, #op-extend
instructions! {
    i32_wrap_i64(a: u64) -> u32 = a as u32;
    i64_extend_i32_u(a: u32) -> u64 = u64::from(a);
    i64_extend_i32_s(a: i32) -> i64 = i64::from(a);
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-trunc: a trap where the integer part is not
// a number of the type.
instructions! {
    i32_trunc_f32_u(a: f32) -> Result<u32, Trap> = truncate(f64::from(a), fits_u32, a as u32);
    i32_trunc_f64_u(a: f64) -> Result<u32, Trap> = truncate(a, fits_u32, a as u32);
    i64_trunc_f32_u(a: f32) -> Result<u64, Trap> = truncate(f64::from(a), fits_u64, a as u64);
    i64_trunc_f64_u(a: f64) -> Result<u64, Trap> = truncate(a, fits_u64, a as u64);
    i32_trunc_f32_s(a: f32) -> Result<i32, Trap> = truncate(f64::from(a), fits_i32, a as i32);
    i32_trunc_f64_s(a: f64) -> Result<i32, Trap> = truncate(a, fits_i32, a as i32);
    i64_trunc_f32_s(a: f32) -> Result<i64, Trap> = truncate(f64::from(a), fits_i64, a as i64);
    i64_trunc_f64_s(a: f64) -> Result<i64, Trap> = truncate(a, fits_i64, a as i64);
}

/// Returns the integer part of a number, or the reason why it has none in the type.
#[inline(always)]
fn truncate<T>(a: f64, fits: impl Fn(f64) -> bool, integer: T) -> Result<T, Trap> {
    if fits(a) {
        Ok(integer)
    } else {
        Err(if a.is_nan() { Trap::InvalidConversionToInteger } else { Trap::IntegerOverflow })
    }
}

/// Returns whether the type has the integer part of a number.
#[inline(always)]
fn fits_u32(a: f64) -> bool {
    -1.0 < a && a < 4_294_967_296.0
}

/// Returns whether the type has the integer part of a number.
#[inline(always)]
fn fits_u64(a: f64) -> bool {
    -1.0 < a && a < 18_446_744_073_709_551_616.0
}

/// Returns whether the type has the integer part of a number.
#[inline(always)]
fn fits_i32(a: f64) -> bool {
    -2_147_483_649.0 < a && a < 2_147_483_648.0
}

/// Returns whether the type has the integer part of a number. No double is between -2^63 - 1 and -2^63.
#[inline(always)]
fn fits_i64(a: f64) -> bool {
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&a)
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-trunc-sat: the nearest number of the
// type, and zero for NaN, which is how Rust defines `as`.
instructions! {
    i32_trunc_sat_f32_u(a: f32) -> u32 = a as u32;
    i32_trunc_sat_f64_u(a: f64) -> u32 = a as u32;
    i64_trunc_sat_f32_u(a: f32) -> u64 = a as u64;
    i64_trunc_sat_f64_u(a: f64) -> u64 = a as u64;
    i32_trunc_sat_f32_s(a: f32) -> i32 = a as i32;
    i32_trunc_sat_f64_s(a: f64) -> i32 = a as i32;
    i64_trunc_sat_f32_s(a: f32) -> i64 = a as i64;
    i64_trunc_sat_f64_s(a: f64) -> i64 = a as i64;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-convert: to the nearest, ties to even.
instructions! {
    f32_convert_i32_u(a: u32) -> f32 = a as f32;
    f32_convert_i64_u(a: u64) -> f32 = a as f32;
    f64_convert_i32_u(a: u32) -> f64 = f64::from(a);
    f64_convert_i64_u(a: u64) -> f64 = a as f64;
    f32_convert_i32_s(a: i32) -> f32 = a as f32;
    f32_convert_i64_s(a: i64) -> f32 = a as f32;
    f64_convert_i32_s(a: i32) -> f64 = f64::from(a);
    f64_convert_i64_s(a: i64) -> f64 = a as f64;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-promote, #op-demote: to the nearest, ties to even. A
// NaN becomes quiet and keeps the high bits of its payload.
instructions! {
    f64_promote_f32(a: f32) -> f64 = f64::from(a);
    f32_demote_f64(a: f64) -> f32 = a as f32;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-reinterpret
instructions! {
    i32_reinterpret_f32(a: f32) -> u32 = a.to_bits();
    i64_reinterpret_f64(a: f64) -> u64 = a.to_bits();
    f32_reinterpret_i32(a: u32) -> f32 = f32::from_bits(a);
    f64_reinterpret_i64(a: u64) -> f64 = f64::from_bits(a);
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Debug;
    use core::hint::black_box;

    /// The instruction that traps and the one that saturates.
    type Truncations<F, T> = (fn(F) -> Result<T, Trap>, fn(F) -> T);

    /// Checks the truncations at the ends of a type: `below` and `above` are the nearest floats that do not fit,
    /// `least` and `most` the farthest that do, with their integers.
    #[track_caller]
    fn check_truncation<F: Copy, T: PartialEq + Debug + Copy>(
        (trap, saturate): Truncations<F, T>,
        [below, least, most, above]: [F; 4],
        (low, high): (T, T),
        (min, max): (T, T),
    ) {
        assert_eq!(trap(below), Err(Trap::IntegerOverflow));
        assert_eq!(trap(least), Ok(low));
        assert_eq!(trap(most), Ok(high));
        assert_eq!(trap(above), Err(Trap::IntegerOverflow));
        assert_eq!([below, least, most, above].map(saturate), [min, low, high, max]);
    }

    #[test]
    fn truncation_to_32_bits_ends_where_the_type_ends() {
        let ends = [-1.0, -0.999_999_94, 4_294_967_040.0, 4_294_967_296.0];
        let (low, high) = (0, 4_294_967_040);
        check_truncation((i32_trunc_f32_u, i32_trunc_sat_f32_u), ends, (low, high), (0, u32::MAX));
        let ends = [-1.0, (-1.0_f64).next_up(), 4_294_967_296.0_f64.next_down(), 4_294_967_296.0];
        check_truncation((i32_trunc_f64_u, i32_trunc_sat_f64_u), ends, (0, u32::MAX), (0, u32::MAX));
        let ends = [-2_147_483_904.0, -2_147_483_648.0, 2_147_483_520.0, 2_147_483_648.0];
        let (low, high) = (i32::MIN, 2_147_483_520);
        check_truncation((i32_trunc_f32_s, i32_trunc_sat_f32_s), ends, (low, high), (i32::MIN, i32::MAX));
        let (low, high) = (-2_147_483_649.0_f64, 2_147_483_648.0_f64);
        let ends = [low, low.next_up(), high.next_down(), high];
        let bounds = (i32::MIN, i32::MAX);
        check_truncation((i32_trunc_f64_s, i32_trunc_sat_f64_s), ends, bounds, bounds);
    }

    #[test]
    fn truncation_to_64_bits_ends_where_the_type_ends() {
        let high = 18_446_744_073_709_551_616.0;
        let ends = [-1.0, -0.999_999_94, 18_446_742_974_197_923_840.0, high];
        let highest = 18_446_742_974_197_923_840;
        check_truncation((i64_trunc_f32_u, i64_trunc_sat_f32_u), ends, (0, highest), (0, u64::MAX));
        let ends = [-1.0, (-1.0_f64).next_up(), 18_446_744_073_709_549_568.0, high.into()];
        let highest = 18_446_744_073_709_549_568;
        check_truncation((i64_trunc_f64_u, i64_trunc_sat_f64_u), ends, (0, highest), (0, u64::MAX));
        let bounds = (i64::MIN, i64::MAX);
        let (low, high) = (-9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0);
        let ends = [-9_223_373_136_366_403_584.0, low, 9_223_371_487_098_961_920.0, high];
        let highest = 9_223_371_487_098_961_920;
        check_truncation((i64_trunc_f32_s, i64_trunc_sat_f32_s), ends, (i64::MIN, highest), bounds);
        let ends = [-9_223_372_036_854_777_856.0, low.into(), 9_223_372_036_854_774_784.0, high.into()];
        let highest = 9_223_372_036_854_774_784;
        check_truncation((i64_trunc_f64_s, i64_trunc_sat_f64_s), ends, (i64::MIN, highest), bounds);
    }

    /// Checks a truncation of numbers that every type has, of infinities and of NaN.
    #[track_caller]
    fn check_common<F: Copy, T: PartialEq + Debug + From<u8>>(
        (trap, saturate): Truncations<F, T>,
        [infinity, minus_infinity, nan, signaling]: [F; 4],
        (min, max): (T, T),
        from: fn(f32) -> F,
    ) {
        for (a, integer) in [(0.0, 0), (-0.0, 0), (1e-45, 0), (-0.9, 0), (0.5, 0), (1.5, 1), (1.999, 1), (127.5, 127)] {
            assert_eq!(trap(from(a)), Ok(integer.into()));
            assert_eq!(saturate(from(a)), integer.into());
        }
        assert_eq!([infinity, minus_infinity].map(|a| trap(a).err()), [Some(Trap::IntegerOverflow); 2]);
        assert_eq!([nan, signaling].map(|a| trap(a).err()), [Some(Trap::InvalidConversionToInteger); 2]);
        assert_eq!([infinity, minus_infinity, nan, signaling].map(saturate), [max, min, 0.into(), 0.into()]);
    }

    #[test]
    fn truncation_of_infinity_and_nan_traps_or_saturates() {
        let narrow = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::from_bits(0xff80_0001)];
        let wide = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::from_bits((0xfff0 << 48) + 1)];
        check_common((i32_trunc_f32_u, i32_trunc_sat_f32_u), narrow, (0, u32::MAX), |a| a);
        check_common((i32_trunc_f32_s, i32_trunc_sat_f32_s), narrow, (i32::MIN, i32::MAX), |a| a);
        check_common((i64_trunc_f32_u, i64_trunc_sat_f32_u), narrow, (0, u64::MAX), |a| a);
        check_common((i64_trunc_f32_s, i64_trunc_sat_f32_s), narrow, (i64::MIN, i64::MAX), |a| a);
        check_common((i32_trunc_f64_u, i32_trunc_sat_f64_u), wide, (0, u32::MAX), f64::from);
        check_common((i32_trunc_f64_s, i32_trunc_sat_f64_s), wide, (i32::MIN, i32::MAX), f64::from);
        check_common((i64_trunc_f64_u, i64_trunc_sat_f64_u), wide, (0, u64::MAX), f64::from);
        check_common((i64_trunc_f64_s, i64_trunc_sat_f64_s), wide, (i64::MIN, i64::MAX), f64::from);
        assert_eq!((i32_trunc_f32_s(-1.5), i64_trunc_f64_s(-1.5)), (Ok(-1), Ok(-1)));
        assert_eq!((i32_trunc_f64_s(-1.5), i64_trunc_f32_s(-1.5)), (Ok(-1), Ok(-1)));
    }

    #[test]
    fn integers_convert_to_the_nearest_float() {
        assert_eq!(f32_convert_i32_u(u32::MAX), 4_294_967_296.0);
        assert_eq!(f32_convert_i32_s(i32::MIN), -2_147_483_648.0);
        assert_eq!(f32_convert_i32_s(16_777_217), 16_777_216.0); // ties to even, down
        assert_eq!(f32_convert_i32_s(-16_777_219), -16_777_220.0); // and up
        assert_eq!(f32_convert_i64_s(-1), -1.0);
        // Just above a tie; rounded to a double first, it would be one.
        assert_eq!(f32_convert_i64_s(0x0020_0000_2000_0001), 9_007_200_328_482_816.0);
        assert_eq!(f32_convert_i64_u(0x8000_0080_0000_0001), 9_223_373_136_366_403_584.0);
        assert_eq!(f32_convert_i64_u(u64::MAX), 18_446_744_073_709_551_616.0);
        assert_eq!(f64_convert_i32_u(u32::MAX), 4_294_967_295.0);
        assert_eq!(f64_convert_i32_s(i32::MIN), -2_147_483_648.0);
        assert_eq!(f64_convert_i64_u((1 << 53) + 1), 9_007_199_254_740_992.0);
        assert_eq!(f64_convert_i64_u(u64::MAX), 18_446_744_073_709_551_616.0);
        assert_eq!(f64_convert_i64_s(-(1 << 53) - 3), -9_007_199_254_740_996.0);
        assert_eq!(f64_convert_i64_s(i64::MIN), -9_223_372_036_854_775_808.0);
        assert_eq!(f64_convert_i64_s(0).to_bits(), 0);
    }

    #[test]
    fn floats_change_their_precision() {
        assert_eq!(f64_promote_f32(f32::from_bits(1)).to_bits(), 0x36a0_0000_0000_0000); // 2^-149
        assert_eq!(f64_promote_f32(-0.0).to_bits(), 1 << 63);
        assert_eq!(f64_promote_f32(f32::MAX), 340_282_346_638_528_859_811_704_183_484_516_925_440.0);
        assert_eq!(f32_demote_f64(0.1), 0.1);
        assert_eq!(f32_demote_f64(1.0 + f64::from(f32::EPSILON) / 2.0), 1.0);
        assert_eq!(f32_demote_f64(340_282_356_779_733_661_637_539_395_458_142_568_448.0), f32::INFINITY);
        assert_eq!(f32_demote_f64(340_282_356_779_733_661_637_539_395_458_142_568_447.0_f64.next_down()), f32::MAX);
        assert_eq!(f32_demote_f64(-1e-300).to_bits(), 1 << 31);
        let signaling = (black_box(f32::from_bits(0xff80_1234)), black_box(f64::from_bits(0x7ff0_2468_0000_0001)));
        assert_eq!(f64_promote_f32(signaling.0).to_bits(), 0xfff8_0246_8000_0000);
        assert_eq!(f32_demote_f64(signaling.1).to_bits(), 0x7fc1_2340);
    }

    #[test]
    fn bits_are_taken_as_they_are() {
        assert_eq!(i32_reinterpret_f32(f32_reinterpret_i32(0xff80_1234)), 0xff80_1234);
        assert_eq!(i64_reinterpret_f64(f64_reinterpret_i64(0xfff0_0000_0000_1234)), 0xfff0_0000_0000_1234);
        assert_eq!((i32_reinterpret_f32(1.0), i64_reinterpret_f64(-0.0)), (0x3f80_0000, 1 << 63));
        assert_eq!((i32_wrap_i64(0x1_ffff_fffe), i64_extend_i32_u(u32::MAX)), (0xffff_fffe, 0xffff_ffff));
        assert_eq!(i64_extend_i32_s(-1), -1);
    }
}
