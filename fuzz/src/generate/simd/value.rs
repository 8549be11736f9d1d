//! Interesting values of number and vector types: those at which an operation changes what it does.

use arbitrary::{Result, Unstructured};
use lanes::Value;
use wasm_encoder::ValType;

const I8: [i8; 11] = [0, 1, -1, 2, 7, 8, 0x55, -0x56, i8::MAX, i8::MIN, -127];
const I16: [i16; 14] = [0, 1, -1, 15, 16, 127, 128, -128, -129, 255, 256, i16::MAX, i16::MIN, -0x7f01];
const I32: [i32; 36] = [
    0,
    0,
    1,
    -1,
    2,
    -2,
    3,
    7,
    8,
    15,
    16,
    31,
    32,
    33,
    63,
    64,
    127,
    128,
    255,
    -128,
    -129,
    0x7fff,
    0x8000,
    -0x8000,
    -0x8001,
    0xffff,
    0x1_0000,
    0x00ff_00ff,
    -0x7f7f_7f80,
    // Between two values of f32: a tie to either side, and what is closest to one.
    0x0100_0001,
    0x0100_0003,
    0x4000_0041,
    -0x7fff_ff80,
    i32::MAX,
    i32::MIN,
    -i32::MAX,
];
const I64: [i64; 40] = [
    0,
    0,
    1,
    -1,
    2,
    -2,
    7,
    8,
    31,
    32,
    63,
    64,
    65,
    127,
    128,
    255,
    -128,
    -129,
    0x7fff,
    -0x8000,
    -0x8001,
    0x7fff_ffff,
    0x8000_0000,
    -0x8000_0000,
    -0x8000_0001,
    0xffff_ffff,
    0x1_0000_0000,
    0x00ff_00ff_00ff_00ff,
    0x0123_4567_89ab_cdef,
    // Between two values of f64, or of f32: ties to either side, and what is closest to one. A conversion to f32 by way
    // of f64 rounds the last ones twice.
    0x0020_0000_0000_0001,
    0x0020_0000_0000_0003,
    -0x7fff_ffff_ffff_fc00,
    -0x7fff_ffff_ffff_fbff,
    0x4000_0040_0000_0000,
    0x4000_0040_0000_0001,
    -0x7fff_ff80_0000_0000,
    -0x7fff_ff7f_ffff_ffff,
    i64::MAX,
    i64::MIN,
    -i64::MAX,
];
const F32: [u32; 36] = [
    0,
    0x8000_0000,
    1,
    0x8000_0001,
    0x007f_ffff,
    0x0080_0000,
    0x3f80_0000,
    0xbf80_0000,
    0x3f00_0000,
    0xbf00_0000,
    0x3eff_ffff,
    0xbf7f_ffff,
    0x3fc0_0000,
    0x4020_0000,
    0xc020_0000,
    0x4b00_0001,
    0x4b7f_ffff,
    0x4b80_0001,
    // 2^31, 2^32, 2^63 and 2^64 with neighbors.
    0x4eff_ffff,
    0x4f00_0000,
    0xcf00_0000,
    0xcf00_0001,
    0x4f7f_ffff,
    0x4f80_0000,
    0x5eff_ffff,
    0x5f00_0000,
    0xdf00_0000,
    0xdf00_0001,
    0x5f7f_ffff,
    0x5f80_0000,
    0x7f7f_ffff,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    // NaNs with a payload, quiet and signaling.
    0xffc1_2345,
    0x7f80_0001,
];
const F64: [u64; 40] = [
    0,
    1 << 63,
    1,
    (1 << 63) | 1,
    0x000f_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0xbff0_0000_0000_0000,
    0x3fe0_0000_0000_0000,
    0xbfe0_0000_0000_0000,
    0x3fdf_ffff_ffff_ffff,
    0xbfef_ffff_ffff_ffff,
    0x3ff8_0000_0000_0000,
    0x4004_0000_0000_0000,
    0xc004_0000_0000_0000,
    0x4330_0000_0000_0001,
    // 2^31, 2^32, 2^63 and 2^64 with neighbors.
    0x41df_ffff_ffc0_0000,
    0x41df_ffff_ffff_ffff,
    0x41e0_0000_0000_0000,
    0xc1e0_0000_0000_0000,
    0xc1e0_0000_001f_ffff,
    0xc1e0_0000_0020_0000,
    0x41ef_ffff_ffff_ffff,
    0x41f0_0000_0000_0000,
    0x43df_ffff_ffff_ffff,
    0x43e0_0000_0000_0000,
    0xc3e0_0000_0000_0000,
    0xc3e0_0000_0000_0001,
    0x43ef_ffff_ffff_ffff,
    0x43f0_0000_0000_0000,
    // Values that round to the ends of f32.
    0x3810_0000_0000_0000,
    0x36a0_0000_0000_0000,
    0x3690_0000_0000_0000,
    0x47ef_ffff_f000_0000,
    0x7fef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    // NaNs with a payload, quiet and signaling.
    0xfff8_1234_5678_9abc,
    0x7ff0_0000_0000_0001,
];

