//! Instances of modules.

use super::activation::Activation;
use super::context::{AsContext, AsContextMut, StoreContextMut};
use super::typed::TypedFunc;
use super::wasm_ty::{WasmParams, WasmResults};
use super::{Extern, Global, Memory, Table, Tag};
use crate::error::{Error, ErrorKind, Result};
use crate::gc::StoreId;
use crate::instantiate::instantiate;
use crate::module::{ExportItem, Module};
use crate::store::{ModuleInstance, StoreInner};
use crate::types::{TypeId, TypeIndex};
use crate::values::Func;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A handle to an instance of a module. Cheap to copy, and valid with the store of the instance only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Instance {
    store: StoreId,
    address: u32,
}

impl Instance {
    /// Instantiates a module: checks its imports, which are in the module's order, makes the items that it defines,
    /// writes its active segments and calls its start function.
    ///
    /// If instantiation fails, what it has already written into imported tables and memories stays there.
    ///
    /// # Errors
    /// - Kind [`Link`](ErrorKind::Link) if the number of imports is wrong or an import is of another type. The message
    ///   names both types.
    /// - Kind [`Usage`](ErrorKind::Usage) if the module belongs to another engine, or an import to another store.
    /// - Kind [`Resource`](ErrorKind::Resource) if a limit is reached or there is no memory.
    /// - Kind [`Trap`](ErrorKind::Trap) if a segment does not fit or the start function traps.
    /// - The error that a host function returns to the start function.
    pub fn new(mut store: impl AsContextMut, module: &Module, imports: &[Extern]) -> Result<Instance> {
        let StoreContextMut(store) = store.as_context_mut();
        let address = instantiate(&mut store.inner, module, imports)?;
        if let Some(start) = module.description().start {
            let start = store.inner.instances[address as usize].functions[start as usize];
            Activation::new(store)?.run(start)?;
        }
        Ok(Instance { store: store.inner.id(), address })
    }

    /// Returns the export of this name; `None` if there is none.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store.
    pub fn get_export(&self, store: impl AsContext, name: &str) -> Result<Option<Extern>> {
        let inner = store.as_context().inner();
        self.entry(inner)?;
        Ok(export(inner, self.address, name))
    }

    /// Returns the exported function of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_func(&self, store: impl AsContext, name: &str) -> Result<Func> {
        self.get(store, name, "function", Extern::into_func)
    }

    /// Returns the exported function of this name, for calls with values of Rust types.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, the function is of another type, or the instance
    /// belongs to another store.
    pub fn get_typed_func<P: WasmParams, R: WasmResults>(
        &self,
        store: impl AsContext,
        name: &str,
    ) -> Result<TypedFunc<P, R>> {
        let func = self.get_func(&store, name)?;
        func.typed(store)
            .map_err(|error| Error::new(error.kind(), format!("the export \"{name}\": {}", error.message())))
    }

    /// Returns the function of this index in the module's index space of functions; `None` if there is none, or nothing
    /// in the module refers to it, so that no reference to it can exist.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store.
    pub fn func_at(&self, store: impl AsContext, index: u32) -> Result<Option<Func>> {
        let inner = store.as_context().inner();
        let instance = self.entry(inner)?;
        let address =
            instance.functions.get(index as usize).filter(|_| instance.module.description().is_referred_to(index));
        Ok(address.map(|&address| Func::from_address(address, inner.id())))
    }

    /// Returns the type of this index in the module's type section, as the store names it; `None` if there is none.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store.
    pub fn type_at(&self, store: impl AsContext, index: TypeIndex) -> Result<Option<TypeId>> {
        Ok(self.entry(store.as_context().inner())?.types.get(index.index()).copied())
    }

    /// Returns the exported memory of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_memory(&self, store: impl AsContext, name: &str) -> Result<Memory> {
        self.get(store, name, "memory", Extern::into_memory)
    }

    /// Returns the exported table of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_table(&self, store: impl AsContext, name: &str) -> Result<Table> {
        self.get(store, name, "table", Extern::into_table)
    }

    /// Returns the exported global of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_global(&self, store: impl AsContext, name: &str) -> Result<Global> {
        self.get(store, name, "global", Extern::into_global)
    }

    /// Returns the exported tag of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_tag(&self, store: impl AsContext, name: &str) -> Result<Tag> {
        self.get(store, name, "tag", Extern::into_tag)
    }

    /// Returns all exports with their names, in the module's order.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store.
    pub fn exports(&self, store: impl AsContext) -> Result<Vec<(String, Extern)>> {
        let inner = store.as_context().inner();
        let instance = self.entry(inner)?;
        let exports = &instance.module.description().exports;
        let named = |export: &crate::module::Export| (export.name.as_ref().into(), item(inner, instance, export.item));
        Ok(exports.iter().map(named).collect())
    }

    /// Returns the module of the instance.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store.
    pub fn module(&self, store: impl AsContext) -> Result<Module> {
        Ok(self.entry(store.as_context().inner())?.module.clone())
    }

    /// Returns the export of this name if `select` accepts it. `what` describes the wanted kind, for messages.
    fn get<I>(
        &self,
        store: impl AsContext,
        name: &str,
        what: &str,
        select: impl FnOnce(Extern) -> Option<I>,
    ) -> Result<I> {
        let message = match self.get_export(store, name)? {
            None => format!("the instance exports nothing named \"{name}\"; expected a {what}"),
            Some(item) => match select(item) {
                Some(item) => return Ok(item),
                None => format!("the export \"{name}\" is not a {what}"),
            },
        };
        Err(Error::new(ErrorKind::Usage, message))
    }

    fn entry(self, store: &StoreInner) -> Result<&ModuleInstance> {
        store.check(self.store, "instance")?;
        Ok(&store.instances[self.address as usize])
    }
}

/// Returns an export of the instance at an address; `None` if there is none of this name.
pub(super) fn export(store: &StoreInner, instance: u32, name: &str) -> Option<Extern> {
    let instance = &store.instances[instance as usize];
    let export = instance.module.description().export(name)?;
    Some(item(store, instance, export.item))
}

/// Returns the handle of an exported item.
fn item(store: &StoreInner, instance: &ModuleInstance, item: ExportItem) -> Extern {
    let id = store.id();
    match item {
        ExportItem::Func(index) => Func::from_address(instance.functions[index as usize], id).into(),
        ExportItem::Table(index) => Table::from_address(instance.tables[index as usize], id).into(),
        ExportItem::Memory(index) => Memory::from_address(instance.memories[index as usize], id).into(),
        ExportItem::Global(index) => Global::from_address(instance.globals[index as usize], id).into(),
        ExportItem::Tag(index) => Tag::from_address(instance.tags[index as usize], id).into(),
    }
}
