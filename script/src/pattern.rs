//! The expected results of `assert_return`: values, NaN patterns, reference patterns and alternatives.

use crate::NO_COMPONENTS;
use lanes::{HeapType, ObjectKind, Reference, Value};
use serde::{Deserialize, Serialize};
use std::fmt;
use wast::core::{AbstractHeapType, HeapType as WastHeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64, Index};
use wast::{WastArg, WastRet};

/// An expected result.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Pattern {
    /// Exactly this value, bit for bit.
    Exact(Value),
    /// A 32-bit float.
    F32(Float<u32>),
    /// A 64-bit float.
    F64(Float<u64>),
    /// Four 32-bit floats, lane 0 first.
    F32x4([Float<u32>; 4]),
    /// Two 64-bit floats, lane 0 first.
    F64x2([Float<u64>; 2]),
    /// Null, of a type if one is given.
    Null(Option<HeapType>),
    /// A reference to any function.
    Func,
    /// A reference to the function of this index in the instance that acts.
    FuncAt {
        /// The index.
        index: u32,
        /// The number by which the lane shows the function. If it is `None`, any function matches.
        number: Option<u32>,
    },
    /// A reference to any host value.
    Extern,
    /// A reference that is not a function, host value or exception: `(ref.any)`.
    Any,
    /// A reference that `ref.eq` compares.
    Eq,
    /// A 31-bit integer (`i31`).
    I31,
    /// A struct.
    Struct,
    /// An array.
    Array,
    /// An exception.
    Exn,
    /// Any reference, even null, except to a function: `(ref)`.
    Ref,
    /// A result that matches one of these patterns.
    Either(Vec<Pattern>),
}

/// An expected float.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Float<B> {
    /// `nan:canonical`: a NaN of either sign, whose payload is the quiet bit alone.
    Canonical,
    /// `nan:arithmetic`: a NaN of either sign, whose payload has the quiet bit.
    Arithmetic,
    /// Exactly these bits.
    Bits(B),
}

impl Float<u32> {
    fn matches(self, bits: u32) -> bool {
        match self {
            Float::Canonical => bits & 0x7fff_ffff == 0x7fc0_0000,
            Float::Arithmetic => bits & 0x7fc0_0000 == 0x7fc0_0000,
            Float::Bits(expected) => bits == expected,
        }
    }
}

impl Float<u64> {
    fn matches(self, bits: u64) -> bool {
        match self {
            Float::Canonical => bits & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
            Float::Arithmetic => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
            Float::Bits(expected) => bits == expected,
        }
    }
}

impl Pattern {
    /// Returns whether just one value matches. Reference patterns count as exact: lanes compare references by identity.
    pub fn is_exact(&self) -> bool {
        match self {
            Pattern::F32(float) => matches!(float, Float::Bits(_)),
            Pattern::F64(float) => matches!(float, Float::Bits(_)),
            Pattern::F32x4(floats) => floats.iter().all(|float| matches!(float, Float::Bits(_))),
            Pattern::F64x2(floats) => floats.iter().all(|float| matches!(float, Float::Bits(_))),
            Pattern::Either(_) => false,
            _ => true,
        }
    }

