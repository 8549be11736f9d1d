//! The checks of the gate that a shell script would do badly: `ci/gate.sh` runs them, and says what they are for.
//!
//! Each check is a function from what a tool printed to a list of complaints, so that its own tests can hand it the bad
//! input that it must notice. The checks of the repository itself (style, snapshots) are this package's tests.

pub mod conformance;
pub mod dependencies;
