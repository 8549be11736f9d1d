//! Floating-point instructions
//! ([Floating-point operations](https://webassembly.github.io/spec/core/exec/numerics.html#float-ops)).
//!
//! # NaN
//!
//! Where an operation's result is a NaN, the standard allows any arithmetic NaN, but only a canonical one if all
//! operands that are NaN are canonical
//! ([NaN propagation](https://webassembly.github.io/spec/core/exec/numerics.html#aux-nans)). So the result is either
//! the processor's default NaN, which is canonical, or an operand made quiet. [`f32_canonicalize`] and
//! [`f64_canonicalize`] make it the one NaN of the deterministic profile.

use super::instructions;
use core::cmp::Ordering::{Equal, Greater, Less};

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fadd, #op-fsub, #op-fmul, #op-fdiv: as IEEE 754
// defines them, rounded to the nearest, ties to even.
instructions! {
    f32_add(a: f32, b: f32) -> f32 = a + b;
    f64_add(a: f64, b: f64) -> f64 = a + b;
    f32_sub(a: f32, b: f32) -> f32 = a - b;
    f64_sub(a: f64, b: f64) -> f64 = a - b;
    f32_mul(a: f32, b: f32) -> f32 = a * b;
    f64_mul(a: f64, b: f64) -> f64 = a * b;
    f32_div(a: f32, b: f32) -> f32 = a / b;
    f64_div(a: f64, b: f64) -> f64 = a / b;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fsqrt
instructions! {
    f32_sqrt(a: f32) -> f32 = f32_quiet(libm::sqrtf(a));
    f64_sqrt(a: f64) -> f64 = f64_quiet(libm::sqrt(a));
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fceil, #op-ffloor, #op-ftrunc, #op-fnearest: with the
// sign of the operand, also where the result is zero.
instructions! {
    f32_ceil(a: f32) -> f32 = f32_quiet(libm::ceilf(a));
    f64_ceil(a: f64) -> f64 = f64_quiet(libm::ceil(a));
    f32_floor(a: f32) -> f32 = f32_quiet(libm::floorf(a));
    f64_floor(a: f64) -> f64 = f64_quiet(libm::floor(a));
    f32_trunc(a: f32) -> f32 = f32_quiet(libm::truncf(a));
    f64_trunc(a: f64) -> f64 = f64_quiet(libm::trunc(a));
    f32_nearest(a: f32) -> f32 = f32_quiet(libm::roundevenf(a));
    f64_nearest(a: f64) -> f64 = f64_quiet(libm::roundeven(a));
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fabs, #op-fneg, #op-fcopysign: only the sign changes,
// also that of a NaN.
instructions! {
    f32_abs(a: f32) -> f32 = a.abs();
    f64_abs(a: f64) -> f64 = a.abs();
    f32_neg(a: f32) -> f32 = -a;
    f64_neg(a: f64) -> f64 = -a;
    f32_copysign(a: f32, b: f32) -> f32 = a.copysign(b);
    f64_copysign(a: f64, b: f64) -> f64 = a.copysign(b);
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fmin, #op-fmax: a NaN if either operand is one. -0 is
// less than +0. Equal numbers differ in the sign of a zero at most, so that their bits can be joined.
instructions! {
    f32_min(a: f32, b: f32) -> f32 = match a.partial_cmp(&b) {
        Some(Less) => a,
        Some(Greater) => b,
        Some(Equal) => f32::from_bits(a.to_bits() | b.to_bits()),
        None => f32_quiet(if a.is_nan() { a } else { b }),
    };
    f64_min(a: f64, b: f64) -> f64 = match a.partial_cmp(&b) {
        Some(Less) => a,
        Some(Greater) => b,
        Some(Equal) => f64::from_bits(a.to_bits() | b.to_bits()),
        None => f64_quiet(if a.is_nan() { a } else { b }),
    };
    f32_max(a: f32, b: f32) -> f32 = match a.partial_cmp(&b) {
        Some(Less) => b,
        Some(Greater) => a,
        Some(Equal) => f32::from_bits(a.to_bits() & b.to_bits()),
        None => f32_quiet(if a.is_nan() { a } else { b }),
    };
    f64_max(a: f64, b: f64) -> f64 = match a.partial_cmp(&b) {
        Some(Less) => b,
        Some(Greater) => a,
        Some(Equal) => f64::from_bits(a.to_bits() & b.to_bits()),
        None => f64_quiet(if a.is_nan() { a } else { b }),
    };
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-feq, and the five that follow: a NaN is unequal to all,
// and neither less nor greater.
instructions! {
    f32_eq(a: f32, b: f32) -> bool = a == b;
    f64_eq(a: f64, b: f64) -> bool = a == b;
    f32_ne(a: f32, b: f32) -> bool = a != b;
    f64_ne(a: f64, b: f64) -> bool = a != b;
    f32_lt(a: f32, b: f32) -> bool = a < b;
    f64_lt(a: f64, b: f64) -> bool = a < b;
    f32_gt(a: f32, b: f32) -> bool = a > b;
    f64_gt(a: f64, b: f64) -> bool = a > b;
    f32_le(a: f32, b: f32) -> bool = a <= b;
    f64_le(a: f64, b: f64) -> bool = a <= b;
    f32_ge(a: f32, b: f32) -> bool = a >= b;
    f64_ge(a: f64, b: f64) -> bool = a >= b;
}

// Pseudo-minimum and pseudo-maximum, of vector lanes only: one of the operands, bit for bit.
// https://webassembly.github.io/spec/core/exec/numerics.html#op-fpmin, #op-fpmax
instructions! {
    f32_pmin(a: f32, b: f32) -> f32 = if b < a { b } else { a };
    f64_pmin(a: f64, b: f64) -> f64 = if b < a { b } else { a };
    f32_pmax(a: f32, b: f32) -> f32 = if a < b { b } else { a };
    f64_pmax(a: f64, b: f64) -> f64 = if a < b { b } else { a };
}

// The positive canonical NaN for any NaN, as the deterministic profile has it.
// https://webassembly.github.io/spec/core/exec/numerics.html#aux-nans
instructions! {
    f32_canonicalize(a: f32) -> f32 = if a.is_nan() { f32::from_bits(0x7fc0_0000) } else { a };
    f64_canonicalize(a: f64) -> f64 = if a.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { a };
}

/// Returns an arithmetic NaN with the sign and payload of a NaN, and other numbers as they are.
#[inline(always)]
fn f32_quiet(a: f32) -> f32 {
    if a.is_nan() { f32::from_bits(a.to_bits() | 0x0040_0000) } else { a }
}

/// Returns an arithmetic NaN with the sign and payload of a NaN, and other numbers as they are.
#[inline(always)]
fn f64_quiet(a: f64) -> f64 {
    if a.is_nan() { f64::from_bits(a.to_bits() | 0x0008_0000_0000_0000) } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::hint::black_box;

    const INF: f64 = f64::INFINITY;
    const TWO_52: f64 = 4_503_599_627_370_496.0;

    /// A signaling NaN with a payload, negative.
    const SIGNALING: f64 = f64::from_bits(0xfff0_0000_0000_1234);
    const SIGNALING_F32: f32 = f32::from_bits(0xff80_1234);

    #[track_caller]
    fn assert_same(actual: f64, expected: f64) {
        assert_eq!(actual.to_bits(), expected.to_bits(), "{actual:?} is not {expected:?}");
    }

    /// Checks a rounding of both types: of 0.5, 1.5 and 2.5, of 2.25 and 2.75, and of their opposites.
    #[track_caller]
    fn check_rounding(wide: fn(f64) -> f64, narrow: fn(f32) -> f32, expected: [(f64, f64); 5]) {
        for (a, (plus, minus)) in [0.5, 1.5, 2.5, 2.25, 2.75].into_iter().zip(expected) {
            assert_same(wide(a), plus);
            assert_same(wide(-a), minus);
            assert_same(narrow(a as f32).into(), plus);
            assert_same(narrow(-a as f32).into(), minus);
        }
        // Integers, from the smallest numbers to the largest.
        for a in [0.0, 1.0, 8_388_609.0, 1e30_f32.into(), INF] {
            for a in [a, -a] {
                assert_same(wide(a), a);
                assert_same(narrow(a as f32).into(), a);
            }
        }
        assert_same(wide(TWO_52 + 1.0), TWO_52 + 1.0);
        assert_same(wide(f64::MIN), f64::MIN);
        assert_quiet(wide(black_box(SIGNALING)), narrow(black_box(SIGNALING_F32)));
    }

    /// Checks that the results are the signaling NaNs made quiet.
    #[track_caller]
    fn assert_quiet(wide: f64, narrow: f32) {
        assert_eq!(wide.to_bits(), 0xfff8_0000_0000_1234);
        assert_eq!(narrow.to_bits(), 0xffc0_1234);
    }

    #[test]
    fn rounding_goes_in_its_direction() {
        check_rounding(f64_ceil, f32_ceil, [(1.0, -0.0), (2.0, -1.0), (3.0, -2.0), (3.0, -2.0), (3.0, -2.0)]);
        check_rounding(f64_floor, f32_floor, [(0.0, -1.0), (1.0, -2.0), (2.0, -3.0), (2.0, -3.0), (2.0, -3.0)]);
        check_rounding(f64_trunc, f32_trunc, [(0.0, -0.0), (1.0, -1.0), (2.0, -2.0), (2.0, -2.0), (2.0, -2.0)]);
        check_rounding(f64_nearest, f32_nearest, [(0.0, -0.0), (2.0, -2.0), (2.0, -2.0), (2.0, -2.0), (3.0, -3.0)]);
    }

    #[test]
    fn rounding_is_right_at_the_edges_of_the_fraction() {
        let below_half = 0.5_f64.next_down();
        assert_same(f64_nearest(below_half), 0.0);
        assert_same(f64_nearest(-below_half), -0.0);
        assert_same(f64_nearest(0.5_f64.next_up()), 1.0);
        assert_same(f64_ceil(f64::from_bits(1)), 1.0);
        assert_same(f64_floor(-f64::from_bits(1)), -1.0);
        assert_same(f64_nearest(TWO_52 - 0.5), TWO_52);
        assert_same(f64_nearest(TWO_52 - 1.5), TWO_52 - 2.0);
        assert_same(f64_floor(TWO_52 - 0.5), TWO_52 - 1.0);
        assert_same(f64_ceil(0.5 - TWO_52), 1.0 - TWO_52);
        assert_eq!(f32_nearest(0.5_f32.next_down()).to_bits(), 0);
        assert_eq!(f32_ceil(f32::from_bits(1)).to_bits(), 1.0_f32.to_bits());
        assert_eq!(f32_nearest(8_388_607.5), 8_388_608.0);
        assert_eq!(f32_nearest(4_194_304.5), 4_194_304.0);
        assert_eq!(f32_trunc(-8_388_607.5), -8_388_607.0);
    }

    /// Compares with integer arithmetic for each sign and exponent, and a few fractions of each.
    #[test]
    fn rounding_equals_integer_arithmetic() {
        for bits in (0..=u32::MAX).step_by(0x0001_3579) {
            let a = f32::from_bits(bits);
            if a.abs() >= 1e9 || a.is_nan() {
                continue;
            }
            // 32 more bits for the fraction; smaller fractions round alike.
            let fixed = (f64::from(a) * 4_294_967_296.0) as i128;
            let fixed = if fixed == 0 && a != 0.0 { a.signum() as i128 } else { fixed };
            let (floor, ceil) = (fixed >> 32, -(-fixed >> 32));
            let half_up = (fixed + (1 << 31)) >> 32;
            let tie = fixed & 0xffff_ffff == 1 << 31;
            let nearest = if tie { half_up & !1 } else { half_up };
            let expected = [floor, ceil, if a < 0.0 { ceil } else { floor }, nearest];
            for (round, expected) in [f32_floor, f32_ceil, f32_trunc, f32_nearest].into_iter().zip(expected) {
                assert_eq!(round(a).to_bits(), (expected as f32).copysign(a).to_bits(), "{a:e}");
            }
            assert_same(f64_nearest(a.into()), (nearest as f64).copysign(a.into()));
        }
    }

    #[test]
    fn roots_are_exact() {
        for (a, root) in [(0.0, 0.0), (-0.0, -0.0), (4.0, 2.0), (2.0, core::f64::consts::SQRT_2), (INF, INF)] {
            assert_same(f64_sqrt(a), root);
            assert_eq!(f32_sqrt(a as f32).to_bits(), (root as f32).to_bits());
        }
        assert_same(f64_sqrt(f64::from_bits(1)), f64::from_bits(0x1e60_0000_0000_0000)); // 2^-537
        assert!(f64_sqrt(-1.0).is_nan() && f32_sqrt(-f32::from_bits(1)).is_nan());
        assert_same(f64_canonicalize(f64_sqrt(-INF)), f64::from_bits(0x7ff8 << 48));
        assert_quiet(f64_sqrt(black_box(SIGNALING)), f32_sqrt(black_box(SIGNALING_F32)));
    }

    #[test]
    fn signs_change_without_the_payload() {
        assert_eq!(f64_neg(SIGNALING).to_bits(), 0x7ff0_0000_0000_1234);
        assert_eq!(f64_abs(SIGNALING).to_bits(), 0x7ff0_0000_0000_1234);
        assert_eq!(f64_copysign(SIGNALING, 0.0).to_bits(), 0x7ff0_0000_0000_1234);
        assert_eq!(f64_copysign(SIGNALING, -0.0).to_bits(), SIGNALING.to_bits());
        assert_eq!(f32_neg(SIGNALING_F32).to_bits(), 0x7f80_1234);
        assert_eq!(f32_abs(SIGNALING_F32).to_bits(), 0x7f80_1234);
        assert_eq!(f32_copysign(SIGNALING_F32, 1.0).to_bits(), 0x7f80_1234);
        assert_same(f64_copysign(1.0, SIGNALING), -1.0);
        assert_same(f64_neg(0.0), -0.0);
        assert_same(f64_abs(-0.0), 0.0);
        assert_same(f64_abs(-INF), INF);
    }

    #[test]
    fn minima_and_maxima_order_zeros_and_return_nans() {
        assert_same(f64_min(0.0, -0.0), -0.0);
        assert_same(f64_min(-0.0, 0.0), -0.0);
        assert_same(f64_max(0.0, -0.0), 0.0);
        assert_same(f64_max(-0.0, 0.0), 0.0);
        assert_same(f64_max(-0.0, -0.0), -0.0);
        assert_same(f64_min(INF, f64::MAX), f64::MAX);
        assert_same(f64_max(-INF, f64::MIN), f64::MIN);
        assert_same(f64_min(-7.0, -7.0), -7.0);
        assert_same(f64_max(-7.0, -7.0), -7.0);
        assert_eq!(f32_min(0.0, -0.0).to_bits(), 1 << 31);
        assert_eq!(f32_max(-0.0, 0.0).to_bits(), 0);
        assert_eq!((f32_min(1.0, -2.0), f32_max(1.0, -2.0)), (-2.0, 1.0));
        let (wide, narrow) = (black_box(SIGNALING), black_box(SIGNALING_F32));
        assert_quiet(f64_min(wide, 1.0), f32_min(narrow, 1.0));
        assert_quiet(f64_min(-INF, wide), f32_min(0.0, narrow));
        assert_quiet(f64_max(wide, INF), f32_max(narrow, 1.0));
        assert_quiet(f64_max(1.0, wide), f32_max(0.0, narrow));
    }

    #[test]
    fn pseudo_minima_and_maxima_return_an_operand() {
        assert_same(f64_pmin(0.0, -0.0), 0.0);
        assert_same(f64_pmin(-0.0, 0.0), -0.0);
        assert_same(f64_pmax(-0.0, 0.0), -0.0);
        assert_same(f64_pmin(2.0, 1.0), 1.0);
        assert_same(f64_pmax(2.0, 3.0), 3.0);
        assert_same(f64_pmin(SIGNALING, 1.0), SIGNALING);
        assert_same(f64_pmin(1.0, SIGNALING), 1.0);
        assert_same(f64_pmax(SIGNALING, 1.0), SIGNALING);
        assert_eq!(f32_pmin(SIGNALING_F32, 1.0).to_bits(), SIGNALING_F32.to_bits());
        assert_eq!(f32_pmax(SIGNALING_F32, 1.0).to_bits(), SIGNALING_F32.to_bits());
        assert_eq!((f32_pmin(2.0, 1.0), f32_pmax(2.0, 3.0)), (1.0, 3.0));
    }

    #[test]
    fn arithmetic_rounds_to_the_nearest_and_makes_nans_quiet() {
        assert_same(f64_add(0.1, 0.2), f64::from_bits(0x3fd3_3333_3333_3334));
        assert_same(f64_sub(1.0, 1.0), 0.0);
        assert_same(f64_add(-0.0, -0.0), -0.0);
        assert_same(f64_mul(-1.0, 0.0), -0.0);
        assert_same(f64_div(-1.0, 0.0), -INF);
        assert_same(f64_div(1.0, 3.0), f64::from_bits(0x3fd5_5555_5555_5555));
        assert_same(f64_mul(f64::MAX, 2.0), INF);
        assert_same(f64_add(TWO_52 * 2.0, 1.0), TWO_52 * 2.0);
        assert_eq!(f32_add(16_777_216.0, 1.0), 16_777_216.0);
        assert_eq!(f32_sub(0.3, 0.1).to_bits(), 0x3e4c_ccce);
        assert_eq!(f32_mul(3.0, -0.5), -1.5);
        assert_eq!(f32_div(1.0, 3.0).to_bits(), 0x3eaa_aaab);
        assert!(f64_div(0.0, 0.0).is_nan() && f64_sub(INF, INF).is_nan() && f32_mul(0.0, f32::INFINITY).is_nan());
        let (wide, narrow) = (black_box(SIGNALING), black_box(SIGNALING_F32));
        assert_quiet(f64_add(wide, 1.0), f32_add(narrow, 1.0));
        assert_quiet(f64_sub(1.0, wide), f32_sub(1.0, narrow));
        assert_quiet(f64_mul(wide, 0.0), f32_mul(narrow, 0.0));
        assert_quiet(f64_div(INF, wide), f32_div(0.0, narrow));
    }

    #[test]
    fn comparisons_with_nan_are_false() {
        for (a, b, expected) in [
            (0.0, -0.0, [true, false, false, false, true, true]),
            (-INF, f32::MIN.into(), [false, true, true, false, true, false]),
            (2.0, 1.0, [false, true, false, true, false, true]),
            (1.0, f64::NAN, [false, true, false, false, false, false]),
            (f64::NAN, f64::NAN, [false, true, false, false, false, false]),
        ] {
            let wide = [f64_eq, f64_ne, f64_lt, f64_gt, f64_le, f64_ge];
            assert_eq!(wide.map(|compare| compare(a, b)), expected);
            let narrow = [f32_eq, f32_ne, f32_lt, f32_gt, f32_le, f32_ge];
            assert_eq!(narrow.map(|compare| compare(a as f32, b as f32)), expected);
        }
    }

    #[test]
    fn canonical_nans_are_positive() {
        assert_eq!(f64_canonicalize(SIGNALING).to_bits(), 0x7ff8 << 48);
        assert_eq!(f32_canonicalize(SIGNALING_F32).to_bits(), 0x7fc0_0000);
        assert_same(f64_canonicalize(-INF), -INF);
        assert_eq!(f32_canonicalize(-0.0).to_bits(), 1 << 31);
    }
}
