//! The types of tables, memories, globals, tags, and of imports and exports
//! ([External types](https://webassembly.github.io/spec/core/syntax/types.html#syntax-externtype)).

use super::name::TypeId;
use super::reference::RefType;
use super::value::{FuncType, ValType};
use core::fmt;

/// The size of a page in bytes, unless the type of a memory says otherwise.
pub const PAGE_SIZE: u64 = 1 << PAGE_SIZE_LOG2;

const PAGE_SIZE_LOG2: u8 = 16;

/// Bounds of a memory (in pages) or of a table (in elements).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    /// The smallest size, which is also the initial one.
    pub min: u64,
    /// The largest size, if bounded.
    pub max: Option<u64>,
}

/// The type of a memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MemoryType {
    /// Bounds, in pages.
    pub limits: Limits,
    /// True if addresses have 64 bits instead of 32.
    pub index64: bool,
    /// True if threads can share the memory.
    pub shared: bool,
    /// The binary logarithm of the size of a page in bytes: 16, or 0
    /// ([Custom page sizes][proposal]).
    ///
    /// [proposal]: https://github.com/WebAssembly/custom-page-sizes/blob/main/proposals/custom-page-sizes/Overview.md
    pub page_size_log2: u8,
}

/// The type of a table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TableType<T = TypeId> {
    /// Bounds, in elements.
    pub limits: Limits,
    /// True if indices have 64 bits instead of 32.
    pub index64: bool,
    /// True if threads can share the table.
    pub shared: bool,
    /// The type of the elements.
    pub element: RefType<T>,
}

/// The type of a global.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GlobalType<T = TypeId> {
    /// The type of the value.
    pub content: ValType<T>,
    /// True if the value can be set.
    pub mutable: bool,
    /// True if threads can share the global.
    pub shared: bool,
}

/// The type of an import or export, with function types spelled out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ExternType<T = TypeId> {
    /// A function.
    Func(FuncType<T>),
    /// A table.
    Table(TableType<T>),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType<T>),
    /// A tag. The parameters are the types of an exception's values; there are no results.
    Tag(FuncType<T>),
}

/// The type of an import or export, by which they are matched: functions and tags by their defined types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EntityType<T = TypeId> {
    /// A function.
    Func {
        /// The defined type.
        ty: T,
        /// True if a subtype is not meant.
        exact: bool,
    },
    /// A table.
    Table(TableType<T>),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType<T>),
    /// A tag of this defined type.
    Tag(T),
}

impl Limits {
    /// Returns whether the bounds are in order and at most `most`
    /// ([Limits](https://webassembly.github.io/spec/core/valid/types.html#valid-limits)).
    fn is_within(self, most: u64) -> bool {
        self.min <= most && self.max.is_none_or(|max| self.min <= max && max <= most)
    }
}

impl MemoryType {
    /// Creates the type of a memory with 32-bit addresses and pages of 64 KiB.
    pub fn new(min: u64, max: Option<u64>) -> MemoryType {
        MemoryType { limits: Limits { min, max }, index64: false, shared: false, page_size_log2: PAGE_SIZE_LOG2 }
    }

    /// Creates the type of a memory with 64-bit addresses and pages of 64 KiB.
    pub fn memory64(min: u64, max: Option<u64>) -> MemoryType {
        MemoryType { index64: true, ..MemoryType::new(min, max) }
    }

    /// Returns the size of a page in bytes; the largest number if the size is larger still, which no memory has.
    pub fn page_size(&self) -> u64 {
        1_u64.checked_shl(self.page_size_log2.into()).unwrap_or(u64::MAX)
    }

    /// Returns the largest number of pages that a memory with these addresses and pages can have.
    pub(crate) fn most_pages(&self) -> u64 {
        let last_address = if self.index64 { u64::MAX } else { u32::MAX.into() };
        match self.page_size_log2 {
            0 => last_address,
            log2 => (last_address >> log2) + 1,
        }
    }

    /// Returns whether the type is valid
    /// ([Memory types](https://webassembly.github.io/spec/core/valid/types.html#valid-memtype)).
    pub(crate) fn is_valid(&self) -> bool {
        matches!(self.page_size_log2, 0 | PAGE_SIZE_LOG2)
            && self.limits.is_within(self.most_pages())
            && (!self.shared || self.limits.max.is_some())
    }
}

