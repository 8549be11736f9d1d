//! Faults in compiled code become traps here. `sys::signals` (on other hosts its sibling) catches them.
//!
//! A fault is ours only if the trap table of a loaded artifact lists its pc and compiled code runs on this thread.
//! Everything else belongs to whoever handled faults before.

use super::registry::CODE;
use super::{call, sys};
use crate::base::Result;
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
    call::stop_at_fault(trap, registers, &reader)
}
