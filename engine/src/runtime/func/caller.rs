//! The caller of a host function.

use crate::abi::vmctx::VmContext;
use crate::base::Result;
use crate::runtime::{AsContext, Engine, Extern, Instance, StoreContextMut};
use core::ptr::NonNull;

/// The caller of a host function: gives access to the store, and to the exports of the calling instance.
pub struct Caller<'a, T: 'static> {
    store: StoreContextMut<'a, T>,
    instance: Option<Instance>,
}

impl<'a, T: 'static> Caller<'a, T> {
    /// Returns the embedder's data.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// Returns the embedder's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// Returns the store's engine.
    pub fn engine(&self) -> &Engine {
        self.store.engine()
    }

    /// Returns an export of the calling instance; `None` if it has no export of this name, or the host itself is the
    /// caller.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        let instance = self.instance?;
        instance.get_export(&mut self.store, name).expect("the caller belongs to the store")
    }

    /// Returns the fuel that is left; see [`Store::fuel`](crate::Store::fuel).
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) unless the configuration has
    /// [`consume_fuel`](crate::Config::consume_fuel).
    pub fn fuel(&self) -> Result<u64> {
        self.store.fuel()
    }

    /// Sets the fuel that is left; see [`Store::set_fuel`](crate::Store::set_fuel).
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) unless the configuration has
    /// [`consume_fuel`](crate::Config::consume_fuel).
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.store.set_fuel(fuel)
    }

    pub(crate) fn store(&self) -> &StoreContextMut<'a, T> {
        &self.store
    }

    pub(crate) fn store_mut(&mut self) -> &mut StoreContextMut<'a, T> {
        &mut self.store
    }

    /// Makes a caller of the context that compiled code passes.
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
