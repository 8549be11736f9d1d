//! Borrows of a store: [`StoreContext`] and [`StoreContextMut`] for embedders, [`OpaqueMut`] for the runtime.
//!
//! An [`OpaqueMut`] is a raw pointer with the lifetime of an exclusive borrow. It makes references for only as long as
//! one expression needs them, so that none lives while WebAssembly runs.

use super::{Store, StoreInner, StoreOpaque};
use crate::abi::vmctx::{self, VMCTX_MAGIC, VmContext};
use crate::base::Result;
use crate::runtime::{Caller, Engine, gc, libcalls};
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// A shared borrow of a store.
pub struct StoreContext<'a, T: 'static> {
    inner: &'a StoreInner<T>,
}

/// An exclusive borrow of a store.
pub struct StoreContextMut<'a, T: 'static> {
    inner: NonNull<StoreInner<T>>,
    borrows: PhantomData<&'a mut StoreInner<T>>,
}

/// An exclusive borrow of a store whose type of data is not known. Its pointer was derived from the whole store, so
/// that the store's hooks can reach the data through it.
pub(crate) struct OpaqueMut<'a> {
    pub(super) opaque: NonNull<StoreOpaque>,
    borrows: PhantomData<&'a mut StoreOpaque>,
}

impl<'a, T: 'static> StoreContext<'a, T> {
    /// The embedder's data.
    pub fn data(&self) -> &'a T {
        &self.inner.data
    }

    /// The engine.
    pub fn engine(&self) -> &'a Engine {
        &self.inner.opaque.engine
    }

    /// The fuel that is left; see [`Store::fuel`].
    ///
    /// # Errors
    /// The errors of [`Store::fuel`].
    pub fn fuel(&self) -> Result<u64> {
        self.inner.opaque.fuel()
    }

    /// The part that does not depend on the embedder's data.
    pub(crate) fn opaque(&self) -> &'a StoreOpaque {
        &self.inner.opaque
    }
}

impl<'a, T: 'static> StoreContextMut<'a, T> {
    /// The embedder's data.
    pub fn data(&self) -> &T {
        self.as_context().data()
    }

    /// The embedder's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        // SAFETY: the store is borrowed exclusively for as long as the reference lives.
        unsafe { &mut (*self.inner.as_ptr()).data }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.as_context().engine()
    }

    /// The fuel that is left; see [`Store::fuel`].
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
        self.as_context_mut().into_opaque().set_fuel(fuel)
    }

    /// Sets the deadline; see [`Store::set_epoch_deadline`].
    pub fn set_epoch_deadline(&mut self, ticks: u64) {
        self.as_context_mut().into_opaque().set_deadline(ticks);
    }

    /// Collects garbage now; see [`Store::gc`].
    ///
    /// # Errors
    /// The errors of [`Store::gc`].
    pub fn gc(&mut self) -> Result<()> {
        gc::collect(&mut self.as_context_mut().into_opaque())
    }

    /// Borrows the store whose parts are at `inner`.
    ///
    /// # Safety
    /// The store lives, and nobody else uses it during `'a`.
    pub(super) unsafe fn from_inner(inner: NonNull<StoreInner<T>>) -> StoreContextMut<'a, T> {
        StoreContextMut { inner, borrows: PhantomData }
    }

    /// The same borrow without the type of the data.
    pub(crate) fn into_opaque(self) -> OpaqueMut<'a> {
        OpaqueMut { opaque: self.inner.cast(), borrows: PhantomData }
    }

    /// Turns the borrow of the store into one of its data.
    pub(crate) fn into_data_mut(self) -> &'a mut T {
        // SAFETY: this consumes the exclusive borrow of the whole store.
        unsafe { &mut (*self.inner.as_ptr()).data }
    }

    /// Borrows the store that a caller's context belongs to.
    ///
    /// # Safety
    /// `caller` is the context of an instance, or the root context, of a store with data of type `T`. Nobody else uses
    /// the store during `'a`.
    pub(crate) unsafe fn from_caller(caller: NonNull<VmContext>) -> StoreContextMut<'a, T> {
        // SAFETY: the caller's contract; the field is never null.
        let store = unsafe { NonNull::new_unchecked((*caller.as_ptr()).store) };
        StoreContextMut { inner: store.cast(), borrows: PhantomData }
    }
}

