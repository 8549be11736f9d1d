//! Entering and leaving compiled code.
//!
//! Each entry is an [`Activation`]: a value on the native stack, linked to the one before it on this thread. It keeps
//! what the store context held before, and says why execution stopped. Compiled code is left in three ways: it returns;
//! it faults ([`stop_at_fault`]); or a library call or host function [`fail`]s, returns, and compiled code calls
//! [`raise`]. The last two resume at the handler block of the entry trampoline; and [`raise`] at an exception's handler, if
//! compiled code has one ([`resume_at`]). No Rust frame stands between, so nothing is skipped that has a destructor; a panic waits in the activation and goes on in [`invoke`].
//!
//! Entries on one thread end in the reverse of the order in which they began. A host that changes stacks in the middle of
//! a host function, as stackful coroutines do, must keep to that: the list of activations is the thread's.
//!
//! # The stack
//!
//! Compiled code may use the stack down to `stack_limit`: `max_wasm_stack` bytes below the outermost entry on this
//! thread, for all stores and host functions in between together, and never into the reserve that host functions and
//! library calls need at the stack's end. An entry below the limit is a stack overflow too, so that WebAssembly and the
//! host calling each other end in a trap.

use super::backtrace::RawBacktrace;
use super::registry::CodeReader;
use super::{sys, trap};
use crate::abi::vmctx::{FuncRef, VmStoreContext};
use crate::abi::{FAILED, OK, ValRaw};
use crate::base::{Error, Result, Trap};
use crate::unwind::frame::Registers;
use core::any::Any;
use core::cell::Cell;
use core::ops::Range;
use core::ptr::{null, null_mut};
use std::panic::resume_unwind;

pub(crate) use sys::raise;

/// Stack that is kept free below the limit for host functions and library calls, on stacks that are at least four times
/// as large; a quarter of smaller ones.
const HOST_RESERVE: usize = 256 * 1024;

/// Why the host stops the WebAssembly code that called it.
pub(crate) enum Stop {
    /// The call traps.
    Trap(Trap),
    /// A host function returned an error.
    Error(Error),
    /// A host function panicked; the panic goes on behind the entry trampoline.
    Panic(Box<dyn Any + Send>),
}

thread_local! {
    /// The newest activation on this thread. Without a destructor, so that a signal handler can read it.
    static NEWEST: Cell<*const Activation> = const { Cell::new(null()) };
    /// The first and the last address of this thread's stack, once asked for; equal if they are not known.
    static STACK: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// Where a store's compiled code was left last; zeroes if it was not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exit {
    /// The frame pointer of the trampoline that left.
    pub(super) fp: u64,
    /// The return address into its caller.
    pub(super) pc: u64,
}

impl Exit {
    /// Where the newest compiled code of a store was left.
    ///
    /// # Safety
    /// The context is alive and no other thread uses it.
    pub(super) unsafe fn of(store: *const VmStoreContext) -> Exit {
        // SAFETY: the caller vouches for the context.
        unsafe { Exit { fp: (*store).exit_fp as u64, pc: (*store).exit_pc as u64 } }
    }
}

/// One entry into compiled code, on the stack of the function that makes it.
pub(super) struct Activation {
    /// The next older one on this thread.
    older: *const Activation,
    store: *mut VmStoreContext,
    /// What the store context held before the entry.
    outer: Outer,
    /// Why execution stopped, with the frames of that moment where they were captured.
    stopped: Cell<Option<(Stop, RawBacktrace)>>,
}

/// The fields of a store context that belong to an activation.
#[derive(Clone, Copy)]
struct Outer {
    stack_limit: usize,
    entry_fp: usize,
    entry_sp: usize,
    entry_pc: usize,
    exit: Exit,
}

