//! Conversions between shapes, other than extensions
//! ([vcvtop](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vcvtop),
//! [vnarrow](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vnarrow)).

use super::widening::map_low;
use super::{Lane, instructions, map};
use crate::instructions::numeric::*;
use crate::slot::V128;
use core::array::from_fn;

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vnarrow: the lanes of `a` and then those of `b`,
// as the nearest numbers of half the width. The operands are signed for both signs of the result.
instructions! {
    i8x16_narrow_i16x8_u(a: V128, b: V128) -> V128 = narrow(a, b, |a: i16| a.clamp(0, 0xff) as u8);
    i8x16_narrow_i16x8_s(a: V128, b: V128) -> V128 = narrow(a, b, |a: i16| a.clamp(-0x80, 0x7f) as i8);
    i16x8_narrow_i32x4_u(a: V128, b: V128) -> V128 = narrow(a, b, |a: i32| a.clamp(0, 0xffff) as u16);
    i16x8_narrow_i32x4_s(a: V128, b: V128) -> V128 = narrow(a, b, |a: i32| a.clamp(-0x8000, 0x7fff) as i16);
}

/// Applies an operation to the lanes of one vector and then of another.
#[inline(always)]
fn narrow<T: Lane<N>, R: Lane<M>, const N: usize, const M: usize>(
    a: V128,
    b: V128,
    operation: impl Fn(T) -> R,
) -> V128 {
    let (a, b) = (T::lanes(a), T::lanes(b));
    R::vector(from_fn(|lane| operation(if lane < N { a[lane] } else { b[lane - N] })))
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-trunc-sat, #op-convert
instructions! {
    i32x4_trunc_sat_f32x4_u(a: V128) -> V128 = map(a, i32_trunc_sat_f32_u);
    i32x4_trunc_sat_f32x4_s(a: V128) -> V128 = map(a, i32_trunc_sat_f32_s);
    f32x4_convert_i32x4_u(a: V128) -> V128 = map(a, f32_convert_i32_u);
    f32x4_convert_i32x4_s(a: V128) -> V128 = map(a, f32_convert_i32_s);
}

// To twice the width, of the low half.
// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vcvtop, with `half`
instructions! {
    f64x2_convert_low_i32x4_u(a: V128) -> V128 = map_low(a, f64_convert_i32_u);
    f64x2_convert_low_i32x4_s(a: V128) -> V128 = map_low(a, f64_convert_i32_s);
    f64x2_promote_low_f32x4(a: V128) -> V128 = map_low(a, f64_promote_f32);
}

// To half the width. The high half of the result is zero.
// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vcvtop, with `zero`
instructions! {
    i32x4_trunc_sat_f64x2_u_zero(a: V128) -> V128 = map_zero(a, i32_trunc_sat_f64_u);
    i32x4_trunc_sat_f64x2_s_zero(a: V128) -> V128 = map_zero(a, i32_trunc_sat_f64_s);
    f32x4_demote_f64x2_zero(a: V128) -> V128 = map_zero(a, f32_demote_f64);
}

/// Applies an operation to each lane, for the low half of the result.
#[inline(always)]
fn map_zero<R: Lane<4> + Default>(a: V128, operation: impl Fn(f64) -> R) -> V128 {
    let [low, high] = f64::lanes(a);
    R::vector([operation(low), operation(high), R::default(), R::default()])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{vectors, wide};
    use super::*;

    #[test]
    fn narrowing_saturates_signed_numbers() {
        for (a, b) in vectors::<i16, 8>() {
            let lanes = [wide::<i16, 8>(a), wide::<i16, 8>(b)].concat();
            let (unsigned, signed) = (i8x16_narrow_i16x8_u(a, b), i8x16_narrow_i16x8_s(a, b));
            for (lane, value) in lanes.into_iter().enumerate() {
                assert_eq!(wide::<u8, 16>(unsigned)[lane], value.clamp(0, 255));
                assert_eq!(wide::<i8, 16>(signed)[lane], value.clamp(-128, 127));
            }
        }
        for (a, b) in vectors::<i32, 4>() {
            let lanes = [wide::<i32, 4>(a), wide::<i32, 4>(b)].concat();
            let (unsigned, signed) = (i16x8_narrow_i32x4_u(a, b), i16x8_narrow_i32x4_s(a, b));
            for (lane, value) in lanes.into_iter().enumerate() {
                assert_eq!(wide::<u16, 8>(unsigned)[lane], value.clamp(0, 65_535));
                assert_eq!(wide::<i16, 8>(signed)[lane], value.clamp(-32_768, 32_767));
            }
        }
    }

    #[test]
    fn truncation_saturates() {
        let a = f32::vector([-1.5, 3e9, f32::NAN, f32::INFINITY]);
        assert_eq!(i32::lanes(i32x4_trunc_sat_f32x4_s(a)), [-1, i32::MAX, 0, i32::MAX]);
        assert_eq!(u32::lanes(i32x4_trunc_sat_f32x4_u(a)), [0, 3_000_000_000, 0, u32::MAX]);
        let (a, b) = (f64::vector([-3e9, 7.9]), f64::vector([f64::NAN, 4_294_967_295.9]));
        assert_eq!(i32::lanes(i32x4_trunc_sat_f64x2_s_zero(a)), [i32::MIN, 7, 0, 0]);
        assert_eq!(u32::lanes(i32x4_trunc_sat_f64x2_u_zero(a)), [0, 7, 0, 0]);
        assert_eq!(u32::lanes(i32x4_trunc_sat_f64x2_u_zero(b)), [0, u32::MAX, 0, 0]);
        assert_eq!(i32::lanes(i32x4_trunc_sat_f64x2_s_zero(b)), [0, i32::MAX, 0, 0]);
    }

    #[test]
    fn integers_convert_with_their_signedness() {
        let a = u32::vector([0xffff_ffff, 16_777_217, 7, 0x8000_0000]);
        assert_eq!(f32::lanes(f32x4_convert_i32x4_u(a)), [4_294_967_296.0, 16_777_216.0, 7.0, 2_147_483_648.0]);
        assert_eq!(f32::lanes(f32x4_convert_i32x4_s(a)), [-1.0, 16_777_216.0, 7.0, -2_147_483_648.0]);
        assert_eq!(f64::lanes(f64x2_convert_low_i32x4_u(a)), [4_294_967_295.0, 16_777_217.0]);
        assert_eq!(f64::lanes(f64x2_convert_low_i32x4_s(a)), [-1.0, 16_777_217.0]);
    }

    #[test]
    fn floats_change_their_precision() {
        let a = f32::vector([0.1, -0.0, 1.0, 2.0]);
        assert_eq!(f64x2_promote_low_f32x4(a).0, 1 << 127 | 0x3fb9_9999_a000_0000);
        let a = f64::vector([0.1, -1e300]);
        assert_eq!(f32x4_demote_f64x2_zero(a).0, 0xff80_0000_3dcc_cccd);
    }
}
