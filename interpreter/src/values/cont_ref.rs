//! Handles to continuations.

use super::handle::handle;
use super::referents::Referents;
use crate::error::Result;

handle! {
    /// A handle to a continuation: the rest of an execution, which only WebAssembly code can go on with, once. Never
    /// null.
    ///
    /// It keeps its continuation alive. `==` compares identities.
    ContRef
}

impl ContRef {
    /// Returns a number that no other object of the store has as long as this one lives.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn address_in(&self, store: &impl Referents) -> Result<u32> {
        self.object(store)
    }
}
