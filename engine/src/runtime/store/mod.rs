//! Stores: everything that the WebAssembly code of one embedder's unit of work can reach.
//!
//! | file | holds |
//! |---|---|
//! | `mod` | [`Store`], and the one allocation that holds all of it and never moves |
//! | `borrows` | shared and exclusive borrows of a store |
//! | `limits` | how many memories, tables and instances there may be, and how large |
//! | `deadlines` | fuel and epoch deadlines |
//! | `code` | the modules that a store holds, their types and trampolines |
//!
//! Compiled code and library calls reach a store through the [`vmctx::VmStoreContext`] at its start.

mod borrows;
mod code;
mod deadlines;
mod limits;

pub use borrows::{AsContext, AsContextMut, StoreContext, StoreContextMut};
pub use deadlines::UpdateDeadline;
pub use limits::{ResourceLimiter, StoreLimits};

pub(crate) use borrows::OpaqueMut;

use super::Engine;
use super::fixed::Fixed;
use super::func::host::HostFuncs;
use super::func::linked::LinkedFuncs;
use super::gc::Heap;
use super::global::GlobalEntry;
use super::instance::InstanceEntry;
use super::memory::MemoryEntry;
use super::table::TableEntry;
use super::tag::TagEntry;
use crate::abi::heap;
use crate::abi::vmctx::{self, VmContext};
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::types::ConcreteType;
use code::HeldCode;
use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, Ordering};
use deadlines::OnDeadline;
use limits::Limiter;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;

/// Instances with their functions, memories, tables, globals and tags, and the embedder's `data`.
///
/// A store is used by one thread at a time. Items that are created in a store live as long as the store does. Using one
/// with another store is an error of kind [`Usage`](ErrorKind::Usage).
pub struct Store<T: 'static> {
    inner: NonNull<StoreInner<T>>,
    owns: PhantomData<StoreInner<T>>,
}

/// All parts of a store. `repr(C)`, so that its address is that of the [`vmctx::VmStoreContext`].
#[repr(C)]
struct StoreInner<T: 'static> {
    opaque: StoreOpaque,
    limiter: Option<Limiter<T>>,
    on_deadline: Option<OnDeadline<T>>,
    data: T,
}

/// A hash table whose keys are ids and addresses that nobody outside chooses, so that a fast hash is safe.
type Map<K, V> = HashMap<K, V, FxBuildHasher>;

/// The part of a store that does not depend on the embedder's data.
#[repr(C)]
pub struct StoreOpaque {
    /// The fields that compiled code reads and writes. First, so that its address is the store's.
    pub(super) context: vmctx::VmStoreContext,
    id: StoreId,
    pub(super) engine: Engine,
    hooks: Hooks,
    /// The caller that host functions see when the host itself calls them.
    root: Option<Fixed<VmContext>>,
    pub(super) instances: Vec<InstanceEntry>,
    pub(super) memories: Vec<MemoryEntry>,
    pub(super) tables: Vec<TableEntry>,
    pub(super) globals: Vec<GlobalEntry>,
    pub(super) tags: Vec<TagEntry>,
    pub(super) heap: Heap,
    pub(super) host_funcs: Vec<HostFuncs>,
    /// Those of the host functions that linkers added.
    pub(super) linked: LinkedFuncs,
    code: HeldCode,
}

/// The functions of a store that need the type of its data.
#[derive(Clone, Copy)]
struct Hooks {
    limiter: unsafe fn(NonNull<StoreOpaque>) -> Option<NonNull<dyn ResourceLimiter>>,
    on_deadline: unsafe fn(NonNull<StoreOpaque>) -> Result<UpdateDeadline>,
}

/// The identity of a store, unique in this process for all time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct StoreId(NonZeroU64);

/// The instance number in the context that represents the host.
pub(crate) const NO_INSTANCE: u32 = u32::MAX;

