//! Generates a case from bytes: modules, the calls to make, and the options of each lane.
//!
//! ```text
//! bytes -> input (three streams of choices) -> smith (a module, by wasm-smith)
//!                                           -> graft (call chains that trap, appended to the module)
//!                                           -> deterministic (canonical NaNs, no waiting) -> case
//! ```
//!
//! A [`Generator`] is a file in this folder. The way above is that of [`mixed`]. What engines may do differently
//! without being wrong must not reach a case: [`rules`](crate::rules) lists it.

pub mod case;
mod choice;
pub mod deterministic;
pub mod feature_set;
pub mod gc;
pub mod given;
pub mod graft;
pub mod input;
pub mod instantiate;
pub mod mixed;
pub mod nan;
pub mod reload;
pub mod script;
pub mod seed;
pub mod simd;
pub mod smith;
pub mod threads;
pub mod traps;
pub mod value;

use case::Case;
use feature_set::Audience;

/// Makes the case that bytes describe, for these lanes. It fails if the choices in the bytes do not lead to a module.
pub type Generator = fn(&[u8], Audience) -> arbitrary::Result<Case>;
