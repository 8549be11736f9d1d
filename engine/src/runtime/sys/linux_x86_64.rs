//! The registers of an interrupted thread on x86-64 Linux.

use crate::unwind::frame::Registers;
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
