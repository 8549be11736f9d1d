//! Value types and function types
//! ([Value types](https://webassembly.github.io/spec/core/syntax/types.html#value-types),
//! [Function types](https://webassembly.github.io/spec/core/syntax/types.html#function-types)).

use super::references::{ConcreteType, RefType};
use core::fmt;

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit IEEE 754 float.
    F32,
    /// 64-bit IEEE 754 float.
    F64,
    /// 128-bit vector.
    V128,
    /// Reference.
    Ref(RefType),
}

/// The type of a function.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FuncType {
    /// The types of the parameters.
    pub params: Box<[ValType]>,
    /// The types of the results.
    pub results: Box<[ValType]>,
}

impl ValType {
    /// `funcref`.
    pub const FUNCREF: ValType = ValType::Ref(RefType::FUNC);
    /// `externref`.
    pub const EXTERNREF: ValType = ValType::Ref(RefType::EXTERN);
    /// `exnref`.
    pub const EXNREF: ValType = ValType::Ref(RefType::EXN);
    /// `anyref`.
    pub const ANYREF: ValType = ValType::Ref(RefType::ANY);

    /// Returns whether the type is a subtype of `wanted`. `extends` is as in [`RefType::matches`]
    /// ([Value types](https://webassembly.github.io/spec/core/valid/matching.html#value-types)).
    pub(crate) fn matches(self, wanted: ValType, extends: &impl Fn(ConcreteType, ConcreteType) -> bool) -> bool {
        match (self, wanted) {
            (ValType::Ref(own), ValType::Ref(wanted)) => own.matches(wanted, extends),
            _ => self == wanted,
        }
    }

    /// Returns the type with `rename` applied to the defined type that it names, if any.
    pub(crate) fn map(self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> ValType {
        match self {
            ValType::Ref(reference) => ValType::Ref(reference.map(rename)),
            number => number,
        }
    }
}

impl FuncType {
    /// Creates a function type from its parameters and results.
    pub fn new(params: impl IntoIterator<Item = ValType>, results: impl IntoIterator<Item = ValType>) -> FuncType {
        FuncType { params: params.into_iter().collect(), results: results.into_iter().collect() }
    }

    /// Returns the type with `rename` applied to every defined type that it names.
    pub(crate) fn map(&self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> FuncType {
        let list = |types: &[ValType]| types.iter().map(|ty| ty.map(rename)).collect();
        FuncType { params: list(&self.params), results: list(&self.results) }
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
            ValType::Ref(reference) => reference.fmt(f),
        }
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[ValType]| -> fmt::Result {
            f.write_str("[")?;
            for (position, ty) in types.iter().enumerate() {
                write!(f, "{}{ty}", if position == 0 { "" } else { " " })?;
            }
            f.write_str("]")
        };
        list(f, &self.params)?;
        f.write_str(" -> ")?;
        list(f, &self.results)
    }
}
