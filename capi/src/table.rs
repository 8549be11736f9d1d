//! Tables.

use crate::reference::{Item, Object, wasm_ref_t};
use crate::store::wasm_store_t;
use crate::touchstone::error::{non_null, report};
use crate::types::wasm_tabletype_t;
use engine::{ExternType, Result, Table, Trap};

declare_ref! {
    /// A table.
    wasm_table_t, |object| matches!(object, Object::Item(Item::Table(_)));
    wasm_table_delete, wasm_table_copy, wasm_table_same, wasm_table_get_host_info, wasm_table_set_host_info,
    wasm_table_set_host_info_with_finalizer, wasm_table_as_ref, wasm_ref_as_table, wasm_table_as_ref_const,
    wasm_ref_as_table_const
}

/// A number of elements, or an index.
pub type wasm_table_size_t = u32;

impl wasm_table_t {
    fn table(&self) -> Table {
        match self.item() {
            Item::Table(table) => table,
            _ => unreachable!("the types of C tell tables from other items"),
        }
    }

    /// Returns the number of elements.
    ///
    /// # Errors
    /// Kind [`Usage`](engine::ErrorKind::Usage) if the store is in use.
    pub(crate) fn size(&self) -> Result<u64> {
        self.store()?.with(|context| self.table().size(&*context))
    }

    /// Returns an element; `None` if it is null.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`] if the index is past the end.
    pub(crate) fn get(&self, index: u64) -> Result<Option<Box<wasm_ref_t>>> {
        let store = self.store()?;
        store.with(|context| {
            let value = self.table().get(&mut *context, index)?.ok_or(Trap::TableOutOfBounds)?;
            wasm_ref_t::from_engine(value, store, context)
        })
    }

    /// Sets an element.
    ///
    /// # Errors
    /// Those of [`Table::set`].
    pub(crate) fn set(&self, index: u64, element: Option<&wasm_ref_t>) -> Result<()> {
        let store = self.store()?;
        store.with(|context| {
            let ty = self.table().ty(&*context)?.element;
            let element = wasm_ref_t::to_engine(element, store, &mut *context, ty)?;
            self.table().set(context, index, element)
        })
    }

    /// Grows the table. Returns the old size.
    ///
    /// # Errors
    /// Those of [`Table::grow`].
    pub(crate) fn grow(&self, delta: u64, init: Option<&wasm_ref_t>) -> Result<u64> {
        let store = self.store()?;
        store.with(|context| {
            let ty = self.table().ty(&*context)?.element;
            let init = wasm_ref_t::to_engine(init, store, &mut *context, ty)?;
            self.table().grow(context, delta, init)
        })
    }
}

fn new_table(
    store: Option<&wasm_store_t>,
    ty: Option<&wasm_tabletype_t>,
    init: Option<&wasm_ref_t>,
) -> Result<Box<wasm_table_t>> {
    let store = &non_null(store, "store")?.0;
    let ExternType::Table(ty) = non_null(ty, "table type")?.to_engine() else {
        unreachable!("the types of C tell table types from others")
    };
    let table = store.with(|context| {
        let init = wasm_ref_t::to_engine(init, store, &mut *context, ty.element)?;
        Table::new(context, ty, init)
    })?;
    Ok(wasm_table_t::boxed(store, Object::Item(Item::Table(table))))
}

/// Makes a table of elements that are all `init`.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_table_new(
    store: Option<&wasm_store_t>,
    ty: Option<&wasm_tabletype_t>,
    init: Option<&wasm_ref_t>,
) -> Option<Box<wasm_table_t>> {
    report(new_table(store, ty, init))
}

/// Returns the type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_table_type(table: Option<&wasm_table_t>) -> Option<Box<wasm_tabletype_t>> {
    let ty = || {
        let table = non_null(table, "table")?;
        table.store()?.with(|context| table.table().ty(&*context))
    };
    Some(Box::new(wasm_tabletype_t::of(ExternType::Table(report(ty())?))))
}

/// Returns an element; null if it is null or past the end.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_table_get(table: Option<&wasm_table_t>, index: wasm_table_size_t) -> Option<Box<wasm_ref_t>> {
    report(non_null(table, "table").and_then(|table| table.get(index.into()))).flatten()
}

/// Sets an element. Returns false if the index is past the end, or the reference is of another type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_table_set(
    table: Option<&wasm_table_t>,
    index: wasm_table_size_t,
    element: Option<&wasm_ref_t>,
) -> bool {
    report(non_null(table, "table").and_then(|table| table.set(index.into(), element))).is_some()
}

/// Returns the number of elements.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_table_size(table: Option<&wasm_table_t>) -> wasm_table_size_t {
    let size = report(non_null(table, "table").and_then(|table| table.size())).unwrap_or(0);
    size.try_into().unwrap_or(wasm_table_size_t::MAX)
}

/// Grows a table by `delta` elements that are all `init`. Returns false, with nothing changed, if it cannot grow.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_table_grow(
    table: Option<&wasm_table_t>,
    delta: wasm_table_size_t,
    init: Option<&wasm_ref_t>,
) -> bool {
    report(non_null(table, "table").and_then(|table| table.grow(delta.into(), init))).is_some()
}
