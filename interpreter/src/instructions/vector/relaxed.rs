//! Relaxed instructions, with the results of the deterministic profile
//! ([Relaxed operations](https://webassembly.github.io/spec/core/exec/numerics.html#relaxed-ops)).
//!
//! Of the results that the standard allows, the deterministic profile has the first. It is that of a strict
//! instruction, or of a sequence of them.

use super::*;
use crate::slot::V128;

// The strict instruction of the same name.
// https://webassembly.github.io/spec/core/exec/numerics.html#relaxed-ops
instructions! {
    i8x16_relaxed_swizzle(a: V128, b: V128) -> V128 = i8x16_swizzle(a, b);
    i32x4_relaxed_trunc_f32x4_u(a: V128) -> V128 = i32x4_trunc_sat_f32x4_u(a);
    i32x4_relaxed_trunc_f32x4_s(a: V128) -> V128 = i32x4_trunc_sat_f32x4_s(a);
    i32x4_relaxed_trunc_f64x2_u_zero(a: V128) -> V128 = i32x4_trunc_sat_f64x2_u_zero(a);
    i32x4_relaxed_trunc_f64x2_s_zero(a: V128) -> V128 = i32x4_trunc_sat_f64x2_s_zero(a);
    f32x4_relaxed_min(a: V128, b: V128) -> V128 = f32x4_min(a, b);
    f32x4_relaxed_max(a: V128, b: V128) -> V128 = f32x4_max(a, b);
    f64x2_relaxed_min(a: V128, b: V128) -> V128 = f64x2_min(a, b);
    f64x2_relaxed_max(a: V128, b: V128) -> V128 = f64x2_max(a, b);
    i16x8_relaxed_q15mulr_s(a: V128, b: V128) -> V128 = i16x8_q15mulr_sat_s(a, b);
}

// Bit by bit, for every width of the lanes.
// https://webassembly.github.io/spec/core/exec/numerics.html#relaxed-ops
instructions! {
    i8x16_relaxed_laneselect(a: V128, b: V128, c: V128) -> V128 = v128_bitselect(a, b, c);
    i16x8_relaxed_laneselect(a: V128, b: V128, c: V128) -> V128 = v128_bitselect(a, b, c);
    i32x4_relaxed_laneselect(a: V128, b: V128, c: V128) -> V128 = v128_bitselect(a, b, c);
    i64x2_relaxed_laneselect(a: V128, b: V128, c: V128) -> V128 = v128_bitselect(a, b, c);
}

// The product is rounded before the addition.
// https://webassembly.github.io/spec/core/exec/numerics.html#relaxed-ops
instructions! {
    f32x4_relaxed_madd(a: V128, b: V128, c: V128) -> V128 = f32x4_add(f32x4_mul(a, b), c);
    f32x4_relaxed_nmadd(a: V128, b: V128, c: V128) -> V128 = f32x4_add(f32x4_mul(f32x4_neg(a), b), c);
    f64x2_relaxed_madd(a: V128, b: V128, c: V128) -> V128 = f64x2_add(f64x2_mul(a, b), c);
    f64x2_relaxed_nmadd(a: V128, b: V128, c: V128) -> V128 = f64x2_add(f64x2_mul(f64x2_neg(a), b), c);
}

