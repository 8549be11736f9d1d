//! The driver of execution: it runs the loop, and calls host functions where the loop asks for one
//! ([Invocation](https://webassembly.github.io/spec/core/exec/modules.html#invocation)).
//!
//! A host function may call WebAssembly again, so that activations lie one inside the other. The frames of all are in
//! one list, those of an inner activation above those of the outer ones. Continuations end at an activation: no stack
//! is suspended with the native frames of a host function on it.

use super::caller::Caller;
use super::context::StoreContextMut;
use super::exception::uncaught;
use super::store::Store;
use super::wasm_ty::Slots;
use crate::Trap;
use crate::error::{Error, Result};
use crate::execute::{Exit, Stop, backtrace, enter, handle, run};
use crate::store::{FunctionKind, StoreInner};

/// The number of activations that may lie one inside the other. Each takes a part of the native stack: about 3 KiB in
/// code that is not optimized, and what the host function that makes it takes. The stack of a thread has 2 MiB unless
/// its maker asks for less.
const MAX_ACTIVATIONS: usize = 200;

/// A call by the embedder that is under way. When it ends, in whatever way, its frames are gone.
pub(super) struct Activation<'a, T: 'static> {
    store: &'a mut Store<T>,
    /// The number of frames below those of the activation.
    depth: usize,
    /// The slot where the arguments and then the results are.
    base: usize,
}

impl<'a, T: 'static> Activation<'a, T> {
    /// Begins an activation.
    ///
    /// # Errors
    /// [`Trap::StackOverflow`] if there are too many already.
    pub(super) fn new(store: &'a mut Store<T>) -> Result<Activation<'a, T>> {
        let inner = &mut store.inner;
        let (depth, base) = (inner.frames.len(), inner.first_free);
        if inner.activations >= MAX_ACTIVATIONS || inner.reserve_stack(base).is_err() {
            return Err(Error::trap(Trap::StackOverflow).with_backtrace(backtrace(inner)));
        }
        inner.activations += 1;
        Ok(Activation { store, depth, base })
    }

    /// Returns the slots of the arguments, which become those of the results.
    pub(super) fn slots(&mut self) -> Slots<'_> {
        Slots::new(&mut self.store.inner, self.base)
    }

    /// Runs a function whose arguments are in the slots. The results are there when it returns.
    ///
    /// # Errors
    /// A trap, an exception that nothing caught, or the error of a host function.
    pub(super) fn run(&mut self, function: u32) -> Result<()> {
        let base = self.base as u32;
        if let FunctionKind::Host(_) = self.store.inner.functions[function as usize].kind {
            return self.call_host(function, base, None);
        }
        if let Err(stop) = enter(&mut self.store.inner, function, base) {
            return Err(self.error(stop));
        }
        loop {
            match run(&mut self.store.inner, self.depth) {
                Exit::Returned => return Ok(()),
                Exit::Stopped(stop) => return Err(self.error(stop)),
                Exit::Host { function, base, caller } => {
                    if let Err(error) = self.call_host(function, base, Some(caller)) {
                        self.go_on_after(error)?;
                    }
                    // A tail call has left the last frame before.
                    if self.store.inner.frames.len() == self.depth {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Calls a host function whose arguments begin at `base`, where it leaves the results.
    fn call_host(&mut self, function: u32, base: u32, caller: Option<u32>) -> Result<()> {
        let FunctionKind::Host(number) = self.store.inner.functions[function as usize].kind else {
            unreachable!("the loop runs all others")
        };
        let definition = self.store.hosts[number as usize].clone();
        let inner = &mut self.store.inner;
        inner.first_free = inner.end_of_frames().max(base as usize + definition.slots());
        definition.call(Caller::new(StoreContextMut(self.store), caller), base as usize)
    }

    /// Lets the error of a host function go on in the code that called it: to a handler, if it is an exception.
    fn go_on_after(&mut self, error: Error) -> Result<()> {
        let inner = &mut self.store.inner;
        if let Some(exception) = error.as_exception().and_then(|exception| exception.raw(inner).ok())
            && handle(inner, self.depth, Stop::Exception(exception)).is_ok()
        {
            return Ok(());
        }
        Err(with_frames(inner, error))
    }

    /// Returns the error of a reason to stop, with the active frames.
    fn error(&mut self, stop: Stop) -> Error {
        let inner = &mut self.store.inner;
        let error = match stop {
            Stop::Trap(trap) => Error::trap(trap),
            Stop::Exception(exception) => uncaught(inner, exception),
            Stop::Error(error) => error,
        };
        with_frames(inner, error)
    }
}

/// Adds the active frames, unless the error has those of an inner activation.
fn with_frames(store: &StoreInner, error: Error) -> Error {
    if error.backtrace().is_some() { error } else { error.with_backtrace(backtrace(store)) }
}

impl<T: 'static> Drop for Activation<'_, T> {
    fn drop(&mut self) {
        let inner = &mut self.store.inner;
        inner.frames.truncate(self.depth);
        // One that begins right above the frames below is an outer activation's: its function is of the host, and has
        // called this one.
        while inner.prompts.pop_if(|prompt| prompt.depth as usize > self.depth).is_some() {}
        inner.first_free = self.base;
        inner.activations -= 1;
    }
}
