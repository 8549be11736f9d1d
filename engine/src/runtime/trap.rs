//! Faults in compiled code become traps here. `sys::signals` (on other hosts its sibling) catches them.
//!
//! A fault is ours only if the trap table of a loaded artifact lists its pc and compiled code runs on this thread.
//! Everything else belongs to whoever handled faults before.

use super::activation::{Activation, Stop};
use super::registry::{CODE, CodeReader};
use super::{backtrace, sys};
use crate::base::{Result, Trap};
use crate::unwind::frame::Registers;

/// Makes the calling thread ready to run compiled code. Cheap when it is.
pub(super) fn prepare_thread() -> Result<()> {
    sys::install(on_fault)?;
    sys::prepare_thread()
}

/// Decides about a fault at `registers.pc`: where to go on if it is a trap. Runs in a signal handler, on the faulting
/// thread. As the fault happened in compiled code, which holds no lock, memory may be allocated once it is ours.
fn on_fault(registers: &Registers) -> Option<Registers> {
    let reader = CODE.read();
    let trap = reader.at(registers.pc)?.trap_at(registers.pc)?;
    stop_at_fault(trap, registers, &reader)
}

/// Stops compiled code that faulted with a trap: captures its backtrace and returns the registers to go on with. `None`
/// if no compiled code runs on this thread.
fn stop_at_fault(trap: Trap, registers: &Registers, reader: &CodeReader<'_>) -> Option<Registers> {
    Activation::with_newest(|newest| {
        let newest = newest?;
        let handler = newest.entry_handler();
        // A tail call puts the callee's frame where the arguments of the first one were, in the trampoline's frame.
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
