//! The heap of a store: objects of structs, arrays and exceptions, and values of the host. [`crate::abi::heap`] says how
//! they are laid out.
//!
//! Objects stand in one of two semi-spaces of a reserved region, side by side in the order of their allocation. When the
//! space is full, [`collect`] copies what is reachable into the other one. A space has as many bytes accessible as the
//! heap was ever large; the heap grows when more than half of it is in use after a collection, as far as the store's
//! limiter allows.
//!
//! # Who may hold references
//!
//! A collection runs inside [`allocate`] and [`gc`](crate::Store::gc), and moves every object. What it knows of, and
//! rewrites: slots of compiled frames that stack maps name, globals, tables, element segments, and [`roots`]. The host
//! keeps a reference across an allocation in one of these places only. A value that was taken out of a `ValRaw` is
//! rooted, or used before anything is allocated; arguments and results are in such arrays only between the two
//! conversions, and nothing is allocated there.

mod allocate;
mod any_ref;
mod array_ref;
mod collect;
mod extern_ref;
mod heap;
mod host_values;
mod object;
mod roots;
mod shape;
mod struct_ref;
#[cfg(test)]
mod tests;

pub(super) mod array_ops;

pub use any_ref::{AnyRef, I31};
pub use array_ref::ArrayRef;
pub use extern_ref::ExternRef;
pub use roots::{OwnedRooted, RootScope, Rooted};
pub use struct_ref::StructRef;

pub(super) use allocate::allocate;
pub(super) use collect::collect;
pub(super) use heap::{Heap, reserve};
pub(super) use roots::{Root, handle};
