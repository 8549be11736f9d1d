//! Imports and exports by name.

use super::error::{keep, non_null, report, usage};
use super::program::touchstone_wasi_t;
use super::text;
use crate::engine::wasm_engine_t;
use crate::external::wasm_extern_t;
use crate::instance::wasm_instance_t;
use crate::module::wasm_module_t;
use crate::reference::Object;
use crate::store::{Data, wasm_store_t};
use crate::trap::wasm_trap_t;
use core::ffi::c_char;
use core::mem::MaybeUninit;
use engine::Linker;

/// Named items that modules can import.
pub struct touchstone_linker_t(Linker<Data>);

/// Makes a linker without any item. The caller owns it.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_linker_new(engine: Option<&wasm_engine_t>) -> Option<Box<touchstone_linker_t>> {
    let engine = report(non_null(engine, "engine"))?;
    Some(Box::new(touchstone_linker_t(Linker::new(&engine.0))))
}

/// Deletes a linker. Instances keep what they use of it.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_linker_delete(_linker: Option<Box<touchstone_linker_t>>) {}

/// Sets whether a name may be defined again, which replaces its item.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_linker_allow_shadowing(linker: Option<&mut touchstone_linker_t>, allow: bool) {
    if let Some(linker) = report(non_null(linker, "linker")) {
        linker.0.allow_shadowing(allow);
    }
}

/// Defines a name as an item of a store. The linker is for that store alone then. Returns false if the name is taken.
///
/// # Safety
/// The names are null or end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_linker_define(
    linker: Option<&mut touchstone_linker_t>,
    module: *const c_char,
    name: *const c_char,
    item: Option<&wasm_extern_t>,
) -> bool {
    let define = || {
        // SAFETY: the caller vouches for the strings.
        let (module, name) = unsafe { (text(module, "module name")?, text(name, "name")?) };
        let (linker, item) = (non_null(linker, "linker")?, non_null(item, "external item")?);
        item.store()?.with(|context| linker.0.define(&*context, module, name, item.to_engine()).map(drop))
    };
    report(define()).is_some()
}

/// Defines all exports of an instance under a module name. Returns false if a name is taken.
///
/// # Safety
/// The name is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_linker_define_instance(
    linker: Option<&mut touchstone_linker_t>,
    module: *const c_char,
    instance: Option<&wasm_instance_t>,
) -> bool {
    let define = || {
        // SAFETY: the caller vouches for the string.
        let module = unsafe { text(module, "module name")? };
        let (linker, instance) = (non_null(linker, "linker")?, non_null(instance, "instance")?);
        instance.store()?.with(|context| linker.0.instance(context, module, instance.instance()).map(drop))
    };
    report(define()).is_some()
}

/// Defines the functions of WASI, for a program that may use what the context grants. Returns false if a name is taken.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_linker_define_wasi(
    linker: Option<&mut touchstone_linker_t>,
    wasi: Option<&touchstone_wasi_t>,
) -> bool {
    let define = || {
        let (linker, wasi) = (non_null(linker, "linker")?, non_null(wasi, "WASI context")?);
        wasi.0.define_in(&mut linker.0)
    };
    report(define()).is_some()
}

/// Returns the item of a name, for a store. The caller owns it. Null if the name is not defined.
///
/// # Safety
/// The names are null or end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_linker_get(
    linker: Option<&touchstone_linker_t>,
    store: Option<&wasm_store_t>,
    module: *const c_char,
    name: *const c_char,
) -> Option<Box<wasm_extern_t>> {
    let get = || {
        // SAFETY: the caller vouches for the strings.
        let (module, name) = unsafe { (text(module, "module name")?, text(name, "name")?) };
        let (linker, store) = (non_null(linker, "linker")?, &non_null(store, "store")?.0);
        let unknown = || usage(format!("the linker does not define {module}.{name}"));
        let item = store.with(|context| {
            let item = linker.0.get(&mut *context, module, name).ok_or_else(unknown)?;
            // An item of another store is not for this one.
            item.ty(&*context).map(|_| item)
        })?;
        Ok(wasm_extern_t::boxed(store, Object::Item(item.into())))
    };
    report(get())
}

/// Instantiates a module with imports by name. The caller owns the instance. If it fails, the reason is also written as
/// a trap, which the caller owns, unless `trap` is null.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_linker_instantiate(
    linker: Option<&touchstone_linker_t>,
    store: Option<&wasm_store_t>,
    module: Option<&wasm_module_t>,
    trap: Option<&mut MaybeUninit<Option<Box<wasm_trap_t>>>>,
) -> Option<Box<wasm_instance_t>> {
    let store = report(non_null(store, "store"))?;
    let instantiate = || {
        let (linker, module) = (non_null(linker, "linker")?, non_null(module, "module")?);
        store.0.with(|context| linker.0.instantiate(context, module.module()))
    };
    let (instance, failed) = match instantiate() {
        Ok(instance) => (Some(wasm_instance_t::of(store, instance)), None),
        Err(error) => {
            let failed = trap.is_some().then(|| wasm_trap_t::of(&store.0, &error));
            keep(error);
            (None, failed)
        }
    };
    if let Some(trap) = trap {
        trap.write(failed);
    }
    instance
}

/// Returns the export of a name. The caller owns it. Null if there is none.
///
/// # Safety
/// The name is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_instance_export(
    instance: Option<&wasm_instance_t>,
    name: *const c_char,
) -> Option<Box<wasm_extern_t>> {
    let get = || {
        // SAFETY: the caller vouches for the string.
        let name = unsafe { text(name, "name")? };
        let instance = non_null(instance, "instance")?;
        let store = instance.store()?;
        let unknown = || usage(format!("the instance exports nothing named \"{name}\""));
        let item = store.with(|context| instance.instance().get_export(context, name))?.ok_or_else(unknown)?;
        Ok(wasm_extern_t::boxed(store, Object::Item(item.into())))
    };
    report(get())
}
