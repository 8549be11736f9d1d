//! Linkers: named items that modules can import.

use super::func::host::HostDefinition;
use super::func::linked::{self, HostSet, LinkedSet};
use super::instance::instantiate;
use super::type_text::describe;
use super::{AsContext, AsContextMut, Caller, Engine, Extern, Instance, IntoFunc, Module, Val};
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::types::FuncType;
use core::fmt;
use core::marker::PhantomData;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

/// Named items that modules can import. Like an import, each has a module name and a name in that module.
///
/// Host functions defined with [`func_new`](Linker::func_new) and [`func_wrap`](Linker::func_wrap) belong to no store:
/// a linker that holds only such functions serves any number of stores.
pub struct Linker<T: 'static> {
    engine: Engine,
    allow_shadowing: bool,
    names: HashMap<Box<str>, HashMap<Box<str>, Definition>>,
    /// Makes `T` invariant. Host functions read and write the store's data, so a linker for one type of data must not
    /// pass as one for another type, not even for a subtype:
    ///
    /// ```compile_fail
    /// fn narrow(linker: engine::Linker<fn(&'static str)>) -> engine::Linker<for<'a> fn(&'a str)> {
    ///     linker
    /// }
    /// ```
    data: PhantomData<fn(T) -> T>,
}

#[derive(Clone)]
enum Definition {
    /// An item of a store.
    Item(Extern),
    /// A host function. It is added to a store when the store first needs it.
    Host(Arc<HostDefinition>),
}

impl<T: 'static> Linker<T> {
    /// Creates a linker without any definition.
    pub fn new(engine: &Engine) -> Linker<T> {
        Linker { engine: engine.clone(), allow_shadowing: false, names: HashMap::new(), data: PhantomData }
    }

    /// The engine.
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
        item.ty_in(store.as_context().opaque())?;
        self.insert(module, name, Definition::Item(item))
    }

    /// Defines a host function of a type that is known at run time only; see [`Func::new`](crate::Func::new).
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the name is taken, or `ty` refers to a type that the engine does not have.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        call: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self> {
        let definition = HostDefinition::untyped(&self.engine, ty, call)?;
        self.insert(module, name, Definition::Host(definition))
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
        let definition = call.into_definition(&self.engine)?;
        self.insert(module, name, Definition::Host(definition))
    }

    /// Defines all exports of an instance under a module name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store, or a name is taken.
    pub fn instance(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        instance: Instance,
    ) -> Result<&mut Self> {
        for (name, item) in instance.exports(store.as_context_mut())? {
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
    pub fn get(&self, mut store: impl AsContextMut<Data = T>, module: &str, name: &str) -> Option<Extern> {
        let mut store = store.as_context_mut().into_opaque();
        match self.definition(module, name)? {
            Definition::Item(item) => Some(*item),
            Definition::Host(definition) => linked::add_linked(&mut store, definition).ok().map(Extern::Func),
        }
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
    /// Kind [`Link`](ErrorKind::Link) if an import is not defined. The message names the import and its type. Kind
    /// [`Resource`](ErrorKind::Resource) if the engine cannot register the module's types.
    pub fn instantiate_pre(&self, module: &Module) -> Result<InstancePre<T>> {
        module.register_types()?;
        let wasm = module.wasm();
        let mut imports = Vec::with_capacity(wasm.imports.len());
        let mut funcs = HostSet::default();
        for import in &wasm.imports {
            let Some(definition) = self.definition(&import.module, &import.name) else {
                let ty = describe(module.engine().types(), &module.canonical(wasm.import_type(import.item)));
                let message = format!("unknown import {}.{}: expected {ty}", import.module, import.name);
                return Err(Error::new(ErrorKind::Link, message));
            };
            imports.push(match definition {
                Definition::Item(item) => Import::Item(*item),
                Definition::Host(definition) => Import::Host(funcs.insert(definition)),
            });
        }
        Ok(InstancePre { module: module.clone(), imports: imports.into(), funcs: funcs.into(), data: PhantomData })
    }

    fn definition(&self, module: &str, name: &str) -> Option<&Definition> {
        self.names.get(module)?.get(name)
    }

    fn insert(&mut self, module: &str, name: &str, definition: Definition) -> Result<&mut Self> {
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
    /// The imports, in the module's order.
    imports: Box<[Import]>,
    /// The host functions among them.
    funcs: LinkedSet,
    /// Makes `T` invariant, for the reason given at [`Linker`].
    data: PhantomData<fn(T) -> T>,
}

/// An import of a module.
#[derive(Clone, Copy)]
enum Import {
    /// An item of a store.
    Item(Extern),
    /// The host function at this position of the [`LinkedSet`].
    Host(usize),
}

impl<T: 'static> InstancePre<T> {
    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Instantiates the module.
    ///
    /// # Errors
    /// The errors of [`Instance::new`]. Kind [`Usage`](ErrorKind::Usage) also if the linker belongs to another engine
    /// than the store.
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> Result<Instance> {
        let mut store = store.as_context_mut().into_opaque();
        linked::add_set(&mut store, &self.funcs)?;
        let mut imports = SmallVec::<[Extern; 16]>::with_capacity(self.imports.len());
        for &import in &self.imports {
            imports.push(match import {
                Import::Item(item) => item,
                Import::Host(position) => Extern::Func(linked::linked(&mut store, &self.funcs, position)?),
            });
        }
        instantiate(&mut store, &self.module, &imports)
    }
}

impl<T: 'static> Clone for InstancePre<T> {
    fn clone(&self) -> InstancePre<T> {
        InstancePre {
            module: self.module.clone(),
            imports: self.imports.clone(),
            funcs: self.funcs.clone(),
            data: PhantomData,
        }
    }
}

impl<T: 'static> fmt::Debug for InstancePre<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstancePre").field("module", &self.module).finish_non_exhaustive()
    }
}

impl<T: 'static> Clone for Linker<T> {
    fn clone(&self) -> Linker<T> {
        Linker {
            engine: self.engine.clone(),
            allow_shadowing: self.allow_shadowing,
            names: self.names.clone(),
            data: PhantomData,
        }
    }
}

impl<T: 'static> fmt::Debug for Linker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.iter().flat_map(|(module, names)| names.keys().map(move |name| (module, name)));
        f.debug_set().entries(names).finish()
    }
}
