//! The vocabulary of all other rooms: errors, traps, offsets, backtraces and the configuration.

/// True if this fault is planted: into the whole process, or into the code of the engine with this configuration.
#[cfg(feature = "planted-faults")]
macro_rules! planted {
    ($fault:ident) => {
        $crate::base::Fault::of_process() == Some($crate::base::Fault::$fault)
    };
    ($fault:ident, $config:expr) => {
        $config.fault == Some($crate::base::Fault::$fault)
    };
}

/// False: no faults are planted into this build.
#[cfg(not(feature = "planted-faults"))]
macro_rules! planted {
    ($($fault:tt)*) => {
        false
    };
}

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
pub use config::{Config, CpuFeatures, DigestCheck, MemoryChecks, ProfilingStrategy, Tier};
pub use error::{Error, ErrorKind, Result};
#[cfg(feature = "planted-faults")]
pub use fault::{Fault, Part};
pub use features::Features;
pub(crate) use planted;
pub use position::{TextOffset, WasmOffset};
pub use trap::Trap;
