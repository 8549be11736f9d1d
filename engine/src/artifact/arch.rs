//! The target's architecture in an artifact.

use object::elf;

/// The machine that the ELF header names.
#[cfg(target_arch = "x86_64")]
pub(crate) const MACHINE: elf::Machine = elf::EM_X86_64;

/// The CIE of every `.eh_frame`.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const CIE: [u8; 24] = [
    20, 0, 0, 0, // the length of what follows
    0, 0, 0, 0, // a CIE, not an FDE
    1, // version
    b'z', b'R', 0, // augmentation: its data is the encoding of addresses
    1, // code alignment factor
    0x78, // data alignment factor: -8
    16, // the column of the return address
    1, 0x1b, // augmentation data: addresses are pc-relative and have 32 bits with a sign
    0x0c, 7, 8, // the CFA is rsp + 8
    0x90, 1, // the return address is at CFA - 8
    0, 0, // padding
];

/// The first call frame instructions of every FDE. They describe the frame after `push rbp`: the CFA is rsp + 16, and
/// the caller's rbp is at CFA - 16.
#[cfg(target_arch = "x86_64")]
pub(super) const FRAME_PUSHED: [u8; 5] = [0x41, 0x0e, 16, 0x86, 2];

/// The offset in its function at which [`FRAME_PUSHED`] begins to hold.
#[cfg(target_arch = "x86_64")]
pub(super) const PUSHED_AT: u32 = 1;

/// The call frame instruction after `mov rbp, rsp`: the CFA is rbp + 16.
#[cfg(target_arch = "x86_64")]
pub(super) const FRAME_SET: [u8; 2] = [0x0d, 6];

/// The size of the return address and the saved rbp: the CFA is this far above rbp.
#[cfg(target_arch = "x86_64")]
pub(super) const LINK: u32 = 16;

/// The DWARF numbers of the registers that a prologue may save, in the order in which it saves them: rbx, r12 to r15.
#[cfg(target_arch = "x86_64")]
pub(super) const SAVED: [u8; 5] = [3, 12, 13, 14, 15];

/// The first slot for a saved register, in words below the CFA. The slots above hold the return address and rbp.
#[cfg(target_arch = "x86_64")]
pub(super) const FIRST_SLOT: u32 = 3;

/// The call frame instructions after `pop rbp`: the CFA is rsp + 8, and rbp is the caller's.
#[cfg(target_arch = "x86_64")]
pub(super) const FRAME_POPPED: [u8; 4] = [0x0c, 7, 8, 0xc6];
