//! The heap of structs, arrays, exceptions, and values of the host, and its collector
//! ([Store](https://webassembly.github.io/spec/core/exec/runtime.html#store)).
//!
//! [`Heap`] allocates objects in an [arena](arena) and reads and writes them. When it has no room, an allocation fails
//! with [`Failure::NoRoom`]. The caller then collects with [`Heap::make_room`], at a moment when it can name all roots,
//! and executes the instruction again.
//!
//! # Who may hold references
//!
//! A collection finds references in slots of the stack, in globals, tables and element segments, all of which the store
//! tells it, and in [`roots`]. Objects never move, so a reference that is in one of these stays the same. A reference
//! that is only in a variable of Rust may be used until the next call of [`Heap::make_room`] or [`Heap::collect`].

mod arena;
mod array;
mod bits;
mod collect;
mod continuation;
mod heap;
mod layout;
mod pacing;
mod roots;
mod slab;
#[cfg(test)]
mod tests;

pub(crate) use array::Element;
pub(crate) use continuation::Continuation;
pub(crate) use heap::{Failure, Heap};
pub(crate) use layout::{HOST_SIZE, Storage, array_size};
pub(crate) use roots::{Rooted, Roots, StoreId};