/// Calls a WebAssembly function: one whose `host_call` is there.
///
/// # Errors
/// A trap with its backtrace, or what a host function returned. A host function's panic goes on here.
///
/// # Safety
/// `store` and `func` are alive, of the same store, and used by this thread alone; `values` has the function's arguments
/// and room for its results.
pub(crate) unsafe fn invoke(
    store: *mut VmStoreContext,
    max_wasm_stack: usize,
    func: &FuncRef,
    values: *mut ValRaw,
) -> Result<()> {
    trap::prepare_thread()?;
    let enter = func.host_call.expect("only functions with an entry trampoline are invoked");
    // SAFETY: the caller vouches for the store.
    let activation = unsafe { Activation::new(store) };
    let Some(limit) = activation.stack_limit(max_wasm_stack) else {
        // SAFETY: as above.
        let frames = unsafe { RawBacktrace::capture(store) };
        return Err(Error::trap(Trap::StackOverflow).with_backtrace(frames.resolve()));
    };
    // SAFETY: the context is alive. Zeroes say that nothing was entered or left yet, so that values of an earlier
    // activation are never believed.
    unsafe {
        (*store).stack_limit = limit;
        (*store).entry_pc = 0;
        (*store).exit_fp = 0;
        (*store).exit_pc = 0;
    }
    // SAFETY: `enter` is the entry trampoline for the signature of `func`, and the caller vouches for the rest.
    activation.run(|| unsafe { enter(store, func.wasm_call, func.vmctx, null_mut(), values) })
}

/// Records why the innermost call on this thread stops, with the backtrace of its store unless an error brings its own.
/// Library calls and host shims return its result, [`FAILED`].
pub(crate) fn fail(stop: Stop) -> i64 {
    Activation::with_newest(|newest| {
        let newest = newest.expect("library calls and host shims run inside an activation");
        let frames = match &stop {
            Stop::Panic(_) => RawBacktrace::default(),
            Stop::Error(error) if error.backtrace().is_some() => RawBacktrace::default(),
            // SAFETY: an activation's store is alive, and its thread is this one.
            Stop::Error(_) | Stop::Trap(_) => unsafe { RawBacktrace::capture(newest.store) },
        };
        newest.stopped.set(Some((stop, frames)));
        newest.resume_at_entry();
    });
    FAILED
}

/// Makes [`raise`] go on with these registers, and with `payload` for the handler there.
///
/// # Safety
/// The store is alive, its newest compiled code waits for this thread, and the registers are those of a handler of a call
/// that is under way in its newest activation.
pub(super) unsafe fn resume_at(store: *mut VmStoreContext, registers: Registers, payload: u64) {
    let register = |value: u64| usize::try_from(value).expect("64-bit hosts only");
    // SAFETY: the caller vouches for the store.
    unsafe {
        (*store).resume_fp = register(registers.fp);
        (*store).resume_sp = register(registers.sp);
        (*store).resume_pc = register(registers.pc);
        (*store).resume_payload = payload;
    }
}

/// Stops compiled code that faulted with a trap: captures its backtrace and returns the registers to go on with. `None`
/// if no compiled code runs on this thread.
pub(super) fn stop_at_fault(trap: Trap, registers: &Registers, reader: &CodeReader<'_>) -> Option<Registers> {
    Activation::with_newest(|newest| {
        let newest = newest?;
        // SAFETY: an activation's store is alive, and its thread is this one; compiled code is stopped.
        let (pc, sp, fp) = unsafe { ((*newest.store).entry_pc, (*newest.store).entry_sp, (*newest.store).entry_fp) };
        // A tail call puts the callee's frame where the arguments of the first one were, in the trampoline's frame.
        if pc == 0 || registers.sp > fp as u64 {
            return None;
        }
        let frames = RawBacktrace::capture_fault(newest, registers, reader);
        newest.stopped.set(Some((Stop::Trap(trap), frames)));
        Some(Registers { pc: pc as u64, sp: sp as u64, fp: fp as u64 })
    })
}

impl Activation {
    /// An activation that does not run yet.
    ///
    /// # Safety
    /// The context is alive while the activation is, and no other thread uses it.
    unsafe fn new(store: *mut VmStoreContext) -> Activation {
        // SAFETY: the caller vouches for the context.
        let outer = unsafe {
            Outer {
                stack_limit: (*store).stack_limit,
                entry_fp: (*store).entry_fp,
                entry_sp: (*store).entry_sp,
                entry_pc: (*store).entry_pc,
                exit: Exit::of(store),
            }
        };
        Activation { older: NEWEST.get(), store, outer, stopped: Cell::new(None) }
    }

    /// Makes this the newest activation while `enter` runs, then puts the store context back as it was.
    fn run(&self, enter: impl FnOnce() -> i64) -> Result<()> {
        NEWEST.set(self);
        let status = enter();
        NEWEST.set(self.older);
        self.restore();
        match (status, self.stopped.take()) {
            (OK, _) => Ok(()),
            (_, Some((stop, frames))) => Err(stop.into_error(&frames)),
            (status, None) => unreachable!("a call ended with status {status} and no reason"),
        }
    }

