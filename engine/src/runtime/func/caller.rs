//! What host functions see of their caller.

use crate::abi::vmctx::VmContext;
use crate::base::Result;
use crate::runtime::{AsContext, Engine, Extern, Instance, StoreContextMut};
use core::ptr::NonNull;

/// What a host function sees of its caller: the store, and the calling instance's exports.
pub struct Caller<'a, T: 'static> {
    store: StoreContextMut<'a, T>,
    instance: Option<Instance>,
}

impl<'a, T: 'static> Caller<'a, T> {
    /// The embedder's data.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.store.engine()
    }

    /// An export of the calling instance; `None` if it has none of this name, or the host itself called.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        let instance = self.instance?;
        instance.get_export(&mut self.store, name).expect("the caller belongs to the store")
    }

    /// The fuel that is left; see [`Store::fuel`](crate::Store::fuel).
    pub fn fuel(&self) -> Result<u64> {
        self.store.fuel()
    }

    /// Sets the fuel that is left; see [`Store::set_fuel`](crate::Store::set_fuel).
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.store.set_fuel(fuel)
    }

    pub(crate) fn store(&self) -> &StoreContextMut<'a, T> {
        &self.store
    }

    pub(crate) fn store_mut(&mut self) -> &mut StoreContextMut<'a, T> {
        &mut self.store
    }

    /// The caller whose context compiled code passes.
    ///
    /// # Safety
    /// As [`StoreContextMut::from_caller`].
    pub(crate) unsafe fn new(caller: NonNull<VmContext>) -> Caller<'a, T> {
        // SAFETY: the caller's contract.
        let (store, instance) = unsafe { (StoreContextMut::from_caller(caller), (*caller.as_ptr()).instance) };
        let id = store.as_context().opaque().id();
        Caller { store, instance: Instance::from_index(instance, id) }
    }
}
