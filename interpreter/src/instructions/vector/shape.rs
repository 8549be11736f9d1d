//! Shapes: a vector as its lanes ([Vectors](https://webassembly.github.io/spec/core/exec/numerics.html#aux-lanes)).

use crate::slot::V128;
use core::array::from_fn;

/// A type of which a vector has `N` lanes. Lane 0 is in the lowest bits.
pub(crate) trait Lane<const N: usize>: Copy {
    /// Returns the lanes of a vector.
    fn lanes(vector: V128) -> [Self; N];

    /// Returns the vector of some lanes.
    fn vector(lanes: [Self; N]) -> V128;
}

/// Implements [`Lane`] for types, each with the number of its lanes and the unsigned type of the same width.
macro_rules! lanes {
    ($($ty:ty, $count:literal, $bits:ident;)*) => {
        $(impl Lane<$count> for $ty {
            #[inline(always)]
            fn lanes(vector: V128) -> [$ty; $count] {
                let halves = [vector.0 as u64, (vector.0 >> 64) as u64];
                from_fn(|lane| {
                    let (half, position) = (lane * 2 / $count, lane & ($count / 2 - 1));
                    let bits = halves[half] >> ($bits::BITS as usize * position);
                    <$ty>::from_le_bytes((bits as $bits).to_le_bytes())
                })
            }

            #[inline(always)]
            fn vector(lanes: [$ty; $count]) -> V128 {
                let [low, high] = [0, $count / 2].map(|start| {
                    lanes[start..start + $count / 2].iter().rfold(0_u64, |half, lane| {
                        let bits = $bits::from_le_bytes(lane.to_le_bytes());
                        half.unbounded_shl($bits::BITS) | u64::from(bits)
                    })
                });
                V128(u128::from(low) | u128::from(high) << 64)
            }
        })*
    };
}

lanes! {
    u8, 16, u8;
    i8, 16, u8;
    u16, 8, u16;
    i16, 8, u16;
    u32, 4, u32;
    i32, 4, u32;
    u64, 2, u64;
    i64, 2, u64;
    f32, 4, u32;
    f64, 2, u64;
}

/// Applies an operation to each lane.
#[inline(always)]
pub(crate) fn map<T: Lane<N>, R: Lane<N>, const N: usize>(a: V128, operation: impl Fn(T) -> R) -> V128 {
    R::vector(T::lanes(a).map(operation))
}

/// Applies an operation to each lane of a vector and the same lane of another one.
#[inline(always)]
pub(crate) fn zip<T: Lane<N>, R: Lane<N>, const N: usize>(a: V128, b: V128, operation: impl Fn(T, T) -> R) -> V128 {
    let (a, b) = (T::lanes(a), T::lanes(b));
    R::vector(from_fn(|lane| operation(a[lane], b[lane])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_in_little_endian_order() {
        let vector = V128(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);
        assert_eq!(u8::lanes(vector), from_fn(|lane| lane as u8));
        assert_eq!(u16::lanes(vector)[..3], [0x0100, 0x0302, 0x0504]);
        assert_eq!(i32::lanes(vector), [0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c]);
        assert_eq!(u64::lanes(vector), [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        assert_eq!(f32::lanes(V128(0x3f80_0000))[0], 1.0);
        assert_eq!(f64::vector([0.0, -0.0]), V128(1 << 127));
    }

    #[test]
    fn lanes_and_vector_are_inverse() {
        // As floats, lane 0 is a signaling NaN.
        let vector = V128(0x0123_4567_89ab_cdef_fff0_0001_ff80_0001);
        assert_eq!(i8::vector(i8::lanes(vector)), vector);
        assert_eq!(u16::vector(u16::lanes(vector)), vector);
        assert_eq!(i32::vector(i32::lanes(vector)), vector);
        assert_eq!(i64::vector(i64::lanes(vector)), vector);
        assert_eq!(f32::vector(f32::lanes(vector)), vector);
        assert_eq!(f64::vector(f64::lanes(vector)), vector);
    }
}