impl<T: 'static> Store<T> {
    /// Creates an empty store. Its host functions share `data`.
    pub fn new(engine: &Engine, data: T) -> Store<T> {
        let hooks = Hooks { limiter: limits::limiter::<T>, on_deadline: deadlines::on_deadline::<T> };
        let opaque = StoreOpaque::new(engine, hooks);
        let inner = Box::new(StoreInner { opaque, limiter: None, on_deadline: None, data });
        let mut store = Store { inner: NonNull::from(Box::leak(inner)), owns: PhantomData };
        // The root context points to the store, so the store must be at its final address first.
        let mut opaque = store.as_context_mut().into_opaque();
        let root = opaque.context_header(NO_INSTANCE, ptr::null());
        opaque.root = Some(Fixed::new(root));
        store
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.as_context().engine()
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        self.as_context().data()
    }

    /// The embedder's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        // SAFETY: the store is borrowed exclusively for as long as the reference lives.
        unsafe { &mut (*self.inner.as_ptr()).data }
    }

    /// Drops the store and returns its data.
    pub fn into_data(self) -> T {
        let inner = self.inner;
        core::mem::forget(self);
        // SAFETY: the allocation came from a box, and its owner was just forgotten.
        let inner = *unsafe { Box::from_raw(inner.as_ptr()) };
        inner.data
    }

    /// Sets the fuel that is left. A new store has none.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) unless the engine's configuration has
    /// [`consume_fuel`](crate::Config::consume_fuel).
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// The fuel that is left. It is 0 after code ran out of fuel.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) unless the engine's configuration has
    /// [`consume_fuel`](crate::Config::consume_fuel).
    pub fn fuel(&self) -> Result<u64> {
        self.as_context().fuel()
    }

    /// Sets the deadline to `ticks` beyond the current epoch. A new store has no deadline. The deadline has no effect
    /// unless the engine's configuration has [`epoch_interruption`](crate::Config::epoch_interruption).
    pub fn set_epoch_deadline(&mut self, ticks: u64) {
        self.as_context_mut().set_epoch_deadline(ticks);
    }

    /// Calls `callback` whenever the deadline is reached. It may set a new deadline, interrupt, or stop the execution
    /// with an error of its own.
    pub fn epoch_deadline_callback(
        &mut self,
        callback: impl FnMut(StoreContextMut<'_, T>) -> Result<UpdateDeadline> + Send + Sync + 'static,
    ) {
        // SAFETY: the store is borrowed exclusively.
        unsafe { self.inner.as_mut() }.on_deadline = Some(Box::new(callback));
    }

    /// Makes code trap with [`Trap::Interrupted`](crate::Trap::Interrupted) when the deadline is reached. This is the
    /// default.
    pub fn epoch_deadline_trap(&mut self) {
        // SAFETY: the store is borrowed exclusively.
        unsafe { self.inner.as_mut() }.on_deadline = None;
    }

    /// Collects garbage now: objects and values of the host that neither the host nor WebAssembly can reach.
    ///
    /// # Errors
    /// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if there is no memory for the collection.
    pub fn gc(&mut self) -> Result<()> {
        self.as_context_mut().gc()
    }

    /// Sets the function that finds, in the store's data, the limiter of memories, tables, instances and the heap.
    pub fn limiter(&mut self, limiter: impl (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static) {
        // SAFETY: the store is borrowed exclusively.
        unsafe { self.inner.as_mut() }.limiter = Some(Box::new(limiter));
    }
}

impl<T: 'static> Drop for Store<T> {
    fn drop(&mut self) {
        // SAFETY: the allocation came from a box that only this value owns; no borrow of the store is left, so none of
        // its code runs.
        drop(unsafe { Box::from_raw(self.inner.as_ptr()) });
    }
}

// SAFETY: a store owns all that its pointers reach: the engine's counter is atomic and shared by design, closures and
// values of the host are `Send` by their bounds, and nothing in it refers to the thread that it was made on.
unsafe impl<T: Send + 'static> Send for Store<T> {}
// SAFETY: `&Store` allows reading only; writes by compiled code need an exclusive borrow.
unsafe impl<T: Sync + 'static> Sync for Store<T> {}

impl<T: Default + 'static> Default for Store<T> {
    /// Creates an empty store of a default engine.
    fn default() -> Store<T> {
        Store::new(&Engine::default(), T::default())
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("data", self.data()).finish_non_exhaustive()
    }
}

impl StoreOpaque {
    /// The parts of an empty store.
    fn new(engine: &Engine, hooks: Hooks) -> StoreOpaque {
        StoreOpaque {
            context: vmctx::VmStoreContext {
                stack_limit: 0,
                entry_fp: 0,
                entry_sp: 0,
                entry_pc: 0,
                exit_fp: 0,
                exit_pc: 0,
                fuel: 0,
                epoch_deadline: u64::MAX,
                epoch: engine.epoch(),
                heap_base: ptr::null_mut(),
                heap_next: heap::NULL_GUARD,
                heap_end: 0,
                resume_fp: 0,
                resume_sp: 0,
                resume_pc: 0,
                resume_payload: 0,
            },
            id: StoreId::next(),
            engine: engine.clone(),
            hooks,
            root: None,
            instances: Vec::new(),
            memories: Vec::new(),
            tables: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            heap: Heap::new(engine.config()),
            host_funcs: Vec::new(),
            linked: LinkedFuncs::default(),
            code: HeldCode::default(),
        }
    }

    /// The identity of this store, which its handles carry.
    pub(crate) fn id(&self) -> StoreId {
        self.id
    }

    /// The engine of this store.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The context of the caller that host functions see when the host calls them.
    pub(crate) fn root_context(&self) -> NonNull<VmContext> {
        self.root.as_ref().expect("set when the store was made").as_ptr()
    }

    /// Returns whether a type of the engine is equal to another or was declared as a subtype of it.
    pub(crate) fn extends(&self, ty: ConcreteType, of: ConcreteType) -> bool {
        self.engine.types().extends(ty, of)
    }

    /// Checks that an item belongs to this store. `what` names its kind for the message.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it belongs to another store.
    pub(crate) fn check(&self, owner: StoreId, what: &str) -> Result<()> {
        if owner == self.id {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Usage, format!("this {what} belongs to another store than the one it is used with")))
    }
}

impl StoreId {
    /// Returns an identity that no other store has.
    fn next() -> StoreId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        StoreId(NonZeroU64::new(id).expect("nobody makes 2^64 stores"))
    }
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::super::{Instance, Module};
    use super::*;
    use crate::base::Config;

    #[test]
    fn refused_modules_are_not_kept() {
        let engine = Engine::new(&Config::new()).unwrap();
        let module = Module::new(&engine, "(module (memory 2))").unwrap();
        let mut store = Store::new(&engine, StoreLimits::new().memory_size(1 << 16));
        store.limiter(|limits| limits);
        assert_eq!(Instance::new(&mut store, &module, &[]).unwrap_err().kind(), ErrorKind::Resource);
        assert!(store.as_context().opaque().code.modules.is_empty());
        *store.data_mut() = StoreLimits::new();
        Instance::new(&mut store, &module, &[]).unwrap();
        assert_eq!(store.as_context().opaque().code.modules.len(), 1);
    }
}
