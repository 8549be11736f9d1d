//! A benchmark of two engines side by side in one process: the times to compile, load, instantiate, call and run, as
//! ratios.
//!
//! `bench/README.md` says how to run it and how to read the table. Everything works on any two [`Subject`]s, so the
//! tests run the whole benchmark with our engine on both sides, and so do they with our interpreter. Only the program
//! needs Wasmtime and Wasmi, which the features of these names bring in.

pub mod interpreters;
pub mod kernels;
pub mod lane_table;
pub mod measure;
mod ours;
pub mod plan;
pub mod subject;
pub mod table;
#[cfg(feature = "wasmtime")]
mod theirs;
pub mod v8;

pub use ours::Ours;
pub use subject::Subject;
#[cfg(feature = "wasmtime")]
pub use theirs::Theirs;

/// Any error: one of an engine, a file that cannot be read, two engines with different results.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of an operation that can fail.
pub type Result<T> = std::result::Result<T, Error>;
