//! Stores: all that WebAssembly code of one embedder's unit of work can reach, and the borrows of it.
//!
//! A store's parts stand in one allocation that never moves. Compiled code and library calls reach it through the
//! [`vmctx::VmStoreContext`] at its start; [`OpaqueMut`] is that raw pointer with the lifetime of an exclusive borrow, and
//! makes references only for as long as one expression needs them, so that none lives while WebAssembly runs.

use super::fixed::Fixed;
use super::func::host::{HostDefinition, HostFuncEntry};
use super::gc::{self, Heap};
use super::global::GlobalEntry;
use super::instance::InstanceEntry;
use super::libcalls;
use super::memory::MemoryEntry;
use super::table::TableEntry;
use super::tag::TagEntry;
use super::{Caller, Engine, Func, Module, ResourceLimiter};
use crate::abi::heap;
use crate::abi::vmctx::{self, VMCTX_MAGIC, VmContext};
use crate::base::{Error, ErrorKind, Result, Trap};
use crate::wasm::types::{ConcreteType, FuncType, SubType};
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, Ordering};
use rustc_hash::FxBuildHasher;
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// What a store does when the engine's epoch has reached its deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpdateDeadline {
    /// Go on until the epoch has advanced this much further.
    Continue(u64),
    /// Trap with [`Trap::Interrupted`].
    Interrupt,
}

/// Instances and all that they hold, with the embedder's `data` beside them.
///
/// A store is used by one thread at a time. What is made in a store lives as long as the store does, and can be used
/// with this store only; anything else is an error of kind [`Usage`](ErrorKind::Usage).
pub struct Store<T: 'static> {
    inner: NonNull<StoreInner<T>>,
    owns: PhantomData<StoreInner<T>>,
}

/// A shared borrow of a store.
pub struct StoreContext<'a, T: 'static> {
    inner: &'a StoreInner<T>,
}

/// An exclusive borrow of a store.
pub struct StoreContextMut<'a, T: 'static> {
    inner: NonNull<StoreInner<T>>,
    borrows: PhantomData<&'a mut StoreInner<T>>,
}

/// The whole store. `repr(C)`, so that its address is that of the [`vmctx::VmStoreContext`].
#[repr(C)]
struct StoreInner<T: 'static> {
    opaque: StoreOpaque,
    limiter: Option<Limiter<T>>,
    on_deadline: Option<OnDeadline<T>>,
    data: T,
}

