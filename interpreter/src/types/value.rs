//! Value types and function types
//! ([Value types](https://webassembly.github.io/spec/core/syntax/types.html#syntax-valtype),
//! [Function types](https://webassembly.github.io/spec/core/syntax/types.html#syntax-functype)).

use super::name::TypeId;
use super::reference::RefType;
use alloc::boxed::Box;
use core::fmt;

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ValType<T = TypeId> {
    /// An integer of 32 bits.
    I32,
    /// An integer of 64 bits.
    I64,
    /// A float of 32 bits.
    F32,
    /// A float of 64 bits.
    F64,
    /// A vector of 128 bits.
    V128,
    /// A reference.
    Ref(RefType<T>),
}

/// The type of a function: those of its parameters and results.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FuncType<T = TypeId> {
    pub(crate) params: Box<[ValType<T>]>,
    pub(crate) results: Box<[ValType<T>]>,
}

impl<T> ValType<T> {
    /// `funcref`.
    pub const FUNCREF: ValType<T> = ValType::Ref(RefType::FUNC);
    /// `externref`.
    pub const EXTERNREF: ValType<T> = ValType::Ref(RefType::EXTERN);

    /// Returns the type with its defined type, if any, under another name.
    pub(crate) fn map<U>(self, rename: impl FnOnce(T) -> U) -> ValType<U> {
        match self {
            ValType::I32 => ValType::I32,
            ValType::I64 => ValType::I64,
            ValType::F32 => ValType::F32,
            ValType::F64 => ValType::F64,
            ValType::V128 => ValType::V128,
            ValType::Ref(ty) => ValType::Ref(ty.map(rename)),
        }
    }

    /// Returns the defined type that the type names, exactly or not.
    pub(crate) fn defined(self) -> Option<T> {
        match self {
            ValType::Ref(ty) => ty.heap.defined(),
            _ => None,
        }
    }

    /// Returns the number of slots that a value of the type takes.
    pub(crate) const fn slots(&self) -> usize {
        if matches!(self, ValType::V128) { 2 } else { 1 }
    }
}

impl<T: Copy> FuncType<T> {
    /// Creates a function type.
    pub fn new(
        params: impl IntoIterator<Item = ValType<T>>,
        results: impl IntoIterator<Item = ValType<T>>,
    ) -> FuncType<T> {
        FuncType { params: params.into_iter().collect(), results: results.into_iter().collect() }
    }

    /// Returns the types of the parameters.
    pub fn params(&self) -> &[ValType<T>] {
        &self.params
    }

    /// Returns the types of the results.
    pub fn results(&self) -> &[ValType<T>] {
        &self.results
    }

    /// Returns the number of slots that the parameters take.
    pub(crate) fn param_slots(&self) -> usize {
        self.params.iter().map(ValType::slots).sum()
    }

    /// Returns the number of slots that the results take.
    pub(crate) fn result_slots(&self) -> usize {
        self.results.iter().map(ValType::slots).sum()
    }

    /// Returns the type with its defined types under other names.
    pub(crate) fn map<U>(&self, rename: &impl Fn(T) -> U) -> FuncType<U> {
        let all = |types: &[ValType<T>]| types.iter().map(|ty| ty.map(rename)).collect();
        FuncType { params: all(&self.params), results: all(&self.results) }
    }
}

impl<T: fmt::Display> fmt::Display for ValType<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValType::I32 => "i32",
            ValType::I64 => "i64",
            ValType::F32 => "f32",
            ValType::F64 => "f64",
            ValType::V128 => "v128",
            ValType::Ref(ty) => return ty.fmt(f),
        })
    }
}

impl<T: fmt::Display> fmt::Display for FuncType<T> {
    /// Writes the type as `[i32 i64] -> [f32]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.params)?;
        f.write_str(" -> ")?;
        write_list(f, &self.results)
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, types: &[ValType<T>]) -> fmt::Result {
    f.write_str("[")?;
    for (position, ty) in types.iter().enumerate() {
        f.write_str(if position == 0 { "" } else { " " })?;
        write!(f, "{ty}")?;
    }
    f.write_str("]")
}
