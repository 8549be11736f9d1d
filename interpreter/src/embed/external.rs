//! External values: the items that instances import and export
//! ([External addresses](https://webassembly.github.io/spec/core/exec/runtime.html#external-addresses)).

use super::context::AsContext;
use super::{Global, Memory, Table, Tag};
use crate::error::Result;
use crate::store::StoreInner;
use crate::types::{EntityType, ExternType};
use crate::values::Func;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $into:ident $what:literal;)*) => {
        /// An item that an instance exports or imports.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Extern { $($(#[$doc])* $name($name),)* }

        impl Extern {
            $(#[doc = concat!("Returns the ", $what, ", if this is one.")]
            pub fn $into(self) -> Option<$name> {
                match self {
                    Extern::$name(item) => Some(item),
                    _ => None,
                }
            })*
        }

        $(impl From<$name> for Extern {
            fn from(item: $name) -> Extern {
                Extern::$name(item)
            }
        })*
    };
}

kinds! {
    /// A function.
    Func into_func "function";
    /// A table.
    Table into_table "table";
    /// A memory.
    Memory into_memory "memory";
    /// A global.
    Global into_global "global";
    /// A tag.
    Tag into_tag "tag";
}

impl Extern {
    /// Returns the type by which an import is matched. The minimum of a memory or table is its current size.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the item belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ExternType> {
        let inner = store.as_context().inner();
        Ok(self.entity_type(inner)?.spell_out(|ty| inner.types.func(ty)))
    }

    /// Returns the type by which an import is matched.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the item belongs to another store.
    pub(crate) fn entity_type(&self, store: &StoreInner) -> Result<EntityType> {
        Ok(match self {
            Extern::Func(func) => {
                let address = func.address(store)?;
                EntityType::Func { ty: store.functions[address as usize].ty, exact: true }
            }
            Extern::Table(table) => EntityType::Table(table.entry(store)?.current_type()),
            Extern::Memory(memory) => EntityType::Memory(memory.entry(store)?.current_type()),
            Extern::Global(global) => EntityType::Global(global.entry(store)?.ty()),
            Extern::Tag(tag) => EntityType::Tag(tag.entry(store)?.ty),
        })
    }
}
