//! The DWARF numbers of the registers that a walk carries
//! ([System V ABI, x86-64 supplement, figure 3.36](https://gitlab.com/x86-psABIs/x86-64-ABI)).

use gimli::Register;

/// The column of the return address.
#[cfg(target_arch = "x86_64")]
pub(super) const RETURN_ADDRESS: Register = gimli::X86_64::RA;

/// The frame pointer.
#[cfg(target_arch = "x86_64")]
pub(super) const FRAME_POINTER: Register = gimli::X86_64::RBP;

/// The stack pointer.
#[cfg(target_arch = "x86_64")]
pub(super) const STACK_POINTER: Register = gimli::X86_64::RSP;

/// The other registers that the platform's calling convention preserves: rbx, r12 to r15.
#[cfg(all(target_arch = "x86_64", feature = "probes"))]
pub(crate) const PRESERVED: [Register; 5] =
    [gimli::X86_64::RBX, gimli::X86_64::R12, gimli::X86_64::R13, gimli::X86_64::R14, gimli::X86_64::R15];