    /// Returns whether a result matches.
    pub fn matches(&self, value: Value) -> bool {
        match (self, value) {
            (Pattern::Exact(expected), _) => *expected == value,
            (Pattern::F32(float), Value::F32(bits)) => float.matches(bits),
            (Pattern::F64(float), Value::F64(bits)) => float.matches(bits),
            (Pattern::F32x4(floats), Value::V128(bits)) => {
                floats.iter().enumerate().all(|(lane, float)| float.matches((bits >> (32 * lane)) as u32))
            }
            (Pattern::F64x2(floats), Value::V128(bits)) => {
                floats.iter().enumerate().all(|(lane, float)| float.matches((bits >> (64 * lane)) as u64))
            }
            (Pattern::Null(None), Value::Ref(Reference::Null(_))) => true,
            (Pattern::Null(Some(expected)), Value::Ref(Reference::Null(heap))) => *expected == heap,
            (Pattern::Func, Value::Ref(Reference::Func(_))) => true,
            (Pattern::FuncAt { number, .. }, Value::Ref(Reference::Func(shown))) => {
                number.zip(shown).is_none_or(|(number, shown)| number == shown)
            }
            (Pattern::Extern, Value::Ref(Reference::Extern(_) | Reference::Converted(_))) => true,
            (Pattern::Any, Value::Ref(Reference::Host(_))) => true,
            (Pattern::Any | Pattern::Eq | Pattern::I31, Value::Ref(Reference::I31(_))) => true,
            (Pattern::Any | Pattern::Eq, Value::Ref(Reference::Object(object))) => object.kind != ObjectKind::Exn,
            (Pattern::Struct, Value::Ref(Reference::Object(object))) => object.kind.may_be(ObjectKind::Struct),
            (Pattern::Array, Value::Ref(Reference::Object(object))) => object.kind.may_be(ObjectKind::Array),
            (Pattern::Exn, Value::Ref(Reference::Object(object))) => object.kind == ObjectKind::Exn,
            // The reference interpreter does the same.
            (Pattern::Ref, Value::Ref(reference)) => !matches!(reference, Reference::Func(_)),
            (Pattern::Either(patterns), _) => patterns.iter().any(|pattern| pattern.matches(value)),
            _ => false,
        }
    }

    /// Returns whether the pattern has the index of a function in it.
    pub fn names_functions(&self) -> bool {
        match self {
            Pattern::FuncAt { .. } => true,
            Pattern::Either(patterns) => patterns.iter().any(Pattern::names_functions),
            _ => false,
        }
    }

    /// Returns the pattern with the number of each function that it has the index of.
    ///
    /// # Errors
    ///
    /// The first error of `number`.
    pub fn with_functions<E>(&self, number: &mut impl FnMut(u32) -> Result<Option<u32>, E>) -> Result<Pattern, E> {
        Ok(match self {
            Pattern::FuncAt { index, .. } => Pattern::FuncAt { index: *index, number: number(*index)? },
            Pattern::Either(patterns) => {
                let patterns = patterns.iter().map(|pattern| pattern.with_functions(number));
                Pattern::Either(patterns.collect::<Result<_, E>>()?)
            }
            other => other.clone(),
        })
    }

    /// Converts the pattern of a script. The error says that the runner does not support it.
    pub(crate) fn from_wast(result: &WastRet<'_>) -> Result<Pattern, String> {
        match result {
            WastRet::Core(result) => Pattern::from_core(result),
            _ => Err(NO_COMPONENTS.to_string()),
        }
    }

    fn from_core(result: &WastRetCore<'_>) -> Result<Pattern, String> {
        Ok(match result {
            WastRetCore::I32(value) => Pattern::Exact(Value::I32(*value)),
            WastRetCore::I64(value) => Pattern::Exact(Value::I64(*value)),
            WastRetCore::F32(pattern) => Pattern::F32(convert_f32(pattern)),
            WastRetCore::F64(pattern) => Pattern::F64(convert_f64(pattern)),
            WastRetCore::V128(pattern) => convert_vector(pattern),
            // The specification has one null per hierarchy. The hierarchy of a defined type depends on the module,
            // which is not known here, so any null matches.
            WastRetCore::RefNull(None | Some(WastHeapType::Concrete(_) | WastHeapType::Exact(_))) => {
                Pattern::Null(None)
            }
            WastRetCore::RefNull(Some(heap)) => Pattern::Null(Some(convert_heap_type(heap)?)),
            WastRetCore::RefExtern(Some(number)) => Pattern::Exact(Value::Ref(Reference::Extern(*number))),
            WastRetCore::RefExtern(None) => Pattern::Extern,
            WastRetCore::RefHost(number) => Pattern::Exact(Value::Ref(Reference::Host(*number))),
            WastRetCore::RefFunc(None) => Pattern::Func,
            WastRetCore::RefFunc(Some(Index::Num(index, _))) => Pattern::FuncAt { index: *index, number: None },
            WastRetCore::RefFunc(Some(Index::Id(id))) => {
                return Err(format!("a result names a function by its index, not as ${}", id.name()));
            }
            WastRetCore::RefAny => Pattern::Any,
            WastRetCore::RefEq => Pattern::Eq,
            WastRetCore::RefI31 | WastRetCore::RefI31Shared => Pattern::I31,
            WastRetCore::RefStruct => Pattern::Struct,
            WastRetCore::RefArray => Pattern::Array,
            other => return Err(format!("the result pattern {other:?} is not supported")),
        })
    }
}

