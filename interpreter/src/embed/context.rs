//! Borrows of a store, which functions of this interface take in any form: the store itself, a borrow, or the caller of
//! a host function.

use super::caller::Caller;
use super::store::Store;
use crate::config::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{StoreInner, StoreLimits};

/// A shared borrow of a store.
pub struct StoreContext<'a, T: 'static>(pub(super) &'a Store<T>);

/// An exclusive borrow of a store.
pub struct StoreContextMut<'a, T: 'static>(pub(super) &'a mut Store<T>);

/// A store, or something that borrows one.
pub trait AsContext {
    /// The type of the embedder's data.
    type Data: 'static;

    /// Borrows the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// A store, or something that borrows one exclusively.
pub trait AsContextMut: AsContext {
    /// Borrows the store exclusively.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<'a, T: 'static> StoreContext<'a, T> {
    /// Returns the embedder's data.
    pub fn data(&self) -> &'a T {
        &self.0.data
    }

    /// Returns the engine.
    pub fn engine(&self) -> &'a Engine {
        &self.0.inner.engine
    }

    /// Returns the fuel that is left; see [`Store::fuel`].
    ///
    /// # Errors
    /// The errors of [`Store::fuel`].
    pub fn fuel(&self) -> Result<u64> {
        check_fuel_is_counted(&self.0.inner)?;
        Ok(self.0.inner.metering.fuel_left())
    }

    pub(super) fn inner(self) -> &'a StoreInner {
        &self.0.inner
    }
}

impl<'a, T: 'static> StoreContextMut<'a, T> {
    /// Returns the embedder's data.
    pub fn data(&self) -> &T {
        &self.0.data
    }

    /// Returns the embedder's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.0.data
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Engine {
        &self.0.inner.engine
    }

    /// Bounds what the store may hold; see [`Store::set_limits`].
    pub fn set_limits(&mut self, limits: StoreLimits) {
        self.0.inner.heap.set_limit(limits.largest_heap());
        self.0.inner.limits = limits;
    }

    /// Returns the fuel that is left; see [`Store::fuel`].
    ///
    /// # Errors
    /// The errors of [`Store::fuel`].
    pub fn fuel(&self) -> Result<u64> {
        self.as_context().fuel()
    }

    /// Sets the fuel that is left; see [`Store::set_fuel`].
    ///
    /// # Errors
    /// The errors of [`Store::set_fuel`].
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        check_fuel_is_counted(&self.0.inner)?;
        self.0.inner.metering.set_fuel(fuel);
        Ok(())
    }

    /// Sets the deadline; see [`Store::set_epoch_deadline`].
    pub fn set_epoch_deadline(&mut self, ticks: u64) {
        self.0.inner.metering.set_deadline(ticks);
    }

    /// Collects garbage now; see [`Store::gc`].
    ///
    /// # Errors
    /// The errors of [`Store::gc`].
    pub fn gc(&mut self) -> Result<()> {
        Ok(self.0.inner.make_room(0)?)
    }

    pub(super) fn into_inner(self) -> &'a mut StoreInner {
        &mut self.0.inner
    }
}

fn check_fuel_is_counted(store: &StoreInner) -> Result<()> {
    if store.metering.counts_fuel() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Usage, "this engine does not count fuel: set Config::consume_fuel"))
}

impl<T: 'static> Clone for StoreContext<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: 'static> Copy for StoreContext<'_, T> {}

impl<T: 'static> AsContext for Store<T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self)
    }
}

impl<T: 'static> AsContextMut for Store<T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self)
    }
}

impl<T: 'static> AsContext for StoreContext<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        *self
    }
}

impl<T: 'static> AsContext for StoreContextMut<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T: 'static> AsContextMut for StoreContextMut<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.0)
    }
}

impl<T: 'static> AsContext for Caller<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        self.store().as_context()
    }
}

impl<T: 'static> AsContextMut for Caller<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.store_mut().as_context_mut()
    }
}

impl<S: AsContext> AsContext for &S {
    type Data = S::Data;

    fn as_context(&self) -> StoreContext<'_, S::Data> {
        S::as_context(self)
    }
}

impl<S: AsContext> AsContext for &mut S {
    type Data = S::Data;

    fn as_context(&self) -> StoreContext<'_, S::Data> {
        S::as_context(self)
    }
}

impl<S: AsContextMut> AsContextMut for &mut S {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, S::Data> {
        S::as_context_mut(self)
    }
}

impl<'a, S: AsContext> From<&'a S> for StoreContext<'a, S::Data> {
    fn from(store: &'a S) -> StoreContext<'a, S::Data> {
        store.as_context()
    }
}

impl<'a, S: AsContextMut> From<&'a mut S> for StoreContextMut<'a, S::Data> {
    fn from(store: &'a mut S) -> StoreContextMut<'a, S::Data> {
        store.as_context_mut()
    }
}
