//! References that the runtime itself holds while it runs code that may collect.

use crate::base::Result;
use crate::runtime::store::OpaqueMut;
use smallvec::SmallVec;

/// Runs `work` while `references` are roots, and updates them afterwards: a collection moves objects. They may be null.
///
/// # Errors
/// The error of `work`.
pub(in crate::runtime) fn with_roots<R>(
    store: &mut OpaqueMut<'_>,
    references: &mut [u32],
    work: impl FnOnce(&mut OpaqueMut<'_>) -> Result<R>,
) -> Result<R> {
    let scope = Scope { began: store.heap.roots.begin_scope(), store };
    let roots: SmallVec<[_; 4]> = references.iter().map(|&reference| scope.store.root(reference)).collect();
    let result = work(scope.store);
    for (reference, root) in references.iter_mut().zip(roots) {
        *reference = scope.store.rooted(root)?;
    }
    result
}

/// Checks the deadline while `references` are roots, and updates them afterwards: the embedder's callback may collect.
///
/// # Errors
/// The error of the deadline.
pub(in crate::runtime) fn poll_deadline(store: &mut OpaqueMut<'_>, references: &mut [u32]) -> Result<()> {
    if !store.deadline_is_reached() {
        return Ok(());
    }
    with_roots(store, references, |store| store.on_deadline())
}

/// A scope of roots. It ends when dropped, so that it ends too when the embedder's code panics.
struct Scope<'a, 's> {
    store: &'a mut OpaqueMut<'s>,
    began: usize,
}

impl Drop for Scope<'_, '_> {
    fn drop(&mut self) {
        self.store.heap.roots.end_scope(self.began);
    }
}
