//! Types and values as the fuzzer likes them: the ends of ranges more often than the middle.

use arbitrary::{Result, Unstructured};
use lanes::{HeapType, Reference, ValType, Value};

/// A function type.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signature {
    /// Parameter types.
    pub params: Vec<ValType>,
    /// Result types.
    pub results: Vec<ValType>,
}

/// Every type of WebAssembly 2.0.
pub const TYPES: [ValType; 7] = [
    ValType::I32,
    ValType::I64,
    ValType::F32,
    ValType::F64,
    ValType::V128,
    ValType::Ref(HeapType::Func),
    ValType::Ref(HeapType::Extern),
];

impl Signature {
    /// Mostly small, sometimes so large that parameters and results go through the stack.
    pub fn arbitrary(u: &mut Unstructured<'_>) -> Result<Signature> {
        let large = u.ratio(1, 5)?;
        let (params, results) = if large { (24, 12) } else { (4, 2) };
        Ok(Signature { params: types(u, params)?, results: types(u, results)? })
    }
}

fn types(u: &mut Unstructured<'_>, max: usize) -> Result<Vec<ValType>> {
    (0..u.int_in_range(0..=max)?).map(|_| u.choose(&TYPES).copied()).collect()
}

/// A value of type `ty`. NaNs are among the floats: whoever makes code from them must only move them.
pub fn arbitrary_value(u: &mut Unstructured<'_>, ty: ValType) -> Result<Value> {
    Ok(match ty {
        ValType::I32 => Value::I32(arbitrary_i32(u)?),
        ValType::I64 => Value::I64(arbitrary_i64(u)?),
        ValType::F32 => Value::F32(arbitrary_f32(u)?),
        ValType::F64 => Value::F64(arbitrary_f64(u)?),
        ValType::V128 => Value::V128(u.arbitrary()?),
        ValType::Ref(HeapType::Extern) if u.arbitrary()? => Value::Ref(Reference::Extern(u.int_in_range(0..=9)?)),
        ValType::Ref(heap) => Value::Ref(Reference::Null(heap)),
    })
}

fn arbitrary_i32(u: &mut Unstructured<'_>) -> Result<i32> {
    const EDGES: [i32; 12] = [0, 0, 0, 1, 2, -1, 7, 31, 32, 0xffff, i32::MIN, i32::MAX];
    if u.ratio(3, 4)? { u.choose(&EDGES).copied() } else { u.arbitrary() }
}

fn arbitrary_i64(u: &mut Unstructured<'_>) -> Result<i64> {
    const EDGES: [i64; 10] = [0, 0, 0, 1, -1, 63, 64, 0xffff_ffff, i64::MIN, i64::MAX];
    if u.ratio(3, 4)? { u.choose(&EDGES).copied() } else { u.arbitrary() }
}

fn arbitrary_f32(u: &mut Unstructured<'_>) -> Result<u32> {
    const EDGES: [f32; 9] = [0.0, -0.0, 1.5, -1.0, 2147483648.0, f32::INFINITY, f32::NEG_INFINITY, 1e-40, f32::NAN];
    if u.ratio(3, 4)? { Ok(u.choose(&EDGES)?.to_bits()) } else { u.arbitrary() }
}

fn arbitrary_f64(u: &mut Unstructured<'_>) -> Result<u64> {
    const EDGES: [f64; 9] = [0.0, -0.0, 1.5, -1.0, 9.3e18, f64::INFINITY, f64::NEG_INFINITY, 1e-310, f64::NAN];
    if u.ratio(3, 4)? { Ok(u.choose(&EDGES)?.to_bits()) } else { u.arbitrary() }
}
