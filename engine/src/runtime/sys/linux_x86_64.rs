//! The registers of an interrupted thread on x86-64 Linux.

use crate::unwind::frame::Registers;
#[cfg(feature = "probes")]
use libc::{REG_EFL, REG_R12, REG_R13, REG_R14, REG_R15, REG_RBX};
use libc::{REG_RAX, REG_RBP, REG_RDX, REG_RIP, REG_RSP, ucontext_t};

/// Reads the registers at the fault.
pub(super) fn registers(context: &ucontext_t) -> Registers {
    let get = |register: i32| context.uc_mcontext.gregs[register as usize].cast_unsigned();
    Registers { pc: get(REG_RIP), sp: get(REG_RSP), fp: get(REG_RBP) }
}

/// Makes the thread continue with these registers. The two that carry the payload to a handler block are zero.
pub(super) fn resume(context: &mut ucontext_t, registers: Registers) {
    let mut set = |register: i32, value: u64| context.uc_mcontext.gregs[register as usize] = value.cast_signed();
    set(REG_RIP, registers.pc);
    set(REG_RSP, registers.sp);
    set(REG_RBP, registers.fp);
    set(REG_RAX, 0);
    set(REG_RDX, 0);
}

/// Reads the other registers that the calling convention preserves, in the order of
/// [`PRESERVED`](crate::unwind::arch::PRESERVED).
#[cfg(feature = "probes")]
pub(super) fn preserved(context: &ucontext_t) -> [u64; 5] {
    [REG_RBX, REG_R12, REG_R13, REG_R14, REG_R15]
        .map(|register| context.uc_mcontext.gregs[register as usize].cast_unsigned())
}

/// Makes the thread stop after each instruction from here on, or no more.
#[cfg(feature = "probes")]
pub(super) fn set_single_step(context: &mut ucontext_t, on: bool) {
    const TRAP_FLAG: i64 = 1 << 8;
    let flags = &mut context.uc_mcontext.gregs[REG_EFL as usize];
    *flags = if on { *flags | TRAP_FLAG } else { *flags & !TRAP_FLAG };
}
