//! Loads and stores
//! ([Memory instructions](https://webassembly.github.io/spec/core/exec/instructions.html#memory-instructions)). Numbers
//! are little-endian. Floats are their bits, which loads and stores do not change.
//!
//! Each instruction takes the address, the offset of its immediate, and then its other operands. The memory is either a
//! slice, so that an access costs little more than a comparison, or a [`MemoryInstance`] of any kind.

use crate::memory::{MemoryInstance, effective_address};
use crate::slot::V128;
use crate::trap::Trap;

/// Bytes that instructions load from and store to.
pub(crate) trait LinearMemory {
    /// Reads `N` bytes from `address + offset` on.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`] if they do not lie inside the memory.
    fn load<const N: usize>(&self, address: u64, offset: u64) -> Result<[u8; N], Trap>;

    /// Writes bytes to `address + offset` and on.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing written, if they do not lie inside the memory.
    fn store<const N: usize>(&mut self, address: u64, offset: u64, bytes: [u8; N]) -> Result<(), Trap>;
}

impl LinearMemory for [u8] {
    #[inline(always)]
    fn load<const N: usize>(&self, address: u64, offset: u64) -> Result<[u8; N], Trap> {
        load(self, address, offset)
    }

    #[inline(always)]
    fn store<const N: usize>(&mut self, address: u64, offset: u64, bytes: [u8; N]) -> Result<(), Trap> {
        store(self, address, offset, bytes)
    }
}

/// Reads `N` bytes from `address + offset` on.
///
/// # Errors
/// [`Trap::MemoryOutOfBounds`] if they do not lie inside the memory.
#[inline(always)]
pub(crate) fn load<const N: usize>(memory: &[u8], address: u64, offset: u64) -> Result<[u8; N], Trap> {
    match range::<N>(address, offset).and_then(|(start, end)| memory.get(start..end)?.first_chunk()) {
        Some(bytes) => Ok(*bytes),
        None => Err(Trap::MemoryOutOfBounds),
    }
}

/// Writes bytes to `address + offset` and on.
///
/// # Errors
/// [`Trap::MemoryOutOfBounds`], with nothing written, if they do not lie inside the memory.
#[inline(always)]
pub(crate) fn store<const N: usize>(memory: &mut [u8], address: u64, offset: u64, bytes: [u8; N]) -> Result<(), Trap> {
    match range::<N>(address, offset).and_then(|(start, end)| memory.get_mut(start..end)?.first_chunk_mut()) {
        Some(target) => {
            *target = bytes;
            Ok(())
        }
        None => Err(Trap::MemoryOutOfBounds),
    }
}

/// Returns the start and the end of `N` bytes; `None` if they are past the end of the address space.
#[inline(always)]
fn range<const N: usize>(address: u64, offset: u64) -> Option<(usize, usize)> {
    let start = effective_address(address, offset).ok()?;
    let end = start.checked_add(N as u64)?;
    Some((start as usize, usize::try_from(end).ok()?))
}

impl LinearMemory for MemoryInstance {
    #[inline]
    fn load<const N: usize>(&self, address: u64, offset: u64) -> Result<[u8; N], Trap> {
        MemoryInstance::load(self, address, offset)
    }

    #[inline]
    fn store<const N: usize>(&mut self, address: u64, offset: u64, bytes: [u8; N]) -> Result<(), Trap> {
        MemoryInstance::store(self, address, offset, bytes)
    }
}

/// Defines loads: the name, the type in memory, the type of the value.
macro_rules! loads {
    ($($name:ident: $access:ty => $value:ty;)*) => {$(
        /// [Loads](https://webassembly.github.io/spec/core/exec/instructions.html#exec-load-val) a number.
        ///
        /// # Errors
        /// [`Trap::MemoryOutOfBounds`].
        #[inline(always)]
        pub(crate) fn $name<M: LinearMemory + ?Sized>(memory: &M, address: u64, offset: u64) -> Result<$value, Trap> {
            memory.load(address, offset).map(|bytes| <$value>::from(<$access>::from_le_bytes(bytes)))
        }
    )*};
}

