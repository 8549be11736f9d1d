//! The caller of a host function.

use super::context::{AsContextMut, StoreContextMut};
use super::external::Extern;
use super::instance;
use crate::config::Engine;
use crate::error::Result;

/// The caller of a host function: gives access to the store, and to the exports of the calling instance.
pub struct Caller<'a, T: 'static> {
    store: StoreContextMut<'a, T>,
    /// The address of the calling instance; `None` if the embedder calls.
    instance: Option<u32>,
}

impl<'a, T: 'static> Caller<'a, T> {
    pub(super) fn new(store: StoreContextMut<'a, T>, instance: Option<u32>) -> Caller<'a, T> {
        Caller { store, instance }
    }

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

    /// Returns an export of the calling instance; `None` if it has no export of this name, or the embedder itself is
    /// the caller.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        let inner = &self.store.0.inner;
        instance::export(inner, self.instance?, name)
    }

    /// Returns the fuel that is left; see [`Store::fuel`](crate::Store::fuel).
    ///
    /// # Errors
    /// The errors of [`Store::fuel`](crate::Store::fuel).
    pub fn fuel(&self) -> Result<u64> {
        self.store.fuel()
    }

    /// Sets the fuel that is left; see [`Store::set_fuel`](crate::Store::set_fuel).
    ///
    /// # Errors
    /// The errors of [`Store::set_fuel`](crate::Store::set_fuel).
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.store.set_fuel(fuel)
    }

    pub(super) fn store(&self) -> &StoreContextMut<'a, T> {
        &self.store
    }

    pub(super) fn store_mut(&mut self) -> &mut StoreContextMut<'a, T> {
        &mut self.store
    }

    /// Borrows the caller again.
    pub(super) fn reborrow(&mut self) -> Caller<'_, T> {
        Caller { store: self.store.as_context_mut(), instance: self.instance }
    }
}
