//! Instructions whose result has half as many lanes, of twice the width
//! ([vcvtop](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vcvtop),
//! [vextunop](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vextunop),
//! [vextbinop](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vextbinop)).

use super::{Lane, i16x8_mul, i32x4_mul, i64x2_mul, instructions};
use crate::slot::V128;
use core::array::from_fn;

// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vcvtop, with `half`
instructions! {
    i16x8_extend_low_i8x16_u(a: V128) -> V128 = map_low::<u8, u16, _, _>(a, u16::from);
    i16x8_extend_low_i8x16_s(a: V128) -> V128 = map_low::<i8, i16, _, _>(a, i16::from);
    i16x8_extend_high_i8x16_u(a: V128) -> V128 = map_high::<u8, u16, _, _>(a, u16::from);
    i16x8_extend_high_i8x16_s(a: V128) -> V128 = map_high::<i8, i16, _, _>(a, i16::from);
    i32x4_extend_low_i16x8_u(a: V128) -> V128 = map_low::<u16, u32, _, _>(a, u32::from);
    i32x4_extend_low_i16x8_s(a: V128) -> V128 = map_low::<i16, i32, _, _>(a, i32::from);
    i32x4_extend_high_i16x8_u(a: V128) -> V128 = map_high::<u16, u32, _, _>(a, u32::from);
    i32x4_extend_high_i16x8_s(a: V128) -> V128 = map_high::<i16, i32, _, _>(a, i32::from);
    i64x2_extend_low_i32x4_u(a: V128) -> V128 = map_low::<u32, u64, _, _>(a, u64::from);
    i64x2_extend_low_i32x4_s(a: V128) -> V128 = map_low::<i32, i64, _, _>(a, i64::from);
    i64x2_extend_high_i32x4_u(a: V128) -> V128 = map_high::<u32, u64, _, _>(a, u64::from);
    i64x2_extend_high_i32x4_s(a: V128) -> V128 = map_high::<i32, i64, _, _>(a, i64::from);
}

/// Applies an operation to the low half of the lanes.
#[inline(always)]
pub(super) fn map_low<T: Lane<N>, R: Lane<M>, const N: usize, const M: usize>(
    a: V128,
    operation: impl Fn(T) -> R,
) -> V128 {
    let a = T::lanes(a);
    R::vector(from_fn(|lane| operation(a[lane])))
}

/// Applies an operation to the high half of the lanes.
#[inline(always)]
fn map_high<T: Lane<N>, R: Lane<M>, const N: usize, const M: usize>(a: V128, operation: impl Fn(T) -> R) -> V128 {
    let a = T::lanes(a);
    R::vector(from_fn(|lane| operation(a[M + lane])))
}

// Products of extended lanes. The wider type can hold them.
// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vextbinop
instructions! {
    i16x8_extmul_low_i8x16_u(a: V128, b: V128) -> V128 =
        i16x8_mul(i16x8_extend_low_i8x16_u(a), i16x8_extend_low_i8x16_u(b));
    i16x8_extmul_low_i8x16_s(a: V128, b: V128) -> V128 =
        i16x8_mul(i16x8_extend_low_i8x16_s(a), i16x8_extend_low_i8x16_s(b));
    i16x8_extmul_high_i8x16_u(a: V128, b: V128) -> V128 =
        i16x8_mul(i16x8_extend_high_i8x16_u(a), i16x8_extend_high_i8x16_u(b));
    i16x8_extmul_high_i8x16_s(a: V128, b: V128) -> V128 =
        i16x8_mul(i16x8_extend_high_i8x16_s(a), i16x8_extend_high_i8x16_s(b));
    i32x4_extmul_low_i16x8_u(a: V128, b: V128) -> V128 =
        i32x4_mul(i32x4_extend_low_i16x8_u(a), i32x4_extend_low_i16x8_u(b));
    i32x4_extmul_low_i16x8_s(a: V128, b: V128) -> V128 =
        i32x4_mul(i32x4_extend_low_i16x8_s(a), i32x4_extend_low_i16x8_s(b));
    i32x4_extmul_high_i16x8_u(a: V128, b: V128) -> V128 =
        i32x4_mul(i32x4_extend_high_i16x8_u(a), i32x4_extend_high_i16x8_u(b));
    i32x4_extmul_high_i16x8_s(a: V128, b: V128) -> V128 =
        i32x4_mul(i32x4_extend_high_i16x8_s(a), i32x4_extend_high_i16x8_s(b));
    i64x2_extmul_low_i32x4_u(a: V128, b: V128) -> V128 =
        i64x2_mul(i64x2_extend_low_i32x4_u(a), i64x2_extend_low_i32x4_u(b));
    i64x2_extmul_low_i32x4_s(a: V128, b: V128) -> V128 =
        i64x2_mul(i64x2_extend_low_i32x4_s(a), i64x2_extend_low_i32x4_s(b));
    i64x2_extmul_high_i32x4_u(a: V128, b: V128) -> V128 =
        i64x2_mul(i64x2_extend_high_i32x4_u(a), i64x2_extend_high_i32x4_u(b));
    i64x2_extmul_high_i32x4_s(a: V128, b: V128) -> V128 =
        i64x2_mul(i64x2_extend_high_i32x4_s(a), i64x2_extend_high_i32x4_s(b));
}

