//! The access to a store: one thread at a time, and nobody while Python sees a memory as a buffer.
//!
//! ```text
//! Idle ── enter ──> Busy ── a callback begins: suspend ──> Suspended ── enter, on the same thread ──> Busy ..
//!      <── left ───      <── the callback has ended ─────             <── left ─────────────────────
//! ```
//!
//! A store that is not there is an error, not a wait: a thread that waits for a store while it holds the interpreter
//! lock could wait for itself.

#![expect(unsafe_code, reason = "a callback uses the store of the call that it is in, whose lifetime has no name")]

use super::Data;
use crate::error;
use engine::{AsContextMut, Extern, RootScope, StoreContextMut};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// A borrow of a store.
pub(crate) type Context<'a> = StoreContextMut<'a, Data>;

/// The caller of a host function.
pub(crate) type EngineCaller<'a> = engine::Caller<'a, Data>;

/// A store, and who uses it.
pub(crate) struct Access {
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    /// The number of buffers through which Python sees memories of the store.
    views: usize,
}

enum State {
    /// Nobody uses the store.
    Idle(Box<engine::Store<Data>>),
    /// A thread uses the store.
    Busy,
    /// A host function runs, which Python implements. Its thread may use the store.
    Suspended(Suspended),
}

/// The caller of the innermost host function that runs.
#[derive(Clone, Copy)]
struct Suspended {
    caller: NonNull<EngineCaller<'static>>,
    thread: ThreadId,
    /// The number of this call, which no other call has.
    call: u64,
}

// SAFETY: `caller` is followed only on `thread`, as `Entered::begin` checks.
unsafe impl Send for Suspended {}

/// The time in which a host function may use the store. Its end, by a panic too, takes the caller out of reach.
struct Lent<'a>(&'a Access);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // What the host function took it has given back, so the state is `Suspended` again.
        self.0.lock().state = State::Busy;
    }
}

/// A use of the store. Its end gives the store back.
struct Entered<'a> {
    access: &'a Access,
    state: State,
}

impl Access {
    /// Takes a store that nobody uses.
    pub(crate) fn new(store: engine::Store<Data>) -> Access {
        Access { inner: Mutex::new(Inner { state: State::Idle(Box::new(store)), views: 0 }) }
    }

    /// Uses the store. References that are made meanwhile live until the end of the use.
    ///
    /// # Errors
    ///
    /// The store is in use, or there are views of its memories.
    pub(crate) fn enter<R>(&self, py: Python<'_>, run: impl FnOnce(&mut Context<'_>) -> PyResult<R>) -> PyResult<R> {
        let mut entered = Entered::begin(self, py, false)?;
        let mut scope = RootScope::new(entered.context());
        run(&mut scope.as_context_mut())
    }

    /// Uses the store to make another view of a memory, which `find` returns. Each view needs a call of
    /// [`end_view`](Access::end_view).
    ///
    /// # Errors
    ///
    /// The store is in use; those of `find`.
    pub(crate) fn begin_view<R>(
        &self,
        py: Python<'_>,
        find: impl FnOnce(&mut Context<'_>) -> PyResult<R>,
    ) -> PyResult<R> {
        let found = find(&mut Entered::begin(self, py, true)?.context())?;
        self.lock().views += 1;
        Ok(found)
    }

    /// Ends a view.
    pub(crate) fn end_view(&self) {
        self.lock().views -= 1;
    }

    /// Lets `run`, the Python part of a host function, use the store. It gets the number of the call.
    ///
    /// # Errors
    ///
    /// Those of `run`; it has left views of memories.
    pub(crate) fn suspend<R>(
        &self,
        caller: &mut EngineCaller<'_>,
        run: impl FnOnce(u64) -> PyResult<R>,
    ) -> PyResult<R> {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let suspended = Suspended { caller: NonNull::from(caller).cast(), thread: thread::current().id(), call };
        self.lock().state = State::Suspended(suspended);
        let lent = Lent(self);
        let result = run(call);
        drop(lent);
        if self.lock().views > 0 { Err(has_views()) } else { result }
    }

    /// Returns an export of the instance that called the host function whose call has this number.
    ///
    /// # Errors
    ///
    /// The call is not the innermost one, or it has ended.
    pub(crate) fn caller_export(&self, py: Python<'_>, call: u64, name: &str) -> PyResult<Option<Extern>> {
        let mut entered = Entered::begin(self, py, false)?;
        match entered.caller(call) {
            Some(caller) => Ok(caller.get_export(name)),
            None => Err(error::usage_error(py, "the call of this caller has ended, or it is not the innermost one")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Entered<'a> {
    /// Takes the store, if this thread may use it.
    fn begin(access: &'a Access, py: Python<'_>, with_views: bool) -> PyResult<Entered<'a>> {
        let mut inner = access.lock();
        let in_use = match &inner.state {
            State::Busy => Some("the store is in use: give each thread a store of its own"),
            State::Suspended(suspended) if suspended.thread != thread::current().id() => {
                Some("the store is in use by a call on another thread: give each thread a store of its own")
            }
            _ => None,
        };
        let is_viewed = inner.views > 0 && !with_views;
        if in_use.is_none() && !is_viewed {
            let state = std::mem::replace(&mut inner.state, State::Busy);
            drop(inner);
            return Ok(Entered { access, state });
        }
        // An exception is made after the lock is released.
        drop(inner);
        Err(in_use.map_or_else(has_views, |message| error::usage_error(py, message)))
    }

    /// Returns the borrow of the store.
    fn context(&mut self) -> Context<'_> {
        match &mut self.state {
            State::Idle(store) => store.as_context_mut(),
            // SAFETY: this is the caller's thread, by `begin`. While the state is `Suspended` the caller lives and
            // nobody uses it: `suspend` keeps it on the stack, borrowed exclusively. This value has taken the state,
            // so there is no second borrow, and it ends before `suspend` does, because `enter` and `begin_view` return
            // on the same thread.
            State::Suspended(suspended) => unsafe { suspended.caller.as_mut() }.as_context_mut(),
            State::Busy => unreachable!("`begin` takes a store that is there"),
        }
    }

    /// Returns the caller of the innermost host function, if its call has this number.
    fn caller(&mut self, call: u64) -> Option<&mut EngineCaller<'static>> {
        match &mut self.state {
            // SAFETY: as in `context`.
            State::Suspended(suspended) if suspended.call == call => Some(unsafe { suspended.caller.as_mut() }),
            _ => None,
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.access.lock().state = std::mem::replace(&mut self.state, State::Busy);
    }
}

fn has_views() -> PyErr {
    PyBufferError::new_err(
        "there are views of the store's memories: release them first, for example by `with memoryview(memory) as view`",
    )
}

/// Runs code of the engine with the interpreter lock released.
pub(crate) fn without_lock<R: Send>(
    py: Python<'_>,
    context: &mut Context<'_>,
    run: impl FnOnce(&mut Context<'_>) -> R + Send,
) -> R {
    let mut context = SameThread(context);
    py.detach(move || run(context.get()))
}

/// A value that stays on its thread.
struct SameThread<T>(T);

// SAFETY: `detach` runs its closure on the calling thread; it asks for `Send` to keep out what belongs to Python. The
// only use is in `without_lock`, for a borrow of a store.
unsafe impl<T> Send for SameThread<T> {}

impl<T> SameThread<T> {
    /// Returns the value. (A closure that names the field would capture the field alone.)
    fn get(&mut self) -> &mut T {
        &mut self.0
    }
}
