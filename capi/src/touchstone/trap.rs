//! Properties of traps and frames beyond the standard's.

use super::error::{number, touchstone_error_kind_t};
use crate::trap::{wasm_frame_t, wasm_trap_t};
use crate::vec::wasm_byte_vec_t;
use core::mem::MaybeUninit;
use engine::ErrorKind;

/// Returns the kind of the error that a trap stands for; 255 if the pointer is null.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_trap_kind(trap: Option<&wasm_trap_t>) -> touchstone_error_kind_t {
    trap.map_or(touchstone_error_kind_t::MAX, |trap| number(trap.kind()))
}

/// Returns the stable number of a trap of WebAssembly; 0 if this is another one. docs/c.md has the numbers.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_trap_code(trap: Option<&wasm_trap_t>) -> u8 {
    match trap.map(wasm_trap_t::kind) {
        Some(ErrorKind::Trap(trap)) => trap.code(),
        _ => 0,
    }
}

/// Writes the code with which a program of WASI has ended. Returns false if the trap is another one.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_trap_exit_code(trap: Option<&wasm_trap_t>, out: Option<&mut MaybeUninit<u32>>) -> bool {
    let code = trap.and_then(wasm_trap_t::exit_code);
    if let (Some(code), Some(out)) = (code, out) {
        out.write(code);
    }
    code.is_some()
}

/// Writes a name, with a zero byte at its end, and returns true, or writes an empty vector and returns false.
fn finish(name: Option<&str>, out: Option<&mut MaybeUninit<wasm_byte_vec_t>>) -> bool {
    if let Some(out) = out {
        out.write(name.map(|name| name.bytes().chain([0]).collect()).unwrap_or_default());
    }
    name.is_some()
}

/// Writes the name of a frame's function, which ends with a zero byte. Returns false if it has none.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_frame_func_name(
    frame: Option<&wasm_frame_t>,
    out: Option<&mut MaybeUninit<wasm_byte_vec_t>>,
) -> bool {
    finish(frame.and_then(|frame| frame.0.func_name.as_deref()), out)
}

/// Writes the name of a frame's module, which ends with a zero byte. Returns false if it has none.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_frame_module_name(
    frame: Option<&wasm_frame_t>,
    out: Option<&mut MaybeUninit<wasm_byte_vec_t>>,
) -> bool {
    finish(frame.and_then(|frame| frame.0.module_name.as_deref()), out)
}
