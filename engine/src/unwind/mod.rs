//! Stack walks through compiled code. The code is pure and safe: from registers, an artifact's unwind tables and a
//! reader of memory it computes the caller's registers. It does not allocate, so that a signal handler may use it.
//!
//! - [`frame`]: addresses and registers as types
//! - [`cursor`]: finds the rule for an address in `.eh_frame_hdr` and `.eh_frame`. A step by the frame pointer alone
//!   serves as a cross-check in tests.
//! - [`rule`]: the rules as equations, and a step by a rule
//!
//! A walk ends at the entry trampoline. It does not enter host frames: the runtime chains the activations instead.

pub(crate) mod arch;
pub(crate) mod cursor;
pub(crate) mod frame;
pub(crate) mod rule;
