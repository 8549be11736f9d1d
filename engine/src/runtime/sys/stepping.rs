//! Single steps: a signal after each instruction of a thread that asked for it.

use super::context;
use super::signals::{default_action, set_action};
use crate::base::{Error, ErrorKind, Result};
use crate::unwind::frame::Registers;
use core::ffi::{c_int, c_void};
use libc::{siginfo_t, ucontext_t};
use std::sync::OnceLock;

/// The state of a thread between two instructions.
pub(crate) struct Step {
    /// The registers that a walk carries.
    pub(crate) registers: Registers,
    /// The other registers that the calling convention preserves.
    pub(crate) preserved: [u64; 5],
}

/// Looks at a step, and returns whether the thread goes on in single steps. Runs in a signal handler.
pub(crate) type OnStep = fn(&Step) -> bool;

static ON_STEP: OnceLock<OnStep> = OnceLock::new();

/// Installs the handler; later calls do nothing.
///
/// # Errors
/// Kind [`Resource`](ErrorKind::Resource) if the system refuses it.
pub(crate) fn install_stepping(on_step: OnStep) -> Result<()> {
    if ON_STEP.set(on_step).is_err() {
        return Ok(());
    }
    let mut action = default_action();
    action.sa_sigaction = handler as *const () as usize;
    // The alternate stack: the thread may be near the end of its own, and nothing below its stack pointer may change.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    set_action(libc::SIGTRAP, Some(&action)).map(|_| ()).map_err(|error| {
        Error::new(ErrorKind::Resource, format!("cannot install the signal handler for single steps: {error}"))
    })
}

unsafe extern "C" fn handler(_signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes both to a handler that has SA_SIGINFO, and nothing else uses them meanwhile.
    let (code, interrupted) = unsafe { ((*info).si_code, &mut *context.cast::<ucontext_t>()) };
    let on_step = ON_STEP.get().filter(|_| code == libc::TRAP_TRACE);
    let Some(on_step) = on_step else {
        // A breakpoint, or a signal that a process sent: the default action.
        // SAFETY: sets the default action and sends a signal to this thread, which is taken when this handler returns.
        unsafe {
            let _ = set_action(libc::SIGTRAP, Some(&default_action()));
            libc::raise(libc::SIGTRAP);
        }
        return;
    };
    let step = Step { registers: context::registers(interrupted), preserved: context::preserved(interrupted) };
    context::set_single_step(interrupted, on_step(&step));
}
