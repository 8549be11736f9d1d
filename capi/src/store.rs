//! Stores, and who may use a store when.
//!
//! Each object holds its store, so a program may delete the store first. A function of the interface borrows the store
//! while it works. It lends the borrow to a callback, so that the callback may use the store too: then functions find
//! the [`Caller`] of the callback in place of the store.

use crate::engine::wasm_engine_t;
use crate::host_info::HostInfo;
use crate::reference::Item;
use crate::touchstone::error::{non_null, report, usage};
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};
use engine::{AsContextMut, Caller, Engine, Result, RootScope, Store, StoreContextMut, StoreLimits};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

/// The data of a store for the engine: its limits.
pub(crate) type Data = StoreLimits;

/// A borrow of a store. The handles of references that are made through it end with it.
pub(crate) type Context<'a> = RootScope<StoreContextMut<'a, Data>>;

/// A store.
pub struct wasm_store_t(pub(crate) Arc<SharedStore>);

/// A store that its objects share.
pub struct SharedStore {
    /// Before `host_infos`: objects end before their data is freed.
    store: UnsafeCell<Store<Data>>,
    /// Null if nobody uses the store, [`BORROWED`] while a function works on it, and the callback that it is lent to.
    user: AtomicPtr<Lent>,
    engine: Engine,
    /// The data that the program gave to functions, globals, tables, memories, tags and instances.
    pub(crate) host_infos: Mutex<HashMap<Item, HostInfo>>,
}

/// A callback that a store is lent to.
struct Lent {
    caller: NonNull<Caller<'static, Data>>,
    thread: ThreadId,
}

/// The user of a store that a function of the interface works on. No `Lent` has this address.
const BORROWED: *mut Lent = ptr::without_provenance_mut(1);

// SAFETY: `user` lets one thread at a time reach the engine's store, which is `Send`.
unsafe impl Send for SharedStore {}
// SAFETY: as for `Send`; the other fields are `Sync`.
unsafe impl Sync for SharedStore {}

impl SharedStore {
    fn new(engine: &Engine) -> SharedStore {
        let mut store = Store::new(engine, StoreLimits::new());
        store.limiter(|limits| limits);
        SharedStore {
            store: UnsafeCell::new(store),
            user: AtomicPtr::new(ptr::null_mut()),
            engine: engine.clone(),
            host_infos: Mutex::default(),
        }
    }

    /// Returns the engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Borrows the store for `work`.
    ///
    /// # Errors
    /// The error of `work`; kind [`Usage`](engine::ErrorKind::Usage) if the store is in use: by another thread, or by
    /// the work that calls a finalizer.
    pub(crate) fn with<R>(self: &Arc<Self>, work: impl FnOnce(&mut Context<'_>) -> Result<R>) -> Result<R> {
        // A callback may delete the last object of the store.
        let shared = Arc::clone(self);
        let user = shared.user.swap(BORROWED, Ordering::AcqRel);
        if user == BORROWED {
            return Err(usage("the store is in use: by another thread, or by the function that calls this finalizer"));
        }
        let _end = End { shared: &shared, user };
        let context = if user.is_null() {
            // SAFETY: nobody else uses the store until `user` is null again.
            unsafe { (*shared.store.get()).as_context_mut() }
        } else {
            // SAFETY: the callback waits for this function, and lent its caller to it.
            let lent = unsafe { &*user };
            if lent.thread != thread::current().id() {
                return Err(usage("the store is in use: a callback of another thread has it"));
            }
            // SAFETY: as above. Nobody else uses the caller until `user` is this callback again.
            unsafe { (*lent.caller.as_ptr()).as_context_mut() }
        };
        work(&mut RootScope::new(context))
    }

    /// Lends the store to a callback while `call` runs it.
    pub(crate) fn lend<R>(&self, caller: &mut Caller<'_, Data>, call: impl FnOnce() -> R) -> R {
        let mut lent = Lent { caller: NonNull::from(caller).cast(), thread: thread::current().id() };
        let user = self.user.swap(&raw mut lent, Ordering::AcqRel);
        assert_eq!(user, BORROWED, "callbacks run while a function works on the store");
        let result = call();
        self.user.store(BORROWED, Ordering::Release);
        result
    }
}

/// The end of a borrow, also when the work panics.
struct End<'a> {
    shared: &'a SharedStore,
    user: *mut Lent,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.shared.user.store(self.user, Ordering::Release);
    }
}

/// Makes a store of an engine.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_store_new(engine: Option<&wasm_engine_t>) -> Option<Box<wasm_store_t>> {
    let engine = report(non_null(engine, "engine"))?;
    Some(Box::new(wasm_store_t(Arc::new(SharedStore::new(&engine.0)))))
}

/// Deletes a store. It ends with its last object.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_store_delete(_store: Option<Box<wasm_store_t>>) {}