/// Converts an argument. The error says that the runner does not support it.
pub(crate) fn convert_argument(argument: &WastArg<'_>) -> Result<Value, String> {
    match argument {
        WastArg::Core(WastArgCore::I32(value)) => Ok(Value::I32(*value)),
        WastArg::Core(WastArgCore::I64(value)) => Ok(Value::I64(*value)),
        WastArg::Core(WastArgCore::F32(value)) => Ok(Value::F32(value.bits)),
        WastArg::Core(WastArgCore::F64(value)) => Ok(Value::F64(value.bits)),
        WastArg::Core(WastArgCore::V128(value)) => Ok(Value::V128(u128::from_le_bytes(value.to_le_bytes()))),
        WastArg::Core(WastArgCore::RefNull(heap)) => Ok(Value::Ref(Reference::Null(convert_heap_type(heap)?))),
        WastArg::Core(WastArgCore::RefExtern(number)) => Ok(Value::Ref(Reference::Extern(*number))),
        WastArg::Core(WastArgCore::RefHost(number)) => Ok(Value::Ref(Reference::Host(*number))),
        _ => Err(NO_COMPONENTS.to_string()),
    }
}

/// Returns the hierarchy of references that an abstract type belongs to.
fn convert_heap_type(heap: &WastHeapType<'_>) -> Result<HeapType, String> {
    use AbstractHeapType::{
        Any, Array, Cont, Eq, Exn, Extern, Func, I31, NoCont, NoExn, NoExtern, NoFunc, None, Struct,
    };
    match heap {
        // A null, of which this is asked, is the same whether it is shared or not.
        WastHeapType::Abstract { ty: Func | NoFunc, .. } => Ok(HeapType::Func),
        WastHeapType::Abstract { ty: Extern | NoExtern, .. } => Ok(HeapType::Extern),
        WastHeapType::Abstract { ty: Any | Eq | I31 | Struct | Array | None, .. } => Ok(HeapType::Any),
        WastHeapType::Abstract { ty: Exn | NoExn, .. } => Ok(HeapType::Exn),
        WastHeapType::Abstract { ty: Cont | NoCont, .. } => Ok(HeapType::Cont),
        WastHeapType::Concrete(_) | WastHeapType::Exact(_) => {
            Err("a type of a module is not supported here; name its hierarchy, as in `(ref.null any)`".to_string())
        }
    }
}

fn convert_f32(pattern: &NanPattern<F32>) -> Float<u32> {
    match pattern {
        NanPattern::CanonicalNan => Float::Canonical,
        NanPattern::ArithmeticNan => Float::Arithmetic,
        NanPattern::Value(value) => Float::Bits(value.bits),
    }
}

fn convert_f64(pattern: &NanPattern<F64>) -> Float<u64> {
    match pattern {
        NanPattern::CanonicalNan => Float::Canonical,
        NanPattern::ArithmeticNan => Float::Arithmetic,
        NanPattern::Value(value) => Float::Bits(value.bits),
    }
}