loads! {
    i32_load: u32 => u32;
    i64_load: u64 => u64;
    f32_load: u32 => u32;
    f64_load: u64 => u64;
    i32_load8_s: i8 => i32;
    i32_load8_u: u8 => u32;
    i32_load16_s: i16 => i32;
    i32_load16_u: u16 => u32;
    i64_load8_s: i8 => i64;
    i64_load8_u: u8 => u64;
    i64_load16_s: i16 => i64;
    i64_load16_u: u16 => u64;
    i64_load32_s: i32 => i64;
    i64_load32_u: u32 => u64;
}

/// Defines stores: the name, the type of the value, the type in memory, which takes its low bits.
macro_rules! stores {
    ($($name:ident: $value:ty => $access:ty;)*) => {$(
        /// [Stores](https://webassembly.github.io/spec/core/exec/instructions.html#exec-store-val) the low bits of a number.
        ///
        /// # Errors
        /// [`Trap::MemoryOutOfBounds`].
        #[inline(always)]
        pub(crate) fn $name<M: LinearMemory + ?Sized>(
            memory: &mut M,
            address: u64,
            offset: u64,
            value: $value,
        ) -> Result<(), Trap> {
            memory.store(address, offset, (value as $access).to_le_bytes())
        }
    )*};
}

stores! {
    i32_store: u32 => u32;
    i64_store: u64 => u64;
    f32_store: u32 => u32;
    f64_store: u64 => u64;
    i32_store8: u32 => u8;
    i32_store16: u32 => u16;
    i64_store8: u64 => u8;
    i64_store16: u64 => u16;
    i64_store32: u64 => u32;
}

/// [Loads](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vload-val) a vector.
///
/// # Errors
/// [`Trap::MemoryOutOfBounds`].
#[inline(always)]
pub(crate) fn v128_load<M: LinearMemory + ?Sized>(memory: &M, address: u64, offset: u64) -> Result<V128, Trap> {
    memory.load(address, offset).map(|bytes| V128(u128::from_le_bytes(bytes)))
}

/// [Stores](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vstore) a vector.
///
/// # Errors
/// [`Trap::MemoryOutOfBounds`].
#[inline(always)]
pub(crate) fn v128_store<M: LinearMemory + ?Sized>(
    memory: &mut M,
    address: u64,
    offset: u64,
    value: V128,
) -> Result<(), Trap> {
    memory.store(address, offset, value.0.to_le_bytes())
}

/// Defines loads of 8 bytes as narrow lanes that are extended: the name, the narrow lane, the wide lane, its bits.
macro_rules! extending_loads {
    ($($name:ident: $narrow:ty => $wide:ty as $bits:ty;)*) => {$(
        /// [Loads](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vload-pack) 8 bytes and extends
        /// each lane.
        ///
        /// # Errors
        /// [`Trap::MemoryOutOfBounds`].
        #[inline(always)]
        pub(crate) fn $name<M: LinearMemory + ?Sized>(memory: &M, address: u64, offset: u64) -> Result<V128, Trap> {
            let bytes: [u8; 8] = memory.load(address, offset)?;
            let (lanes, _) = bytes.as_chunks();
            Ok(V128(lanes.iter().rev().fold(0, |vector, lane| {
                let wide = <$wide>::from(<$narrow>::from_le_bytes(*lane)) as $bits;
                vector << <$bits>::BITS | u128::from(wide)
            })))
        }
    )*};
}

extending_loads! {
    v128_load8x8_s: i8 => i16 as u16;
    v128_load8x8_u: u8 => u16 as u16;
    v128_load16x4_s: i16 => i32 as u32;
    v128_load16x4_u: u16 => u32 as u32;
    v128_load32x2_s: i32 => i64 as u64;
    v128_load32x2_u: u32 => u64 as u64;
}

