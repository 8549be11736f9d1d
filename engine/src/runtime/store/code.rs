//! The code that a store holds: its modules, their types, and the exit trampolines that host functions take from them.

use super::{Map, StoreOpaque};
use crate::runtime::Module;
use crate::runtime::func::host::{HostDefinition, HostFuncEntry};
use crate::wasm::types::{FuncType, SubType};
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// The modules of a store and what it takes from them.
#[derive(Default)]
pub(super) struct HeldCode {
    /// Keeps the code of all instances, by [`Module::identity`].
    pub(super) modules: Map<usize, Module>,
    /// The types of this store's modules and functions, by canonical id. They name types by canonical ids.
    types: Map<u32, Arc<SubType>>,
    /// Exit trampolines that host functions have asked for and that a module has, by canonical type id.
    exits: Map<u32, *const c_void>,
    /// Host functions that wait for an exit trampoline, by canonical type id.
    without_exit: Map<u32, SmallVec<[NonNull<HostFuncEntry>; 1]>>,
}

impl StoreOpaque {
    /// The function type of a canonical id that a function of this store has.
    pub(crate) fn func_type(&self, id: u32) -> &FuncType {
        let ty = self.code.types.get(&id).and_then(|ty| ty.composite.func());
        ty.expect("a store knows the types of all its functions")
    }

    /// The type of a canonical id, if a module or function of this store has it.
    pub(crate) fn known_type(&self, id: u32) -> Option<&SubType> {
        self.code.types.get(&id).map(|ty| &**ty)
    }

    /// The type of an object of this store, by its canonical id.
    pub(crate) fn sub_type(&self, id: u32) -> &SubType {
        self.known_type(id).expect("a store knows the types of all its objects")
    }

    /// Makes a type known to the store.
    pub(crate) fn add_type(&mut self, id: u32, ty: &Arc<SubType>) {
        if self.code.types.insert(id, ty.clone()).is_none() {
            self.heap.add_type(id, &ty.composite);
        }
    }

    /// Returns the exit trampoline for a host function. Null if no module of the store has one: the first module that
    /// does fills it in.
    pub(crate) fn find_exit(&mut self, func: NonNull<HostFuncEntry>, definition: &HostDefinition) -> *const c_void {
        let (ty, signature) = (definition.type_id(), definition.signature());
        let code = &mut self.code;
        if let Some(&exit) = code.exits.get(&ty) {
            return exit;
        }
        // A function of this type waits already, so no module has a trampoline: the search below would be in vain.
        if let Some(waiting) = code.without_exit.get_mut(&ty) {
            waiting.push(func);
            return ptr::null();
        }
        match code.modules.values().find_map(|module| module.code().exit(signature)) {
            Some(exit) => {
                code.exits.insert(ty, exit);
                exit
            }
            None => {
                code.without_exit.insert(ty, smallvec![func]);
                ptr::null()
            }
        }
    }

    /// Makes room for what an instance of a module with this many linked functions will add.
    pub(crate) fn reserve(&mut self, module: &Module, linked: usize) {
        self.linked.reserve(linked);
        self.host_funcs.reserve(linked);
        self.code.types.reserve(module.types().ids().len());
    }

    /// Makes a module's code part of the store: it lives as long as the store. Host functions whose signature no
    /// earlier module had become callable from WebAssembly.
    pub(crate) fn add_module(&mut self, module: &Module) {
        if self.code.modules.insert(module.identity(), module.clone()).is_some() {
            return;
        }
        for (&id, ty) in module.types().ids().iter().zip(module.types().types()) {
            self.add_type(id, ty);
        }
        let exits = &mut self.code.exits;
        self.code.without_exit.retain(|&ty, waiting| {
            // SAFETY: host functions live and stay as long as the store, and nobody borrows one of these.
            let Some(exit) = module.code().exit(unsafe { waiting[0].as_ref() }.signature()) else { return true };
            for func in waiting {
                // SAFETY: as for the first of them.
                unsafe { HostFuncEntry::set_exit(*func, exit) };
            }
            exits.insert(ty, exit);
            false
        });
    }
}
