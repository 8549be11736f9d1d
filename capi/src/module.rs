//! Modules.

use crate::host_info::Slot;
use crate::reference::Object;
use crate::store::wasm_store_t;
use crate::touchstone::error::{non_null, report, usage};
use crate::types::{wasm_exporttype_t, wasm_exporttype_vec_t, wasm_importtype_t, wasm_importtype_vec_t};
use crate::vec::{Out, Vector, wasm_byte_vec_t, write};
use engine::{Module, Result};
use std::sync::Arc;

/// A module, with the data of the program.
pub(crate) struct ModuleObject {
    pub(crate) module: Module,
    pub(crate) host_info: Slot,
}

declare_ref! {
    /// A module.
    wasm_module_t, |object| matches!(object, Object::Module(_));
    wasm_module_delete, wasm_module_copy, wasm_module_same, wasm_module_get_host_info, wasm_module_set_host_info,
    wasm_module_set_host_info_with_finalizer, wasm_module_as_ref, wasm_ref_as_module, wasm_module_as_ref_const,
    wasm_ref_as_module_const
}

/// A module that belongs to no store, so that threads can share it.
pub struct wasm_shared_module_t(Module);

impl wasm_module_t {
    /// Returns the engine's module.
    pub(crate) fn module(&self) -> &Module {
        match self.object() {
            Object::Module(object) => &object.module,
            _ => unreachable!("the types of C tell modules from other objects"),
        }
    }

    /// Makes an object of a store from a module.
    pub(crate) fn of(store: &wasm_store_t, module: Module) -> Box<wasm_module_t> {
        let object = ModuleObject { module, host_info: Slot::default() };
        wasm_module_t::boxed(&store.0, Object::Module(Arc::new(object)))
    }
}

/// Makes a module of bytes as `make` does.
fn new_module(
    store: Option<&wasm_store_t>,
    bytes: Option<&wasm_byte_vec_t>,
    make: impl FnOnce(&engine::Engine, &[u8]) -> Result<Module>,
) -> Result<Box<wasm_module_t>> {
    let store = non_null(store, "store")?;
    let bytes = non_null(bytes, "module's bytes")?;
    Ok(wasm_module_t::of(store, make(store.0.engine(), bytes.as_slice())?))
}

/// Compiles a binary module.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_module_new(
    store: Option<&wasm_store_t>,
    binary: Option<&wasm_byte_vec_t>,
) -> Option<Box<wasm_module_t>> {
    report(new_module(store, binary, Module::from_binary))
}

/// Returns whether a binary module is valid.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_module_validate(store: Option<&wasm_store_t>, binary: Option<&wasm_byte_vec_t>) -> bool {
    let validate = || {
        let store = non_null(store, "store")?;
        let binary = non_null(binary, "module's bytes")?.as_slice();
        if binary.first() != Some(&0) {
            return Err(engine::Error::new(engine::ErrorKind::Malformed, "a binary module starts with a zero byte"));
        }
        Module::validate(store.0.engine(), binary)
    };
    report(validate()).is_some()
}

/// Returns the imports, in the module's order.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_module_imports(module: Option<&wasm_module_t>, out: Out<'_, wasm_importtype_vec_t>) {
    let module = report(non_null(module, "module"));
    let imports = module.map(|module| module.module().imports().map(|import| Some(wasm_importtype_t::of(&import))));
    write(out, imports.map(Vector::from_iter).unwrap_or_default());
}

/// Returns the exports, in the module's order.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_module_exports(module: Option<&wasm_module_t>, out: Out<'_, wasm_exporttype_vec_t>) {
    let module = report(non_null(module, "module"));
    let exports = module.map(|module| module.module().exports().map(|export| Some(wasm_exporttype_t::of(&export))));
    write(out, exports.map(Vector::from_iter).unwrap_or_default());
}

/// Returns the artifact.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_module_serialize(module: Option<&wasm_module_t>, out: Out<'_, wasm_byte_vec_t>) {
    let module = report(non_null(module, "module"));
    write(out, module.map(|module| module.module().serialize().iter().copied().collect()).unwrap_or_default());
}

/// Loads an artifact. Its code runs as it is, so load only what you wrote.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_module_deserialize(
    store: Option<&wasm_store_t>,
    artifact: Option<&wasm_byte_vec_t>,
) -> Option<Box<wasm_module_t>> {
    report(new_module(store, artifact, |engine, bytes| Module::deserialize(engine, bytes)))
}

/// Makes a module that threads can share.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_module_share(module: Option<&wasm_module_t>) -> Option<Box<wasm_shared_module_t>> {
    let module = report(non_null(module, "module"))?;
    Some(Box::new(wasm_shared_module_t(module.module().clone())))
}

/// Deletes a shared module.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_shared_module_delete(_module: Option<Box<wasm_shared_module_t>>) {}

/// Makes a module of a store from a shared one of the same engine.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_module_obtain(
    store: Option<&wasm_store_t>,
    shared: Option<&wasm_shared_module_t>,
) -> Option<Box<wasm_module_t>> {
    let obtain = || {
        let store = non_null(store, "store")?;
        let module = &non_null(shared, "shared module")?.0;
        if !module.engine().same(store.0.engine()) {
            return Err(usage("the shared module belongs to another engine than the store"));
        }
        Ok(wasm_module_t::of(store, module.clone()))
    };
    report(obtain())
}
