//! Faults that a test plants into compiled code, to prove that an oracle can fail.
//!
//! The feature `planted-faults` adds them. A build with the feature and one without never load each other's artifacts:
//! their format fingerprints differ.

use serde::{Deserialize, Serialize};

/// A fault that the compiler plants into the code it makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Fault {
    /// `i32.sub` is compiled as `i32.add`.
    SubtractionAdds,
    /// Every offset in the source map is one byte too large.
    SourceMapOffByOne,
    /// Division by zero is recorded as integer overflow.
    WrongTrapCode,
    /// Each stack map lacks its first reference.
    MissingStackMap,
    /// The clauses of a `try_table` are tried in reverse order.
    ClausesReversed,
    /// `throw` adds one to the first integer of the payload.
    PayloadAltered,
    /// A tail call is compiled as an ordinary call, followed by a return.
    TailCallKeepsFrame,
}
