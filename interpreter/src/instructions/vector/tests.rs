//! Operands for the tests of vector instructions, and comparison with exact arithmetic.

use super::Lane;
use crate::slot::V128;
use alloc::vec::Vec;
use core::array::from_fn;

/// Floats with their opposites: zeros, the least and the largest numbers, halves, infinities, NaNs.
pub(super) const F32: [f32; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.5,
    -2.5,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    f32::from_bits(0x8000_0001),
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    f32::from_bits(0xff80_0001),
];

/// Floats with their opposites: zeros, the least and the largest numbers, halves, infinities, NaNs.
pub(super) const F64: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.5,
    -2.5,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    f64::from_bits((1 << 63) + 1),
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::from_bits((0xfff0 << 48) + 1),
];

/// An integer type of lanes.
pub(super) trait Number: Into<i128> + Copy {
    const BITS: u32;

    /// Returns all numbers of 8 bits. Of more bits, those near to powers of two.
    fn all() -> Vec<Self>;
}

macro_rules! numbers {
    ($($ty:ident)*) => {
        $(impl Number for $ty {
            const BITS: u32 = $ty::BITS;

            fn all() -> Vec<$ty> {
                if $ty::BITS == 8 {
                    return ($ty::MIN..=$ty::MAX).collect();
                }
                let powers = (0..$ty::BITS).map(|bit| (1 as $ty) << bit);
                powers.flat_map(|power| [power, !power, power.wrapping_sub(1), power.wrapping_neg()]).collect()
            }
        })*
    };
}
numbers! { u8 i8 u16 i16 u32 i32 u64 i64 }

/// Returns the lanes as numbers.
pub(super) fn wide<T: Number + Lane<N>, const N: usize>(vector: V128) -> [i128; N] {
    T::lanes(vector).map(Into::into)
}

/// Returns vectors in whose lanes each pair of numbers occurs.
pub(super) fn vectors<T: Number + Lane<N>, const N: usize>() -> impl Iterator<Item = (V128, V128)> {
    let numbers = T::all();
    let count = numbers.len();
    let first = move |pair: usize| pair / count % count;
    (0..(count * count).div_ceil(N)).map(move |chunk| {
        let pair = |lane| chunk * N + lane;
        (T::vector(from_fn(|lane| numbers[first(pair(lane))])), T::vector(from_fn(|lane| numbers[pair(lane) % count])))
    })
}

/// Checks all lanes of an instruction on one vector against exact arithmetic modulo the width of the result.
#[track_caller]
pub(super) fn check_unary<T: Number + Lane<N>, R: Number + Lane<N>, const N: usize>(
    instruction: impl Fn(V128) -> V128,
    expected: impl Fn(i128) -> i128,
) {
    let numbers = T::all();
    for start in 0..numbers.len() {
        let a = T::vector(from_fn(|lane| numbers[(start + lane) % numbers.len()]));
        assert_lanes::<R, N>(instruction(a), wide::<T, N>(a).map(&expected));
    }
}

/// Checks all lanes of an instruction on two vectors against exact arithmetic modulo the width of the result.
#[track_caller]
pub(super) fn check_binary<T: Number + Lane<N>, R: Number + Lane<N>, const N: usize>(
    instruction: impl Fn(V128, V128) -> V128,
    expected: impl Fn(i128, i128) -> i128,
) {
    for (a, b) in vectors::<T, N>() {
        let (x, y) = (wide::<T, N>(a), wide::<T, N>(b));
        assert_lanes::<R, N>(instruction(a, b), from_fn(|lane| expected(x[lane], y[lane])));
    }
}

#[track_caller]
fn assert_lanes<R: Number + Lane<N>, const N: usize>(result: V128, expected: [i128; N]) {
    for (actual, expected) in wide::<R, N>(result).into_iter().zip(expected) {
        assert_eq!((actual - expected) % (1 << R::BITS), 0, "{actual} is not {expected}");
    }
}

/// A wrong instruction is caught.
#[test]
#[should_panic(expected = "-128 is not 127")]
fn a_planted_fault_is_caught() {
    check_binary::<i8, i8, 16>(super::i8x16_add, |a, b| (a + b).min(127));
}
