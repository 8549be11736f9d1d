//! Tables ([Table instances](https://webassembly.github.io/spec/core/exec/runtime.html#table-instances)).

use super::context::{AsContext, AsContextMut};
use super::item::item;
use crate::error::{Error, ErrorKind, Result};
use crate::slot::RawRef;
use crate::store::{StoreInner, TableInstance, refused};
use crate::types::{TableType, ValType};
use crate::values::Val;
use alloc::format;

item! {
    /// A table of a store.
    Table, "table", tables: TableInstance
}

impl Table {
    /// Makes a table, each element `init`.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if `init` is not of the element type or belongs to another store, the type's
    /// maximum is below its minimum, or it names a defined type that the store does not have;
    /// [`Resource`](ErrorKind::Resource) if the table is too large or the limits refuse.
    pub fn new(mut store: impl AsContextMut, ty: TableType, init: Val) -> Result<Table> {
        let inner = store.as_context_mut().into_inner();
        if !ty.is_valid() {
            let message = format!("`table {ty}` is not the type of a table: the bounds are out of order or too large");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        ty.element.heap.defined().map_or(Ok(()), |name| inner.types.check(name))?;
        let init = element(inner, ty, &init, "the initial element")?;
        inner.limits.check_tables(inner.tables.len() + 1)?;
        let address = inner.tables.len() as u32;
        inner.tables.push(TableInstance::new(ty, init, &inner.limits)?);
        Ok(Table::from_address(address, inner.id()))
    }

    /// Returns the declared type, whose minimum is the initial size.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the table belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<TableType> {
        Ok(self.entry(store.as_context().inner())?.ty())
    }

    /// Returns the number of elements.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the table belongs to another store.
    pub fn size(&self, store: impl AsContext) -> Result<u64> {
        Ok(self.entry(store.as_context().inner())?.length())
    }

    /// Returns an element; `None` if the index is past the end.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the table belongs to another store.
    pub fn get(&self, mut store: impl AsContextMut, index: u64) -> Result<Option<Val>> {
        let inner = store.as_context_mut().into_inner();
        let table = self.entry(inner)?;
        let (ty, Ok(element)) = (ValType::Ref(table.ty().element), table.get(index)) else { return Ok(None) };
        Ok(Some(Val::take(ty, &mut &[element.0][..], inner)))
    }

    /// Sets an element.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`](crate::Trap::TableOutOfBounds) if the index is past the end; kind
    /// [`Usage`](ErrorKind::Usage) if the value is not of the element type, or the value or the table belongs to
    /// another store.
    pub fn set(&self, store: impl AsContextMut, index: u64, value: Val) -> Result<()> {
        self.fill(store, index, value, 1)
    }

    /// Grows by `delta` elements, each `init`. Returns the old size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the maximum or the limits do not allow it;
    /// [`Usage`](ErrorKind::Usage) if `init` is not of the element type, or `init` or the table belongs to another
    /// store.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64, init: Val) -> Result<u64> {
        let inner = store.as_context_mut().into_inner();
        let init = element(inner, self.entry(inner)?.ty(), &init, "the initial element")?;
        let old = inner.tables[self.address() as usize].grow(delta, init, &inner.limits)?;
        old.ok_or_else(|| refused(format!("the table cannot grow by {delta} elements")))
    }

    /// Sets `len` elements from `index` on.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`](crate::Trap::TableOutOfBounds), with nothing set, if the range does not lie inside
    /// the table; kind [`Usage`](ErrorKind::Usage) if the value is not of the element type, or the value or the table
    /// belongs to another store.
    pub fn fill(&self, mut store: impl AsContextMut, index: u64, value: Val, len: u64) -> Result<()> {
        let inner = store.as_context_mut().into_inner();
        let value = element(inner, self.entry(inner)?.ty(), &value, "the element")?;
        Ok(inner.tables[self.address() as usize].fill(index, value, len)?)
    }
}

/// Returns the reference of a value that is to be an element of a table. `what` names it in errors.
fn element(store: &StoreInner, ty: TableType, value: &Val, what: &str) -> Result<RawRef> {
    Ok(RawRef(value.to_bits(store, ValType::Ref(ty.element), what)?.0 as u64))
}
