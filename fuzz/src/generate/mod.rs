//! Generates a case from bytes: modules, the calls to make, and the options of each lane.
//!
//! ```text
//! bytes -> input (three streams of choices) -> smith (a module, by wasm-smith)
//!                                           -> graft (call chains that trap, appended to the module)
//!                                           -> deterministic (canonical NaNs, no waiting) -> case
//! ```
//!
//! A generator is a file in this folder that [`case`] calls. What engines may do differently without being wrong must
//! not reach a case: [`rules`](crate::rules) lists it.

pub mod case;
mod choice;
pub mod deterministic;
pub mod feature_set;
pub mod graft;
pub mod input;
pub mod nan;
pub mod smith;
pub mod value;
