//! Objects of the host that WebAssembly passes around as `externref`.

use crate::reference::Object;
use crate::store::wasm_store_t;
use crate::touchstone::error::{non_null, report};
use std::sync::Arc;

declare_ref! {
    /// An object of the host. Its data is what the program gives to it.
    wasm_foreign_t, |object| matches!(object, Object::Foreign(_));
    wasm_foreign_delete, wasm_foreign_copy, wasm_foreign_same, wasm_foreign_get_host_info, wasm_foreign_set_host_info,
    wasm_foreign_set_host_info_with_finalizer, wasm_foreign_as_ref, wasm_ref_as_foreign, wasm_foreign_as_ref_const,
    wasm_ref_as_foreign_const
}

/// Makes an object of the host.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_foreign_new(store: Option<&wasm_store_t>) -> Option<Box<wasm_foreign_t>> {
    let store = report(non_null(store, "store"))?;
    Some(wasm_foreign_t::boxed(&store.0, Object::Foreign(Arc::default())))
}
