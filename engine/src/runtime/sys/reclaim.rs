//! The holders of address space that nobody uses. A request that the system refuses is made again after they have
//! released some of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A holder of address space or memory that nobody uses.
pub(crate) trait Reclaim: Send + Sync {
    /// Releases up to `most` ranges that are not in use. Returns their number.
    fn release_unused(&self, most: usize) -> usize;
}

/// The holders of this process, by their address.
static HOLDERS: Mutex<BTreeMap<usize, Weak<dyn Reclaim>>> = Mutex::new(BTreeMap::new());

/// Adds a holder. It must be taken out before it is dropped, by [`unregister`].
pub(crate) fn register<H: Reclaim + 'static>(holder: &Arc<H>) {
    let weak = Arc::downgrade(holder);
    holders().insert(Arc::as_ptr(holder).addr(), weak);
}

/// Takes out the holder at an address, if it was added.
pub(crate) fn unregister<H: Reclaim>(holder: &H) {
    holders().remove(&core::ptr::from_ref(holder).addr());
}

/// Releases up to `most` ranges that are not in use, whoever holds them. Returns their number.
pub(super) fn release_unused(most: usize) -> usize {
    // The lock is given back first: dropping the last reference to a holder takes it too.
    let all: Vec<_> = holders().values().filter_map(Weak::upgrade).collect();
    all.iter().fold(0, |released, holder| released + holder.release_unused(most - released))
}

fn holders() -> MutexGuard<'static, BTreeMap<usize, Weak<dyn Reclaim>>> {
    // A map of weak references is consistent after any panic.
    HOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}
