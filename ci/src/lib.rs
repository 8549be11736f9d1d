//! The checks of the gate that a shell script would do badly. `ci/gate.sh` runs them and says why.
//!
//! Each check is a function from the output of a tool to a list of complaints, so that its own tests can hand it a bad
//! input that it must refuse. The checks of the repository itself, its [`habits`] and its trap snapshots, run as this
//! package's tests.

pub mod conformance;
pub mod dependencies;
pub mod engines;
pub mod habits;
