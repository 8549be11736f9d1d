//! Everything in the compiler that depends on the architecture that code is made for, which is the host's.
//!
//! | item | is |
//! |---|---|
//! | `CPU_FEATURES` | Cranelift's CPU flags, and the names under which an artifact records them |
//! | `PADDING` | the byte between pieces of code |
//! | `relocate` | the relocations that the linker resolves |
//! | `call_frame_rules` | the unwind rules of a function, at every instruction |
//! | `locate` | where values are, at each instruction of a function |
//! | `Fallback` | routines in place of instructions that a CPU lacks |
//! | `relaxed` | single instructions for relaxed vector operations |
//!
//! Another architecture brings a file with these items, and its lines here.

#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the compiler needs a file for this architecture in compile/arch");

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{CPU_FEATURES, Fallback, PADDING, Seed, call_frame_rules, locate, relaxed, relocate};
