//! Bytes -> a case: modules, the calls to make, and the options of each lane.

pub mod case;
mod choice;
pub mod deterministic;
pub mod feature_set;
pub mod graft;
pub mod input;
pub mod nan;
pub mod smith;
pub mod value;
