//! Stores.
use super::*;
use crate::base::*;

/// What a store does when the epoch reaches its deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpdateDeadline {
    /// Go on until the epoch has advanced this much further.
    Continue(u64),
    /// Trap with [`Trap::Interrupted`].
    Interrupt,
}

/// A store.
pub struct Store<T: 'static> {
    data: T,
}
/// A shared borrow of a store.
pub struct StoreContext<'a, T: 'static>(&'a T);
/// An exclusive borrow of a store.
pub struct StoreContextMut<'a, T: 'static>(&'a mut T);

/// What gives read access to a store.
pub trait AsContext {
    /// The store's data.
    type Data: 'static;
    /// Borrows the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// What gives exclusive access to a store.
pub trait AsContextMut: AsContext {
    /// Borrows the store.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<T: AsContext> AsContext for &T {
    type Data = T::Data;
    fn as_context(&self) -> StoreContext<'_, T::Data> {
        T::as_context(self)
    }
}
impl<T: AsContext> AsContext for &mut T {
    type Data = T::Data;
    fn as_context(&self) -> StoreContext<'_, T::Data> {
        T::as_context(self)
    }
}
impl<T: AsContextMut> AsContextMut for &mut T {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T::Data> {
        T::as_context_mut(self)
    }
}
macro_rules! context {
    ($($name:ty),*) => {$(
        impl<T: 'static> AsContext for $name {
            type Data = T;
            fn as_context(&self) -> StoreContext<'_, T> {
                todo!()
            }
        }
    )*};
}
macro_rules! context_mut {
    ($($name:ty),*) => {$(
        context!($name);
        impl<T: 'static> AsContextMut for $name {
            fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
                todo!()
            }
        }
        impl<'a, T: 'static> From<&'a $name> for StoreContext<'a, T> {
            fn from(_: &'a $name) -> StoreContext<'a, T> {
                todo!()
            }
        }
        impl<'a, T: 'static> From<&'a mut $name> for StoreContextMut<'a, T> {
            fn from(_: &'a mut $name) -> StoreContextMut<'a, T> {
                todo!()
            }
        }
    )*};
}
context!(StoreContext<'_, T>);
context_mut!(Store<T>, StoreContextMut<'_, T>, Caller<'_, T>);

impl<T: 'static> Store<T> {
    /// An empty store whose host functions share `data`.
    pub fn new(_engine: &Engine, data: T) -> Store<T> {
        Store { data }
    }
    /// The engine.
    pub fn engine(&self) -> &Engine {
        todo!()
    }
    /// The data.
    pub fn data(&self) -> &T {
        &self.data
    }
    /// The data.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.data
    }
    /// Drops the store and gives its data back.
    pub fn into_data(self) -> T {
        todo!()
    }
    /// Sets the fuel that is left. An error of kind `Usage` unless the configuration has
    /// [`consume_fuel`](Config::consume_fuel).
    pub fn set_fuel(&mut self, _fuel: u64) -> Result<()> {
        todo!()
    }
    /// The fuel that is left.
    pub fn fuel(&self) -> Result<u64> {
        todo!()
    }
    /// Sets the deadline to `ticks` beyond the current epoch.
    pub fn set_epoch_deadline(&mut self, _ticks: u64) {
        todo!()
    }
    /// What to do at the deadline.
    pub fn epoch_deadline_callback(
        &mut self,
        _callback: impl FnMut(StoreContextMut<'_, T>) -> Result<UpdateDeadline> + Send + Sync + 'static,
    ) {
        todo!()
    }
    /// At the deadline, trap with [`Trap::Interrupted`]; so it is unless told.
    pub fn epoch_deadline_trap(&mut self) {
        todo!()
    }
    /// Sets what allows memories, tables and instances to be made and to grow.
    pub fn limiter(&mut self, _limiter: impl (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static) {
        todo!()
    }
}
impl<'a, T: 'static> StoreContext<'a, T> {
    /// The data.
    pub fn data(&self) -> &'a T {
        self.0
    }
    /// The engine.
    pub fn engine(&self) -> &'a Engine {
        todo!()
    }
    /// The fuel that is left.
    pub fn fuel(&self) -> Result<u64> {
        todo!()
    }
}
impl<T: 'static> StoreContextMut<'_, T> {
    /// The data.
    pub fn data(&self) -> &T {
        self.0
    }
    /// The data.
    pub fn data_mut(&mut self) -> &mut T {
        self.0
    }
    /// The engine.
    pub fn engine(&self) -> &Engine {
        todo!()
    }
    /// The fuel that is left.
    pub fn fuel(&self) -> Result<u64> {
        todo!()
    }
    /// Sets the fuel that is left.
    pub fn set_fuel(&mut self, _fuel: u64) -> Result<()> {
        todo!()
    }
    /// Sets the deadline to `ticks` beyond the current epoch.
    pub fn set_epoch_deadline(&mut self, _ticks: u64) {
        todo!()
    }
}

impl Backtrace {
    /// The WebAssembly frames that are active in this store now; for host functions.
    pub fn capture(_store: impl AsContext) -> Backtrace {
        todo!()
    }
}