impl<T: Copy> TableType<T> {
    /// Creates the type of a table with 32-bit indices.
    pub fn new(element: RefType<T>, min: u64, max: Option<u64>) -> TableType<T> {
        TableType { limits: Limits { min, max }, index64: false, shared: false, element }
    }

    /// Creates the type of a table with 64-bit indices.
    pub fn table64(element: RefType<T>, min: u64, max: Option<u64>) -> TableType<T> {
        TableType { index64: true, ..TableType::new(element, min, max) }
    }

    /// Returns the largest number of elements that a table with these indices can have.
    pub(crate) fn most_elements(&self) -> u64 {
        if self.index64 { u64::MAX } else { u32::MAX.into() }
    }

    /// Returns whether the type is valid
    /// ([Table types](https://webassembly.github.io/spec/core/valid/types.html#valid-tabletype)).
    pub(crate) fn is_valid(&self) -> bool {
        self.limits.is_within(self.most_elements())
    }

    /// Returns the type with its defined type, if any, under another name.
    pub(crate) fn map<U>(self, rename: impl FnOnce(T) -> U) -> TableType<U> {
        let TableType { limits, index64, shared, element } = self;
        TableType { limits, index64, shared, element: element.map(rename) }
    }
}

impl<T: Copy> GlobalType<T> {
    /// Creates the type of a global.
    pub fn new(content: ValType<T>, mutable: bool) -> GlobalType<T> {
        GlobalType { content, mutable, shared: false }
    }

    /// Returns the type with its defined type, if any, under another name.
    pub(crate) fn map<U>(self, rename: impl FnOnce(T) -> U) -> GlobalType<U> {
        GlobalType { content: self.content.map(rename), mutable: self.mutable, shared: self.shared }
    }
}

impl<T: Copy> EntityType<T> {
    /// Returns the type with its defined types under other names.
    pub(crate) fn map<U>(self, rename: impl FnOnce(T) -> U) -> EntityType<U> {
        match self {
            EntityType::Func { ty, exact } => EntityType::Func { ty: rename(ty), exact },
            EntityType::Table(ty) => EntityType::Table(ty.map(rename)),
            EntityType::Memory(ty) => EntityType::Memory(ty),
            EntityType::Global(ty) => EntityType::Global(ty.map(rename)),
            EntityType::Tag(ty) => EntityType::Tag(rename(ty)),
        }
    }

    /// Returns the type with function types spelled out.
    pub(crate) fn spell_out<'a>(self, func: impl FnOnce(T) -> &'a FuncType<T>) -> ExternType<T>
    where
        T: 'a,
    {
        match self {
            EntityType::Func { ty, .. } => ExternType::Func(func(ty).clone()),
            EntityType::Table(ty) => ExternType::Table(ty),
            EntityType::Memory(ty) => ExternType::Memory(ty),
            EntityType::Global(ty) => ExternType::Global(ty),
            EntityType::Tag(ty) => ExternType::Tag(func(ty).clone()),
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.min)?;
        match self.max {
            Some(max) => write!(f, " {max}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for MemoryType {
    /// Writes the type as in the text format, without the word `memory`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.index64 { "i64 " } else { "" })?;
        self.limits.fmt(f)?;
        f.write_str(if self.shared { " shared" } else { "" })?;
        match self.page_size() {
            PAGE_SIZE => Ok(()),
            size => write!(f, " (pagesize {size})"),
        }
    }
}

impl<T: fmt::Display> fmt::Display for TableType<T> {
    /// Writes the type as in the text format, without the word `table`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, shared) = (if self.index64 { "i64 " } else { "" }, if self.shared { "shared " } else { "" });
        write!(f, "{index}{shared}{} {}", self.limits, self.element)
    }
}

impl<T: fmt::Display> fmt::Display for GlobalType<T> {
    /// Writes the type as in the text format, without the word `global`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.shared, self.mutable) {
            (true, true) => write!(f, "(shared mut {})", self.content),
            (true, false) => write!(f, "(shared {})", self.content),
            (false, true) => write!(f, "(mut {})", self.content),
            (false, false) => self.content.fmt(f),
        }
    }
}

impl<T: fmt::Display> fmt::Display for ExternType<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Func(ty) => write!(f, "func {ty}"),
            ExternType::Table(ty) => write!(f, "table {ty}"),
            ExternType::Memory(ty) => write!(f, "memory {ty}"),
            ExternType::Global(ty) => write!(f, "global {ty}"),
            ExternType::Tag(ty) => write!(f, "tag {ty}"),
        }
    }
}