/// Read access to a store: a store, a borrow of one, or a [`Caller`].
pub trait AsContext {
    /// The type of the embedder's data.
    type Data: 'static;
    /// Borrows the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// Exclusive access to a store: a store, an exclusive borrow of one, or a [`Caller`].
pub trait AsContextMut: AsContext {
    /// Borrows the store exclusively.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
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

impl<T: 'static> AsContext for Store<T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        // SAFETY: the store lives, and is borrowed for as long as the reference.
        StoreContext { inner: unsafe { self.inner.as_ref() } }
    }
}

impl<T: 'static> AsContextMut for Store<T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut { inner: self.inner, borrows: PhantomData }
    }
}

impl<T: 'static> AsContext for StoreContext<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext { inner: self.inner }
    }
}

impl<T: 'static> AsContext for StoreContextMut<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        // SAFETY: this borrow is exclusive and itself borrowed for as long as the reference.
        StoreContext { inner: unsafe { self.inner.as_ref() } }
    }
}

impl<T: 'static> AsContextMut for StoreContextMut<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut { inner: self.inner, borrows: PhantomData }
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

/// Conversions that keep the lifetime of the borrow, for methods whose result borrows from the store, such as
/// [`Memory::data`](crate::Memory::data).
macro_rules! into_contexts {
    ($($name:ty),*) => {$(
        impl<'a, T: 'static> From<&'a $name> for StoreContext<'a, T> {
            fn from(store: &'a $name) -> StoreContext<'a, T> {
                AsContext::as_context(store)
            }
        }

        impl<'a, T: 'static> From<&'a mut $name> for StoreContext<'a, T> {
            fn from(store: &'a mut $name) -> StoreContext<'a, T> {
                AsContext::as_context(&*store)
            }
        }

        impl<'a, T: 'static> From<&'a mut $name> for StoreContextMut<'a, T> {
            fn from(store: &'a mut $name) -> StoreContextMut<'a, T> {
                AsContextMut::as_context_mut(store)
            }
        }
    )*};
}

into_contexts!(Store<T>, StoreContextMut<'_, T>, Caller<'_, T>);

impl<'a> OpaqueMut<'a> {
    /// Borrows the store of an instance.
    ///
    /// # Safety
    /// `vmctx` is the context of an instance that lives, and nobody else uses its store during `'a`.
    pub(crate) unsafe fn from_vmctx(vmctx: *mut VmContext) -> OpaqueMut<'a> {
        // SAFETY: the caller's contract; the field is never null and was derived from the whole store.
        let store = unsafe {
            debug_assert_eq!((*vmctx).magic, VMCTX_MAGIC);
            NonNull::new_unchecked((*vmctx).store)
        };
        OpaqueMut { opaque: store.cast(), borrows: PhantomData }
    }

    /// Borrows the store from this borrow.
    pub(crate) fn reborrow(&mut self) -> OpaqueMut<'_> {
        OpaqueMut { opaque: self.opaque, borrows: PhantomData }
    }

    /// The address of the fields that are shared with compiled code.
    pub(crate) fn context_ptr(&mut self) -> *mut vmctx::VmStoreContext {
        self.opaque.as_ptr().cast()
    }

    /// Returns the header for the context of an instance of this store.
    pub(crate) fn context_header(&mut self, instance: u32, type_ids: *const u32) -> VmContext {
        VmContext {
            magic: VMCTX_MAGIC,
            instance,
            store: self.context_ptr(),
            builtins: &raw const libcalls::BUILTINS,
            type_ids,
            type_table: self.engine.types().directory(),
        }
    }
}

impl Deref for OpaqueMut<'_> {
    type Target = StoreOpaque;

    fn deref(&self) -> &StoreOpaque {
        // SAFETY: an exclusive borrow of the store, itself borrowed for as long as the reference.
        unsafe { self.opaque.as_ref() }
    }
}

impl DerefMut for OpaqueMut<'_> {
    fn deref_mut(&mut self) -> &mut StoreOpaque {
        // SAFETY: an exclusive borrow of the store, itself borrowed for as long as the reference.
        unsafe { self.opaque.as_mut() }
    }
}
