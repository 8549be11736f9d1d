//! Addresses in code and registers.

/// An address in code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FrameAddress {
    /// An instruction pointer: the address of the next instruction, or of the one that faulted.
    Instruction(u64),
    /// A return address. The call is the instruction before it.
    Return(u64),
}

impl FrameAddress {
    /// Returns the address to look up in tables. A call can be the last instruction of its function, so that its return
    /// address belongs to the next function. A return address is therefore looked up one byte before.
    pub(crate) fn lookup(self) -> u64 {
        match self {
            FrameAddress::Instruction(pc) => pc,
            FrameAddress::Return(pc) => pc.wrapping_sub(1),
        }
    }
}

/// The registers that a walk carries from frame to frame. Compiled WebAssembly keeps no other register across calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Registers {
    /// The instruction pointer.
    pub(crate) pc: u64,
    /// The stack pointer.
    pub(crate) sp: u64,
    /// The frame pointer.
    pub(crate) fp: u64,
}

/// A reader of the stack that is walked.
pub(crate) trait ReadMemory {
    /// Returns the 8 bytes at `address` in the machine's byte order; `None` if they cannot be read.
    fn read_u64(&self, address: u64) -> Option<u64>;
}

/// The reason why a step is impossible.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum UnwindError {
    /// No function contains the address.
    #[error("no unwind information for {0:#x}")]
    NoFunction(u64),
    /// `.eh_frame` does not decode.
    #[error("the unwind information is broken: {0}")]
    Broken(gimli::Error),
    /// The rule is of a kind that Cranelift does not make.
    #[error("the unwind rule is of a kind that compiled code does not use")]
    Rule,
    /// The stack cannot be read.
    #[error("the stack cannot be read at {0:#x}")]
    Memory(u64),
    /// The caller's frame is not above the callee's, so the stack is damaged.
    #[error("the caller's stack pointer {0:#x} is not above its callee's")]
    Stuck(u64),
}
