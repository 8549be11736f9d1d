//! Arithmetic on float lanes
//! ([Floating-point operations](https://webassembly.github.io/spec/core/exec/numerics.html#float-ops)).

use super::{lanewise_binary, lanewise_unary, map, zip};
use crate::instructions::numeric::*;
use crate::slot::V128;

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fadd, #op-fsub, #op-fmul, #op-fdiv
lanewise_binary! {
    f32x4_add = f32_add;
    f64x2_add = f64_add;
    f32x4_sub = f32_sub;
    f64x2_sub = f64_sub;
    f32x4_mul = f32_mul;
    f64x2_mul = f64_mul;
    f32x4_div = f32_div;
    f64x2_div = f64_div;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fmin, #op-fmax
lanewise_binary! {
    f32x4_min = f32_min;
    f64x2_min = f64_min;
    f32x4_max = f32_max;
    f64x2_max = f64_max;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fpmin, #op-fpmax
lanewise_binary! {
    f32x4_pmin = f32_pmin;
    f64x2_pmin = f64_pmin;
    f32x4_pmax = f32_pmax;
    f64x2_pmax = f64_pmax;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fabs, #op-fneg, #op-fsqrt
lanewise_unary! {
    f32x4_abs = f32_abs;
    f64x2_abs = f64_abs;
    f32x4_neg = f32_neg;
    f64x2_neg = f64_neg;
    f32x4_sqrt = f32_sqrt;
    f64x2_sqrt = f64_sqrt;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-fceil, #op-ffloor, #op-ftrunc, #op-fnearest
lanewise_unary! {
    f32x4_ceil = f32_ceil;
    f64x2_ceil = f64_ceil;
    f32x4_floor = f32_floor;
    f64x2_floor = f64_floor;
    f32x4_trunc = f32_trunc;
    f64x2_trunc = f64_trunc;
    f32x4_nearest = f32_nearest;
    f64x2_nearest = f64_nearest;
}

// The positive canonical NaN for any NaN, as the deterministic profile has it.
// https://webassembly.github.io/spec/core/exec/numerics.html#aux-nans
lanewise_unary! {
    f32x4_canonicalize = f32_canonicalize;
    f64x2_canonicalize = f64_canonicalize;
}

#[cfg(test)]
mod tests {
    use super::super::Lane;
    use super::super::tests::{F32, F64};
    use super::*;

    /// Checks instructions on two operands, in all lanes, against those on scalars.
    macro_rules! check_binary {
        ($values:ident, $ty:ty: $($vector:ident $scalar:ident)*) => {
            for (a, b) in $values.into_iter().flat_map(|a| $values.map(|b| (a, b))) {
                let x = <$ty>::vector(core::array::from_fn(|lane| if lane % 2 == 0 { a } else { b }));
                let y = <$ty>::vector(core::array::from_fn(|lane| if lane % 2 == 0 { b } else { -a }));
                $(for (lane, result) in <$ty>::lanes($vector(x, y)).into_iter().enumerate() {
                    let expected = if lane % 2 == 0 { $scalar(a, b) } else { $scalar(b, -a) };
                    let same = result.to_bits() == expected.to_bits() || result.is_nan() && expected.is_nan();
                    assert!(same, "{} of {a:?} and {b:?}, lane {lane}: {result:?}", stringify!($vector));
                })*
            }
        };
    }

    /// Checks instructions on one operand, in all lanes, against those on scalars.
    macro_rules! check_unary {
        ($values:ident, $ty:ty: $($vector:ident $scalar:ident)*) => {
            for (a, b) in $values.into_iter().flat_map(|a| $values.map(|b| (a, b))) {
                let x = <$ty>::vector(core::array::from_fn(|lane| if lane % 2 == 0 { a } else { b }));
                $(for (lane, result) in <$ty>::lanes($vector(x)).into_iter().enumerate() {
                    let expected = $scalar(if lane % 2 == 0 { a } else { b });
                    assert_eq!(result.to_bits() << 1, expected.to_bits() << 1, "{}", stringify!($vector));
                })*
            }
        };
    }

    /// The scalar instructions have tests against constants.
    #[test]
    fn lanes_are_computed_as_scalars() {
        check_binary!(F32, f32:
            f32x4_add f32_add f32x4_sub f32_sub f32x4_mul f32_mul f32x4_div f32_div
            f32x4_min f32_min f32x4_max f32_max f32x4_pmin f32_pmin f32x4_pmax f32_pmax
        );
        check_binary!(F64, f64:
            f64x2_add f64_add f64x2_sub f64_sub f64x2_mul f64_mul f64x2_div f64_div
            f64x2_min f64_min f64x2_max f64_max f64x2_pmin f64_pmin f64x2_pmax f64_pmax
        );
        check_unary!(F32, f32:
            f32x4_abs f32_abs f32x4_neg f32_neg f32x4_sqrt f32_sqrt f32x4_ceil f32_ceil f32x4_floor f32_floor
            f32x4_trunc f32_trunc f32x4_nearest f32_nearest f32x4_canonicalize f32_canonicalize
        );
        check_unary!(F64, f64:
            f64x2_abs f64_abs f64x2_neg f64_neg f64x2_sqrt f64_sqrt f64x2_ceil f64_ceil f64x2_floor f64_floor
            f64x2_trunc f64_trunc f64x2_nearest f64_nearest f64x2_canonicalize f64_canonicalize
        );
    }

    #[test]
    fn each_lane_has_its_own_result() {
        let (a, b) = (f32::vector([1.0, -2.5, 0.0, f32::INFINITY]), f32::vector([3.0, 0.5, -0.0, f32::MAX]));
        assert_eq!(f32::lanes(f32x4_add(a, b)), [4.0, -2.0, 0.0, f32::INFINITY]);
        assert_eq!(f32::lanes(f32x4_sub(a, b)), [-2.0, -3.0, 0.0, f32::INFINITY]);
        assert_eq!(f32::lanes(f32x4_min(a, b)), [1.0, -2.5, -0.0, f32::MAX]);
        assert_eq!(f32::lanes(f32x4_nearest(a)), [1.0, -2.0, 0.0, f32::INFINITY]);
        let (a, b) = (f64::vector([9.0, -0.5]), f64::vector([2.0, 0.25]));
        assert_eq!(f64::lanes(f64x2_div(a, b)), [4.5, -2.0]);
        assert_eq!(f64::lanes(f64x2_mul(a, b)), [18.0, -0.125]);
        assert_eq!(f64::lanes(f64x2_max(a, b)), [9.0, 0.25]);
        assert_eq!(f64x2_neg(f64::vector([0.0, f64::from_bits(1)])), V128(1 << 63 | 1 << 127 | 1 << 64));
    }

    #[test]
    fn lanes_keep_the_payloads_of_nans() {
        let a = V128(0x7ff0_0000_0000_1234_ff80_1234_7f80_0001);
        assert_eq!(f32x4_neg(a).0, a.0 ^ 0x8000_0000_8000_0000_8000_0000_8000_0000);
        assert_eq!(f64x2_abs(a).0, a.0 & !(1 << 63));
        assert_eq!(f32x4_pmin(a, V128(0)).0 as u64, 0xff80_1234_7f80_0001);
        assert_eq!(f32::lanes(f32x4_ceil(a))[0].to_bits(), 0x7fc0_0001);
        assert_eq!(f64::lanes(f64x2_sqrt(a))[1].to_bits(), 0x7ff8_0000_0000_1234);
        assert_eq!(f64::lanes(f64x2_canonicalize(a))[1].to_bits(), 0x7ff8 << 48);
        assert_eq!(f32::lanes(f32x4_canonicalize(a))[1].to_bits(), 0x7fc0_0000);
    }
}