type Limiter<T> = Box<dyn (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync>;
type OnDeadline<T> = Box<dyn FnMut(StoreContextMut<'_, T>) -> Result<UpdateDeadline> + Send + Sync>;

/// A hash table whose keys nobody outside chooses, so that its hashes need not withstand chosen ones.
type Map<K, V> = HashMap<K, V, FxBuildHasher>;

/// The part of a store that does not depend on the embedder's data.
#[repr(C)]
pub struct StoreOpaque {
    /// Read and written by compiled code.
    pub(super) context: vmctx::VmStoreContext,
    id: StoreId,
    engine: Engine,
    hooks: Hooks,
    /// The caller that host functions see when the host itself calls them.
    root: Option<Fixed<VmContext>>,
    pub(super) instances: Vec<InstanceEntry>,
    pub(super) memories: Vec<MemoryEntry>,
    pub(super) tables: Vec<TableEntry>,
    pub(super) globals: Vec<GlobalEntry>,
    pub(super) tags: Vec<TagEntry>,
    pub(super) heap: Heap,
    pub(super) host_funcs: Vec<Fixed<HostFuncEntry>>,
    /// Host functions that linkers put into this store, by the definition's address.
    pub(super) linked: Map<usize, Func>,
    /// The types of this store's modules and functions, by canonical id; they name types by canonical ids.
    types: Map<u32, Arc<SubType>>,
    /// Exit trampolines of the loaded artifacts, as far as host functions have asked for them, by canonical type id.
    exits: Map<u32, *const c_void>,
    /// Host functions that wait for an exit trampoline, by canonical type id.
    without_exit: Map<u32, SmallVec<[NonNull<HostFuncEntry>; 1]>>,
    /// Keeps the code of all instances, by [`Module::identity`].
    modules: Map<usize, Module>,
}

/// What needs the type of the store's data.
#[derive(Clone, Copy)]
struct Hooks {
    limiter: unsafe fn(NonNull<StoreOpaque>) -> Option<NonNull<dyn ResourceLimiter>>,
    on_deadline: unsafe fn(NonNull<StoreOpaque>) -> Result<UpdateDeadline>,
}

/// Names a store among all that this process ever has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct StoreId(NonZeroU64);

/// An exclusive borrow of a store's [`StoreOpaque`] that still can reach the whole store.
pub(crate) struct OpaqueMut<'a> {
    opaque: NonNull<StoreOpaque>,
    borrows: PhantomData<&'a mut StoreOpaque>,
}

/// The instance number in the context that stands for the host.
pub(crate) const NO_INSTANCE: u32 = u32::MAX;

impl<T: 'static> Store<T> {
    /// An empty store; its host functions share `data`.
    pub fn new(engine: &Engine, data: T) -> Store<T> {
        let hooks = Hooks { limiter: limiter::<T>, on_deadline: on_deadline::<T> };
        let opaque = StoreOpaque::new(engine, hooks);
        let inner = Box::new(StoreInner { opaque, limiter: None, on_deadline: None, data });
        let mut store = Store { inner: NonNull::from(Box::leak(inner)), owns: PhantomData };
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

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        // SAFETY: the store is borrowed exclusively for as long as the reference lives.
        unsafe { &mut (*self.inner.as_ptr()).data }
    }

    /// Drops the store and gives its data back.
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
    /// Kind [`Usage`](ErrorKind::Usage) unless the configuration has [`consume_fuel`](crate::Config::consume_fuel).
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// The fuel that is left. Code that ran out of it has none.
    ///
    /// # Errors
    /// As [`Store::set_fuel`].
    pub fn fuel(&self) -> Result<u64> {
        self.as_context().fuel()
    }

    /// Sets the deadline to `ticks` beyond the current epoch. A new store has no deadline. Without
    /// [`epoch_interruption`](crate::Config::epoch_interruption) nobody looks at it.
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

    /// Makes the deadline a trap, [`Trap::Interrupted`]; so it is in a new store.
    pub fn epoch_deadline_trap(&mut self) {
        // SAFETY: the store is borrowed exclusively.
        unsafe { self.inner.as_mut() }.on_deadline = None;
    }

    /// Collects garbage now: objects, and values of the host, that neither the host nor WebAssembly can reach.
    ///
    /// # Errors
    /// [`Trap::OutOfHeap`] if there is no memory to do it.
    pub fn gc(&mut self) -> Result<()> {
        self.as_context_mut().gc()
    }

    /// Sets what decides whether memories, tables, instances and the heap may be made and may grow.
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
    /// An empty store of a default engine.
    fn default() -> Store<T> {
        Store::new(&Engine::default(), T::default())
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("data", self.data()).finish_non_exhaustive()
    }
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
    pub fn fuel(&self) -> Result<u64> {
        self.inner.opaque.fuel()
    }

    pub(crate) fn opaque(&self) -> &'a StoreOpaque {
        &self.inner.opaque
    }
}

impl<'a, T: 'static> StoreContextMut<'a, T> {
    /// The embedder's data.
    pub fn data(&self) -> &T {
        self.as_context().data()
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        // SAFETY: the store is borrowed exclusively for as long as the reference lives.
        unsafe { &mut (*self.inner.as_ptr()).data }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.as_context().engine()
    }

    /// The fuel that is left; see [`Store::fuel`].
    pub fn fuel(&self) -> Result<u64> {
        self.as_context().fuel()
    }

    /// Sets the fuel that is left; see [`Store::set_fuel`].
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        let mut store = self.as_context_mut().into_opaque();
        store.needs_fuel()?;
        store.context.fuel = i64::try_from(fuel).unwrap_or(i64::MAX);
        Ok(())
    }

    /// Sets the deadline; see [`Store::set_epoch_deadline`].
    pub fn set_epoch_deadline(&mut self, ticks: u64) {
        self.as_context_mut().into_opaque().set_deadline(ticks);
    }

    /// Collects garbage now; see [`Store::gc`].
    pub fn gc(&mut self) -> Result<()> {
        gc::collect(&mut self.as_context_mut().into_opaque())
    }

    pub(crate) fn into_opaque(self) -> OpaqueMut<'a> {
        OpaqueMut { opaque: self.inner.cast(), borrows: PhantomData }
    }

    /// The memory's bytes and the embedder's data at once, for host functions that need both.
    pub(crate) fn into_data_mut(self) -> &'a mut T {
        // SAFETY: this consumes the exclusive borrow of the whole store.
        unsafe { &mut (*self.inner.as_ptr()).data }
    }

    /// The store whose context a caller's context names.
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

/// What gives read access to a store: a store, a borrow of one, or a [`Caller`].
pub trait AsContext {
    /// The embedder's data.
    type Data: 'static;
    /// Borrows the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// What gives exclusive access to a store: a store, an exclusive borrow of one, or a [`Caller`].
pub trait AsContextMut: AsContext {
    /// Borrows the store.
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

/// Borrows whose lifetime the result keeps, for [`Memory::data`](crate::Memory::data) and its like.
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

impl StoreOpaque {
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
            linked: Map::default(),
            types: Map::default(),
            exits: Map::default(),
            without_exit: Map::default(),
            modules: Map::default(),
        }
    }

