//! From a finding to a report: known mistakes of other engines are set aside, and a new finding is reduced.

pub mod known;
pub mod reduce;
pub mod report;
mod workaround;
