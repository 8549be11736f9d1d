//! References that the embedder holds.
//!
//! A handle shares a token with an entry of its store's table of roots. When no handle has the token any more, the next
//! collection removes the entry. Objects never move, so a handle has the reference itself.

use super::collect::Marker;
use crate::error::{Error, ErrorKind, Result};
use crate::slot::RawRef;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::sync::atomic::{AtomicUsize, Ordering};

/// The identity of a store in this process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct StoreId(usize);

impl StoreId {
    /// Returns an identity that no other store has.
    ///
    /// # Panics
    /// When the process has made as many stores as it has addresses.
    pub(crate) fn new() -> StoreId {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| next.checked_add(1));
        StoreId(next.expect("a process makes fewer stores than it has addresses"))
    }
}

/// A reference that the embedder holds, not null. Two are equal if they are to the same object of the same store, or
/// are the same integer.
#[derive(Clone)]
pub(crate) struct Rooted {
    store: StoreId,
    reference: RawRef,
    /// Keeps the object alive, if the reference is to one.
    _token: Option<Arc<()>>,
}

impl PartialEq for Rooted {
    fn eq(&self, other: &Rooted) -> bool {
        (self.store, self.reference) == (other.store, other.reference)
    }
}

impl Eq for Rooted {}

impl Hash for Rooted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.store, self.reference).hash(state);
    }
}

impl fmt::Debug for Rooted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} of {:?}", self.reference.0, self.store)
    }
}

/// The references that the embedder holds in a store.
pub(crate) struct Roots {
    store: StoreId,
    entries: Vec<(RawRef, Arc<()>)>,
    /// The number of entries at which those without handles are removed next.
    full_at: usize,
}

impl Roots {
    /// Returns the roots of a store, none so far.
    pub(crate) fn new(store: StoreId) -> Roots {
        Roots { store, entries: Vec::new(), full_at: 0 }
    }

    /// Returns the identity of the store.
    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    /// Holds a reference of the store. `None` if it is null.
    pub(crate) fn root(&mut self, reference: RawRef) -> Option<Rooted> {
        if reference.is_null() {
            return None;
        }
        let token = reference.as_object().map(|_| self.push(reference));
        Some(Rooted { store: self.store, reference, _token: token })
    }

    fn push(&mut self, reference: RawRef) -> Arc<()> {
        // Looking only when the table has doubled makes the cost of an entry constant on average.
        if self.entries.len() >= self.full_at {
            self.remove_dropped();
            self.full_at = (2 * self.entries.len()).max(64);
        }
        let token = Arc::new(());
        self.entries.push((reference, token.clone()));
        token
    }

    /// Returns the reference that a handle holds.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn resolve(&self, rooted: &Rooted) -> Result<RawRef> {
        if rooted.store == self.store {
            return Ok(rooted.reference);
        }
        Err(Error::new(ErrorKind::Usage, "the reference belongs to another store than the one with which it is used"))
    }

    fn remove_dropped(&mut self) {
        self.entries.retain(|(_, token)| Arc::strong_count(token) > 1);
    }

    /// Marks the objects that handles hold.
    pub(super) fn trace(&mut self, marker: &mut Marker<'_>) {
        self.remove_dropped();
        self.entries.iter().for_each(|&(reference, _)| marker.mark(reference));
    }

    /// Returns the number of entries, those without handles included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