    pub(crate) fn id(&self) -> StoreId {
        self.id
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The caller that host functions see when the host calls them.
    pub(crate) fn root_context(&self) -> NonNull<VmContext> {
        self.root.as_ref().expect("set when the store was made").as_ptr()
    }

    /// The function type of a canonical id that a function of this store has.
    pub(crate) fn func_type(&self, id: u32) -> &FuncType {
        let ty = self.types.get(&id).and_then(|ty| ty.composite.func());
        ty.expect("a store knows the types of all its functions")
    }

    /// The type of a canonical id, if a module or function of this store has it.
    pub(crate) fn known_type(&self, id: u32) -> Option<&SubType> {
        self.types.get(&id).map(|ty| &**ty)
    }

    /// The type of an object of this store, by its canonical id.
    pub(crate) fn sub_type(&self, id: u32) -> &SubType {
        self.known_type(id).expect("a store knows the types of all its objects")
    }

    /// Whether a type is another or was declared as a subtype of it; both by canonical id.
    pub(crate) fn extends(&self, ty: ConcreteType, of: ConcreteType) -> bool {
        self.engine.types().extends(ty.index, of.index)
    }

    /// Refuses what belongs to another store.
    pub(crate) fn check(&self, owner: StoreId, what: &str) -> Result<()> {
        if owner == self.id {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Usage, format!("this {what} belongs to another store than the one it is used with")))
    }

    /// Takes note of a type.
    pub(crate) fn add_type(&mut self, id: u32, ty: &Arc<SubType>) {
        if self.types.insert(id, ty.clone()).is_none() {
            self.heap.add_type(id, &ty.composite);
        }
    }

    /// The exit trampoline for a host function, which is filled in later if no artifact has one yet.
    pub(crate) fn find_exit(&mut self, func: NonNull<HostFuncEntry>, definition: &HostDefinition) -> *const c_void {
        let (ty, signature) = (definition.type_id(), definition.signature());
        if let Some(&exit) = self.exits.get(&ty) {
            return exit;
        }
        if let Some(waiting) = self.without_exit.get_mut(&ty) {
            waiting.push(func);
            return ptr::null();
        }
        match self.modules.values().find_map(|module| module.code().exit(signature)) {
            Some(exit) => {
                self.exits.insert(ty, exit);
                exit
            }
            None => {
                self.without_exit.insert(ty, smallvec![func]);
                ptr::null()
            }
        }
    }

    /// Makes room for what an instance of a module with this many linked functions will add.
    pub(crate) fn reserve(&mut self, module: &Module, linked: usize) {
        self.linked.reserve(linked);
        self.host_funcs.reserve(linked);
        self.types.reserve(module.types().ids().len());
    }

    /// Makes a module's code part of the store: it lives as long as the store, and host functions whose signature it is
    /// the first to have become callable from WebAssembly.
    pub(crate) fn add_module(&mut self, module: &Module) {
        if self.modules.insert(module.identity(), module.clone()).is_some() {
            return;
        }
        for (&id, ty) in module.types().ids().iter().zip(module.types().types()) {
            self.add_type(id, ty);
        }
        let exits = &mut self.exits;
        self.without_exit.retain(|&ty, waiting| {
            // SAFETY: host functions live and stay as long as the store, and nobody borrows one of these.
            let Some(exit) = module.code().exit(unsafe { waiting[0].as_ref() }.signature()) else { return true };
            for func in waiting {
                // SAFETY: as above.
                unsafe { HostFuncEntry::set_exit(*func, exit) };
            }
            exits.insert(ty, exit);
            false
        });
    }

    fn fuel(&self) -> Result<u64> {
        self.needs_fuel()?;
        Ok(u64::try_from(self.context.fuel).unwrap_or(0))
    }

    fn needs_fuel(&self) -> Result<()> {
        if self.engine.config().consume_fuel {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Usage, "this engine does not count fuel: set Config::consume_fuel"))
    }

    fn set_deadline(&mut self, ticks: u64) {
        self.context.epoch_deadline = self.engine.epoch().load(Ordering::Relaxed).saturating_add(ticks);
    }

    /// Takes fuel for work that the host does on behalf of compiled code.
    pub(crate) fn charge(&mut self, fuel: u64) -> Result<()> {
        if !self.engine.config().consume_fuel {
            return Ok(());
        }
        self.context.fuel = self.context.fuel.saturating_sub_unsigned(fuel);
        if self.context.fuel < 0 { Err(Trap::OutOfFuel.into()) } else { Ok(()) }
    }
}

impl<'a> OpaqueMut<'a> {
    /// The store of an instance.
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

