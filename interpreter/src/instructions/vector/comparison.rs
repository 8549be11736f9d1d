//! Comparisons of lanes: all ones where true, zero where false
//! ([virelop, vfrelop](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vrelop)).

use super::{instructions, zip};
use crate::instructions::numeric::*;
use crate::slot::V128;

/// Defines comparisons: the name, the type of the lanes of the result, and the comparison of two lanes.
macro_rules! comparisons {
    ($($name:ident -> $mask:ty = $compare:expr;)*) => {
        instructions! {
            $($name(a: V128, b: V128) -> V128 = zip(a, b, |a, b| if $compare(a, b) { !0 as $mask } else { 0 });)*
        }
    };
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ieq, #op-ine
comparisons! {
    i8x16_eq -> u8 = |a: u8, b: u8| a == b;
    i8x16_ne -> u8 = |a: u8, b: u8| a != b;
    i16x8_eq -> u16 = |a: u16, b: u16| a == b;
    i16x8_ne -> u16 = |a: u16, b: u16| a != b;
    i32x4_eq -> u32 = |a: u32, b: u32| a == b;
    i32x4_ne -> u32 = |a: u32, b: u32| a != b;
    i64x2_eq -> u64 = |a: u64, b: u64| a == b;
    i64x2_ne -> u64 = |a: u64, b: u64| a != b;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ilt, #op-igt, #op-ile, #op-ige. Lanes of
// 64 bits have the signed ones only.
comparisons! {
    i8x16_lt_u -> u8 = |a: u8, b: u8| a < b;
    i8x16_lt_s -> u8 = |a: i8, b: i8| a < b;
    i8x16_gt_u -> u8 = |a: u8, b: u8| a > b;
    i8x16_gt_s -> u8 = |a: i8, b: i8| a > b;
    i8x16_le_u -> u8 = |a: u8, b: u8| a <= b;
    i8x16_le_s -> u8 = |a: i8, b: i8| a <= b;
    i8x16_ge_u -> u8 = |a: u8, b: u8| a >= b;
    i8x16_ge_s -> u8 = |a: i8, b: i8| a >= b;
    i16x8_lt_u -> u16 = |a: u16, b: u16| a < b;
    i16x8_lt_s -> u16 = |a: i16, b: i16| a < b;
    i16x8_gt_u -> u16 = |a: u16, b: u16| a > b;
    i16x8_gt_s -> u16 = |a: i16, b: i16| a > b;
    i16x8_le_u -> u16 = |a: u16, b: u16| a <= b;
    i16x8_le_s -> u16 = |a: i16, b: i16| a <= b;
    i16x8_ge_u -> u16 = |a: u16, b: u16| a >= b;
    i16x8_ge_s -> u16 = |a: i16, b: i16| a >= b;
    i32x4_lt_u -> u32 = |a: u32, b: u32| a < b;
    i32x4_lt_s -> u32 = |a: i32, b: i32| a < b;
    i32x4_gt_u -> u32 = |a: u32, b: u32| a > b;
    i32x4_gt_s -> u32 = |a: i32, b: i32| a > b;
    i32x4_le_u -> u32 = |a: u32, b: u32| a <= b;
    i32x4_le_s -> u32 = |a: i32, b: i32| a <= b;
    i32x4_ge_u -> u32 = |a: u32, b: u32| a >= b;
    i32x4_ge_s -> u32 = |a: i32, b: i32| a >= b;
    i64x2_lt_s -> u64 = |a: i64, b: i64| a < b;
    i64x2_gt_s -> u64 = |a: i64, b: i64| a > b;
    i64x2_le_s -> u64 = |a: i64, b: i64| a <= b;
    i64x2_ge_s -> u64 = |a: i64, b: i64| a >= b;
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-feq, and the five that follow
comparisons! {
    f32x4_eq -> u32 = f32_eq;
    f32x4_ne -> u32 = f32_ne;
    f32x4_lt -> u32 = f32_lt;
    f32x4_gt -> u32 = f32_gt;
    f32x4_le -> u32 = f32_le;
    f32x4_ge -> u32 = f32_ge;
    f64x2_eq -> u64 = f64_eq;
    f64x2_ne -> u64 = f64_ne;
    f64x2_lt -> u64 = f64_lt;
    f64x2_gt -> u64 = f64_gt;
    f64x2_le -> u64 = f64_le;
    f64x2_ge -> u64 = f64_ge;
}

#[cfg(test)]
mod tests {
    use super::super::Lane;
    use super::super::tests::{F32, F64, check_binary};
    use super::*;

    #[test]
    fn i8x16_lanes_compare_by_their_values() {
        check_binary::<u8, i8, 16>(i8x16_eq, |a, b| if a - b == 0 { -1 } else { 0 });
        check_binary::<u8, i8, 16>(i8x16_ne, |a, b| if a - b == 0 { 0 } else { -1 });
        check_binary::<u8, i8, 16>(i8x16_lt_u, |a, b| (a - b).signum().min(0));
        check_binary::<u8, i8, 16>(i8x16_gt_u, |a, b| (b - a).signum().min(0));
        check_binary::<u8, i8, 16>(i8x16_le_u, |a, b| -1 - (b - a).signum().min(0));
        check_binary::<u8, i8, 16>(i8x16_ge_u, |a, b| -1 - (a - b).signum().min(0));
        check_binary::<i8, i8, 16>(i8x16_lt_s, |a, b| (a - b).signum().min(0));
        check_binary::<i8, i8, 16>(i8x16_gt_s, |a, b| (b - a).signum().min(0));
        check_binary::<i8, i8, 16>(i8x16_le_s, |a, b| -1 - (b - a).signum().min(0));
        check_binary::<i8, i8, 16>(i8x16_ge_s, |a, b| -1 - (a - b).signum().min(0));
    }

    #[test]
    fn i16x8_lanes_compare_by_their_values() {
        check_binary::<u16, i16, 8>(i16x8_eq, |a, b| if a - b == 0 { -1 } else { 0 });
        check_binary::<u16, i16, 8>(i16x8_ne, |a, b| if a - b == 0 { 0 } else { -1 });
        check_binary::<u16, i16, 8>(i16x8_lt_u, |a, b| (a - b).signum().min(0));
        check_binary::<u16, i16, 8>(i16x8_gt_u, |a, b| (b - a).signum().min(0));
        check_binary::<u16, i16, 8>(i16x8_le_u, |a, b| -1 - (b - a).signum().min(0));
        check_binary::<u16, i16, 8>(i16x8_ge_u, |a, b| -1 - (a - b).signum().min(0));
        check_binary::<i16, i16, 8>(i16x8_lt_s, |a, b| (a - b).signum().min(0));
        check_binary::<i16, i16, 8>(i16x8_gt_s, |a, b| (b - a).signum().min(0));
        check_binary::<i16, i16, 8>(i16x8_le_s, |a, b| -1 - (b - a).signum().min(0));
        check_binary::<i16, i16, 8>(i16x8_ge_s, |a, b| -1 - (a - b).signum().min(0));
    }

    #[test]
    fn i32x4_lanes_compare_by_their_values() {
        check_binary::<u32, i32, 4>(i32x4_eq, |a, b| if a - b == 0 { -1 } else { 0 });
        check_binary::<u32, i32, 4>(i32x4_ne, |a, b| if a - b == 0 { 0 } else { -1 });
        check_binary::<u32, i32, 4>(i32x4_lt_u, |a, b| (a - b).signum().min(0));
        check_binary::<u32, i32, 4>(i32x4_gt_u, |a, b| (b - a).signum().min(0));
        check_binary::<u32, i32, 4>(i32x4_le_u, |a, b| -1 - (b - a).signum().min(0));
        check_binary::<u32, i32, 4>(i32x4_ge_u, |a, b| -1 - (a - b).signum().min(0));
        check_binary::<i32, i32, 4>(i32x4_lt_s, |a, b| (a - b).signum().min(0));
        check_binary::<i32, i32, 4>(i32x4_gt_s, |a, b| (b - a).signum().min(0));
        check_binary::<i32, i32, 4>(i32x4_le_s, |a, b| -1 - (b - a).signum().min(0));
        check_binary::<i32, i32, 4>(i32x4_ge_s, |a, b| -1 - (a - b).signum().min(0));
    }

    #[test]
    fn i64x2_lanes_compare_by_their_values() {
        check_binary::<u64, i64, 2>(i64x2_eq, |a, b| if a - b == 0 { -1 } else { 0 });
        check_binary::<u64, i64, 2>(i64x2_ne, |a, b| if a - b == 0 { 0 } else { -1 });
        check_binary::<i64, i64, 2>(i64x2_lt_s, |a, b| (a - b).signum().min(0));
        check_binary::<i64, i64, 2>(i64x2_gt_s, |a, b| (b - a).signum().min(0));
        check_binary::<i64, i64, 2>(i64x2_le_s, |a, b| -1 - (b - a).signum().min(0));
        check_binary::<i64, i64, 2>(i64x2_ge_s, |a, b| -1 - (a - b).signum().min(0));
    }

    #[test]
    fn floats_compare_as_numbers() {
        let order = |a: f64, b: f64| a.partial_cmp(&b).map(|order| order as i8);
        let expected = |a, b| match order(a, b) {
            None => [0, -1, 0, 0, 0, 0],
            Some(0) => [-1, 0, 0, 0, -1, -1],
            Some(-1) => [0, -1, -1, 0, -1, 0],
            Some(_) => [0, -1, 0, -1, 0, -1],
        };
        for (a, b) in F32.into_iter().flat_map(|a| F32.map(|b| (a, b))) {
            let (x, y) = (f32::vector([1.0, a, 1.0, b]), f32::vector([2.0, b, 1.0, a]));
            let all =
                [f32x4_eq, f32x4_ne, f32x4_lt, f32x4_gt, f32x4_le, f32x4_ge].map(|compare| i32::lanes(compare(x, y)));
            assert_eq!(all.map(|lanes| lanes[0]), expected(1.0, 2.0));
            assert_eq!(all.map(|lanes| lanes[1]), expected(a.into(), b.into()));
            assert_eq!(all.map(|lanes| lanes[2]), expected(1.0, 1.0));
            assert_eq!(all.map(|lanes| lanes[3]), expected(b.into(), a.into()));
        }
        for (a, b) in F64.into_iter().flat_map(|a| F64.map(|b| (a, b))) {
            let (x, y) = (f64::vector([a, b]), f64::vector([b, a]));
            let all =
                [f64x2_eq, f64x2_ne, f64x2_lt, f64x2_gt, f64x2_le, f64x2_ge].map(|compare| i64::lanes(compare(x, y)));
            assert_eq!(all.map(|lanes| lanes[0]), expected(a, b).map(i64::from));
            assert_eq!(all.map(|lanes| lanes[1]), expected(b, a).map(i64::from));
        }
    }
}
