//! Value, function and external types ([Types](https://webassembly.github.io/spec/core/syntax/types.html)).

use core::fmt;
use serde::{Deserialize, Serialize};

pub use super::storage::{Limits, MemoryType, PAGE_SIZE, TableType};

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
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

/// The type of a reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct RefType {
    /// Whether null belongs to the type.
    pub nullable: bool,
    /// What the reference points to.
    pub heap: HeapType,
}

/// What a reference points to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HeapType {
    /// A function of any type.
    Func,
    /// A value of the host.
    Extern,
}

/// The type of a function.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct FuncType {
    /// The types of the parameters.
    pub params: Box<[ValType]>,
    /// The types of the results.
    pub results: Box<[ValType]>,
}

/// The type of a global.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct GlobalType {
    /// The type of the value.
    pub content: ValType,
    /// Whether the value can be set.
    pub mutable: bool,
}

/// The type of an import or export.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A table.
    Table(TableType),
    /// A linear memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
}

impl RefType {
    /// `funcref`.
    pub const FUNC: RefType = RefType { nullable: true, heap: HeapType::Func };
    /// `externref`.
    pub const EXTERN: RefType = RefType { nullable: true, heap: HeapType::Extern };
}

impl ValType {
    /// `funcref`.
    pub const FUNCREF: ValType = ValType::Ref(RefType::FUNC);
    /// `externref`.
    pub const EXTERNREF: ValType = ValType::Ref(RefType::EXTERN);
}

impl FuncType {
    /// A function type from its parameters and results.
    pub fn new(params: impl IntoIterator<Item = ValType>, results: impl IntoIterator<Item = ValType>) -> FuncType {
        FuncType { params: params.into_iter().collect(), results: results.into_iter().collect() }
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

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heap = match self.heap {
            HeapType::Func => "func",
            HeapType::Extern => "extern",
        };
        match self.nullable {
            true => write!(f, "{heap}ref"),
            false => write!(f, "(ref {heap})"),
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

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Func(ty) => write!(f, "func {ty}"),
            ExternType::Table(ty) => write!(f, "table {ty}"),
            ExternType::Memory(ty) => write!(f, "memory {ty}"),
            ExternType::Global(GlobalType { content, mutable: true }) => write!(f, "global (mut {content})"),
            ExternType::Global(GlobalType { content, mutable: false }) => write!(f, "global {content}"),
        }
    }
}
