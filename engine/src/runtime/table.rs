//! Tables.
use super::*;
use crate::base::*;
use crate::wasm::types::*;
/// A table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Table {}
impl Table {
    /// A new table, each element `init`.
    pub fn new(_store: impl AsContextMut, _ty: TableType, _init: Val) -> Result<Table> {
        todo!()
    }
    /// The type as declared: `min` is the size at the start.
    pub fn ty(&self, _store: impl AsContext) -> Result<TableType> {
        todo!()
    }
    /// The size in elements.
    pub fn size(&self, _store: impl AsContext) -> Result<u64> {
        todo!()
    }
    /// An element; `None` past the end.
    pub fn get(&self, _store: impl AsContext, _index: u64) -> Result<Option<Val>> {
        todo!()
    }
    /// Sets an element. Out of bounds is [`Trap::TableOutOfBounds`].
    pub fn set(&self, _store: impl AsContextMut, _index: u64, _value: Val) -> Result<()> {
        todo!()
    }
    /// Grows by `delta` elements, each `init`. Returns the old size.
    pub fn grow(&self, _store: impl AsContextMut, _delta: u64, _init: Val) -> Result<u64> {
        todo!()
    }
    /// Sets `len` elements from `index` on. Out of bounds is [`Trap::TableOutOfBounds`].
    pub fn fill(&self, _store: impl AsContextMut, _index: u64, _value: Val, _len: u64) -> Result<()> {
        todo!()
    }
}
