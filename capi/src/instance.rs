//! Instances.

use crate::external::{items, wasm_extern_t, wasm_extern_vec_t};
use crate::module::wasm_module_t;
use crate::reference::{Item, Object};
use crate::store::wasm_store_t;
use crate::touchstone::error::{keep, non_null, report};
use crate::trap::wasm_trap_t;
use crate::vec::{Out, write};
use engine::{Extern, Instance, Result};

declare_ref! {
    /// An instance.
    wasm_instance_t, |object| matches!(object, Object::Item(Item::Instance(_)));
    wasm_instance_delete, wasm_instance_copy, wasm_instance_same, wasm_instance_get_host_info,
    wasm_instance_set_host_info, wasm_instance_set_host_info_with_finalizer, wasm_instance_as_ref,
    wasm_ref_as_instance, wasm_instance_as_ref_const, wasm_ref_as_instance_const
}

impl wasm_instance_t {
    /// Makes a reference to an instance.
    pub(crate) fn of(store: &wasm_store_t, instance: Instance) -> Box<wasm_instance_t> {
        wasm_instance_t::boxed(&store.0, Object::Item(Item::Instance(instance)))
    }

    /// Returns the engine's instance.
    pub(crate) fn instance(&self) -> Instance {
        match self.item() {
            Item::Instance(instance) => instance,
            _ => unreachable!("the types of C tell instances from other items"),
        }
    }

    fn exports(&self) -> Result<wasm_extern_vec_t> {
        let store = self.store()?;
        let exports = store.with(|context| self.instance().exports(context))?;
        let exports = exports.into_iter().map(|(_, item)| Some(wasm_extern_t::boxed(store, Object::Item(item.into()))));
        Ok(exports.collect())
    }
}

fn new_instance(
    store: &wasm_store_t,
    module: Option<&wasm_module_t>,
    imports: Option<&wasm_extern_vec_t>,
) -> Result<Box<wasm_instance_t>> {
    let module = non_null(module, "module")?;
    let imports: Vec<Extern> = items(imports)?.into_iter().map(wasm_extern_t::to_engine).collect();
    let instance = store.0.with(|context| Instance::new(context, module.module(), &imports))?;
    Ok(wasm_instance_t::of(store, instance))
}

/// Instantiates a module with its imports, in the module's order. If it fails, the reason is also written as a trap,
/// unless `trap` is null; only that of a trap has frames.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_instance_new(
    store: Option<&wasm_store_t>,
    module: Option<&wasm_module_t>,
    imports: Option<&wasm_extern_vec_t>,
    trap: Out<'_, Option<Box<wasm_trap_t>>>,
) -> Option<Box<wasm_instance_t>> {
    let store = report(non_null(store, "store"))?;
    let (instance, failed) = match new_instance(store, module, imports) {
        Ok(instance) => (Some(instance), None),
        Err(error) => {
            // A trap is made only if the caller takes it.
            let failed = trap.is_some().then(|| wasm_trap_t::of(&store.0, &error));
            keep(error);
            (None, failed)
        }
    };
    write(trap, failed);
    instance
}

/// Returns the exports, in the module's order.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_instance_exports(instance: Option<&wasm_instance_t>, out: Out<'_, wasm_extern_vec_t>) {
    let exports = report(non_null(instance, "instance").and_then(|instance| instance.exports()));
    write(out, exports.unwrap_or_default());
}