// Sums of neighbors.
// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vextunop
instructions! {
    i16x8_extadd_pairwise_i8x16_u(a: V128) -> V128 = fold_pairs(a, |a: u8, b: u8| u16::from(a) + u16::from(b));
    i16x8_extadd_pairwise_i8x16_s(a: V128) -> V128 = fold_pairs(a, |a: i8, b: i8| i16::from(a) + i16::from(b));
    i32x4_extadd_pairwise_i16x8_u(a: V128) -> V128 = fold_pairs(a, |a: u16, b: u16| u32::from(a) + u32::from(b));
    i32x4_extadd_pairwise_i16x8_s(a: V128) -> V128 = fold_pairs(a, |a: i16, b: i16| i32::from(a) + i32::from(b));
}

/// Applies an operation to each two neighbors.
#[inline(always)]
fn fold_pairs<T: Lane<N>, R: Lane<M>, const N: usize, const M: usize>(a: V128, operation: impl Fn(T, T) -> R) -> V128 {
    let a = T::lanes(a);
    R::vector(from_fn(|lane| operation(a[2 * lane], a[2 * lane + 1])))
}

// Sums of the products of neighbors. Only four times the smallest number exceeds 32 bits, and wraps.
// https://webassembly.github.io/spec/core/exec/instructions.html#exec-vextbinop
instructions! {
    i32x4_dot_i16x8_s(a: V128, b: V128) -> V128 =
        dot(a, b, |a: i16, b: i16| i32::from(a) * i32::from(b), i32::wrapping_add);
}