// Both operands are signed, and sums of two products saturate: only that of two times the smallest squared does.
// https://webassembly.github.io/spec/core/exec/numerics.html#relaxed-ops
instructions! {
    i16x8_relaxed_dot_i8x16_i7x16_s(a: V128, b: V128) -> V128 =
        widening::dot(a, b, |a: i8, b: i8| i16::from(a) * i16::from(b), i16::saturating_add);
    i32x4_relaxed_dot_i8x16_i7x16_add_s(a: V128, b: V128, c: V128) -> V128 =
        i32x4_add(i32x4_extadd_pairwise_i16x8_s(i16x8_relaxed_dot_i8x16_i7x16_s(a, b)), c);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{vectors, wide};
    use super::*;

    #[test]
    fn products_are_rounded_before_the_addition() {
        // (1 + e)(1 - e) is 1 - e^2, which rounds to 1.
        let e = f32::EPSILON;
        let (a, b, c) = (f32x4_splat(1.0 + e), f32x4_splat(1.0 - e), f32x4_splat(-1.0));
        assert_eq!(f32::lanes(f32x4_relaxed_madd(a, b, c)), [0.0; 4]);
        assert_eq!(f32::lanes(f32x4_relaxed_nmadd(a, b, f32x4_splat(1.0))), [0.0; 4]);
        let e = f64::EPSILON;
        let (a, b, c) = (f64x2_splat(1.0 + e), f64x2_splat(1.0 - e), f64x2_splat(-1.0));
        assert_eq!(f64::lanes(f64x2_relaxed_madd(a, b, c)), [0.0; 2]);
        assert_eq!(f64::lanes(f64x2_relaxed_nmadd(a, b, f64x2_splat(1.0))), [0.0; 2]);
        let (a, b, c) = (f32::vector([1.0, 2.0, 3.0, -4.0]), f32::vector([5.0; 4]), f32::vector([0.0, 1.0, 2.0, 3.0]));
        assert_eq!(f32::lanes(f32x4_relaxed_madd(a, b, c)), [5.0, 11.0, 17.0, -17.0]);
        assert_eq!(f32::lanes(f32x4_relaxed_nmadd(a, b, c)), [-5.0, -9.0, -13.0, 23.0]);
        let (a, b, c) = (f64::vector([1.0, 2.0]), f64::vector([5.0, 6.0]), f64::vector([0.5, 1.0]));
        assert_eq!(f64::lanes(f64x2_relaxed_madd(a, b, c)), [5.5, 13.0]);
        assert_eq!(f64::lanes(f64x2_relaxed_nmadd(a, b, c)), [-4.5, -11.0]);
    }

    #[test]
    fn dot_products_are_signed_and_saturate() {
        for (a, b) in vectors::<i8, 16>() {
            let (x, y) = (wide::<i8, 16>(a), wide::<i8, 16>(b));
            let sums: [i128; 8] = core::array::from_fn(|lane| {
                (x[2 * lane] * y[2 * lane] + x[2 * lane + 1] * y[2 * lane + 1]).min(0x7fff)
            });
            assert_eq!(wide::<i16, 8>(i16x8_relaxed_dot_i8x16_i7x16_s(a, b)), sums);
            let c = i32::vector([i32::MIN / 2, -1, 0, i32::MAX / 2]);
            let sums: [i128; 4] =
                core::array::from_fn(|lane| sums[2 * lane] + sums[2 * lane + 1] + i128::from(i32::lanes(c)[lane]));
            assert_eq!(wide::<i32, 4>(i32x4_relaxed_dot_i8x16_i7x16_add_s(a, b, c)), sums);
        }
        let smallest = i8x16_splat(0x80);
        assert_eq!(i16::lanes(i16x8_relaxed_dot_i8x16_i7x16_s(smallest, smallest)), [i16::MAX; 8]);
        let sums = i32x4_relaxed_dot_i8x16_i7x16_add_s(smallest, smallest, i32x4_splat(0x7fff_ffff));
        assert_eq!(i32::lanes(sums), [i32::MIN + 0xfffd; 4]);
    }

    #[test]
    fn lanes_are_selected_bit_by_bit() {
        let (a, b, c) = (V128(0b1111_0000), V128(0b1100_1100), V128(0b1010_1010));
        for select in
            [i8x16_relaxed_laneselect, i16x8_relaxed_laneselect, i32x4_relaxed_laneselect, i64x2_relaxed_laneselect]
        {
            assert_eq!(select(a, b, c).0, 0b1110_0100);
        }
    }

    /// Each relaxed instruction at operands where others of the allowed results differ.
    #[test]
    fn others_have_the_strict_result() {
        assert_eq!(i8x16_relaxed_swizzle(V128(u128::MAX), i8x16_splat(16)), V128(0));
        assert_eq!(i32x4_relaxed_trunc_f32x4_s(f32x4_splat(3e9)), i32x4_splat(0x7fff_ffff));
        assert_eq!(i32x4_relaxed_trunc_f32x4_u(f32x4_splat(-1.0)), V128(0));
        assert_eq!(u32::lanes(i32x4_relaxed_trunc_f64x2_s_zero(f64x2_splat(3e9))), [0x7fff_ffff, 0x7fff_ffff, 0, 0]);
        assert_eq!(u32::lanes(i32x4_relaxed_trunc_f64x2_u_zero(f64x2_splat(5e9))), [u32::MAX, u32::MAX, 0, 0]);
        assert_eq!(f32x4_relaxed_min(f32x4_splat(0.0), f32x4_splat(-0.0)), f32x4_splat(-0.0));
        assert_eq!(f32x4_relaxed_max(f32x4_splat(-0.0), f32x4_splat(0.0)), f32x4_splat(0.0));
        assert_eq!(f64x2_relaxed_min(f64x2_splat(0.0), f64x2_splat(-0.0)), f64x2_splat(-0.0));
        assert_eq!(f64x2_relaxed_max(f64x2_splat(-0.0), f64x2_splat(0.0)), f64x2_splat(0.0));
        assert!(f32::lanes(f32x4_relaxed_min(f32x4_splat(1.0), f32x4_splat(f32::NAN)))[3].is_nan());
        assert!(f64::lanes(f64x2_relaxed_max(f64x2_splat(f64::NAN), f64x2_splat(1.0)))[1].is_nan());
        assert_eq!(i16x8_relaxed_q15mulr_s(i16x8_splat(0x8000), i16x8_splat(0x8000)), i16x8_splat(0x7fff));
    }
}