/// Defines loads of one lane that all lanes become: the name, the lane, a vector with 1 in each lane.
macro_rules! splatting_loads {
    ($($name:ident: $lane:ty => $ones:expr;)*) => {$(
        /// [Loads](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vload-splat) a lane and copies
        /// it to all lanes.
        ///
        /// # Errors
        /// [`Trap::MemoryOutOfBounds`].
        #[inline(always)]
        pub(crate) fn $name<M: LinearMemory + ?Sized>(memory: &M, address: u64, offset: u64) -> Result<V128, Trap> {
            memory.load(address, offset).map(|bytes| V128(u128::from(<$lane>::from_le_bytes(bytes)) * $ones))
        }
    )*};
}

splatting_loads! {
    v128_load8_splat: u8 => 0x0101_0101_0101_0101_0101_0101_0101_0101;
    v128_load16_splat: u16 => 0x0001_0001_0001_0001_0001_0001_0001_0001;
    v128_load32_splat: u32 => 0x0000_0001_0000_0001_0000_0001_0000_0001;
    v128_load64_splat: u64 => 0x0000_0000_0000_0001_0000_0000_0000_0001;
}

/// Defines loads of the first lane: the name, the lane.
macro_rules! zero_extending_loads {
    ($($name:ident: $lane:ty;)*) => {$(
        /// [Loads](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vload-zero) the first lane of a
        /// vector whose other lanes are zero.
        ///
        /// # Errors
        /// [`Trap::MemoryOutOfBounds`].
        #[inline(always)]
        pub(crate) fn $name<M: LinearMemory + ?Sized>(memory: &M, address: u64, offset: u64) -> Result<V128, Trap> {
            memory.load(address, offset).map(|bytes| V128(u128::from(<$lane>::from_le_bytes(bytes))))
        }
    )*};
}

zero_extending_loads! {
    v128_load32_zero: u32;
    v128_load64_zero: u64;
}

/// Defines loads and stores of one lane: their names, the lane.
macro_rules! lane_accesses {
    ($($load:ident $store:ident: $lane:ty;)*) => {$(
        /// [Loads](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vload_lane) one lane of a vector.
        ///
        /// # Errors
        /// [`Trap::MemoryOutOfBounds`].
        #[inline(always)]
        pub(crate) fn $load<M: LinearMemory + ?Sized>(
            memory: &M,
            address: u64,
            offset: u64,
            vector: V128,
            lane: u8,
        ) -> Result<V128, Trap> {
            let value = u128::from(<$lane>::from_le_bytes(memory.load(address, offset)?));
            let shift = u32::from(lane) * <$lane>::BITS;
            Ok(V128(vector.0 & !(u128::from(<$lane>::MAX) << shift) | value << shift))
        }

        /// [Stores](https://webassembly.github.io/spec/core/exec/instructions.html#exec-vstore_lane) one lane of a
        /// vector.
        ///
        /// # Errors
        /// [`Trap::MemoryOutOfBounds`].
        #[inline(always)]
        pub(crate) fn $store<M: LinearMemory + ?Sized>(
            memory: &mut M,
            address: u64,
            offset: u64,
            vector: V128,
            lane: u8,
        ) -> Result<(), Trap> {
            let value = (vector.0 >> (u32::from(lane) * <$lane>::BITS)) as $lane;
            memory.store(address, offset, value.to_le_bytes())
        }
    )*};
}

