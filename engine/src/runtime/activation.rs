//! Activations: the entries into compiled code that are under way on a thread.
//!
//! Each entry is an [`Activation`]: a value on the native stack, linked to the next older one of this thread. It saves
//! the fields of the store context that the entry overwrites, and holds the reason why execution stopped.
//!
//! Entries on one thread end in the reverse of the order in which they began. A host that switches stacks in the middle
//! of a host function, as stackful coroutines do, must keep to that order: the list of activations belongs to the
//! thread.

use super::stack_limit;
use super::stack_walk::{RawBacktrace, Stack};
use crate::abi::OK;
use crate::abi::vmctx::VmStoreContext;
use crate::base::{Error, Result, Trap};
use crate::unwind::frame::{ReadMemory, Registers};
use core::any::Any;
use core::cell::Cell;
use core::ptr::null;
use std::panic::resume_unwind;

thread_local! {
    /// The newest activation on this thread. It has no destructor, so that a signal handler can read it.
    static NEWEST: Cell<*const Activation> = const { Cell::new(null()) };
}

/// One entry into compiled code, on the stack of the function that makes it.
pub(super) struct Activation {
    /// The next older one on this thread.
    older: *const Activation,
    store: *mut VmStoreContext,
    /// The state of the store context before the entry.
    outer: OuterContext,
    /// The reason why execution stopped, with the frames of that moment where they were captured.
    stopped: Cell<Option<(Stop, RawBacktrace)>>,
}

/// The fields of a store context that belong to an activation.
#[derive(Clone, Copy)]
struct OuterContext {
    stack_limit: usize,
    entry_fp: usize,
    entry_sp: usize,
    entry_pc: usize,
    exit: WasmExit,
}

/// The last WebAssembly exit of a store: the point at which its compiled code was left last. Zeroes if it was not left.
#[derive(Clone, Copy, Debug)]
pub(super) struct WasmExit {
    /// The frame pointer of the trampoline that left.
    pub(super) fp: u64,
    /// The return address into the trampoline's caller.
    pub(super) pc: u64,
}

/// A reason for which the host stops the WebAssembly code that called it.
pub(crate) enum Stop {
    /// The call traps.
    Trap(Trap),
    /// A host function returned an error.
    Error(Error),
    /// A host function panicked. The panic resumes after the entry trampoline.
    Panic(Box<dyn Any + Send>),
}

impl Activation {
    /// Creates an activation that does not run yet.
    ///
    /// # Safety
    /// The context is alive while the activation is, and no other thread uses it.
    #[inline]
    pub(super) unsafe fn new(store: *mut VmStoreContext) -> Activation {
        // SAFETY: the caller vouches for the context.
        let outer = unsafe {
            OuterContext {
                stack_limit: (*store).stack_limit,
                entry_fp: (*store).entry_fp,
                entry_sp: (*store).entry_sp,
                entry_pc: (*store).entry_pc,
                exit: WasmExit::of(store),
            }
        };
        Activation { older: NEWEST.get(), store, outer, stopped: Cell::new(None) }
    }

    /// Makes this the newest activation while `enter` runs, then puts the store context back as it was.
    #[inline]
    pub(super) fn run(&self, enter: impl FnOnce() -> i64) -> Result<()> {
        NEWEST.set(self);
        let status = enter();
        // Unlinked before anything else: from here on a fault must not be taken for one of this activation, and a panic
        // that resumes below leaves its frame.
        NEWEST.set(self.older);
        self.restore();
        match (status, self.stopped.take()) {
            (OK, _) => Ok(()),
            (_, Some((stop, frames))) => Err(stop.into_error(&frames)),
            (status, None) => unreachable!("a call ended with status {status} and no reason"),
        }
    }

    /// Puts the store context back as it was before the entry.
    #[inline]
    fn restore(&self) {
        let OuterContext { stack_limit, entry_fp, entry_sp, entry_pc, exit } = self.outer;
        // SAFETY: the context lives as long as this does, and only this thread uses it.
        unsafe {
            (*self.store).stack_limit = stack_limit;
            (*self.store).entry_fp = entry_fp;
            (*self.store).entry_sp = entry_sp;
            (*self.store).entry_pc = entry_pc;
            (*self.store).exit_fp = exit.fp as usize;
            (*self.store).exit_pc = exit.pc as usize;
        }
    }

    /// Records why execution stops, for [`Activation::run`] to return.
    pub(super) fn stop(&self, stop: Stop, frames: RawBacktrace) {
        self.stopped.set(Some((stop, frames)));
    }

