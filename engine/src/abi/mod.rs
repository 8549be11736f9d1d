//! The contract between compiled code and the runtime: data layouts, calling conventions and library calls.
//!
//! # Calling conventions
//!
//! | code | convention | parameters | result |
//! |---|---|---|---|
//! | WebAssembly function | Cranelift's Tail | callee vmctx, caller vmctx, the parameters | the results |
//! | exit trampoline, one per signature | Tail | [`vmctx::HostFunc`], caller vmctx, the parameters | the results |
//! | library-call trampoline, one per used [`builtins::Builtin`] | Tail | vmctx, the arguments | as the library call |
//! | entry trampoline, one per signature | System V | as [`HostCall`] | [`OK`] or [`FAILED`] |
//! | host shim | System V | as [`HostShim`] | [`OK`] or [`FAILED`] |
//! | library call | System V | vmctx, the arguments, as in [`builtins`] | `i64`, [`FAILED`] if it failed |
//!
//! Signatures are [lowered](signature). The exit trampoline is the `wasm_call` of a host function, the entry trampoline
//! the `host_call` of a WebAssembly function.
//!
//! # Leaving compiled code
//!
//! A trampoline that leaves compiled code first stores its own frame pointer and its return address into
//! `VmStoreContext::exit_fp` and `exit_pc`. They are the last Wasm exit: a stack walk starts there, in the frame that
//! called the trampoline. When the host reports [`FAILED`], the trampoline calls [`builtins::Builtin::Raise`], which
//! never returns.
//!
//! An entry trampoline stores its frame pointer, its stack pointer and the address of its handler block into the store
//! context, then calls `wasm_call` with `try_call`. To stop execution, the signal handler or `Raise` sets pc, sp and fp
//! to these three values, and the handler block returns [`FAILED`]. The store records the reason.

pub(crate) mod builtins;
pub(crate) mod heap;
pub(crate) mod signature;
pub(crate) mod vmctx;

use core::ffi::c_void;
use vmctx::{VmContext, VmStoreContext};

/// The result of a call that succeeded.
pub(crate) const OK: i64 = 0;

/// The result of a call that failed by a trap, error or panic, which the store records. No library call that succeeds
/// returns this value.
pub(crate) const FAILED: i64 = -2;

/// A value in an argument or result array. The value's bytes are the low ones, little-endian; the other bytes are
/// unspecified. A function reference is the address of its `FuncRef`, any other reference its 32-bit offset in the
/// heap.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(16))]
pub(crate) struct ValRaw(pub(crate) [u8; 16]);

/// An entry trampoline: calls `wasm_call(callee, caller, values...)`. `values` holds the arguments and then the
/// results, and has room for the larger of the two counts. Returns [`OK`] or [`FAILED`].
///
/// The caller must save the store context's `entry_*`, `exit_*` and `stack_limit` fields, set `stack_limit`, and
/// restore the fields afterwards.
pub(crate) type HostCall = unsafe extern "C" fn(
    store: *mut VmStoreContext,
    wasm_call: *const c_void,
    callee: *mut c_void,
    caller: *mut VmContext,
    values: *mut ValRaw,
) -> i64;

/// The Rust side of a host function. `values` holds the arguments and then the results. Returns [`OK`] or [`FAILED`],
/// and never unwinds.
pub(crate) type HostShim =
    unsafe extern "C" fn(callee: *mut c_void, caller: *mut VmContext, values: *mut ValRaw, count: usize) -> i64;
