//! Globals.

use crate::reference::{Item, Object};
use crate::store::wasm_store_t;
use crate::touchstone::error::{non_null, report};
use crate::types::wasm_globaltype_t;
use crate::val::wasm_val_t;
use crate::vec::{Out, write};
use engine::{ExternType, Global, Result};

declare_ref! {
    /// A global.
    wasm_global_t, |object| matches!(object, Object::Item(Item::Global(_)));
    wasm_global_delete, wasm_global_copy, wasm_global_same, wasm_global_get_host_info, wasm_global_set_host_info,
    wasm_global_set_host_info_with_finalizer, wasm_global_as_ref, wasm_ref_as_global, wasm_global_as_ref_const,
    wasm_ref_as_global_const
}

impl wasm_global_t {
    fn global(&self) -> Global {
        match self.item() {
            Item::Global(global) => global,
            _ => unreachable!("the types of C tell globals from other items"),
        }
    }
}

fn new_global(
    store: Option<&wasm_store_t>,
    ty: Option<&wasm_globaltype_t>,
    value: Option<&wasm_val_t>,
) -> Result<Box<wasm_global_t>> {
    let store = &non_null(store, "store")?.0;
    let ExternType::Global(ty) = non_null(ty, "global type")?.to_engine() else {
        unreachable!("the types of C tell global types from others")
    };
    let value = non_null(value, "value")?;
    let global = store.with(|context| {
        let value = value.to_engine(store, &mut *context, ty.content)?;
        Global::new(context, ty, value)
    })?;
    Ok(wasm_global_t::boxed(store, Object::Item(Item::Global(global))))
}

/// Makes a global.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_global_new(
    store: Option<&wasm_store_t>,
    ty: Option<&wasm_globaltype_t>,
    value: Option<&wasm_val_t>,
) -> Option<Box<wasm_global_t>> {
    report(new_global(store, ty, value))
}

/// Returns the type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_global_type(global: Option<&wasm_global_t>) -> Option<Box<wasm_globaltype_t>> {
    let ty = || {
        let global = non_null(global, "global")?;
        global.store()?.with(|context| global.global().ty(&*context))
    };
    Some(Box::new(wasm_globaltype_t::of(ExternType::Global(report(ty())?))))
}

/// Returns the value.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_global_get(global: Option<&wasm_global_t>, out: Out<'_, wasm_val_t>) {
    let get = || {
        let global = non_null(global, "global")?;
        let store = global.store()?;
        store.with(|context| {
            let value = global.global().get(&mut *context)?;
            wasm_val_t::from_engine(value, store, context)
        })
    };
    if let Some(value) = report(get()) {
        write(out, value);
    }
}

/// Sets the value. Nothing changes if the global is immutable or the value is of another type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_global_set(global: Option<&wasm_global_t>, value: Option<&wasm_val_t>) {
    let set = || {
        let global = non_null(global, "global")?;
        let value = non_null(value, "value")?;
        let store = global.store()?;
        store.with(|context| {
            let ty = global.global().ty(&*context)?;
            let value = value.to_engine(store, &mut *context, ty.content)?;
            global.global().set(context, value)
        })
    };
    report(set());
}
