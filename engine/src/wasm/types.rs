//! All types of a module ([Types](https://webassembly.github.io/spec/core/syntax/types.html)): those of imports and
//! exports, and the types of the neighboring files, for the use of other rooms.

pub(crate) use super::composite::{CompositeType, SubType};
pub(crate) use super::references::Stamp;
pub use super::references::{CompositeKind, ConcreteType, HeapType, RefType};
pub use super::storage::{GlobalType, Limits, MemoryType, PAGE_SIZE, TableType};
pub use super::value::{FuncType, ValType};
use core::fmt;

/// The type of an import or export.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A table.
    Table(TableType),
    /// A linear memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
    /// A tag. The parameters are the types of an exception's values; there are no results.
    Tag(FuncType),
}

impl ExternType {
    /// Returns the type with `rename` applied to every defined type that it names.
    pub(crate) fn map(&self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> ExternType {
        match self {
            ExternType::Func(ty) => ExternType::Func(ty.map(rename)),
            ExternType::Table(ty) => ExternType::Table(ty.map(rename)),
            ExternType::Memory(ty) => ExternType::Memory(*ty),
            ExternType::Global(ty) => ExternType::Global(ty.map(rename)),
            ExternType::Tag(ty) => ExternType::Tag(ty.map(rename)),
        }
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
            ExternType::Tag(ty) => write!(f, "tag {ty}"),
        }
    }
}
