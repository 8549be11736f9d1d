//! The code and the types that a store holds: its modules, the types that the embedder names, and the exit trampolines
//! that host functions take from modules.

use super::{Map, StoreOpaque};
use crate::base::Result;
use crate::runtime::Module;
use crate::runtime::func::host::HostFuncEntry;
use crate::runtime::type_registry::{RegisteredTypes, TypeInfo};
use crate::wasm::types::{FuncType, HeapType};
use core::ffi::c_void;
use core::ptr::{self, NonNull};

/// The modules of a store and what it takes from them.
#[derive(Default)]
pub(super) struct HeldCode {
    /// Keeps the code of all instances, by [`Module::identity`].
    pub(super) modules: Map<usize, Module>,
    /// The types that the embedder named in this store, by canonical id. The store's modules, functions and tags hold
    /// all others.
    named: Map<u32, RegisteredTypes>,
    /// Exit trampolines that host functions have asked for, by canonical type id; null if no module has one.
    exits: Map<u32, *const c_void>,
    /// Host functions that wait for an exit trampoline.
    without_exit: Vec<NonNull<HostFuncEntry>>,
}

impl StoreOpaque {
    /// Returns a function type by its canonical id.
    ///
    /// # Safety
    /// A function, tag or module of this store has it.
    pub(crate) unsafe fn func_type(&self, id: u32) -> &FuncType {
        // SAFETY: the caller's contract.
        unsafe { self.type_info(id) }.ty.composite.func().expect("functions and tags have function types")
    }

    /// Returns a type by its canonical id.
    ///
    /// # Safety
    /// An object, function, tag or module of this store has it, or the store was told to [`hold`](Self::hold) it.
    pub(crate) unsafe fn type_info(&self, id: u32) -> &TypeInfo {
        // SAFETY: the store holds all of these types for as long as it lives.
        unsafe { self.engine.types().info(id) }
    }

    /// Holds the defined type that a type of the embedder names, if any, for as long as the store lives.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the engine does not have it.
    pub(crate) fn hold(&mut self, heap: HeapType) -> Result<()> {
        let Some(name) = heap.defined() else { return Ok(()) };
        // The store holds the type that has this id here, so the id has not been used again since.
        if self.code.named.get(&name.index).is_some_and(|known| known.names() == [name]) {
            return Ok(());
        }
        let registered = RegisteredTypes::named(self.engine.types(), name)?;
        self.code.named.insert(name.index, registered);
        Ok(())
    }

    /// Finds the exit trampolines of new host functions of the store. Those for which no module of the store has one
    /// get it from the first module that does.
    pub(crate) fn find_exits(&mut self, block: NonNull<[HostFuncEntry]>) {
        // SAFETY: the block lives as long as the store.
        let funcs = (0..block.len()).map(|position| unsafe { block.cast::<HostFuncEntry>().add(position) });
        let code = &mut self.code;
        // In a store without modules, which is the rule while a linker's functions are added, the search is in vain.
        if code.modules.is_empty() {
            code.without_exit.extend(funcs);
            return;
        }
        for func in funcs {
            // SAFETY: the block lives as long as the store, and nobody borrows the function exclusively.
            let definition = unsafe { func.as_ref() }.definition();
            let (ty, signature) = (definition.type_id(), definition.signature());
            let search = || code.modules.values().find_map(|module| module.exit(ty, signature));
            let exit = *code.exits.entry(ty).or_insert_with(|| search().unwrap_or(ptr::null()));
            if exit.is_null() {
                code.without_exit.push(func);
            } else {
                // SAFETY: the same.
                unsafe { HostFuncEntry::set_exit(func, exit) };
            }
        }
    }

    /// Makes a module's code part of the store: it lives as long as the store. Host functions whose signature no
    /// earlier module had become callable from WebAssembly.
    pub(crate) fn add_module(&mut self, module: &Module) {
        if self.code.modules.insert(module.identity(), module.clone()).is_some() {
            return;
        }
        let code = &mut self.code;
        code.without_exit.retain(|&func| {
            // SAFETY: host functions live and stay as long as the store, and nobody borrows this one.
            let definition = unsafe { func.as_ref() }.definition();
            let Some(exit) = module.exit(definition.type_id(), definition.signature()) else { return true };
            // SAFETY: the same.
            unsafe { HostFuncEntry::set_exit(func, exit) };
            false
        });
        // The types that no module had may be this one's.
        code.exits.retain(|_, exit| !exit.is_null());
    }
}
