//! Entering and leaving compiled code.
//!
//! Each entry is an [`Activation`]. Compiled code is left in three ways:
//!
//! - it returns;
//! - it faults, and the signal handler resumes at the handler block of the entry trampoline ([`trap`]);
//! - a library call or host function fails: it records the reason ([`fail`]) and returns [`FAILED`], upon which
//!   compiled code calls [`raise`]. That resumes at the same handler block, or at an exception's handler that
//!   [`resume_at`] chose.
//!
//! Resuming drops compiled frames only. No Rust frame is in between, so no destructor is skipped. A panic of the host
//! waits in the activation and resumes in [`invoke`], where no compiled frame is left.

use super::activation::Activation;
use super::stack_walk::RawBacktrace;
use super::{backtrace, sys, trap};
use crate::abi::vmctx::{FuncRef, VmStoreContext};
use crate::abi::{FAILED, ValRaw};
use crate::base::Result;
use crate::unwind::frame::Registers;
use core::ptr::null_mut;

pub(crate) use super::activation::Stop;
pub(crate) use sys::raise;

/// Calls a WebAssembly function, which is one that has a `host_call`.
///
/// # Errors
/// A trap with its backtrace, the error that a host function returned, or kind
/// [`Resource`](crate::base::ErrorKind::Resource) if the thread or the stack cannot be made ready.
///
/// # Panics
/// When a host function has panicked: its panic resumes here.
///
/// # Safety
/// `store` and `func` are alive, of the same store, and used by this thread alone; `values` has the function's
/// arguments and room for its results.
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
    let limit = activation.stack_limit(max_wasm_stack).map_err(|error| {
        // SAFETY: the caller vouches for the store.
        error.with_backtrace(unsafe { backtrace::capture(store) }.resolve())
    })?;
    // Zeroes say that nothing was entered or left yet: a fault or a walk before the trampoline has stored its own
    // values must not believe those of an older activation.
    // SAFETY: the context is alive.
    unsafe {
        (*store).stack_limit = limit;
        (*store).entry_pc = 0;
        (*store).exit_fp = 0;
        (*store).exit_pc = 0;
    }
    #[cfg(feature = "probes")]
    let _entry = super::unwind_proof::Entry::new();
    // SAFETY: `enter` is the entry trampoline for the signature of `func`, and the caller vouches for the rest.
    activation.run(|| unsafe { enter(store, func.wasm_call, func.vmctx, null_mut(), values) })
}

/// Records why the innermost call on this thread stops, with the backtrace of its store unless an error brings its own.
/// Returns [`FAILED`], for library calls and host shims to return.
pub(crate) fn fail(stop: Stop) -> i64 {
    Activation::with_newest(|newest| {
        let newest = newest.expect("library calls and host shims run inside an activation");
        let frames = match &stop {
            // Nobody reads the frames of a panic.
            Stop::Panic(_) => RawBacktrace::default(),
            Stop::Error(error) if error.backtrace().is_some() => RawBacktrace::default(),
            // SAFETY: an activation's store is alive, and its thread is this one.
            Stop::Error(_) | Stop::Trap(_) => unsafe { backtrace::capture(newest.store()) },
        };
        newest.stop(stop, frames);
        // SAFETY: an activation's store is alive, and its thread is this one. The registers are those of the handler of
        // the newest entry trampoline, whose call is under way until the activation ends.
        unsafe { resume_at(newest.store(), newest.entry_handler(), 0) };
    });
    FAILED
}

/// Makes [`raise`] continue with these registers, and with `payload` for the handler.
///
/// # Safety
/// The store is alive, its newest compiled code waits for this thread, and the registers are those of a handler of a
/// call that is under way in its newest activation.
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

#[cfg(test)]
mod tests {
    //! Entering and leaving, with an entry trampoline by hand, and Rust functions instead of compiled code.

    use super::sys::testing::enter;
    use super::*;
    use crate::abi::vmctx::VmContext;
    use crate::base::{Error, Trap};
    use core::ffi::c_void;
    use core::ptr::null;
    use core::sync::atomic::AtomicU64;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const MAX_STACK: usize = 512 * 1024;

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
            Activation::with_newest(|newest| assert!(newest.is_none()));
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
        // SAFETY: the tests' functions take the part of compiled code, and leave nothing to drop.
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
