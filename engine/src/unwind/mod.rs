//! Walks stacks through compiled code. Pure and safe: registers, the artifact's unwind tables and a reader of memory
//! in, the caller's registers out. It does not allocate, so a signal handler may use it.
//!
//! - [`frame`]: addresses and registers as types
//! - [`cursor`]: finds the rule for an address through `.eh_frame_hdr` and `.eh_frame`; and a step through the frame
//!   pointer alone, which tests compare with it
//! - [`rule`]: the rules as equations, and a step by one
//!
//! It does not walk host frames: the runtime chains activations, and a walk ends at the entry trampoline.

mod arch;
pub(crate) mod cursor;
pub(crate) mod frame;
pub(crate) mod rule;