lane_accesses! {
    v128_load8_lane v128_store8_lane: u8;
    v128_load16_lane v128_store16_lane: u16;
    v128_load32_lane v128_store32_lane: u32;
    v128_load64_lane v128_store64_lane: u64;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreLimits;
    use crate::types::MemoryType;

    const OUTSIDE: Trap = Trap::MemoryOutOfBounds;

    /// Bytes from 0x80 up, so that the sign of each shows.
    fn bytes() -> [u8; 24] {
        core::array::from_fn(|at| 0x80 + at as u8)
    }

    #[test]
    fn numbers_are_little_endian_and_extended() {
        let memory = &bytes()[..];
        assert_eq!((i32_load(memory, 0, 1), f32_load(memory, 1, 0)), (Ok(0x8483_8281), Ok(0x8483_8281)));
        assert_eq!(i64_load(memory, 1, 2), Ok(0x8a89_8887_8685_8483));
        assert_eq!(f64_load(memory, 2, 1), Ok(0x8a89_8887_8685_8483));
        assert_eq!((i32_load8_s(memory, 3, 0), i32_load8_u(memory, 3, 0)), (Ok(-125), Ok(0x83)));
        assert_eq!((i32_load16_s(memory, 0, 0), i32_load16_u(memory, 0, 0)), (Ok(-0x7e80), Ok(0x8180)));
        assert_eq!((i64_load8_s(memory, 3, 0), i64_load8_u(memory, 3, 0)), (Ok(-125), Ok(0x83)));
        assert_eq!((i64_load16_s(memory, 0, 0), i64_load16_u(memory, 0, 0)), (Ok(-0x7e80), Ok(0x8180)));
        assert_eq!((i64_load32_s(memory, 0, 0), i64_load32_u(memory, 0, 0)), (Ok(-0x7c7d_7e80), Ok(0x8382_8180)));
    }

    #[test]
    fn stores_take_the_low_bits() {
        let mut memory = [0; 16];
        i32_store8(&mut memory[..], 0, 0, 0xffff_ff01).unwrap();
        i32_store16(&mut memory[..], 1, 0, 0xffff_0302).unwrap();
        i64_store8(&mut memory[..], 0, 3, 0xff04).unwrap();
        i64_store16(&mut memory[..], 3, 1, 0xffff_0605).unwrap();
        i64_store32(&mut memory[..], 6, 0, 0xffff_0a09_0807).unwrap();
        assert_eq!(memory, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0, 0, 0]);
        i64_store(&mut memory[..], 8, 0, 0x0807_0605_0403_0201).unwrap();
        f32_store(&mut memory[..], 0, 4, 0x0c0b_0a09).unwrap();
        assert_eq!(memory, [1, 2, 3, 4, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8]);
        i32_store(&mut memory[..], 0, 0, 5).unwrap();
        f64_store(&mut memory[..], 4, 4, 6).unwrap();
        assert_eq!(memory, [5, 0, 0, 0, 9, 10, 11, 12, 6, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn slices_have_bounds() {
        let mut bytes = bytes();
        let memory = &mut bytes[..];
        assert_eq!((i32_load8_u(memory, 23, 0), i32_load8_u(memory, 24, 0)), (Ok(0x97), Err(OUTSIDE)));
        assert_eq!((i32_load8_u(memory, 0, 23), i32_load8_u(memory, 0, 24)), (Ok(0x97), Err(OUTSIDE)));
        assert_eq!((i64_load(memory, 16, 0).is_ok(), i64_load(memory, 16, 1)), (true, Err(OUTSIDE)));
        assert_eq!((v128_load(memory, 0, 8).is_ok(), v128_load(memory, 9, 0)), (true, Err(OUTSIDE)));
        for (address, offset) in [(u64::MAX, 0), (u64::MAX, 1), (8, u64::MAX), (u64::MAX, u64::MAX), (1 << 32, 0)] {
            assert_eq!(i32_load(memory, address, offset), Err(OUTSIDE));
            assert_eq!(i32_store(memory, address, offset, 0), Err(OUTSIDE));
            assert_eq!(v128_store(memory, address, offset, V128(0)), Err(OUTSIDE));
        }
        assert_eq!((i32_store(memory, 21, 0, 0), i32_store16(memory, 23, 0, 0)), (Err(OUTSIDE), Err(OUTSIDE)));
        assert_eq!(bytes, self::bytes());
        assert_eq!(i32_load8_u(&[][..], 0, 0), Err(OUTSIDE));
    }

    #[test]
    fn vectors_load_in_lanes() {
        let memory = &bytes()[..];
        assert_eq!(v128_load(memory, 0, 0), Ok(V128(0x8f8e_8d8c_8b8a_8988_8786_8584_8382_8180)));
        assert_eq!(v128_load8x8_s(memory, 0, 0), Ok(V128(0xff87_ff86_ff85_ff84_ff83_ff82_ff81_ff80)));
        assert_eq!(v128_load8x8_u(memory, 1, 0), Ok(V128(0x0088_0087_0086_0085_0084_0083_0082_0081)));
        assert_eq!(v128_load16x4_s(memory, 0, 0), Ok(V128(0xffff_8786_ffff_8584_ffff_8382_ffff_8180)));
        assert_eq!(v128_load16x4_u(memory, 0, 0), Ok(V128(0x0000_8786_0000_8584_0000_8382_0000_8180)));
        assert_eq!(v128_load32x2_s(memory, 0, 0), Ok(V128(0xffff_ffff_8786_8584_ffff_ffff_8382_8180)));
        assert_eq!(v128_load32x2_u(memory, 0, 0), Ok(V128(0x0000_0000_8786_8584_0000_0000_8382_8180)));
        assert_eq!(v128_load8_splat(memory, 1, 1), Ok(V128(0x8282_8282_8282_8282_8282_8282_8282_8282)));
        assert_eq!(v128_load16_splat(memory, 0, 1), Ok(V128(0x8281_8281_8281_8281_8281_8281_8281_8281)));
        assert_eq!(v128_load32_splat(memory, 0, 0), Ok(V128(0x8382_8180_8382_8180_8382_8180_8382_8180)));
        assert_eq!(v128_load64_splat(memory, 0, 0), Ok(V128(0x8786_8584_8382_8180_8786_8584_8382_8180)));
        assert_eq!(v128_load32_zero(memory, 0, 0), Ok(V128(0x8382_8180)));
        assert_eq!(v128_load64_zero(memory, 0, 0), Ok(V128(0x8786_8584_8382_8180)));
        assert_eq!((v128_load8x8_s(memory, 17, 0), v128_load64_zero(memory, 17, 0)), (Err(OUTSIDE), Err(OUTSIDE)));
        assert_eq!((v128_load32_splat(memory, 21, 0), v128_load8_splat(memory, 24, 0)), (Err(OUTSIDE), Err(OUTSIDE)));
    }

    #[test]
    fn lanes_load_and_store_alone() {
        let memory = &bytes()[..];
        let vector = V128(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);
        assert_eq!(v128_load8_lane(memory, 0, 0, vector, 15), Ok(V128(0x800e_0d0c_0b0a_0908_0706_0504_0302_0100)));
        assert_eq!(v128_load16_lane(memory, 0, 0, vector, 1), Ok(V128(0x0f0e_0d0c_0b0a_0908_0706_0504_8180_0100)));
        assert_eq!(v128_load32_lane(memory, 0, 0, vector, 2), Ok(V128(0x0f0e_0d0c_8382_8180_0706_0504_0302_0100)));
        assert_eq!(v128_load64_lane(memory, 0, 0, vector, 1), Ok(V128(0x8786_8584_8382_8180_0706_0504_0302_0100)));
        assert_eq!(v128_load64_lane(memory, 17, 0, vector, 1), Err(OUTSIDE));
        let mut target = [0; 16];
        let memory = &mut target[..];
        v128_store8_lane(memory, 0, 0, vector, 15).unwrap();
        v128_store16_lane(memory, 0, 1, vector, 7).unwrap();
        v128_store32_lane(memory, 3, 0, vector, 3).unwrap();
        v128_store64_lane(memory, 7, 0, vector, 0).unwrap();
        assert_eq!(v128_store16_lane(memory, 15, 0, vector, 0), Err(OUTSIDE));
        assert_eq!(target, [15, 14, 15, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 0]);
    }

    #[test]
    fn memories_of_both_kinds_answer_as_slices_do() {
        for shared in [false, true] {
            let ty = MemoryType { shared, page_size_log2: 0, ..MemoryType::new(24, Some(30)) };
            let mut memory = MemoryInstance::new(ty, &StoreLimits::new()).unwrap();
            memory.write(0, &bytes()).unwrap();
            for at in 0..26 {
                let slice = &bytes()[..];
                assert_eq!(i64_load16_s(&memory, at, 1), i64_load16_s(slice, at, 1));
                assert_eq!(v128_load(&memory, at, 0), v128_load(slice, at, 0));
                let stored = i64_load32_u(slice, at, 0).unwrap_or(0);
                assert_eq!(i64_store32(&mut memory, at, 0, stored).is_ok(), i64_load32_u(slice, at, 0).is_ok());
            }
        }
    }
}
