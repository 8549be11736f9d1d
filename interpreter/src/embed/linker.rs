//! Linkers: named items that modules can import.

use super::caller::Caller;
use super::closure::IntoFunc;
use super::context::{AsContext, AsContextMut};
use super::host::HostDefinition;
use super::{Extern, Instance};
use crate::config::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::instantiate::unknown_import;
use crate::module::Module;
use crate::types::FuncType;
use crate::values::{Func, Val};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// Named items that modules can import. Like an import, each has a module name and a name in that module.
///
/// Host functions defined with [`func_new`](Linker::func_new) and [`func_wrap`](Linker::func_wrap) belong to no store:
/// a linker that holds only such functions serves any number of stores.
pub struct Linker<T: 'static> {
    engine: Engine,
    allow_shadowing: bool,
    names: BTreeMap<Box<str>, BTreeMap<Box<str>, Definition<T>>>,
}

enum Definition<T: 'static> {
    /// An item of a store.
    Item(Extern),
    /// A host function. It is added to a store when the store first needs it.
    Host(Arc<HostDefinition<T>>),
}

impl<T: 'static> Linker<T> {
    /// Creates a linker without any definition.
    pub fn new(engine: &Engine) -> Linker<T> {
        Linker { engine: engine.clone(), allow_shadowing: false, names: BTreeMap::new() }
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Sets whether a name may be defined again, which replaces its definition. The default is false.
    pub fn allow_shadowing(&mut self, allow: bool) -> &mut Self {
        self.allow_shadowing = allow;
        self
    }

    /// Defines a name as an item of a store.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the item belongs to another store, or the name is taken.
    pub fn define(
        &mut self,
        store: impl AsContext<Data = T>,
        module: &str,
        name: &str,
        item: impl Into<Extern>,
    ) -> Result<&mut Self> {
        let item = item.into();
        item.entity_type(store.as_context().inner())?;
        self.insert(module, name, Definition::Item(item))
    }

    /// Defines a host function of a type that is known at run time only; see [`Func::new`](crate::Func::new).
    ///
    /// A type that names defined types is one of a store, and fits no other store.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the name is taken.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        call: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self> {
        self.insert(module, name, Definition::Host(Arc::new(HostDefinition::untyped(ty, call))))
    }

    /// Defines a host function from a closure; see [`Func::wrap`](crate::Func::wrap).
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the name is taken.
    pub fn func_wrap<Params, Results>(
        &mut self,
        module: &str,
        name: &str,
        call: impl IntoFunc<T, Params, Results>,
    ) -> Result<&mut Self> {
        self.insert(module, name, Definition::Host(Arc::new(call.into_definition())))
    }

    /// Defines all exports of an instance under a module name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store, or a name is taken.
    pub fn instance(&mut self, store: impl AsContext<Data = T>, module: &str, instance: Instance) -> Result<&mut Self> {
        for (name, item) in instance.exports(store)? {
            self.insert(module, &name, Definition::Item(item))?;
        }
        Ok(self)
    }

    /// Instantiates a module and defines its exports under a module name.
    ///
    /// # Errors
    /// The errors of [`Linker::instantiate`] and [`Linker::instance`].
    pub fn module(&mut self, mut store: impl AsContextMut<Data = T>, name: &str, module: &Module) -> Result<&mut Self> {
        let instance = self.instantiate(store.as_context_mut(), module)?;
        self.instance(store, name, instance)
    }

    /// Returns the item of a name; `None` if the name is not defined, or the host function that it names cannot be
    /// added to the store.
    pub fn get(&self, store: impl AsContextMut<Data = T>, module: &str, name: &str) -> Option<Extern> {
        self.definition(module, name)?.item(store).ok()
    }

    /// Instantiates a module with imports by name.
    ///
    /// # Errors
    /// The errors of [`Linker::instantiate_pre`] and [`InstancePre::instantiate`].
    pub fn instantiate(&self, store: impl AsContextMut<Data = T>, module: &Module) -> Result<Instance> {
        self.instantiate_pre(module)?.instantiate(store)
    }

    /// Looks up a module's imports by name, once for any number of instances.
    ///
    /// # Errors
    /// Kind [`Link`](ErrorKind::Link) if an import is not defined. The message names the import and its type.
    pub fn instantiate_pre(&self, module: &Module) -> Result<InstancePre<T>> {
        let imports = module.description().imports.iter().map(|import| {
            let definition = self.definition(&import.module, &import.name);
            definition.cloned().ok_or_else(|| unknown_import(module, import))
        });
        Ok(InstancePre { module: module.clone(), imports: imports.collect::<Result<_>>()? })
    }

    fn definition(&self, module: &str, name: &str) -> Option<&Definition<T>> {
        self.names.get(module)?.get(name)
    }

    fn insert(&mut self, module: &str, name: &str, definition: Definition<T>) -> Result<&mut Self> {
        let taken = self.definition(module, name).is_some();
        if taken && !self.allow_shadowing {
            let message = format!("{module}.{name} is defined already; Linker::allow_shadowing lets the new one win");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        self.names.entry(module.into()).or_default().insert(name.into(), definition);
        Ok(self)
    }
}

/// A module with the definitions of its imports: the part of an instantiation that is the same for every store.
pub struct InstancePre<T: 'static> {
    module: Module,
    /// The definitions of the imports, in the module's order.
    imports: Box<[Definition<T>]>,
}

impl<T: 'static> InstancePre<T> {
    /// Returns the module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Instantiates the module.
    ///
    /// # Errors
    /// The errors of [`Instance::new`].
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> Result<Instance> {
        let imports = self.imports.iter().map(|definition| definition.item(&mut store));
        let imports: Vec<Extern> = imports.collect::<Result<_>>()?;
        Instance::new(store, &self.module, &imports)
    }
}

impl<T: 'static> Definition<T> {
    /// Returns the item for a store.
    fn item(&self, mut store: impl AsContextMut<Data = T>) -> Result<Extern> {
        match self {
            Definition::Item(item) => Ok(*item),
            Definition::Host(definition) => {
                let address = definition.add_once(store.as_context_mut())?;
                Ok(Func::from_address(address, store.as_context().inner().id()).into())
            }
        }
    }
}

impl<T: 'static> Clone for Definition<T> {
    fn clone(&self) -> Definition<T> {
        match self {
            Definition::Item(item) => Definition::Item(*item),
            Definition::Host(definition) => Definition::Host(definition.clone()),
        }
    }
}

impl<T: 'static> Clone for InstancePre<T> {
    fn clone(&self) -> InstancePre<T> {
        InstancePre { module: self.module.clone(), imports: self.imports.clone() }
    }
}

impl<T: 'static> fmt::Debug for InstancePre<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstancePre").field("module", &self.module).finish_non_exhaustive()
    }
}

impl<T: 'static> Clone for Linker<T> {
    fn clone(&self) -> Linker<T> {
        Linker { engine: self.engine.clone(), allow_shadowing: self.allow_shadowing, names: self.names.clone() }
    }
}

impl<T: 'static> fmt::Debug for Linker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.iter().flat_map(|(module, names)| names.keys().map(move |name| (module, name)));
        f.debug_set().entries(names).finish()
    }
}
