//! Handles to functions.

use super::referents::Referents;
use crate::error::{Error, ErrorKind, Result};
use crate::gc::StoreId;
use crate::slot::RawRef;

/// A function of a store. Functions live as long as their store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Func {
    store: StoreId,
    address: u32,
}

impl Func {
    /// Makes a handle to the function at an address of a store.
    pub(crate) fn from_address(address: u32, store: StoreId) -> Func {
        Func { store, address }
    }

    /// Makes a handle of a reference to a function; `None` if it is null.
    pub(crate) fn from_raw(reference: RawRef, store: &impl Referents) -> Option<Func> {
        reference.as_func().map(|address| Func::from_address(address, store.heap().roots.store()))
    }

    /// Returns the address of the function in a store.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the function belongs to another store.
    pub(crate) fn address(self, store: &impl Referents) -> Result<u32> {
        if self.store == store.heap().roots.store() {
            return Ok(self.address);
        }
        Err(Error::new(ErrorKind::Usage, "the function belongs to another store than the one with which it is used"))
    }
}
