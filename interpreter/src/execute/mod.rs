//! Execution: frames, calls, and the loop over the instructions of the internal code.
//!
//! The loop knows nothing of the embedder's data. Where code calls a host function, the loop [exits](Exit); whoever
//! runs it calls the function and then runs it again. So the native stack never holds more than one loop for each call
//! of the embedder, however deep WebAssembly functions call each other.
//!
//! | file | holds |
//! |---|---|
//! | `run` | the loop |
//! | `call` | what a call needs before the loop goes on: code that is not there yet, indirect callees |
//! | `context` | the view of the store that instructions outside of the loop have |
//! | `unwind` | the way of exceptions to their handlers, and backtraces |
//! | `stacks` | stack switching: frames that leave the list as a continuation and come back |

pub(crate) mod aggregate;
pub(crate) mod atomic;
mod call;
mod context;
pub(crate) mod coverage;
pub(crate) mod exception;
pub(crate) mod memory;
pub(crate) mod numeric;
pub(crate) mod reference;
mod run;
pub(crate) mod shared;
pub(crate) mod stacks;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod unwind;
pub(crate) mod variable;

pub(crate) use self::call::enter;
pub(crate) use self::context::Context;
pub(crate) use self::run::run;
pub(crate) use self::stacks::Prompt;
pub(crate) use self::unwind::{backtrace, handle};

use crate::Trap;
use crate::error::Error;
use crate::slot::{RawRef, Registers, WINDOW};

/// An active call of a function
/// ([Activations and frames](https://webassembly.github.io/spec/core/exec/runtime.html#activations-and-frames)).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// The address of the function.
    pub(crate) function: u32,
    /// The address of its instance.
    pub(crate) instance: u32,
    /// The next instruction, as of the last time that the function was left.
    pub(crate) pc: u32,
    /// The first slot of the frame.
    pub(crate) base: u32,
}

/// A reason for the loop to end.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The outermost function has returned; its results lie at the start of its frame.
    Returned,
    /// Code calls the host function at this address; the arguments begin at `base`, and the results go there.
    Host {
        /// The address of the function.
        function: u32,
        /// The slot of the stack.
        base: u32,
        /// The address of the instance whose code calls.
        caller: u32,
    },
    /// Code cannot go on.
    Stopped(Stop),
}

/// A reason for code not to go on with the next instruction.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A trap.
    Trap(Trap),
    /// An exception that is on its way to a handler, or that nothing has caught.
    Exception(RawRef),
    /// A failure that is not the code's own.
    Error(Error),
}

impl From<Trap> for Stop {
    fn from(trap: Trap) -> Stop {
        Stop::Trap(trap)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Error(error)
    }
}

/// Returns the window of the frame that starts at a slot of the stack.
#[inline(always)]
fn window(stack: &mut [u64], base: u32) -> &mut Registers {
    let slots = &mut stack[base as usize..base as usize + WINDOW];
    slots.try_into().expect("the slice is as long as a window")
}
