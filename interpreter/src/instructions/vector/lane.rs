//! Lanes as scalars, and in another order
//! ([vsplat and others](https://webassembly.github.io/spec/core/exec/instructions.html#exec-instr-vec)).
//!
//! Validation has checked that an immediate is the index of a lane.

use super::{Lane, instructions};
use crate::instructions::numeric::instructions as small_instructions;
use crate::slot::V128;
use core::array::from_fn;

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vsplat
small_instructions! {
    i8x16_splat(a: u32) -> V128 = u8::vector([a as u8; 16]);
    i16x8_splat(a: u32) -> V128 = u16::vector([a as u16; 8]);
    i32x4_splat(a: u32) -> V128 = u32::vector([a; 4]);
    i64x2_splat(a: u64) -> V128 = u64::vector([a; 2]);
    f32x4_splat(a: f32) -> V128 = f32::vector([a; 4]);
    f64x2_splat(a: f64) -> V128 = f64::vector([a; 2]);
}

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vextract-lane
small_instructions! {
    i8x16_extract_lane_u(a: V128, lane: u8) -> u32 = u32::from(u8::lanes(a)[usize::from(lane)]);
    i8x16_extract_lane_s(a: V128, lane: u8) -> i32 = i32::from(i8::lanes(a)[usize::from(lane)]);
    i16x8_extract_lane_u(a: V128, lane: u8) -> u32 = u32::from(u16::lanes(a)[usize::from(lane)]);
    i16x8_extract_lane_s(a: V128, lane: u8) -> i32 = i32::from(i16::lanes(a)[usize::from(lane)]);
    i32x4_extract_lane(a: V128, lane: u8) -> u32 = u32::lanes(a)[usize::from(lane)];
    i64x2_extract_lane(a: V128, lane: u8) -> u64 = u64::lanes(a)[usize::from(lane)];
    f32x4_extract_lane(a: V128, lane: u8) -> f32 = f32::lanes(a)[usize::from(lane)];
    f64x2_extract_lane(a: V128, lane: u8) -> f64 = f64::lanes(a)[usize::from(lane)];
}

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vreplace-lane
instructions! {
    i8x16_replace_lane(a: V128, b: u32, lane: u8) -> V128 = replace(a, lane, b as u8);
    i16x8_replace_lane(a: V128, b: u32, lane: u8) -> V128 = replace(a, lane, b as u16);
    i32x4_replace_lane(a: V128, b: u32, lane: u8) -> V128 = replace(a, lane, b);
    i64x2_replace_lane(a: V128, b: u64, lane: u8) -> V128 = replace(a, lane, b);
    f32x4_replace_lane(a: V128, b: f32, lane: u8) -> V128 = replace(a, lane, b);
    f64x2_replace_lane(a: V128, b: f64, lane: u8) -> V128 = replace(a, lane, b);
}