/// Chooses a value of a number or vector type, seven times in eight an interesting one.
///
/// # Errors
///
/// [`arbitrary::Error`] if the input ends.
pub fn interesting(u: &mut Unstructured<'_>, ty: ValType) -> Result<Value> {
    let random = u.ratio(1, 8)?;
    Ok(match ty {
        ValType::I64 => Value::I64(if random { u.arbitrary()? } else { *u.choose(&I64)? }),
        ValType::F32 => Value::F32(if random { u.arbitrary()? } else { *u.choose(&F32)? }),
        ValType::F64 => Value::F64(if random { u.arbitrary()? } else { *u.choose(&F64)? }),
        ValType::V128 => Value::V128(if random { u.arbitrary()? } else { vector(u)? }),
        _ => Value::I32(if random { u.arbitrary()? } else { *u.choose(&I32)? }),
    })
}

/// Chooses two operands for one operation: half of the time values that are special together, as zeros of both signs
/// are, or the least integer and minus one.
///
/// # Errors
///
/// [`arbitrary::Error`] if the input ends.
pub(super) fn pair(u: &mut Unstructured<'_>, ty: ValType) -> Result<[Value; 2]> {
    let (one, other) = (interesting(u, ty)?, interesting(u, ty)?);
    let mut pair = match (u.int_in_range(0..=7)?, one) {
        (0, _) => [one, one],
        (1, Value::I32(_)) => [Value::I32(i32::MIN), Value::I32(-1)],
        (1, Value::I64(_)) => [Value::I64(i64::MIN), Value::I64(-1)],
        (1, Value::F32(_)) => [Value::F32(0), Value::F32(1 << 31)],
        (1, Value::F64(_)) => [Value::F64(0), Value::F64(1 << 63)],
        (1, Value::V128(_)) => special_vectors(u)?,
        (2, Value::I32(bits)) => [Value::I32(bits.wrapping_neg()), one],
        (2, Value::I64(bits)) => [Value::I64(bits.wrapping_neg()), one],
        (2, Value::F32(bits)) => [Value::F32(bits ^ (1 << 31)), one],
        (2, Value::F64(bits)) => [Value::F64(bits ^ (1 << 63)), one],
        (2, Value::V128(bits)) => [Value::V128(!bits), one],
        (3, Value::I32(bits)) => [Value::I32(bits.wrapping_add(1)), one],
        (3, Value::I64(bits)) => [Value::I64(bits.wrapping_add(1)), one],
        (3, Value::F32(bits)) => [Value::F32(bits.wrapping_add(1)), one],
        (3, Value::F64(bits)) => [Value::F64(bits.wrapping_add(1)), one],
        _ => [one, other],
    };
    if u.arbitrary()? {
        pair.swap(0, 1);
    }
    Ok(pair)
}

/// Chooses two vectors whose lanes are special together.
fn special_vectors(u: &mut Unstructured<'_>) -> Result<[Value; 2]> {
    let bits = 8 * *u.choose(&[1, 2, 4, 8])?;
    // The least integer in each lane, which is the negative zero of floats, with minus one or with zero.
    let least = (0..128 / bits).fold(0, |vector, lane| vector | 1 << (bits * lane + bits - 1));
    let other = if u.arbitrary()? { u128::MAX } else { 0 };
    Ok([Value::V128(least), Value::V128(other)])
}

/// Chooses a vector: lanes of one width, all alike, all but one alike, or each by itself; or the numbers of the lanes.
fn vector(u: &mut Unstructured<'_>) -> Result<u128> {
    let width = *u.choose(&[1, 2, 4, 8])?;
    let float = u.arbitrary()?;
    let mut bytes = [0; 16];
    let shape = u.int_in_range(0..=6)?;
    let common = lane(u, width, float)?;
    let odd = u.int_in_range(0..=16 / width - 1)?;
    for (k, chunk) in bytes.chunks_mut(width).enumerate() {
        let lane = match shape {
            0 => common,
            1 | 2 if k != odd => common,
            3 => u64::try_from(k + 1).expect("there are 16 lanes at most"),
            _ => lane(u, width, float)?,
        };
        chunk.copy_from_slice(&lane.to_le_bytes()[..width]);
    }
    Ok(u128::from_le_bytes(bytes))
}

/// Chooses the bits of a lane of this many bytes.
fn lane(u: &mut Unstructured<'_>, width: usize, float: bool) -> Result<u64> {
    Ok(match (width, float) {
        (1, _) => u64::from(u.choose(&I8)?.cast_unsigned()),
        (2, _) => u64::from(u.choose(&I16)?.cast_unsigned()),
        (4, false) => u64::from(u.choose(&I32)?.cast_unsigned()),
        (4, true) => u64::from(*u.choose(&F32)?),
        (_, false) => u.choose(&I64)?.cast_unsigned(),
        (_, true) => *u.choose(&F64)?,
    })
}

/// Returns the bytes of a value in a memory.
pub(super) fn to_bytes(value: Value) -> Vec<u8> {
    match value {
        Value::I32(value) => value.to_le_bytes().to_vec(),
        Value::I64(value) => value.to_le_bytes().to_vec(),
        Value::F32(bits) => bits.to_le_bytes().to_vec(),
        Value::F64(bits) => bits.to_le_bytes().to_vec(),
        Value::V128(bits) => bits.to_le_bytes().to_vec(),
        Value::Ref(_) => Vec::new(),
    }
}