/// Multiplies each lane by the same lane of the other vector, and adds each two neighbors of the products.
#[inline(always)]
pub(super) fn dot<T: Lane<N>, R: Lane<M>, const N: usize, const M: usize>(
    a: V128,
    b: V128,
    multiply: impl Fn(T, T) -> R,
    add: impl Fn(R, R) -> R,
) -> V128 {
    let (a, b) = (T::lanes(a), T::lanes(b));
    let product = |lane: usize| multiply(a[lane], b[lane]);
    R::vector(from_fn(|lane| add(product(2 * lane), product(2 * lane + 1))))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{vectors, wide};
    use super::*;

    /// Checks extensions and extending products of the low and the high half.
    #[track_caller]
    fn check<
        T: super::super::tests::Number + Lane<N>,
        R: super::super::tests::Number + Lane<M>,
        const N: usize,
        const M: usize,
    >(
        extend: [fn(V128) -> V128; 2],
        multiply: [fn(V128, V128) -> V128; 2],
    ) {
        for (a, b) in vectors::<T, N>() {
            let (x, y) = (wide::<T, N>(a), wide::<T, N>(b));
            for half in [0, 1] {
                let lanes = half * M..half * M + M;
                assert_eq!(wide::<R, M>(extend[half](a))[..], x[lanes.clone()]);
                let products = wide::<R, M>(multiply[half](a, b));
                assert!(products.iter().zip(lanes).all(|(product, lane)| *product == x[lane] * y[lane]));
            }
        }
    }

    #[test]
    fn halves_are_extended_and_multiplied() {
        check::<u8, u16, 16, 8>(
            [i16x8_extend_low_i8x16_u, i16x8_extend_high_i8x16_u],
            [i16x8_extmul_low_i8x16_u, i16x8_extmul_high_i8x16_u],
        );
        check::<i8, i16, 16, 8>(
            [i16x8_extend_low_i8x16_s, i16x8_extend_high_i8x16_s],
            [i16x8_extmul_low_i8x16_s, i16x8_extmul_high_i8x16_s],
        );
        check::<u16, u32, 8, 4>(
            [i32x4_extend_low_i16x8_u, i32x4_extend_high_i16x8_u],
            [i32x4_extmul_low_i16x8_u, i32x4_extmul_high_i16x8_u],
        );
        check::<i16, i32, 8, 4>(
            [i32x4_extend_low_i16x8_s, i32x4_extend_high_i16x8_s],
            [i32x4_extmul_low_i16x8_s, i32x4_extmul_high_i16x8_s],
        );
        check::<u32, u64, 4, 2>(
            [i64x2_extend_low_i32x4_u, i64x2_extend_high_i32x4_u],
            [i64x2_extmul_low_i32x4_u, i64x2_extmul_high_i32x4_u],
        );
        check::<i32, i64, 4, 2>(
            [i64x2_extend_low_i32x4_s, i64x2_extend_high_i32x4_s],
            [i64x2_extmul_low_i32x4_s, i64x2_extmul_high_i32x4_s],
        );
    }

    #[test]
    fn neighbors_are_added() {
        for (a, b) in vectors::<u8, 16>() {
            let (a, b) = (V128(a.0 ^ b.0 >> 8), b);
            let (bytes, words) = (wide::<u8, 16>(a), wide::<u16, 8>(a));
            let signed = (wide::<i8, 16>(a), wide::<i16, 8>(a), wide::<i16, 8>(b));
            for lane in 0..8 {
                let pair = [2 * lane, 2 * lane + 1];
                let sum = wide::<u16, 8>(i16x8_extadd_pairwise_i8x16_u(a))[lane];
                assert_eq!(sum, pair.map(|lane| bytes[lane]).iter().sum());
                let sum = wide::<i16, 8>(i16x8_extadd_pairwise_i8x16_s(a))[lane];
                assert_eq!(sum, pair.map(|lane| signed.0[lane]).iter().sum());
            }
            for lane in 0..4 {
                let pair = [2 * lane, 2 * lane + 1];
                let sum = wide::<u32, 4>(i32x4_extadd_pairwise_i16x8_u(a))[lane];
                assert_eq!(sum, pair.map(|lane| words[lane]).iter().sum());
                let sum = wide::<i32, 4>(i32x4_extadd_pairwise_i16x8_s(a))[lane];
                assert_eq!(sum, pair.map(|lane| signed.1[lane]).iter().sum());
                let sum = wide::<i32, 4>(i32x4_dot_i16x8_s(a, b))[lane];
                assert_eq!(sum, pair.map(|lane| signed.1[lane] * signed.2[lane]).iter().sum());
            }
        }
    }

    #[test]
    fn the_largest_dot_product_wraps() {
        let smallest = i16::vector([-0x8000; 8]);
        assert_eq!(i32::lanes(i32x4_dot_i16x8_s(smallest, smallest)), [i32::MIN; 4]);
        let (a, b) = (i16::vector([1, 2, -3, 4, 5, 6, 7, 8]), i16::vector([10, 20, 30, 40, 0, 0, 1, -1]));
        assert_eq!(i32::lanes(i32x4_dot_i16x8_s(a, b)), [50, 70, 0, -1]);
        assert_eq!(i32::lanes(i32x4_extadd_pairwise_i16x8_s(a)), [3, 1, 11, 15]);
    }
}
