//! All types of a module ([Types](https://webassembly.github.io/spec/core/syntax/types.html)): those of globals and of
//! imports and exports, and the types of the neighboring files, for the use of other rooms.

pub(crate) use super::composite::{CompositeType, SubType};
pub use super::references::{CompositeKind, ConcreteType, HeapType, RefType};
pub use super::storage::{Limits, MemoryType, PAGE_SIZE, TableType};
pub use super::value::{FuncType, ValType};
use core::fmt;
use serde::{Deserialize, Serialize};

/// The type of a global.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct GlobalType {
    /// The type of the value.
    pub content: ValType,
    /// True if the value can be set.
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
    /// A tag. The parameters are the types of an exception's values; there are no results.
    Tag(FuncType),
}

impl GlobalType {
    /// Returns whether a global of this type may be imported as `wanted`
    /// ([Import subtyping](https://webassembly.github.io/spec/core/valid/matching.html#globals)).
    pub(crate) fn matches(self, wanted: GlobalType, extends: &impl Fn(ConcreteType, ConcreteType) -> bool) -> bool {
        self.mutable == wanted.mutable
            && self.content.matches(wanted.content, extends)
            && (!self.mutable || wanted.content.matches(self.content, extends))
    }

    /// Returns the type with `rename` applied to the defined type that it names, if any.
    pub(crate) fn map(self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> GlobalType {
        GlobalType { content: self.content.map(rename), ..self }
    }
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