fn convert_vector(pattern: &V128Pattern) -> Pattern {
    let exact = |bytes: [u8; 16]| Pattern::Exact(Value::V128(u128::from_le_bytes(bytes)));
    match pattern {
        V128Pattern::I8x16(lanes) => exact(lanes.map(|lane| lane as u8)),
        V128Pattern::I16x8(lanes) => exact(join_lanes(lanes.iter().map(|lane| lane.to_le_bytes()))),
        V128Pattern::I32x4(lanes) => exact(join_lanes(lanes.iter().map(|lane| lane.to_le_bytes()))),
        V128Pattern::I64x2(lanes) => exact(join_lanes(lanes.iter().map(|lane| lane.to_le_bytes()))),
        V128Pattern::F32x4(lanes) => Pattern::F32x4(lanes.each_ref().map(convert_f32)),
        V128Pattern::F64x2(lanes) => Pattern::F64x2(lanes.each_ref().map(convert_f64)),
    }
}

/// Joins the bytes of a vector's lanes, which are 16 together.
fn join_lanes<const N: usize>(lanes: impl Iterator<Item = [u8; N]>) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (target, source) in bytes.iter_mut().zip(lanes.flatten()) {
        *target = source;
    }
    bytes
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Exact(value) => write!(f, "{value}"),
            Pattern::F32(Float::Bits(bits)) => write!(f, "{}", Value::F32(*bits)),
            Pattern::F64(Float::Bits(bits)) => write!(f, "{}", Value::F64(*bits)),
            Pattern::F32(nan) => write!(f, "f32 {nan}"),
            Pattern::F64(nan) => write!(f, "f64 {nan}"),
            Pattern::F32x4(floats) => {
                f.write_str("v128 f32x4")?;
                floats.iter().try_for_each(|float| write!(f, " {float}"))
            }
            Pattern::F64x2(floats) => {
                f.write_str("v128 f64x2")?;
                floats.iter().try_for_each(|float| write!(f, " {float}"))
            }
            Pattern::Null(None) => f.write_str("ref.null"),
            Pattern::Null(Some(heap)) => write!(f, "ref.null {heap}"),
            Pattern::Func => f.write_str("ref.func"),
            Pattern::FuncAt { index, .. } => write!(f, "ref.func {index}"),
            Pattern::Extern => f.write_str("ref.extern"),
            Pattern::Any => f.write_str("ref.any"),
            Pattern::Eq => f.write_str("ref.eq"),
            Pattern::I31 => f.write_str("ref.i31"),
            Pattern::Struct => f.write_str("ref.struct"),
            Pattern::Array => f.write_str("ref.array"),
            Pattern::Exn => f.write_str("ref.exn"),
            Pattern::Ref => f.write_str("ref"),
            Pattern::Either(patterns) => {
                f.write_str("either")?;
                patterns.iter().try_for_each(|pattern| write!(f, " ({pattern})"))
            }
        }
    }
}

