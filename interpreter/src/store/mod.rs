//! The run-time objects of a store, which instructions reach by address
//! ([Store](https://webassembly.github.io/spec/core/exec/runtime.html#store)).
//!
//! | file | holds |
//! |---|---|
//! | `table`, `global`, `tag`, `segment` | the objects; memories have a room of their own |
//! | `limits` | how large and how many they may be |
//! | `metering` | how long code may run: fuel and deadlines |

mod limits;
mod metering;

pub use limits::StoreLimits;
pub(crate) use limits::refused;
pub(crate) use metering::{Metering, PIECE, bytes_price, elements_price, pieces};
