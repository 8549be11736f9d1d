//! The types of memories, tables and globals
//! ([Memory types](https://webassembly.github.io/spec/core/syntax/types.html#memory-types),
//! [Table types](https://webassembly.github.io/spec/core/syntax/types.html#table-types),
//! [Global types](https://webassembly.github.io/spec/core/syntax/types.html#global-types)).

use super::references::{ConcreteType, RefType};
use super::value::ValType;
use crate::base::MemoryChecks;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The size of a WebAssembly page in bytes, unless the type of a memory says otherwise.
pub const PAGE_SIZE: u64 = 65_536;

const PAGE_SIZE_LOG2: u32 = PAGE_SIZE.ilog2();

/// Bounds of a memory (in pages) or of a table (in elements).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// The initial size.
    pub min: u64,
    /// The largest size, if bounded.
    pub max: Option<u64>,
}

/// The type of a linear memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct MemoryType {
    /// Bounds, in pages.
    pub limits: Limits,
    /// True if indices have 64 bits instead of 32.
    pub index64: bool,
    /// True if threads can share the memory.
    pub shared: bool,
    /// The binary logarithm of the page size: 16, or 0 for pages of one byte.
    pub page_size_log2: u8,
}

/// The type of a table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TableType {
    /// Bounds, in elements.
    pub limits: Limits,
    /// True if indices have 64 bits instead of 32.
    pub index64: bool,
    /// The type of the elements.
    pub element: RefType,
}

/// The type of a global.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GlobalType {
    /// The type of the value.
    pub content: ValType,
    /// True if the value can be set.
    pub mutable: bool,
}

impl Limits {
    /// Returns whether a memory or table with these limits and the current size `size` may be imported as `wanted`
    /// ([Import subtyping](https://webassembly.github.io/spec/core/valid/matching.html#limits)).
    pub(crate) fn matches(&self, size: u64, wanted: &Limits) -> bool {
        size >= wanted.min
            && match (self.max, wanted.max) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(own), Some(wanted)) => own <= wanted,
            }
    }

    /// Returns whether the bounds are in order and at most `most`.
    fn within(&self, most: u64) -> bool {
        let max = self.max.unwrap_or(most);
        self.min <= max && max <= most
    }
}

impl MemoryType {
    /// Creates the type of a memory with 32-bit indices and pages of 64 KiB.
    pub fn new(min: u64, max: Option<u64>) -> MemoryType {
        let page_size_log2 = PAGE_SIZE_LOG2 as u8;
        MemoryType { limits: Limits { min, max }, index64: false, shared: false, page_size_log2 }
    }

    /// Creates the type of a memory with 64-bit indices and pages of 64 KiB.
    pub fn memory64(min: u64, max: Option<u64>) -> MemoryType {
        MemoryType { index64: true, ..MemoryType::new(min, max) }
    }

    /// Returns the size of a page in bytes.
    pub fn page_size(&self) -> u64 {
        1 << self.page_size_log2
    }

    /// Returns the type of indices and sizes.
    pub fn index_type(&self) -> ValType {
        index_type(self.index64)
    }

    /// Returns the largest number of pages that a memory of this kind can be declared with.
    pub(crate) fn most_pages(&self) -> u64 {
        let last_byte = if self.index64 { u64::MAX } else { u32::MAX.into() };
        match u32::from(self.page_size_log2) {
            0 => last_byte,
            log2 => last_byte.checked_shr(log2).unwrap_or(0) + 1,
        }
    }

    /// Returns whether accesses outside the memory run into guard pages. Otherwise compiled code compares every address
    /// with the length: 64-bit indices reach further than any reservation, and lengths in small pages need not be
    /// multiples of the machine's pages. The compiler and the runtime must agree, so both ask this function.
    pub(crate) fn is_guarded(&self, checks: MemoryChecks) -> bool {
        checks == MemoryChecks::GuardPages && !self.index64 && self.page_size() == PAGE_SIZE
    }

    /// Returns whether the type is valid.
    pub(crate) fn is_valid(&self) -> bool {
        let pages = matches!(u32::from(self.page_size_log2), 0 | PAGE_SIZE_LOG2);
        pages && self.limits.within(self.most_pages()) && !(self.shared && self.limits.max.is_none())
    }

