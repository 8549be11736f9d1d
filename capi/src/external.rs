//! External items: functions, globals, tables, memories and tags, as imports and exports.

use crate::func::wasm_func_t;
use crate::global::wasm_global_t;
use crate::memory::wasm_memory_t;
use crate::reference::{Item, Object};
use crate::table::wasm_table_t;
use crate::touchstone::error::{non_null, report, usage};
use crate::touchstone::exception::touchstone_tag_t;
use crate::touchstone::kind::TOUCHSTONE_EXTERN_TAG;
use crate::types::{
    WASM_EXTERN_FUNC, WASM_EXTERN_GLOBAL, WASM_EXTERN_MEMORY, WASM_EXTERN_TABLE, wasm_externkind_t, wasm_externtype_t,
};
use engine::{Extern, Result};

declare_ref! {
    /// An external item.
    wasm_extern_t, |object| matches!(object, Object::Item(item) if !matches!(item, Item::Instance(_)));
    wasm_extern_delete, wasm_extern_copy, wasm_extern_same, wasm_extern_get_host_info, wasm_extern_set_host_info,
    wasm_extern_set_host_info_with_finalizer, wasm_extern_as_ref, wasm_ref_as_extern, wasm_extern_as_ref_const,
    wasm_ref_as_extern_const
}

declare_vec!(wasm_extern_vec_t of Option<Box<wasm_extern_t>>: wasm_extern_vec_new_empty,
    wasm_extern_vec_new_uninitialized, wasm_extern_vec_new, wasm_extern_vec_copy, wasm_extern_vec_delete);

declare_cast!(wasm_func_t, wasm_extern_t, wasm_func_as_extern, wasm_func_as_extern_const, |_| true);
declare_cast!(wasm_global_t, wasm_extern_t, wasm_global_as_extern, wasm_global_as_extern_const, |_| true);
declare_cast!(wasm_table_t, wasm_extern_t, wasm_table_as_extern, wasm_table_as_extern_const, |_| true);
declare_cast!(wasm_memory_t, wasm_extern_t, wasm_memory_as_extern, wasm_memory_as_extern_const, |_| true);
declare_cast!(touchstone_tag_t, wasm_extern_t, touchstone_tag_as_extern, touchstone_tag_as_extern_const, |_| true);
declare_cast!(wasm_extern_t, wasm_func_t, wasm_extern_as_func, wasm_extern_as_func_const, |item| {
    matches!(item.item(), Item::Func(_))
});
declare_cast!(wasm_extern_t, wasm_global_t, wasm_extern_as_global, wasm_extern_as_global_const, |item| {
    matches!(item.item(), Item::Global(_))
});
declare_cast!(wasm_extern_t, wasm_table_t, wasm_extern_as_table, wasm_extern_as_table_const, |item| {
    matches!(item.item(), Item::Table(_))
});
declare_cast!(wasm_extern_t, wasm_memory_t, wasm_extern_as_memory, wasm_extern_as_memory_const, |item| {
    matches!(item.item(), Item::Memory(_))
});
declare_cast!(wasm_extern_t, touchstone_tag_t, touchstone_extern_as_tag, touchstone_extern_as_tag_const, |item| {
    matches!(item.item(), Item::Tag(_))
});

impl wasm_extern_t {
    /// Returns the engine's item.
    pub(crate) fn to_engine(&self) -> Extern {
        match self.item() {
            Item::Func(func) => func.into(),
            Item::Global(global) => global.into(),
            Item::Table(table) => table.into(),
            Item::Memory(memory) => memory.into(),
            Item::Tag(tag) => tag.into(),
            Item::Instance(_) => unreachable!("the types of C tell instances from external items"),
        }
    }

    fn ty(&self) -> Result<wasm_externtype_t> {
        self.store()?.with(|context| Ok(wasm_externtype_t::of(self.to_engine().ty(&*context)?)))
    }
}

/// Returns the items of a vector, none of which may be null.
///
/// # Errors
/// Kind [`Usage`](engine::ErrorKind::Usage) if one is null.
pub(crate) fn items(vector: Option<&wasm_extern_vec_t>) -> Result<Vec<&wasm_extern_t>> {
    let items = vector.map_or(&[][..], |vector| vector.as_slice()).iter().enumerate();
    items.map(|(at, item)| item.as_deref().ok_or_else(|| usage(format!("item {at} of the vector is null")))).collect()
}

/// Returns the kind of an item; 255 if the pointer is null.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_extern_kind(item: Option<&wasm_extern_t>) -> wasm_externkind_t {
    match report(non_null(item, "external item")).map(|item| item.to_engine()) {
        Some(Extern::Func(_)) => WASM_EXTERN_FUNC,
        Some(Extern::Global(_)) => WASM_EXTERN_GLOBAL,
        Some(Extern::Table(_)) => WASM_EXTERN_TABLE,
        Some(Extern::Memory(_)) => WASM_EXTERN_MEMORY,
        Some(Extern::Tag(_)) => TOUCHSTONE_EXTERN_TAG,
        None => u8::MAX,
    }
}

/// Returns the type of an item. The minimum of a memory or table is its current size.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_extern_type(item: Option<&wasm_extern_t>) -> Option<Box<wasm_externtype_t>> {
    report(non_null(item, "external item").and_then(wasm_extern_t::ty)).map(Box::new)
}
