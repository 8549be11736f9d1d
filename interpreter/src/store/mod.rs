//! The run-time objects of a store, which instructions reach by address
//! ([Store](https://webassembly.github.io/spec/core/exec/runtime.html#store)).
//!
//! | file | holds |
//! |---|---|
//! | `table`, `global`, `tag` | objects; memories and the heap have rooms of their own |
//! | `limits` | how large and how many they may be |
//! | `metering` | how long code may run: fuel and deadlines |

mod global;
mod inner;
mod limits;
mod metering;
mod table;
mod tag;

pub(crate) use global::GlobalInstance;
pub(crate) use inner::{Function, FunctionKind, ModuleInstance, StoreInner};
pub use limits::StoreLimits;
pub(crate) use limits::refused;
pub(crate) use metering::{Metering, bytes_price, elements_price, pieces};
pub(crate) use table::TableInstance;
pub(crate) use tag::TagInstance;
