//! The contract between compiled code and the runtime: data layouts, calling conventions and library calls.
//!
//! # Calling conventions
//!
//! | code | convention | parameters | result |
//! |---|---|---|---|
//! | a WebAssembly function | Cranelift's Tail | callee vmctx, caller vmctx, the parameters | the results |
//! | exit trampoline (`wasm_call` of a host function), one per lowered signature | Tail | callee's [`vmctx::HostFunc`], caller vmctx, the parameters | the results |
//! | library-call trampoline, one per [`builtins::Builtin`] in use | Tail | vmctx, the arguments | as the library call |
//! | entry trampoline (`host_call`), one per lowered signature | System V, [`HostCall`] | see there | [`OK`] or [`FAILED`] |
//! | host shim | System V, [`HostShim`] | see there | [`OK`] or [`FAILED`] |
//! | library call | System V | vmctx, the arguments, as [`builtins`] lists them | `i64`, [`FAILED`] if it failed |
//!
//! Before a trampoline leaves compiled code it stores its own frame pointer and its return address into
//! `VmStoreContext::exit_fp` and `exit_pc`: a stack walk starts there, in the frame that called the trampoline. When the
//! host reports [`FAILED`], the trampoline calls [`builtins::Builtin::Raise`], which never returns.
//!
//! An entry trampoline stores its frame pointer, its stack pointer and the address of its handler block into the store
//! context, then calls `wasm_call` with `try_call`. Whoever stops execution (the signal handler, `Raise`) sets pc, sp
//! and fp to these three values; the handler block returns [`FAILED`]. What happened stands on the host's side.

pub(crate) mod builtins;
pub(crate) mod heap;
pub(crate) mod signature;
pub(crate) mod vmctx;

use core::ffi::c_void;
use vmctx::{VmContext, VmStoreContext};

/// The call went well.
pub(crate) const OK: i64 = 0;

/// The call failed (trap, error or panic): the store knows why. No library call returns this value otherwise.
pub(crate) const FAILED: i64 = -2;

/// A value in an argument or result array: the value's bytes in the low bytes, little-endian; the other bytes are
/// unspecified. References: an `externref` is its 32-bit index, a `funcref` the address of its `FuncRef`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(16))]
pub(crate) struct ValRaw(pub(crate) [u8; 16]);

/// Enters WebAssembly: calls `wasm_call(callee, caller, values...)`. `values` holds the arguments and then the results,
/// with room for the larger of the two counts. Returns [`OK`] or [`FAILED`].
///
/// The caller has saved what stood in the store context's `entry_*`, `exit_*` and `stack_limit` fields, has set
/// `stack_limit`, and restores them afterwards.
pub(crate) type HostCall = unsafe extern "C" fn(
    store: *mut VmStoreContext,
    wasm_call: *const c_void,
    callee: *mut c_void,
    caller: *mut VmContext,
    values: *mut ValRaw,
) -> i64;

/// Enters the host: the Rust side of a host function. `values` holds the arguments and takes the results.
/// Returns [`OK`] or [`FAILED`]; never unwinds.
pub(crate) type HostShim =
    unsafe extern "C" fn(callee: *mut c_void, caller: *mut VmContext, values: *mut ValRaw, count: usize) -> i64;
