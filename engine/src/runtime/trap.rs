//! Turns faults in compiled code into traps. `sys` catches the faults.
//!
//! A fault is a trap only if the trap table of a loaded artifact lists its pc and compiled code runs on this thread.
//! All other faults go to whoever handled faults before.

use super::activation::{Activation, Stop};
use super::code::{CODE, CodeReader};
use super::{backtrace, sys};
use crate::base::{Result, Trap};
use crate::unwind::frame::Registers;

/// Makes the calling thread ready to run compiled code. Later calls on the same thread are cheap.
pub(super) fn prepare_thread() -> Result<()> {
    sys::install(on_fault)?;
    sys::prepare_thread()
}

/// Decides about a fault at `registers.pc`: returns the registers to continue with if it is a trap. Runs in a signal
/// handler, on the faulting thread.
fn on_fault(registers: &Registers) -> Option<Registers> {
    // Up to here, and in both lookups, nothing is allocated and no lock is taken: the fault may have happened anywhere,
    // in the allocator too.
    let reader = CODE.read();
    let trap = reader.at(registers.pc)?.trap_at(registers.pc)?;
    // The fault happened in compiled code, which holds no lock, so that memory may be allocated from here on.
    stop_at_fault(trap, registers, &reader)
}

/// Stops compiled code that faulted: captures its backtrace and returns the registers to continue with, which are those
/// of the entry trampoline's handler block. `None` if no compiled code runs on this thread.
fn stop_at_fault(trap: Trap, registers: &Registers, reader: &CodeReader<'_>) -> Option<Registers> {
    Activation::with_newest(|newest| {
        let newest = newest?;
        let handler = newest.entry_handler();
        // Not below the stack pointer of the trampoline, but below its frame pointer: a tail call puts the callee's
        // frame where the arguments of the first function were, inside the trampoline's frame.
        if handler.pc == 0 || registers.sp > handler.fp {
            return None;
        }
        // SAFETY: the faulting instruction is in loaded code, and its stack pointer is below the frame of the newest
        // entry trampoline: it is compiled code of the newest activation.
        let frames = unsafe { backtrace::capture_fault(newest, registers, reader) };
        newest.stop(Stop::Trap(trap), frames);
        Some(handler)
    })
}
