//! Walks stacks through compiled code. Pure and safe: registers, the artefact's unwind tables and a reader of memory in,
//! the caller's registers out. It does not allocate, so a signal handler may use it.
//!
//! - [`frame`]: addresses and registers as types
//! - [`cursor`]: one step, through `.eh_frame_hdr` and the rules of `.eh_frame`; and one through the frame pointer alone,
//!   which tests compare it with
//! - [`rule`]: the rules as equations
//!
//! It does not walk host frames: the runtime chains activations, and a walk ends at the entry trampoline.

pub(crate) mod cursor;
pub(crate) mod frame;
mod rule;
