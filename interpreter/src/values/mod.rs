//! Values of the embedder ([Values](https://webassembly.github.io/spec/core/exec/runtime.html#values)).
//!
//! A handle to an object keeps the object alive for as long as the handle or a clone of it lives, wherever the embedder
//! puts it. Handles are compared by identity: two are equal if they refer to the same object of the same store. A
//! handle that is used with another store than its own is refused with an error.
//!
//! | file | holds |
//! |---|---|
//! | `val` | values of every type |
//! | `handle` | handles in general |
//! | `any_ref`, `struct_ref`, `array_ref`, `extern_ref`, `exn_ref`, `cont_ref`, `func` | the kinds of handles |
//! | `referents` | the parts of a store to which values refer |

mod any_ref;
mod array_ref;
mod cont_ref;
mod exn_ref;
mod extern_ref;
mod func;
mod handle;
mod referents;
mod struct_ref;
#[cfg(test)]
mod tests;
mod val;

pub use any_ref::{AnyRef, I31};
pub use array_ref::ArrayRef;
pub use cont_ref::ContRef;
pub use exn_ref::ExnRef;
pub use extern_ref::ExternRef;
pub use func::Func;
pub(crate) use referents::Referents;
pub use struct_ref::StructRef;
pub use val::Val;
