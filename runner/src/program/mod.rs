//! One program that runs until it returns, exits or traps: what `touchstone run` does.
//!
//! ```text
//! Program ─> source ─> run ─> machine: native (cache) | interp ─> values, or the reason why it stopped
//!                       └───> host: WASI
//! ```
//!
//! A [`Machine`](machine::Machine) is all that differs between the engines; the order of events is the same in each.

mod host;
#[cfg(feature = "interp")]
mod interp;
mod machine;
#[cfg(feature = "engine")]
mod native;
mod run;
mod source;
mod value;

use clap::ValueEnum;
use lanes::Features;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use run::run;

/// A program, what it may use, and how it runs.
#[derive(Debug)]
pub(crate) struct Program {
    /// The file: a module in binary or text form, or an artifact.
    pub(crate) path: PathBuf,
    /// The program's arguments after its name, or those of the function to call.
    pub(crate) arguments: Vec<String>,
    /// The exported function to call instead of the program's start.
    pub(crate) invoke: Option<String>,
    /// Modules whose exports the program, and later ones of these, may import under a name.
    pub(crate) preloads: Vec<(String, PathBuf)>,
    /// Directories, each with the name that the program sees.
    pub(crate) dirs: Vec<(PathBuf, String)>,
    /// Environment variables.
    pub(crate) env: Vec<(String, String)>,
    /// The tier. `None` leaves it to the file: an artifact has one.
    pub(crate) tier: Option<Tier>,
    /// The features that modules may use.
    pub(crate) features: Features,
    /// True if files may be artifacts, whose code is trusted.
    pub(crate) allow_precompiled: bool,
    pub(crate) limits: Limits,
    /// The profile that is made.
    #[cfg(feature = "engine")]
    pub(crate) profile: Option<Profiling>,
    /// The cache of compiled modules. `None` for none.
    #[cfg(feature = "engine")]
    pub(crate) cache: Option<engine::CacheSettings>,
    /// Called with what the user should hear of while the program runs.
    #[cfg(feature = "engine")]
    pub(crate) remark: fn(&dyn std::fmt::Display),
}

/// The limits of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The fuel.
    pub(crate) fuel: Option<u64>,
    /// The time.
    pub(crate) timeout: Option<Duration>,
    /// The bytes of each memory, and of the heap of objects.
    pub(crate) max_memory: Option<u64>,
}

/// A profile of a program.
#[cfg(feature = "engine")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Profiling {
    /// Files for others, which then know the functions.
    For(engine::ProfilingStrategy),
    /// A file of folded stacks, and the processor time between two samples.
    Guest(PathBuf, Duration),
}

/// A way to run a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Tier {
    /// Compile and optimize.
    #[cfg(feature = "engine")]
    Speed,
    /// Compile quickly.
    #[cfg(feature = "engine")]
    Quick,
    /// Interpret.
    #[cfg(feature = "interp")]
    Interp,
}

impl Tier {
    #[cfg(feature = "engine")]
    pub(crate) const DEFAULT: Tier = Tier::Speed;
    #[cfg(not(feature = "engine"))]
    pub(crate) const DEFAULT: Tier = Tier::Interp;
}

/// The reason why a program did not return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stopped {
    /// It exited with this code.
    #[cfg(feature = "wasi")]
    Exit(u32),
    /// It trapped. The text is the reason and the backtrace.
    Trap(String),
    /// It did not start, since something is wrong with a file or an option. The text says what, and what to do.
    Refused(String),
}