    /// Returns whether a memory of this type, whose minimum is the current size, may be imported as `wanted`.
    pub(crate) fn matches(&self, wanted: &MemoryType) -> bool {
        let kind = |ty: &MemoryType| (ty.index64, ty.shared, ty.page_size_log2);
        kind(self) == kind(wanted) && self.limits.matches(self.limits.min, &wanted.limits)
    }
}

impl TableType {
    /// Returns the type with `rename` applied to the defined type that it names, if any.
    pub(crate) fn map(self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> TableType {
        TableType { element: self.element.map(rename), ..self }
    }

    /// Creates the type of a table with 32-bit indices.
    pub fn new(element: RefType, min: u64, max: Option<u64>) -> TableType {
        TableType { limits: Limits { min, max }, index64: false, element }
    }

    /// Creates the type of a table with 64-bit indices.
    pub fn table64(element: RefType, min: u64, max: Option<u64>) -> TableType {
        TableType { index64: true, ..TableType::new(element, min, max) }
    }

    /// Returns the type of indices and sizes.
    pub fn index_type(&self) -> ValType {
        index_type(self.index64)
    }

    /// Returns whether the type is valid.
    pub(crate) fn is_valid(&self) -> bool {
        self.limits.within(if self.index64 { u64::MAX } else { u32::MAX.into() })
    }

    /// Returns whether a table of this type, whose minimum is the current size, may be imported as `wanted`, apart from
    /// the element types.
    pub(crate) fn bounds_match(&self, wanted: &TableType) -> bool {
        self.index64 == wanted.index64 && self.limits.matches(self.limits.min, &wanted.limits)
    }
}

fn index_type(index64: bool) -> ValType {
    if index64 { ValType::I64 } else { ValType::I32 }
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

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.min)?;
        match self.max {
            Some(max) => write!(f, " {max}"),
            None => Ok(()),
        }
    }
}

/// Writes the type as in the text format, without the word `memory`.
impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.index64 { "i64 " } else { "" }, self.limits)?;
        if self.shared {
            f.write_str(" shared")?;
        }
        match self.page_size() {
            PAGE_SIZE => Ok(()),
            size => write!(f, " (pagesize {size})"),
        }
    }
}

/// Writes the type as in the text format, without the word `table`.
impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} {}", if self.index64 { "i64 " } else { "" }, self.limits, self.element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_memories() {
        let byte_pages = |ty: MemoryType| MemoryType { page_size_log2: 0, ..ty };
        assert_eq!(MemoryType::new(0, None).most_pages(), 1 << 16);
        assert_eq!(MemoryType::memory64(0, None).most_pages(), 1 << 48);
        assert_eq!(byte_pages(MemoryType::new(0, None)).most_pages(), u32::MAX.into());
        assert_eq!(byte_pages(MemoryType::memory64(0, None)).most_pages(), u64::MAX);
        assert!(
            MemoryType::memory64(1 << 48, None).is_valid() && !MemoryType::memory64((1 << 48) + 1, None).is_valid()
        );
        assert!(!MemoryType::new(2, Some(1)).is_valid() && !MemoryType::new(0, Some(65_537)).is_valid());
        assert!(!MemoryType { page_size_log2: 12, ..MemoryType::new(0, None) }.is_valid());
        assert!(!MemoryType { shared: true, ..MemoryType::new(0, None) }.is_valid());
    }

    #[test]
    fn kinds_of_memories_do_not_match_each_other() {
        let wanted = MemoryType::new(1, Some(2));
        assert!(wanted.matches(&wanted));
        for other in [
            MemoryType { index64: true, ..wanted },
            MemoryType { shared: true, ..wanted },
            MemoryType { page_size_log2: 0, ..wanted },
        ] {
            assert!(!other.matches(&wanted) && !wanted.matches(&other));
        }
    }

    #[test]
    fn types_read_as_in_the_text_format() {
        let ty = MemoryType { shared: true, page_size_log2: 0, ..MemoryType::memory64(1, Some(2)) };
        assert_eq!(ty.to_string(), "i64 1 2 shared (pagesize 1)");
        assert_eq!(TableType::table64(RefType::FUNC, 3, None).to_string(), "i64 3 funcref");
    }
}
