//! Shifts of integer lanes, by a distance modulo their width
//! ([vishiftop](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vshiftop)).

use super::{instructions, map};
use crate::slot::V128;

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ishl
instructions! {
    i8x16_shl(a: V128, by: u32) -> V128 = map(a, |a: u8| a.wrapping_shl(by));
    i16x8_shl(a: V128, by: u32) -> V128 = map(a, |a: u16| a.wrapping_shl(by));
    i32x4_shl(a: V128, by: u32) -> V128 = map(a, |a: u32| a.wrapping_shl(by));
    i64x2_shl(a: V128, by: u32) -> V128 = map(a, |a: u64| a.wrapping_shl(by));
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ishr
instructions! {
    i8x16_shr_u(a: V128, by: u32) -> V128 = map(a, |a: u8| a.wrapping_shr(by));
    i16x8_shr_u(a: V128, by: u32) -> V128 = map(a, |a: u16| a.wrapping_shr(by));
    i32x4_shr_u(a: V128, by: u32) -> V128 = map(a, |a: u32| a.wrapping_shr(by));
    i64x2_shr_u(a: V128, by: u32) -> V128 = map(a, |a: u64| a.wrapping_shr(by));
}

// https://webassembly.github.io/spec/core/exec/numerics.html#op-ishr
instructions! {
    i8x16_shr_s(a: V128, by: u32) -> V128 = map(a, |a: i8| a.wrapping_shr(by));
    i16x8_shr_s(a: V128, by: u32) -> V128 = map(a, |a: i16| a.wrapping_shr(by));
    i32x4_shr_s(a: V128, by: u32) -> V128 = map(a, |a: i32| a.wrapping_shr(by));
    i64x2_shr_s(a: V128, by: u32) -> V128 = map(a, |a: i64| a.wrapping_shr(by));
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_unary;
    use super::*;

    #[test]
    fn shifts_are_by_a_distance_modulo_the_width() {
        for by in (0..140).chain([0x8000_0000, 0xffff_ffff]) {
            let power = 1_i128 << (by % 8);
            check_unary::<u8, u8, 16>(|a| i8x16_shl(a, by), |a| a * power);
            check_unary::<u8, u8, 16>(|a| i8x16_shr_u(a, by), |a| a / power);
            check_unary::<i8, i8, 16>(|a| i8x16_shr_s(a, by), |a| a.div_euclid(power));
            let power = 1_i128 << (by % 16);
            check_unary::<u16, u16, 8>(|a| i16x8_shl(a, by), |a| a * power);
            check_unary::<u16, u16, 8>(|a| i16x8_shr_u(a, by), |a| a / power);
            check_unary::<i16, i16, 8>(|a| i16x8_shr_s(a, by), |a| a.div_euclid(power));
            let power = 1_i128 << (by % 32);
            check_unary::<u32, u32, 4>(|a| i32x4_shl(a, by), |a| a * power);
            check_unary::<u32, u32, 4>(|a| i32x4_shr_u(a, by), |a| a / power);
            check_unary::<i32, i32, 4>(|a| i32x4_shr_s(a, by), |a| a.div_euclid(power));
            let power = 1_i128 << (by % 64);
            check_unary::<u64, u64, 2>(|a| i64x2_shl(a, by), |a| a * power);
            check_unary::<u64, u64, 2>(|a| i64x2_shr_u(a, by), |a| a / power);
            check_unary::<i64, i64, 2>(|a| i64x2_shr_s(a, by), |a| a.div_euclid(power));
        }
    }
}
