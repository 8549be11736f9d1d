//! The code of one function.
//!
//! # Frame
//!
//! A function sees a window of slots that starts at its base:
//!
//! ```text
//! 0              parameters, as the caller left them; results, when the function returns
//! parameters     the other locals
//! locals         the operand stack: each operand has a slot of its own, its home
//! slots          the frames of callees begin at the home of their first argument
//! ```
//!
//! # Invariants
//!
//! - An instruction names only slots of the frame, or the scratch slots at the end of the window
//!   ([`SCRATCH`](super::stack::SCRATCH)), which hold the operands that lie too far for a [`Reg`](crate::slot::Reg).
//!   No local and no operand has scratch slots.
//! - A value of 32 bits has zeros in the high half of its slot.
//! - Where several ways of execution meet, all operands are in their homes.
//! - Branches lead to instructions of the same code, and the last instruction ends the function.

use super::op::Op;
use super::rare::Rare;
use crate::types::{RefType, TypeIndex};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The code of one function.
#[derive(Debug, Default)]
pub(crate) struct Code {
    /// The instructions.
    pub(crate) ops: Box<[Op]>,
    /// For each instruction the byte offset in the binary of the one that it comes from.
    pub(crate) offsets: Box<[u32]>,
    /// The constants that [`Op::ConstAt`] names.
    pub(crate) constants: Box<[u64]>,
    /// The indirect calls that [`Op::CallIndirect`] and [`Op::ReturnCallIndirect`] name.
    pub(crate) sites: Box<[Site]>,
    /// The instructions that [`Op::SwitchStack`] names.
    pub(crate) switches: Box<[StackSwitch]>,
    /// The handlers that [`StackSwitch`] names.
    pub(crate) handlers: Box<[Box<[Handler]>]>,
    /// The types that tests and casts name.
    pub(crate) cast_types: Box<[RefType<TypeIndex>]>,
    /// The instructions that [`Op::Rare`] names.
    pub(crate) rare: Box<[Rare]>,
    /// The offsets in the binary at which straight code begins, in order. Empty unless the engine tracks code.
    pub(crate) straight: Box<[u32]>,
    /// The targets that [`Op::BrTable`] names: indices of instructions.
    pub(crate) targets: Box<[u32]>,
    /// The parts of the code that handlers protect, in the order of their starts. An inner region follows those around
    /// it.
    pub(crate) regions: Box<[Region]>,
    /// The number of slots of the parameters.
    pub(crate) parameters: u32,
    /// The number of slots of all locals with the parameters.
    pub(crate) locals: u32,
    /// The number of slots of the frame.
    pub(crate) slots: u32,
}

/// A part of the code whose exceptions go to handlers
/// ([Exceptions](https://webassembly.github.io/spec/core/exec/runtime.html#exception-handlers)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// The first protected instruction.
    pub(crate) start: u32,
    /// The end of the protected instructions.
    pub(crate) end: u32,
    /// The region around this one.
    pub(crate) around: Option<u32>,
    /// The region whose handlers are next: the one around this one, or the one that a legacy `delegate` names.
    pub(crate) outer: Option<u32>,
    /// The handlers, in order.
    pub(crate) catches: Vec<Catch>,
}

/// A handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Catch {
    /// The index of the tag that it takes; `None` if it takes all.
    pub(crate) tag: Option<u32>,
    /// True if it receives the reference to the exception, after the payload.
    pub(crate) with_reference: bool,
    /// The slot that receives the first value.
    pub(crate) slot: u32,
    /// The slot that keeps the exception for a legacy `rethrow`.
    pub(crate) kept: Option<u32>,
    /// The instruction that goes on.
    pub(crate) target: u32,
}

/// An instruction that goes on with another stack
/// ([Stack switching][proposal]).
///
/// [proposal]: https://github.com/WebAssembly/stack-switching/blob/main/proposals/stack-switching/Explainer.md
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StackSwitch {
    /// The instruction.
    pub(crate) kind: SwitchKind,
    /// The slot of the first operand, where the results go too.
    pub(crate) row: u32,
    /// The number of slots of the operands below the continuation.
    pub(crate) operands: u32,
}

/// The instruction that goes on with another stack. Handlers are named by their position in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SwitchKind {
    /// `resume`.
    Resume {
        /// The handlers.
        handlers: u32,
    },
    /// `resume_throw`.
    ResumeThrow {
        /// The index of the exception's tag.
        tag: u32,
        /// The handlers.
        handlers: u32,
    },
    /// `resume_throw_ref`.
    ResumeThrowRef {
        /// The handlers.
        handlers: u32,
    },
    /// `suspend`.
    Suspend {
        /// The index of the tag.
        tag: u32,
    },
    /// `switch`.
    Switch {
        /// The index of the tag.
        tag: u32,
        /// The index of the type of the continuation that is made.
        ty: u32,
    },
}

/// A handler of a `resume`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handler {
    /// The index of the tag that it takes.
    pub(crate) tag: u32,
    /// The label at which a suspension goes on; `None` if the handler takes `switch` and not `suspend`.
    pub(crate) label: Option<HandlerLabel>,
}

/// The place where a handler goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandlerLabel {
    /// The slot that receives the first value.
    pub(crate) slot: u32,
    /// The index of the type of the continuation that it receives after the values.
    pub(crate) ty: u32,
    /// The instruction that goes on.
    pub(crate) target: u32,
}

/// The immediates of an indirect call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// The index of the type that the callee must have.
    pub(crate) ty: u32,
    /// The index of the table.
    pub(crate) table: u32,
}