    /// Makes [`raise`] leave compiled code.
    fn resume_at_entry(&self) {
        let store = self.store;
        // SAFETY: an activation's store is alive, and its thread is this one. The handler of the newest entry trampoline,
        // which runs until the activation ends.
        unsafe {
            let (pc, sp, fp) = ((*store).entry_pc, (*store).entry_sp, (*store).entry_fp);
            resume_at(store, Registers { pc: pc as u64, sp: sp as u64, fp: fp as u64 }, 0);
        }
    }

    fn restore(&self) {
        let Outer { stack_limit, entry_fp, entry_sp, entry_pc, exit } = self.outer;
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

    /// How far down compiled code may go that is entered now; `None` if there is no room for any.
    fn stack_limit(&self, max_wasm_stack: usize) -> Option<usize> {
        // The limit that the activation around this one runs under; host functions run under it too.
        // SAFETY: an older activation, and its store, outlive this one.
        let outer = unsafe { self.older.as_ref().map(|older| (*older.store).stack_limit) };
        limit(self.address() as usize, max_wasm_stack, outer, stack_bounds())
    }

    /// Where this stands: above all compiled frames that it entered.
    pub(super) fn address(&self) -> u64 {
        core::ptr::from_ref(self).addr() as u64
    }

    /// Where its store's code was left before this activation entered it.
    pub(super) fn outer_exit(&self) -> Exit {
        self.outer.exit
    }

    /// The next older activation of the same store on this thread.
    pub(super) fn older_of_same_store(&self) -> Option<&Activation> {
        // SAFETY: older activations stand in frames that outlive this one's.
        find(unsafe { self.older.as_ref() }, self.store)
    }

    /// Calls `then` with the newest activation of a store on this thread.
    pub(super) fn with_newest_of<R>(store: *const VmStoreContext, then: impl FnOnce(Option<&Activation>) -> R) -> R {
        Activation::with_newest(|newest| then(find(newest, store)))
    }

    /// Calls `then` with the newest activation on this thread.
    fn with_newest<R>(then: impl FnOnce(Option<&Activation>) -> R) -> R {
        // SAFETY: null, or an activation that `run` has linked and not yet unlinked, so its frame is alive; it stays so
        // during this call, which that frame is below.
        then(unsafe { NEWEST.get().as_ref() })
    }
}

/// The first activation of a store, from `newest` on.
fn find<'a>(newest: Option<&'a Activation>, store: *const VmStoreContext) -> Option<&'a Activation> {
    // SAFETY: older activations stand in frames that outlive the newer ones'.
    let older = |activation: &&'a Activation| unsafe { activation.older.as_ref() };
    core::iter::successors(newest, older).find(|activation| core::ptr::eq(activation.store, store))
}

impl Stop {
    /// The error for the host's caller; a panic goes on instead.
    fn into_error(self, frames: &RawBacktrace) -> Error {
        match self {
            Stop::Trap(trap) => Error::trap(trap).with_backtrace(frames.resolve()),
            Stop::Error(error) if error.backtrace().is_some() => error,
            Stop::Error(error) => error.with_backtrace(frames.resolve()),
            Stop::Panic(payload) => resume_unwind(payload),
        }
    }
}

/// The bounds of this thread's stack; an empty range if they are not known.
fn stack_bounds() -> Range<usize> {
    let (start, end) = STACK.get().unwrap_or_else(|| {
        let bounds = sys::stack_bounds().map_or((0, 0), |bounds| (bounds.start, bounds.end));
        STACK.set(Some(bounds));
        bounds
    });
    start..end
}

