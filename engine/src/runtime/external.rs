//! External values: the items that instances import and export.

use super::store::StoreOpaque;
use super::{AsContext, Func, Global, Memory, Table, Tag};
use crate::base::Result;
use crate::wasm::types::ExternType;

/// An item that an instance exports or imports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(Memory),
    /// A global.
    Global(Global),
    /// A tag.
    Tag(Tag),
}

impl Extern {
    /// Returns the function, if this is one.
    pub fn into_func(self) -> Option<Func> {
        match self {
            Extern::Func(func) => Some(func),
            _ => None,
        }
    }

    /// Returns the table, if this is one.
    pub fn into_table(self) -> Option<Table> {
        match self {
            Extern::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Returns the memory, if this is one.
    pub fn into_memory(self) -> Option<Memory> {
        match self {
            Extern::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    /// Returns the global, if this is one.
    pub fn into_global(self) -> Option<Global> {
        match self {
            Extern::Global(global) => Some(global),
            _ => None,
        }
    }

    /// Returns the tag, if this is one.
    pub fn into_tag(self) -> Option<Tag> {
        match self {
            Extern::Tag(tag) => Some(tag),
            _ => None,
        }
    }

    /// Returns the type by which an import is matched. The minimum of a memory or table is its current size.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the item belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ExternType> {
        self.ty_in(store.as_context().opaque())
    }

    /// Returns the type by which an import is matched, as [`Extern::ty`] does.
    pub(crate) fn ty_in(&self, store: &StoreOpaque) -> Result<ExternType> {
        Ok(match self {
            Extern::Func(func) => ExternType::Func(func.ty_in(store)?.clone()),
            Extern::Table(table) => ExternType::Table(table.entry(store)?.current_type()),
            Extern::Memory(memory) => ExternType::Memory(memory.entry(store)?.current_type()),
            Extern::Global(global) => ExternType::Global(global.entry(store)?.ty),
            Extern::Tag(tag) => ExternType::Tag(tag.ty_in(store)?.clone()),
        })
    }
}

impl From<Func> for Extern {
    fn from(func: Func) -> Extern {
        Extern::Func(func)
    }
}

impl From<Table> for Extern {
    fn from(table: Table) -> Extern {
        Extern::Table(table)
    }
}

impl From<Memory> for Extern {
    fn from(memory: Memory) -> Extern {
        Extern::Memory(memory)
    }
}

impl From<Global> for Extern {
    fn from(global: Global) -> Extern {
        Extern::Global(global)
    }
}

impl From<Tag> for Extern {
    fn from(tag: Tag) -> Extern {
        Extern::Tag(tag)
    }
}
