//! Stores.

use super::context::{AsContext, AsContextMut};
use super::host::HostDefinition;
use crate::config::Engine;
use crate::error::Result;
use crate::store::{StoreInner, StoreLimits};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// Instances with their functions, memories, tables, globals and tags, and the embedder's `data`.
///
/// A store is used by one thread at a time. Items that are made in a store live as long as the store does. Using one
/// with another store is an error of kind [`Usage`](crate::ErrorKind::Usage).
pub struct Store<T: 'static> {
    pub(super) inner: StoreInner,
    pub(super) data: T,
    /// The host functions, by the number in [`FunctionKind::Host`](crate::store::FunctionKind::Host).
    pub(super) hosts: Vec<Arc<HostDefinition<T>>>,
    /// The functions that linkers have added, by the address of their definition.
    pub(super) linked: BTreeMap<usize, u32>,
}

impl<T: 'static> Store<T> {
    /// Creates an empty store. Its host functions share `data`.
    pub fn new(engine: &Engine, data: T) -> Store<T> {
        Store { inner: StoreInner::new(engine), data, hosts: Vec::new(), linked: BTreeMap::new() }
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// Returns the embedder's data.
    pub fn data(&self) -> &T {
        &self.data
    }

    /// Returns the embedder's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.data
    }

    /// Drops the store and returns its data.
    pub fn into_data(self) -> T {
        self.data
    }

    /// Bounds what the store may hold from now on. What it holds already stays.
    pub fn set_limits(&mut self, limits: StoreLimits) {
        self.as_context_mut().set_limits(limits);
    }

    /// Returns the fuel that is left. It is 0 after code ran out of fuel.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) unless the engine's configuration has
    /// [`consume_fuel`](crate::Config::consume_fuel).
    pub fn fuel(&self) -> Result<u64> {
        self.as_context().fuel()
    }

    /// Sets the fuel that is left. A new store has none.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) unless the engine's configuration has
    /// [`consume_fuel`](crate::Config::consume_fuel).
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// Sets the deadline to `ticks` after the present epoch. A new store has no deadline. It has no effect unless the
    /// engine's configuration has [`epoch_interruption`](crate::Config::epoch_interruption).
    pub fn set_epoch_deadline(&mut self, ticks: u64) {
        self.as_context_mut().set_epoch_deadline(ticks);
    }

    /// Returns the bytes that objects and values of the host count for the limit of the heap, garbage included.
    pub fn heap_size(&self) -> u64 {
        self.inner.heap.used()
    }

    /// Collects garbage now: objects and values of the host that neither the host nor WebAssembly can reach.
    ///
    /// # Errors
    /// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if there is no memory for the collection.
    pub fn gc(&mut self) -> Result<()> {
        self.as_context_mut().gc()
    }
}

impl<T: Default + 'static> Default for Store<T> {
    /// Creates an empty store of a default engine.
    fn default() -> Store<T> {
        Store::new(&Engine::default(), T::default())
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("data", &self.data).finish_non_exhaustive()
    }
}