/// The stack limit for an entry at the address `here`; `None` if it would not be below it.
fn limit(here: usize, max_wasm_stack: usize, outer: Option<usize>, bounds: Range<usize>) -> Option<usize> {
    let own = here.saturating_sub(max_wasm_stack);
    // A stack that the thread was not born with, such as a coroutine's, has unknown bounds.
    let end = if bounds.contains(&here) { bounds.start + HOST_RESERVE.min(bounds.len() / 4) } else { 0 };
    let limit = own.max(end).max(outer.unwrap_or(0));
    (limit < here).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_limit_is_the_tightest_of_three() {
        let stack = 0x10_0000..0x90_0000;
        assert_eq!(limit(0x80_0000, 0x8_0000, None, stack.clone()), Some(0x78_0000), "what the configuration allows");
        assert_eq!(limit(0x18_0000, 0x8_0000, None, stack.clone()), Some(0x14_0000), "the reserve at the end");
        assert_eq!(limit(0x80_0000, 0x8_0000, Some(0x7f_0000), stack.clone()), Some(0x7f_0000), "the outer entry's");
        assert_eq!(limit(0x13_0000, 0x8_0000, None, stack.clone()), None, "inside the reserve");
        assert_eq!(limit(0x7e_0000, 0x8_0000, Some(0x7f_0000), stack.clone()), None, "below the outer limit");
        assert_eq!(limit(0x80_0000, 0, None, stack), None);
        assert_eq!(limit(0x1000, 0x800, None, 0..0), Some(0x800), "unknown bounds");
        assert_eq!(
            limit(0x11_0000, 0x10_0000, None, 0x10_0000..0x12_0000),
            Some(0x10_8000),
            "a quarter of a small stack"
        );
    }

    #[test]
    fn this_stack_has_bounds() {
        let local = 0u8;
        assert!(stack_bounds().contains(&core::ptr::from_ref(&local).addr()));
    }

    mod with_handmade_code {
        //! Entering and leaving, with an entry trampoline by hand and Rust functions in the place of compiled code.

        use super::*;
        use crate::abi::vmctx::VmContext;
        use core::ffi::c_void;
        use core::mem::offset_of;
        use core::sync::atomic::AtomicU64;
        use std::panic::{AssertUnwindSafe, catch_unwind};

        const MAX_STACK: usize = 512 * 1024;

        /// Does what the module `abi` says of entry trampolines.
        #[cfg(target_arch = "x86_64")]
        #[unsafe(naked)]
        unsafe extern "C" fn enter(
            store: *mut VmStoreContext,
            wasm_call: *const c_void,
            callee: *mut c_void,
            caller: *mut VmContext,
            values: *mut ValRaw,
        ) -> i64 {
            core::arch::naked_asm!(
                "push rbp", "mov rbp, rsp", "push rbx", "push r12", "push r13", "push r14", "push r15", "sub rsp, 8",
                "mov [rdi + {fp}], rbp",
                "mov [rdi + {sp}], rsp",
                "lea rax, [rip + 2f]",
                "mov [rdi + {pc}], rax",
                "mov rdi, rdx",
                "call rsi",
                "xor eax, eax",
                "jmp 3f",
                "2:", "mov rax, {failed}",
                "3:", "add rsp, 8", "pop r15", "pop r14", "pop r13", "pop r12", "pop rbx", "pop rbp",
                "ret",
                fp = const offset_of!(VmStoreContext, entry_fp),
                sp = const offset_of!(VmStoreContext, entry_sp),
                pc = const offset_of!(VmStoreContext, entry_pc),
                failed = const FAILED,
            )
        }

        /// An instance of a store of its own.
        struct Instance {
            vmctx: Box<VmContext>,
            _epoch: Box<AtomicU64>,
        }

        impl Instance {
            fn new() -> Instance {
                let epoch = Box::new(AtomicU64::new(0));
                let store = VmStoreContext {
                    stack_limit: 1,
                    entry_fp: 2,
                    entry_sp: 3,
                    entry_pc: 4,
                    exit_fp: 0,
                    exit_pc: 0,
                    fuel: 0,
                    epoch_deadline: 0,
                    epoch: &*epoch,
                    heap_base: null_mut(),
                    heap_next: 0,
                    heap_end: 0,
                    resume_fp: 0,
                    resume_sp: 0,
                    resume_pc: 0,
                    resume_payload: 0,
                };
                let store = Box::into_raw(Box::new(store));
                let vmctx =
                    VmContext { magic: 0, instance: 0, store, builtins: null(), type_ids: null(), type_table: null() };
                Instance { vmctx: Box::new(vmctx), _epoch: epoch }
            }

            /// Invokes a function that takes the vmctx alone.
            fn call(&self, function: unsafe extern "C" fn(*mut VmContext)) -> Result<()> {
                let vmctx = core::ptr::from_ref(&*self.vmctx).cast_mut();
                call(vmctx, function)
            }

            fn assert_as_before(&self) {
                // SAFETY: nothing runs in the store.
                let store = unsafe { &*self.vmctx.store };
                let VmStoreContext { stack_limit, entry_fp, entry_sp, entry_pc, exit_fp, exit_pc, .. } = *store;
                assert_eq!([stack_limit, entry_fp, entry_sp, entry_pc, exit_fp, exit_pc], [1, 2, 3, 4, 0, 0]);
                assert!(NEWEST.get().is_null());
            }
        }

        impl Drop for Instance {
            fn drop(&mut self) {
                // SAFETY: made by `Box::into_raw`.
                drop(unsafe { Box::from_raw(self.vmctx.store) });
            }
        }

        fn call(vmctx: *mut VmContext, function: unsafe extern "C" fn(*mut VmContext)) -> Result<()> {
            let wasm_call = function as *const c_void;
            let func = FuncRef { wasm_call, host_call: Some(enter), vmctx: vmctx.cast(), type_id: 0, _pad: 0 };
            // SAFETY: the instance and its store are alive; the function takes and returns no values.
            unsafe { invoke((*vmctx).store, MAX_STACK, &func, null_mut()) }
        }

        /// Fails as a library-call trampoline does. The callers have nothing that needs to be dropped.
        unsafe fn stop(vmctx: *mut VmContext, stop: Stop) {
            assert_eq!(fail(stop), FAILED);
            // SAFETY: the tests' functions stand in the place of compiled code, and leave nothing to drop.
            unsafe { raise(vmctx) };
        }

        unsafe extern "C" fn returns(_: *mut VmContext) {}

        unsafe extern "C" fn traps(vmctx: *mut VmContext) {
            // SAFETY: nothing is left to drop.
            unsafe { stop(vmctx, Stop::Trap(Trap::Interrupted)) };
        }

        unsafe extern "C" fn panics(vmctx: *mut VmContext) {
            // SAFETY: nothing is left to drop.
            unsafe { stop(vmctx, Stop::Panic(Box::new("payload"))) };
        }

        unsafe extern "C" fn fails_with_frames(vmctx: *mut VmContext) {
            let frame = crate::base::Frame { module_name: None, func_index: 7, func_name: None, module_offset: None };
            let error = Error::trap(Trap::Unreachable).with_backtrace(crate::base::Backtrace { frames: vec![frame] });
            // SAFETY: everything has been moved out.
            unsafe { stop(vmctx, Stop::Error(error)) };
        }

        /// Enters a store of its own, and its own again, before it returns.
        unsafe extern "C" fn nests(vmctx: *mut VmContext) {
            let other = Instance::new();
            assert_eq!(other.call(traps).unwrap_err().as_trap(), Some(Trap::Interrupted));
            assert_eq!(call(vmctx, traps).unwrap_err().as_trap(), Some(Trap::Interrupted));
        }

        unsafe extern "C" fn recurses(vmctx: *mut VmContext) {
            let frame = core::hint::black_box([0u8; 1024]);
            if let Err(error) = call(vmctx, recurses) {
                core::hint::black_box(frame);
                // SAFETY: the error is moved out and the frame needs no drop.
                unsafe { stop(vmctx, Stop::Error(error)) };
            }
        }

        #[test]
        fn everything_is_as_before_afterwards() {
            let instance = Instance::new();
            instance.call(returns).unwrap();
            instance.assert_as_before();
            assert_eq!(instance.call(traps).unwrap_err().as_trap(), Some(Trap::Interrupted));
            instance.assert_as_before();
            instance.call(nests).unwrap();
            instance.assert_as_before();
        }

        #[test]
        fn panics_go_on() {
            let instance = Instance::new();
            let payload = catch_unwind(AssertUnwindSafe(|| instance.call(panics))).unwrap_err();
            assert_eq!(payload.downcast_ref(), Some(&"payload"));
            instance.assert_as_before();
        }

        #[test]
        fn an_error_keeps_its_frames() {
            let error = Instance::new().call(fails_with_frames).unwrap_err();
            assert_eq!(error.backtrace().unwrap().frames[0].func_index, 7);
        }

        #[test]
        fn mutual_recursion_is_a_stack_overflow() {
            let instance = Instance::new();
            assert_eq!(instance.call(recurses).unwrap_err().as_trap(), Some(Trap::StackOverflow));
            instance.assert_as_before();
            let small = std::thread::Builder::new().stack_size(256 * 1024);
            let recurse = || Instance::new().call(recurses).unwrap_err().as_trap();
            assert_eq!(small.spawn(recurse).unwrap().join().unwrap(), Some(Trap::StackOverflow));
        }
    }
}
