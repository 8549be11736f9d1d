//! Loading and running artefacts. This room is the only one with `unsafe` code.
#![expect(unsafe_code, reason = "executable memory, signal handlers and the structures that compiled code shares")]

pub(crate) mod backtrace;
pub(crate) mod call;
pub(crate) mod code;
pub(crate) mod registry;
pub(crate) mod sys;
pub(crate) mod trap;
