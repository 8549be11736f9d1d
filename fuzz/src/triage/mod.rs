//! From a finding to a report: known mistakes of other engines are set aside, and what is left is made smaller.

pub mod known;
pub mod reduce;
pub mod report;
mod workaround;