/// Returns the vector with another value in a lane.
#[inline(always)]
fn replace<T: Lane<N>, const N: usize>(a: V128, lane: u8, value: T) -> V128 {
    let mut lanes = T::lanes(a);
    lanes[usize::from(lane)] = value;
    T::vector(lanes)
}

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vswizzlop: lane i is the lane of `a` that lane i
// of `b` tells, zero where `a` has no such lane.
instructions! {
    i8x16_swizzle(a: V128, b: V128) -> V128 = {
        let (a, b) = (u8::lanes(a), u8::lanes(b));
        u8::vector(b.map(|lane| if lane < 16 { a[usize::from(lane)] } else { 0 }))
    };
}

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vshuffle: lane i is the lane of `a` and then `b`
// that immediate i tells.
instructions! {
    i8x16_shuffle(a: V128, b: V128, lanes: [u8; 16]) -> V128 = {
        let (a, b) = (u8::lanes(a), u8::lanes(b));
        u8::vector(from_fn(|i| {
            let lane = usize::from(lanes[i]);
            if lane < 16 { a[lane] } else { b[lane % 16] }
        }))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lane i of 8 bits is 0xf0 + i.
    const A: V128 = V128(0xfffe_fdfc_fbfa_f9f8_f7f6_f5f4_f3f2_f1f0);

    /// Lane i of 8 bits is i.
    const B: V128 = V128(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);

    #[test]
    fn splats_fill_all_lanes() {
        assert_eq!(i8x16_splat(0x1ab).0, 0xabab_abab_abab_abab_abab_abab_abab_abab);
        assert_eq!(i16x8_splat(0x7_1234).0, 0x1234_1234_1234_1234_1234_1234_1234_1234);
        assert_eq!(i32x4_splat(0x89ab_cdef).0, 0x89ab_cdef_89ab_cdef_89ab_cdef_89ab_cdef);
        assert_eq!(i64x2_splat(1).0, 1 << 64 | 1);
        assert_eq!(f32x4_splat(f32::from_bits(0xff80_0001)).0, 0xff80_0001_ff80_0001_ff80_0001_ff80_0001);
        assert_eq!(f64x2_splat(-0.0).0, 1 << 127 | 1 << 63);
    }

    #[test]
    fn lanes_are_extracted_with_their_sign() {
        for lane in 0..16 {
            assert_eq!(i8x16_extract_lane_u(A, lane), 0xf0 + u32::from(lane));
            assert_eq!(i8x16_extract_lane_s(A, lane), i32::from(lane) - 16);
        }
        for lane in 0..8 {
            assert_eq!(i16x8_extract_lane_u(A, lane), 0xf1f0 + 0x202 * u32::from(lane));
            assert_eq!(i16x8_extract_lane_s(A, lane), 0xf1f0 + 0x202 * i32::from(lane) - 0x1_0000);
        }
        assert_eq!([0, 3].map(|lane| i32x4_extract_lane(A, lane)), [0xf3f2_f1f0, 0xfffe_fdfc]);
        assert_eq!(i64x2_extract_lane(A, 1), 0xfffe_fdfc_fbfa_f9f8);
        assert_eq!(f32x4_extract_lane(A, 2).to_bits(), 0xfbfa_f9f8);
        assert_eq!(f64x2_extract_lane(A, 0).to_bits(), 0xf7f6_f5f4_f3f2_f1f0);
        assert_eq!(i8x16_extract_lane_s(B, 15), 15);
    }

    #[test]
    fn one_lane_is_replaced() {
        for lane in 0..16 {
            let shift = 8 * u32::from(lane);
            assert_eq!(i8x16_replace_lane(A, 0xfff_ff12, lane).0, A.0 & !(0xff << shift) | 0x12 << shift);
        }
        for lane in 0..8 {
            let shift = 16 * u32::from(lane);
            assert_eq!(i16x8_replace_lane(A, 0x5_1234, lane).0, A.0 & !(0xffff << shift) | 0x1234 << shift);
        }
        assert_eq!(i32x4_replace_lane(B, 7, 3).0 >> 64, 0x0000_0007_0b0a_0908);
        assert_eq!(i64x2_replace_lane(B, 7, 0).0 as u64, 7);
        assert_eq!(f32x4_replace_lane(B, f32::from_bits(0xff80_0001), 1).0 as u64, 0xff80_0001_0302_0100);
        assert_eq!(f64x2_replace_lane(B, -0.0, 1).0 >> 64, 1 << 63);
    }

    #[test]
    fn swizzle_selects_by_a_vector() {
        assert_eq!(i8x16_swizzle(A, B), A);
        let reversed = V128(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
        assert_eq!(i8x16_swizzle(A, reversed).0, 0xf0f1_f2f3_f4f5_f6f7_f8f9_fafb_fcfd_feff);
        for lane in 16..=255 {
            assert_eq!(i8x16_swizzle(A, i8x16_splat(lane)), V128(0));
        }
        assert_eq!(i8x16_swizzle(A, V128(0x8f10_01ff)).0 as u32, 0x0000_f100);
    }

    #[test]
    fn shuffle_selects_from_both_vectors() {
        assert_eq!(i8x16_shuffle(A, B, from_fn(|i| i as u8)), A);
        assert_eq!(i8x16_shuffle(A, B, from_fn(|i| i as u8 + 16)), B);
        let lanes = [0, 16, 1, 17, 15, 31, 31, 31, 14, 30, 0, 0, 0, 0, 0, 2];
        assert_eq!(i8x16_shuffle(A, B, lanes).0, 0xf2f0_f0f0_f0f0_0efe_0f0f_0fff_01f1_00f0);
    }
}
