//! Entering and leaving compiled code.

use crate::abi::ValRaw;
use crate::abi::vmctx::{FuncRef, HostFunc, StoreContext, VmContext};
use crate::base::{Error, Result, Trap};
use core::any::Any;

/// Why the host stops the WebAssembly code that called it.
pub(crate) enum Stop {
    /// The call traps.
    Trap(Trap),
    /// A host function returned an error.
    Error(Error),
    /// A host function panicked; the panic goes on behind the entry trampoline.
    Panic(Box<dyn Any + Send>),
}

/// Calls a WebAssembly function (`func.host_call` is there).
pub(crate) unsafe fn invoke(
    store: *mut StoreContext,
    max_wasm_stack: usize,
    func: &FuncRef,
    values: *mut ValRaw,
) -> Result<()> {
    let _ = (store, max_wasm_stack, func, values);
    todo!()
}

/// Calls a host function's shim from the host, without compiled code between: what the shim hands to [`fail`] comes
/// back as the error, a panic goes on here.
pub(crate) unsafe fn invoke_host(
    store: *mut StoreContext,
    callee: *mut HostFunc,
    values: *mut ValRaw,
    count: usize,
) -> Result<()> {
    let _ = (store, callee, values, count);
    todo!()
}

/// Records why the innermost call on this thread stops, with the backtrace of its store. Library calls and host shims
/// return its result, [`FAILED`](crate::abi::FAILED).
pub(crate) fn fail(stop: Stop) -> i64 {
    drop(stop);
    todo!()
}

/// `Builtin::Raise`: leaves compiled code.
pub(crate) unsafe extern "C" fn raise(vmctx: *mut VmContext) -> i64 {
    let _ = vmctx;
    todo!()
}
