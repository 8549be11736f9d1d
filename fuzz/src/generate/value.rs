//! Random types and values. The ends of ranges are more frequent than the middle.

use super::input::extend;
use arbitrary::{Result, Unstructured};
use lanes::{Features, Reference, Value};
use wasm_encoder::{AbstractHeapType, HeapType, RefType, ValType};

/// A reference to a struct, or null.
pub const STRUCTREF: RefType =
    RefType { nullable: true, heap_type: HeapType::Abstract { shared: false, ty: AbstractHeapType::Struct } };

/// A function type.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signature {
    /// Parameter types.
    pub params: Vec<ValType>,
    /// Result types.
    pub results: Vec<ValType>,
}

/// Returns the types of values that any host can pass to WebAssembly and receive from it.
pub fn types(features: Features) -> Vec<ValType> {
    use ValType::{F32, F64, I32, I64, V128};
    let mut types = vec![I32, I64, F32, F64, V128, ValType::FUNCREF, ValType::EXTERNREF];
    if features.contains(Features::GC) {
        types.push(ValType::Ref(RefType::ANYREF));
    }
    types
}

/// Returns the types of locals: those of [`types`], and references that never leave WebAssembly.
pub fn local_types(features: Features) -> Vec<ValType> {
    let mut types = types(features);
    if features.contains(Features::GC) {
        types.extend([RefType::EQREF, RefType::I31REF, STRUCTREF, RefType::ARRAYREF].map(ValType::Ref));
    }
    if features.contains(Features::EXCEPTIONS) {
        types.push(ValType::Ref(RefType::EXNREF));
    }
    types
}

/// The number of common signatures.
const COMMON: u64 = 40;

impl Signature {
    /// Chooses a signature: mostly a common one, which occurs in many cases, so that its trampolines are compiled once
    /// and not for each case.
    ///
    /// # Errors
    ///
    /// [`arbitrary::Error`] if the input ends.
    pub fn arbitrary(u: &mut Unstructured<'_>, features: Features) -> Result<Signature> {
        if u.ratio(1, 6)? {
            return Signature::any(u, features);
        }
        let common = extend(&u.int_in_range(1..=COMMON)?.to_le_bytes(), 64);
        Signature::any(&mut Unstructured::new(&common), features)
    }

    /// Chooses any signature. Most are small; some are so large that parameters and results are passed on the stack.
    fn any(u: &mut Unstructured<'_>, features: Features) -> Result<Signature> {
        let types = types(features);
        let large = u.ratio(1, 5)?;
        let (params, results) = if large { (24, 12) } else { (4, 2) };
        Ok(Signature { params: some(u, &types, params)?, results: some(u, &types, results)? })
    }
}

fn some(u: &mut Unstructured<'_>, types: &[ValType], max: usize) -> Result<Vec<ValType>> {
    (0..u.int_in_range(0..=max)?).map(|_| u.choose(types).copied()).collect()
}

/// Returns the top of the hierarchy that a heap type belongs to. A concrete type counts as an object: the generator has
/// no values of concrete function types that pass a host.
pub fn top(heap: HeapType) -> lanes::HeapType {
    use AbstractHeapType as A;
    match heap {
        HeapType::Abstract { ty: A::Func | A::NoFunc, .. } => lanes::HeapType::Func,
        HeapType::Abstract { ty: A::Extern | A::NoExtern, .. } => lanes::HeapType::Extern,
        HeapType::Abstract { ty: A::Exn | A::NoExn, .. } => lanes::HeapType::Exn,
        _ => lanes::HeapType::Any,
    }
}

/// Converts a type to the one that lanes know: for references, the top of their hierarchy.
pub fn lanes_type(ty: ValType) -> lanes::ValType {
    match ty {
        ValType::I32 => lanes::ValType::I32,
        ValType::I64 => lanes::ValType::I64,
        ValType::F32 => lanes::ValType::F32,
        ValType::F64 => lanes::ValType::F64,
        ValType::V128 => lanes::ValType::V128,
        ValType::Ref(reference) => lanes::ValType::Ref(top(reference.heap_type)),
    }
}

/// Chooses a value of type `ty` that a host can make. Floats may be NaNs, whose bits survive only where code does
/// nothing but move them.
///
/// # Errors
///
/// [`arbitrary::Error`] if the input ends.
pub fn arbitrary_value(u: &mut Unstructured<'_>, ty: ValType) -> Result<Value> {
    Ok(match ty {
        ValType::I32 => Value::I32(arbitrary_i32(u)?),
        ValType::I64 => Value::I64(arbitrary_i64(u)?),
        ValType::F32 => Value::F32(arbitrary_f32(u)?),
        ValType::F64 => Value::F64(arbitrary_f64(u)?),
        ValType::V128 => Value::V128(u.arbitrary()?),
        ValType::Ref(RefType::EXTERNREF) if u.arbitrary()? => Value::Ref(Reference::Extern(u.int_in_range(0..=9)?)),
        ValType::Ref(RefType::ANYREF) if u.arbitrary()? => {
            let host = u.arbitrary()?;
            Value::Ref(if host {
                Reference::Host(u.int_in_range(0..=9)?)
            } else {
                Reference::I31(arbitrary_i32(u)?.cast_unsigned() & 0x7fff_ffff)
            })
        }
        ValType::Ref(reference) => Value::Ref(Reference::Null(top(reference.heap_type))),
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
