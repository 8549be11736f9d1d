//! What instances import and export, and values of the host that WebAssembly passes around.

use super::store::{StoreId, StoreOpaque};
use super::{AsContext, AsContextMut, Func, Global, Memory, StoreContext, Table};
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::types::ExternType;
use core::any::Any;
use core::num::NonZeroU32;

/// What an instance exports or imports.
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
}

impl Extern {
    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        match self {
            Extern::Func(func) => Some(func),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        match self {
            Extern::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The memory, if it is one.
    pub fn into_memory(self) -> Option<Memory> {
        match self {
            Extern::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        match self {
            Extern::Global(global) => Some(global),
            _ => None,
        }
    }

    /// The type as an import sees it: the minimum of a memory or table is its current size.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ExternType> {
        self.ty_in(store.as_context().opaque())
    }

    pub(crate) fn ty_in(&self, store: &StoreOpaque) -> Result<ExternType> {
        Ok(match self {
            Extern::Func(func) => ExternType::Func(func.ty_in(store)?.clone()),
            Extern::Table(table) => ExternType::Table(table.entry(store)?.current_type()),
            Extern::Memory(memory) => ExternType::Memory(memory.entry(store)?.current_type()),
            Extern::Global(global) => ExternType::Global(global.entry(store)?.ty),
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

/// A value of the host, held by a store, that WebAssembly can pass around but not look into.
///
/// WebAssembly sees a 32-bit index into the store's list of such values; null is 0. The value stays in the store as long
/// as the store lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExternRef {
    store: StoreId,
    /// One more than the position in the store's list.
    index: NonZeroU32,
}

impl ExternRef {
    /// Puts a value into the store.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the store holds 2^32 - 1 of them already.
    pub fn new(mut store: impl AsContextMut, value: impl Any + Send + Sync) -> Result<ExternRef> {
        let mut store = store.as_context_mut().into_opaque();
        let index = u32::try_from(store.externs.len() + 1)
            .map_err(|_| Error::new(ErrorKind::Resource, "the store holds 2^32 - 1 extern references already"))?;
        store.externs.push(Box::new(value));
        let index = NonZeroU32::new(index).expect("a length plus one");
        Ok(ExternRef { store: store.id(), index })
    }

    /// The value.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it belongs to another store.
    pub fn data<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> Result<&'a (dyn Any + Send + Sync)> {
        let store = store.into().opaque();
        store.check(self.store, "extern reference")?;
        Ok(&*store.externs[self.index.get() as usize - 1])
    }

    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    /// What WebAssembly sees; 0 is null.
    pub(crate) fn to_bits(reference: Option<ExternRef>) -> u32 {
        reference.map_or(0, |reference| reference.index.get())
    }

    /// The reference that WebAssembly code of this store holds.
    pub(crate) fn from_bits(bits: u32, store: StoreId) -> Option<ExternRef> {
        NonZeroU32::new(bits).map(|index| ExternRef { store, index })
    }
}
