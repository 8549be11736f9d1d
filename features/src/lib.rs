#![no_std]
//! The one table of WebAssembly features, and sets of them.
//!
//! [`TABLE`] has a row for each feature: its name and its other names, the version of the standard that has it, the
//! features that it needs, and the flags that switch it on in wasmparser. [`Features`] is a set of rows; it reads and
//! prints lists of names. Engines, lanes, suites, and the fuzzer all use this set. An engine states in one constant
//! which of the features it implements.
//!
//! ```
//! use features::Features;
//!
//! let set: Features = "3.0, threads, -gc".parse().unwrap();
//! assert!(set.contains(Features::THREADS) && !set.contains(Features::GC));
//! assert!(Features::empty().with(Features::GC).contains(Features::FUNCTION_REFERENCES));
//! ```

extern crate alloc;

mod parse;
mod set;
mod table;

pub use parse::{UnknownFeature, closest};
pub use set::Features;
pub use table::{Feature, TABLE, Version};
