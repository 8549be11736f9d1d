//! The vocabulary of all other rooms: errors, traps, offsets, backtraces and the configuration.

pub(crate) mod arch;
mod backtrace;
#[cfg(feature = "compile")]
mod compile;
mod config;
mod error;
#[cfg(feature = "planted-faults")]
mod fault;
mod position;
mod trap;

pub use backtrace::{Backtrace, Frame};
#[cfg(feature = "compile")]
pub(crate) use compile::Compile;
pub use config::{Config, CpuFeatures, DigestCheck, MemoryChecks, Tier};
pub use error::{Error, ErrorKind, Result};
#[cfg(feature = "planted-faults")]
pub use fault::Fault;
pub use features::Features;
pub use position::{TextOffset, WasmOffset};
pub use trap::Trap;
