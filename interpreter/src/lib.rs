#![no_std]
#![forbid(unsafe_code)]
//! All of WebAssembly as safe code: an interpreter that reads like the specification.

extern crate alloc;
#[cfg(feature = "threads")]
extern crate std;

mod slot;
mod trap;

pub use trap::Trap;