    /// The lowest stack address that compiled code may use if it is entered now.
    ///
    /// # Errors
    /// Those of [`stack_limit::for_entry`].
    #[inline]
    pub(super) fn stack_limit(&self, max_wasm_stack: usize) -> Result<usize> {
        // SAFETY: an older activation, and its store, outlive this one.
        let outer = unsafe { self.older.as_ref() }.map(|older| stack_limit::Entry {
            address: older.address() as usize,
            // SAFETY: as above.
            limit: unsafe { (*older.store).stack_limit },
        });
        stack_limit::for_entry(self.address() as usize, max_wasm_stack, outer)
    }

    /// The address of this value. All compiled frames of the activation are below it.
    pub(super) fn address(&self) -> u64 {
        core::ptr::from_ref(self).addr() as u64
    }

    /// The context of the activation's store. It is alive, and used by this thread alone.
    pub(super) fn store(&self) -> *mut VmStoreContext {
        self.store
    }

    /// The registers of the handler block of the store's newest entry trampoline. Their `pc` is zero if no trampoline
    /// was entered yet.
    pub(super) fn entry_handler(&self) -> Registers {
        // SAFETY: an activation's store is alive, and its thread is this one.
        let (pc, sp, fp) = unsafe { ((*self.store).entry_pc, (*self.store).entry_sp, (*self.store).entry_fp) };
        Registers { pc: pc as u64, sp: sp as u64, fp: fp as u64 }
    }

    /// The last exit of the store's code before this activation entered it.
    pub(super) fn outer_exit(&self) -> WasmExit {
        self.outer.exit
    }

    /// The frames of this activation's compiled code, which was left at `exit`: the registers of the innermost one
    /// after the call returns, and the stack that they occupy. `None` if the code was not left.
    ///
    /// # Safety
    /// `exit` is the exit through which the code of this activation was left, and that code still waits for this
    /// thread.
    pub(super) unsafe fn frames_at(&self, exit: WasmExit) -> Option<(Registers, Stack)> {
        if exit.pc == 0 {
            return None;
        }
        // SAFETY: from the frame of the trampoline that left up to this value, which is above all compiled frames; the
        // caller vouches that they wait.
        let stack = unsafe { Stack::new(exit.fp..self.address()) };
        // A trampoline's frame holds its caller's frame pointer and then the return address.
        let registers = Registers { pc: exit.pc, sp: exit.fp + 16, fp: stack.read_u64(exit.fp)? };
        Some((registers, stack))
    }

    /// The next older activation of the same store on this thread.
    pub(super) fn older_of_same_store(&self) -> Option<&Activation> {
        // SAFETY: older activations are values in frames that outlive this one's.
        find(unsafe { self.older.as_ref() }, self.store)
    }

    /// Calls `then` with the newest activation of a store on this thread.
    pub(super) fn with_newest_of<R>(store: *const VmStoreContext, then: impl FnOnce(Option<&Activation>) -> R) -> R {
        Activation::with_newest(|newest| then(find(newest, store)))
    }

    /// Calls `then` with the newest activation on this thread.
    pub(super) fn with_newest<R>(then: impl FnOnce(Option<&Activation>) -> R) -> R {
        // SAFETY: null, or an activation that `run` has linked and not yet unlinked, so its frame is alive; it stays so
        // during this call, which that frame is below.
        then(unsafe { NEWEST.get().as_ref() })
    }
}

/// The first activation of a store, from `newest` on.
fn find<'a>(newest: Option<&'a Activation>, store: *const VmStoreContext) -> Option<&'a Activation> {
    // SAFETY: older activations are values in frames that outlive the newer ones'.
    let older = |activation: &&'a Activation| unsafe { activation.older.as_ref() };
    core::iter::successors(newest, older).find(|activation| core::ptr::eq(activation.store, store))
}

impl WasmExit {
    /// The last exit of a store.
    ///
    /// # Safety
    /// The context is alive and no other thread uses it.
    pub(super) unsafe fn of(store: *const VmStoreContext) -> WasmExit {
        // SAFETY: the caller vouches for the context.
        unsafe { WasmExit { fp: (*store).exit_fp as u64, pc: (*store).exit_pc as u64 } }
    }
}

impl Stop {
    /// Returns the error for the host's caller. A panic resumes here instead.
    fn into_error(self, frames: &RawBacktrace) -> Error {
        match self {
            Stop::Trap(trap) => Error::trap(trap).with_backtrace(frames.resolve()),
            Stop::Error(error) if error.backtrace().is_some() => error,
            Stop::Error(error) => error.with_backtrace(frames.resolve()),
            Stop::Panic(payload) => resume_unwind(payload),
        }
    }
}