impl<B: fmt::LowerHex> fmt::Display for Float<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Float::Canonical => f.write_str("nan:canonical"),
            Float::Arithmetic => f.write_str("nan:arithmetic"),
            Float::Bits(bits) => write!(f, "{bits:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanes::{Converted, ObjectRef};

    #[test]
    fn nan_patterns_are_exact() {
        let canonical = Pattern::F32(Float::Canonical);
        let arithmetic = Pattern::F32(Float::Arithmetic);
        for bits in [0x7fc0_0000, 0xffc0_0000] {
            assert!(canonical.matches(Value::F32(bits)) && arithmetic.matches(Value::F32(bits)));
        }
        assert!(!canonical.matches(Value::F32(0x7fc0_0001)));
        assert!(arithmetic.matches(Value::F32(0x7fc0_0001)));
        // A signaling NaN and infinity are neither.
        for bits in [0x7fa0_0000, 0x7f80_0000] {
            assert!(!canonical.matches(Value::F32(bits)) && !arithmetic.matches(Value::F32(bits)));
        }
        assert!(!canonical.matches(Value::I32(0x7fc0_0000)));
        assert!(Pattern::F64(Float::Canonical).matches(Value::F64(0xfff8_0000_0000_0000)));
        assert!(!Pattern::F64(Float::Arithmetic).matches(Value::F64(0x7ff4_0000_0000_0000)));
    }

    #[test]
    fn patterns_that_admit_several_values() {
        assert!(!Pattern::F32(Float::Canonical).is_exact() && Pattern::F64(Float::Bits(7)).is_exact());
        assert!(!Pattern::F64x2([Float::Bits(1), Float::Arithmetic]).is_exact());
        assert!(Pattern::F32x4([Float::Bits(1); 4]).is_exact() && Pattern::Func.is_exact());
        assert!(!Pattern::Either(vec![Pattern::Exact(Value::I32(1))]).is_exact());
    }

    #[test]
    fn vectors_are_matched_lane_by_lane() {
        let pattern = Pattern::F32x4([Float::Bits(1), Float::Canonical, Float::Arithmetic, Float::Bits(4)]);
        let value = |lane1: u128, lane2: u128| Value::V128(1 | lane1 << 32 | lane2 << 64 | 4 << 96);
        assert!(pattern.matches(value(0x7fc0_0000, 0x7fc0_1234)));
        assert!(!pattern.matches(value(0x7fc0_0001, 0x7fc0_1234)));
        let pattern = convert_vector(&V128Pattern::I16x8([1, 2, 3, 4, 5, 6, 7, -8]));
        assert!(pattern.matches(Value::V128(0xfff8_0007_0006_0005_0004_0003_0002_0001)));
    }

    #[test]
    fn references_and_alternatives() {
        let null = Value::Ref(Reference::Null(HeapType::Extern));
        assert!(Pattern::Null(None).matches(null) && Pattern::Null(Some(HeapType::Extern)).matches(null));
        assert!(!Pattern::Null(Some(HeapType::Func)).matches(null) && !Pattern::Extern.matches(null));
        let function = |number| Value::Ref(Reference::Func(number));
        assert!(Pattern::Func.matches(function(None)));
        let at = |number| Pattern::FuncAt { index: 0, number };
        assert!(at(Some(7)).matches(function(Some(7))) && !at(Some(7)).matches(function(Some(8))));
        assert!(at(None).matches(function(Some(7))) && at(Some(7)).matches(function(None)));
        assert!(!at(Some(7)).matches(null) && !at(None).matches(null));
        let object = |kind| Value::Ref(Reference::Object(ObjectRef { kind, number: None }));
        let (i31, array) = (Value::Ref(Reference::I31(3)), object(ObjectKind::Array));
        assert!(Pattern::Any.matches(i31) && Pattern::Eq.matches(i31) && Pattern::I31.matches(i31));
        assert!(Pattern::Any.matches(array) && Pattern::Eq.matches(array) && Pattern::Array.matches(array));
        assert!(!Pattern::I31.matches(array) && !Pattern::Struct.matches(array) && !Pattern::Array.matches(i31));
        let host = Value::Ref(Reference::Host(1));
        assert!(Pattern::Any.matches(host) && !Pattern::Eq.matches(host) && !Pattern::Extern.matches(host));
        assert!(Pattern::Extern.matches(Value::Ref(Reference::Converted(Converted::Hidden))));
        let hidden = object(ObjectKind::StructOrArray);
        assert!(Pattern::Struct.matches(hidden) && Pattern::Array.matches(hidden) && Pattern::Eq.matches(hidden));
        let exception = object(ObjectKind::Exn);
        assert!(!Pattern::Any.matches(exception) && !Pattern::Eq.matches(exception));
        assert!(Pattern::Exn.matches(exception) && !Pattern::Exn.matches(array) && !Pattern::Exn.matches(null));
        assert!([exception, array, i31, host, null].into_iter().all(|value| Pattern::Ref.matches(value)));
        assert!(!Pattern::Ref.matches(Value::Ref(Reference::Func(None))) && !Pattern::Ref.matches(Value::I32(1)));
        let either = Pattern::Either(vec![Pattern::Exact(Value::I32(1)), Pattern::Null(None)]);
        assert!(either.matches(null) && either.matches(Value::I32(1)) && !either.matches(Value::I32(2)));
    }
}
