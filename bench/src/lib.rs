//! Our engine and another one side by side in one process: how long they take to compile, load, instantiate, call and
//! run, as ratios.
//!
//! `bench/README.md` says how to run it and how to read the table. Everything here works on any two [`Subject`]s, so the
//! tests run the whole benchmark with our engine on both sides; only the program needs Wasmtime, and the feature of that
//! name brings it in.

pub mod kernels;
pub mod measure;
mod ours;
pub mod plan;
pub mod subject;
pub mod table;
#[cfg(feature = "wasmtime")]
mod theirs;

pub use ours::Ours;
pub use subject::Subject;
#[cfg(feature = "wasmtime")]
pub use theirs::Theirs;

/// What can go wrong: whatever an engine says, a file that cannot be read, two engines that compute different results.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of what can go wrong.
pub type Result<T> = std::result::Result<T, Error>;
