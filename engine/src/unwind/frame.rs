//! Addresses and registers, as types that cannot be mistaken for one another.

/// An address in code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FrameAddress {
    /// Where execution stands: the next instruction to be executed, or the one that faulted.
    Instruction(u64),
    /// Where a call returns to. The call itself is the instruction before.
    Return(u64),
}

impl FrameAddress {
    /// The address to look up in tables. A call may be the last instruction of its function, so that the address behind
    /// it belongs to another one: a return address is looked up one byte before.
    pub(crate) fn lookup(self) -> u64 {
        match self {
            FrameAddress::Instruction(pc) => pc,
            FrameAddress::Return(pc) => pc.wrapping_sub(1),
        }
    }
}

/// The registers that a walk carries from frame to frame. Compiled WebAssembly keeps nothing else across calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Registers {
    /// Instruction pointer: rip.
    pub(crate) pc: u64,
    /// Stack pointer: rsp.
    pub(crate) sp: u64,
    /// Frame pointer: rbp.
    pub(crate) fp: u64,
}

/// Reads the stack that is walked.
pub(crate) trait ReadMemory {
    /// The 8 bytes at `address` in the machine's byte order; `None` if they cannot be read.
    fn read_u64(&self, address: u64) -> Option<u64>;
}

/// Why a step was not possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum UnwindError {
    /// The address is in no function.
    #[error("no unwind information for {0:#x}")]
    NoFunction(u64),
    /// `.eh_frame` does not decode.
    #[error("the unwind information is broken: {0}")]
    Broken(gimli::Error),
    /// A rule that Cranelift does not make.
    #[error("an unwind rule of a kind that compiled code does not use")]
    Rule,
    /// The stack cannot be read.
    #[error("the stack cannot be read at {0:#x}")]
    Memory(u64),
    /// The caller's frame would not be above the callee's: the stack is damaged.
    #[error("the caller's stack pointer {0:#x} is not above its callee's")]
    Stuck(u64),
}
