//! Stores, and who may use a store when.
//!
//! Each object holds its store, so a program may delete the store first. A function of the interface borrows the store
//! while it works. It lends the borrow to a callback, so that the callback may use the store too: then functions find
//! the [`Caller`] of the callback in place of the store. Other threads are refused until the first borrow ends.

use crate::engine::wasm_engine_t;
use crate::host_info::HostInfo;
use crate::reference::Item;
use crate::touchstone::error::{non_null, report, usage};
use core::cell::{Cell, UnsafeCell};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use engine::{AsContextMut, Caller, Engine, Result, RootScope, Store, StoreContextMut, StoreLimits};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

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
    /// The thread that uses the store; 0 if none does.
    owner: AtomicU64,
    /// The use that this thread makes of it. No other thread looks at this.
    user: Cell<User>,
    engine: Engine,
    /// The data that the program gave to functions, globals, tables, memories, tags and instances.
    pub(crate) host_infos: Mutex<HashMap<Item, HostInfo>>,
}

/// The use of a store.
#[derive(Clone, Copy)]
enum User {
    /// Nobody uses it.
    None,
    /// A function of the interface works on it.
    Function,
    /// It is lent to a callback.
    Callback(NonNull<Caller<'static, Data>>),
}

// SAFETY: `owner` lets one thread at a time reach the engine's store, which is `Send`.
unsafe impl Send for SharedStore {}
// SAFETY: as for `Send`; the other fields are `Sync`.
unsafe impl Sync for SharedStore {}

impl SharedStore {
    fn new(engine: &Engine) -> SharedStore {
        let mut store = Store::new(engine, StoreLimits::new());
        store.limiter(|limits| limits);
        SharedStore {
            store: UnsafeCell::new(store),
            owner: AtomicU64::new(0),
            user: Cell::new(User::None),
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
        let thread = thread_number();
        let owner = shared.owner.compare_exchange(0, thread, Ordering::Acquire, Ordering::Relaxed);
        if owner.is_err_and(|owner| owner != thread) {
            return Err(usage("the store is in use by another thread"));
        }
        let end = End { shared: &shared, user: shared.user.replace(User::Function) };
        let context = match end.user {
            // SAFETY: nobody else uses the store until `end` is dropped.
            User::None => unsafe { (*shared.store.get()).as_context_mut() },
            User::Function => return Err(usage("the store is in use, by the function that calls this finalizer")),
            // SAFETY: the callback waits for this function, and lent its caller to it. Nobody else uses the caller
            // until `end` is dropped.
            User::Callback(mut caller) => unsafe { caller.as_mut().as_context_mut() },
        };
        work(&mut RootScope::new(context))
    }

    /// Lends the store to a callback while `call` runs it.
    pub(crate) fn lend<R>(&self, caller: &mut Caller<'_, Data>, call: impl FnOnce() -> R) -> R {
        let user = self.user.replace(User::Callback(NonNull::from(caller).cast()));
        assert!(matches!(user, User::Function), "callbacks run while a function works on the store");
        let result = call();
        self.user.set(User::Function);
        result
    }
}

/// The end of a borrow, also when the work panics.
struct End<'a> {
    shared: &'a SharedStore,
    /// The use that goes on then.
    user: User,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.shared.user.set(self.user);
        if matches!(self.user, User::None) {
            self.shared.owner.store(0, Ordering::Release);
        }
    }
}

/// Returns a number above 0 that no other thread of this process ever has.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
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