    pub(crate) fn reborrow(&mut self) -> OpaqueMut<'_> {
        OpaqueMut { opaque: self.opaque, borrows: PhantomData }
    }

    /// The state that is shared with compiled code.
    pub(crate) fn context_ptr(&mut self) -> *mut vmctx::VmStoreContext {
        self.opaque.as_ptr().cast()
    }

    /// The header of a context of this store.
    pub(crate) fn context_header(&mut self, instance: u32, type_ids: *const u32) -> VmContext {
        VmContext {
            magic: VMCTX_MAGIC,
            instance,
            store: self.context_ptr(),
            builtins: &raw const libcalls::BUILTINS,
            type_ids,
            type_table: self.engine.types().table(),
        }
    }

    /// What decides about growth, if the embedder set something.
    pub(crate) fn limiter(&mut self) -> Option<&mut dyn ResourceLimiter> {
        let hook = self.hooks.limiter;
        // SAFETY: the hook was made for this store's type of data. What it returns is reached through the embedder's
        // data, which `self` borrows exclusively.
        unsafe { hook(self.opaque).map(|mut limiter| limiter.as_mut()) }
    }

    /// Whether one more of something may be made.
    pub(crate) fn check_count(
        &mut self,
        what: &str,
        count: usize,
        bound: fn(&dyn ResourceLimiter) -> usize,
    ) -> Result<()> {
        match self.limiter().map(|limiter| bound(limiter)) {
            Some(bound) if count > bound => {
                Err(Error::new(ErrorKind::Resource, format!("the store's limit of {bound} {what} is reached")))
            }
            _ => Ok(()),
        }
    }

    /// Traps or moves the deadline, as the embedder wants it.
    pub(crate) fn on_deadline(&mut self) -> Result<()> {
        let hook = self.hooks.on_deadline;
        // SAFETY: the hook was made for this store's type of data; the store is borrowed exclusively.
        match unsafe { hook(self.opaque)? } {
            UpdateDeadline::Continue(ticks) => {
                self.set_deadline(ticks);
                Ok(())
            }
            UpdateDeadline::Interrupt => Err(Trap::Interrupted.into()),
        }
    }

    /// In the middle of work that takes long: whether to stop.
    pub(crate) fn poll_deadline(&mut self) -> Result<()> {
        if !self.engine.config().epoch_interruption {
            return Ok(());
        }
        match self.engine.epoch().load(Ordering::Relaxed) >= self.context.epoch_deadline {
            true => self.on_deadline(),
            false => Ok(()),
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

impl StoreId {
    fn next() -> StoreId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        StoreId(NonZeroU64::new(id).expect("nobody makes 2^64 stores"))
    }
}

/// [`Hooks::limiter`].
///
/// # Safety
/// `store` starts a `StoreInner<T>` that nobody else uses as long as the result is used.
unsafe fn limiter<T: 'static>(store: NonNull<StoreOpaque>) -> Option<NonNull<dyn ResourceLimiter>> {
    let inner = store.cast::<StoreInner<T>>().as_ptr();
    // SAFETY: the caller's contract; the references are to fields other than `opaque`.
    let (limiter, data) = unsafe { (&mut (*inner).limiter, &mut (*inner).data) };
    Some(NonNull::from(limiter.as_mut()?(data)))
}

/// [`Hooks::on_deadline`].
///
/// # Safety
/// `store` starts a `StoreInner<T>` that nobody else uses during the call.
unsafe fn on_deadline<T: 'static>(store: NonNull<StoreOpaque>) -> Result<UpdateDeadline> {
    let inner = store.cast::<StoreInner<T>>();
    // The callback may run code that reaches the deadline again, so it is out of the store while it runs.
    // SAFETY: the caller's contract; the reference ends with the statement.
    let Some(mut callback) = (unsafe { (*inner.as_ptr()).on_deadline.take() }) else {
        return Ok(UpdateDeadline::Interrupt);
    };
    let answer = catch_unwind(AssertUnwindSafe(|| callback(StoreContextMut { inner, borrows: PhantomData })));
    // SAFETY: as above; the callback's borrow has ended.
    unsafe { (*inner.as_ptr()).on_deadline = Some(callback) };
    answer.unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::super::{Instance, StoreLimits};
    use super::*;
    use crate::base::Config;

    #[test]
    fn refused_modules_are_not_kept() {
        let engine = Engine::new(&Config::new()).unwrap();
        let module = Module::new(&engine, "(module (memory 2))").unwrap();
        let mut store = Store::new(&engine, StoreLimits::new().memory_size(1 << 16));
        store.limiter(|limits| limits);
        assert_eq!(Instance::new(&mut store, &module, &[]).unwrap_err().kind(), ErrorKind::Resource);
        assert!(store.as_context().opaque().modules.is_empty());
        *store.data_mut() = StoreLimits::new();
        Instance::new(&mut store, &module, &[]).unwrap();
        assert_eq!(store.as_context().opaque().modules.len(), 1);
    }
}
