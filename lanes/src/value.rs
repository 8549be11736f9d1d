//! Values by their bits, and references by identity.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The type of a parameter or result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 128-bit vector.
    V128,
    /// A nullable reference.
    Ref(HeapType),
}

/// A hierarchy of references. No reference belongs to two.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HeapType {
    /// A function.
    Func,
    /// A host value.
    Extern,
    /// An object, an `i31`, or a host value that was converted.
    Any,
    /// An exception.
    Exn,
    /// A continuation.
    Cont,
}

/// A value. Floats are bits, so that `==` tells NaNs and zeros apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Value {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// The bits of a 32-bit float.
    F32(u32),
    /// The bits of a 64-bit float.
    F64(u64),
    /// A vector. Its first byte is the least significant.
    V128(u128),
    /// A reference.
    Ref(Reference),
}

/// A reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reference {
    /// Null.
    Null(HeapType),
    /// A function by its number. Functions are numbered in the order in which the session first shows them, so that
    /// equal runs have equal numbers. `None` if the lane cannot tell functions apart.
    Func(Option<u32>),
    /// The host value with this number: `(ref.extern N)` of a script.
    Extern(u32),
    /// An `externref` to something that is not a host value.
    Converted(Converted),
    /// An `anyref` to the host value with this number: `(ref.host N)` of a script.
    Host(u32),
    /// An integer of 31 bits, zero-extended.
    I31(u32),
    /// A struct, an array or an exception.
    Object(ObjectRef),
    /// A continuation. Lanes do not tell continuations apart.
    Cont,
}

/// A reference to a struct, an array or an exception.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The kind of the object.
    pub kind: ObjectKind,
    /// The object's number among what is shown together, and its index in the [`Objects`](crate::Objects) that are
    /// shown with it: one object, one number. `None` if the lane cannot tell objects apart.
    pub number: Option<u32>,
}

/// The kind of an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ObjectKind {
    /// A struct.
    Struct,
    /// An array.
    Array,
    /// A struct or an array; the lane does not tell which.
    StructOrArray,
    /// An exception.
    Exn,
}

impl ObjectKind {
    /// Returns whether an object of this kind may also be of `kind`.
    pub fn may_be(self, kind: ObjectKind) -> bool {
        use ObjectKind::{Exn, StructOrArray};
        self == kind || (self != Exn && kind != Exn && (self == StructOrArray || kind == StructOrArray))
    }
}

/// The operand of the `extern.convert_any` that made an `externref`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Converted {
    /// An object.
    Object(ObjectRef),
    /// An integer of 31 bits, zero-extended.
    I31(u32),
    /// The lane cannot tell.
    Hidden,
}

impl Value {
    /// The zero or null of a type.
    pub fn zero(ty: ValType) -> Value {
        match ty {
            ValType::I32 => Value::I32(0),
            ValType::I64 => Value::I64(0),
            ValType::F32 => Value::F32(0),
            ValType::F64 => Value::F64(0),
            ValType::V128 => Value::V128(0),
            ValType::Ref(heap) => Value::Ref(Reference::Null(heap)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::I32(value) => write!(f, "i32 {value}"),
            Value::I64(value) => write!(f, "i64 {value}"),
            Value::F32(bits) => float(f, "f32", f64::from(f32::from_bits(bits)), format_args!("{bits:#010x}")),
            Value::F64(bits) => float(f, "f64", f64::from_bits(bits), format_args!("{bits:#018x}")),
            Value::V128(bits) => write!(f, "v128 {bits:#034x}"),
            Value::Ref(reference) => write!(f, "{reference}"),
        }
    }
}

/// Writes a number as such, and a NaN by its bits.
fn float(f: &mut fmt::Formatter<'_>, ty: &str, value: f64, bits: fmt::Arguments<'_>) -> fmt::Result {
    if value.is_nan() { write!(f, "{ty} nan ({bits})") } else { write!(f, "{ty} {value:?} ({bits})") }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Reference::Null(heap) => write!(f, "ref.null {heap}"),
            Reference::Func(Some(number)) => write!(f, "ref.func #{number}"),
            Reference::Func(None) => f.write_str("ref.func"),
            Reference::Extern(number) => write!(f, "ref.extern {number}"),
            Reference::Converted(Converted::Object(object)) => write!(f, "ref.extern of {object}"),
            Reference::Converted(Converted::I31(value)) => write!(f, "ref.extern of ref.i31 {value}"),
            Reference::Converted(Converted::Hidden) => f.write_str("ref.extern"),
            Reference::Host(number) => write!(f, "ref.host {number}"),
            Reference::I31(value) => write!(f, "ref.i31 {value}"),
            Reference::Object(object) => write!(f, "{object}"),
            Reference::Cont => f.write_str("ref.cont"),
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "ref.{} #{number}", self.kind),
            None => write!(f, "ref.{}", self.kind),
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ObjectKind::Struct => "struct",
            ObjectKind::Array => "array",
            ObjectKind::StructOrArray => "struct-or-array",
            ObjectKind::Exn => "exn",
        })
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeapType::Func => "func",
            HeapType::Extern => "extern",
            HeapType::Any => "any",
            HeapType::Exn => "exn",
            HeapType::Cont => "cont",
        })
    }
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(heap) => write!(f, "{heap}ref"),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_may_be_less_exact() {
        use ObjectKind::{Array, Exn, Struct, StructOrArray};
        assert!(Struct.may_be(StructOrArray) && StructOrArray.may_be(Array) && Exn.may_be(Exn));
        assert!(!Struct.may_be(Array) && !Exn.may_be(StructOrArray) && !StructOrArray.may_be(Exn));
    }

    #[test]
    fn floats_are_their_bits() {
        assert_ne!(Value::F32((-0.0f32).to_bits()), Value::F32(0));
        assert_eq!(Value::F32(0x7fc0_0000).to_string(), "f32 nan (0x7fc00000)");
        assert_eq!(Value::F64(1.5f64.to_bits()).to_string(), "f64 1.5 (0x3ff8000000000000)");
    }
}
