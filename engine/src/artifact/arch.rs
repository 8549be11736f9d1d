//! The target's architecture in an artifact.

use object::elf;

/// The machine that the ELF header names.
#[cfg(target_arch = "x86_64")]
pub(super) const MACHINE: elf::Machine = elf::EM_X86_64;
