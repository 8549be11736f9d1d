//! Names of defined types
//! ([Type uses](https://webassembly.github.io/spec/core/syntax/types.html#syntax-typeuse)).

use core::fmt;

/// A defined type by its index in the type section of a module.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeIndex(pub u32);

/// A defined type of a store. Two types of a store are equal if and only if their ids are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeId(pub(crate) u32);

/// A defined type as seen from within a recursive group. Equal groups are equal in this form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum TypeUse {
    /// A type of the group itself, by its position.
    Rec(u32),
    /// A type of an earlier group.
    Defined(TypeId),
}

impl TypeIndex {
    /// Returns the index for use with a list.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl TypeId {
    /// Returns the id for use with a list.
    #[inline(always)]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for TypeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
