//! The garbage-collected heap of a store: structs, arrays, exceptions, and values of the host. [`crate::abi::heap`]
//! defines their layout.
//!
//! Objects lie in one of two semi-spaces of a reserved region, contiguous and in the order of their allocation. When
//! the space is full, [`collect`](fn@collect) copies the reachable objects into the other space. The accessible part of
//! a space is as large as the heap has ever been. The heap grows when more than a quarter of it is in use after a
//! collection (half of a large one), as far as the store's limiter allows.
//!
//! # Who may hold references
//!
//! A collection runs inside [`allocate`](fn@allocate) and [`gc`](crate::Store::gc), which the callback of a deadline
//! may call too, and moves every object. It finds and rewrites references in these locations: slots of compiled frames
//! that a stack map lists, globals, tables, element segments, and [`roots`]. Only there may the runtime hold a
//! reference across an allocation or a check of the deadline; [`with_roots`](fn@with_roots) keeps its own ones there.
//!
//! A reference in a `ValRaw` is in none of them. Code that reads one out of a `ValRaw` roots it, or uses it before the
//! next allocation. Arrays of arguments and results hold references only between the conversion on the one side and
//! the conversion on the other, and nothing is allocated in between.

mod allocate;
mod any_ref;
mod array_ref;
mod collect;
mod extern_ref;
mod heap;
mod host_values;
mod object;
mod rooting;
mod shape;
mod struct_ref;
#[cfg(test)]
mod tests;

pub(super) mod array_ops;
pub(super) mod roots;

pub use any_ref::{AnyRef, I31};
pub use array_ref::ArrayRef;
pub use extern_ref::ExternRef;
pub use roots::{OwnedRooted, RootScope, Rooted};
pub use struct_ref::StructRef;

pub(super) use allocate::allocate;
pub(super) use collect::collect;
pub(super) use heap::{Heap, reserve};
pub(super) use rooting::{poll_deadline, with_roots};
pub(super) use roots::handle;
pub(super) use shape::Shape;
