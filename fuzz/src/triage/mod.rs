//! From a finding to a report: known mistakes of other engines are set aside, and a new finding is reduced to a script
//! that runs without the fuzzer.

pub mod cause;
pub mod close;
mod constant;
mod javascript;
pub mod known;
mod quiet;
pub mod reduce;
pub mod report;
mod script;
mod workaround;
