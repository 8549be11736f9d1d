//! References that the host holds.
//!
//! A handle ([`ExternRef`](crate::ExternRef), [`AnyRef`](crate::AnyRef), ..) names an entry of its store's table of
//! roots. The collector rewrites the entries, so handles stay valid when objects move.
//!
//! Entries belong to scopes, which nest: each call of a host function is a scope, and [`RootScope`] makes further ones.
//! The end of a scope drops its entries. Entries and handles carry a generation, by which a handle whose scope has
//! ended is detected, even where its index is in use again. An [`OwnedRooted`] belongs to no scope and holds its
//! reference for as long as it lives.

use crate::base::{Error, ErrorKind, Result};
use crate::runtime::store::{AsContext, AsContextMut, StoreContext, StoreContextMut, StoreId, StoreOpaque};
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

/// The identity of an entry in a store's table of roots.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Root {
    store: StoreId,
    index: usize,
    generation: u64,
}

/// The references that the host holds in a store.
#[derive(Default)]
pub(crate) struct Roots {
    /// The references of all open scopes, the outermost scope first.
    scoped: Vec<Scoped>,
    /// The number of scopes with entries that have ended. It never wraps: a host that ends a billion scopes a second
    /// would need centuries.
    generation: u64,
    /// The references of all [`OwnedRooted`]s. An entry that has no other owner belongs to a dropped one.
    owned: Vec<Arc<AtomicU32>>,
    /// The length of `owned` at which entries of dropped handles are removed next.
    owned_limit: usize,
}

/// An entry of a scope.
#[derive(Clone, Copy)]
struct Scoped {
    reference: u32,
    generation: u64,
}

impl Roots {
    /// Adds a reference to the innermost scope.
    fn push(&mut self, reference: u32, store: StoreId) -> Root {
        let index = self.scoped.len();
        self.scoped.push(Scoped { reference, generation: self.generation });
        Root { store, index, generation: self.generation }
    }

    /// Returns the reference of an entry; `None` if its scope has ended.
    fn get(&self, root: Root) -> Option<u32> {
        let entry = self.scoped.get(root.index)?;
        (entry.generation == root.generation).then_some(entry.reference)
    }

    /// Begins a scope. Returns its start, by which [`Roots::end_scope`] ends it.
    pub(crate) fn begin_scope(&self) -> usize {
        self.scoped.len()
    }

    /// Drops all entries of the scope that began at `began`, and of scopes inside it.
    pub(crate) fn end_scope(&mut self, began: usize) {
        // A scope without entries left no handles behind, so it needs no generation of its own.
        if self.scoped.len() > began {
            self.scoped.truncate(began);
            self.generation += 1;
        }
    }

    /// Adds a reference that is held for as long as the result has other owners than this table.
    fn push_owned(&mut self, reference: u32) -> Arc<AtomicU32> {
        // Looking only when the table has doubled makes the cost of an entry constant on average.
        if self.owned.len() >= self.owned_limit {
            self.remove_dropped();
            self.owned_limit = (self.owned.len() * 2).max(64);
        }
        let owned = Arc::new(AtomicU32::new(reference));
        self.owned.push(owned.clone());
        owned
    }

    fn remove_dropped(&mut self) {
        self.owned.retain(|owned| Arc::strong_count(owned) > 1);
    }

    /// Visits every reference.
    pub(super) fn trace(&mut self, visit: &mut impl FnMut(&mut u32)) {
        self.scoped.iter_mut().for_each(|entry| visit(&mut entry.reference));
        self.remove_dropped();
        for owned in &self.owned {
            let mut reference = owned.load(Ordering::Relaxed);
            visit(&mut reference);
            owned.store(reference, Ordering::Relaxed);
        }
    }
}

impl StoreOpaque {
    /// Roots a reference of this store in the innermost scope.
    pub(crate) fn root(&mut self, reference: u32) -> Root {
        let id = self.id();
        self.heap.roots.push(reference, id)
    }

    /// Returns the reference that a root holds.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the root belongs to another store, or its scope has ended.
    pub(crate) fn rooted(&self, root: Root) -> Result<u32> {
        self.check(root.store, "reference")?;
        self.heap.roots.get(root).ok_or_else(scope_ended)
    }
}

/// A handle of the host to an object of the heap. Implemented by [`AnyRef`](crate::AnyRef),
/// [`ArrayRef`](crate::ArrayRef), [`ExnRef`](crate::ExnRef), [`ExternRef`](crate::ExternRef) and
/// [`StructRef`](crate::StructRef), and by no other types.
///
/// Safe code cannot turn a handle of one type into one of another:
///
/// ```compile_fail,E0133
/// fn forge<R: engine::Rooted>() -> R {
///     R::from_root(unreachable!())
/// }
/// ```
pub trait Rooted: Copy + Send + Sync + 'static {
    /// Makes a handle of a root.
    ///
    /// # Safety
    /// The root holds a reference to an object that handles of this type may refer to.
    #[doc(hidden)]
    unsafe fn from_root(root: Root) -> Self;
}

/// Defines a type of handles: a name for a [`Root`].
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name(pub(in crate::runtime) $crate::runtime::gc::roots::Root);

        impl $name {
            /// Returns a reference to the same object that outlives the handle's scope.
            ///
            /// # Errors
            /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
            pub fn to_owned_rooted(
                self,
                mut store: impl $crate::runtime::AsContextMut,
            ) -> $crate::base::Result<$crate::runtime::gc::roots::OwnedRooted<$name>> {
                let mut store = store.as_context_mut().into_opaque();
                let reference = store.rooted(self.0)?;
                Ok($crate::runtime::gc::roots::OwnedRooted::of(&mut store, reference))
            }

            /// Returns whether both handles refer to the same object or hold the same 31-bit integer, as `ref.eq` does.
            ///
            /// # Errors
            /// Kind [`Usage`](crate::ErrorKind::Usage) if a handle belongs to another store, or its scope has ended.
            pub fn ref_eq(&self, other: &$name, store: impl $crate::runtime::AsContext) -> $crate::base::Result<bool> {
                let store = store.as_context().opaque();
                Ok(store.rooted(self.0)? == store.rooted(other.0)?)
            }
        }

        impl $crate::runtime::gc::roots::Rooted for $name {
            unsafe fn from_root(root: $crate::runtime::gc::roots::Root) -> $name {
                $name(root)
            }
        }
    };
}

pub(in crate::runtime) use handle;

/// A reference that belongs to no scope. It keeps its object alive until it is dropped, or its store is.
///
/// It is for references that outlive the host function or the [`RootScope`] in which a handle was made, for example in
/// the store's data. Each of the handle types has a method `to_owned_rooted` that makes one. Clones hold the same
/// reference.
pub struct OwnedRooted<R> {
    store: StoreId,
    reference: Arc<AtomicU32>,
    handle: PhantomData<fn() -> R>,
}

impl<R: Rooted> OwnedRooted<R> {
    /// Holds a reference of the store.
    pub(crate) fn of(store: &mut StoreOpaque, reference: u32) -> OwnedRooted<R> {
        let reference = store.heap.roots.push_owned(reference);
        OwnedRooted { store: store.id(), reference, handle: PhantomData }
    }

    /// Returns the reference; `None` if it belongs to another store.
    pub(crate) fn reference(&self, store: &StoreOpaque) -> Option<u32> {
        (self.store == store.id()).then(|| self.reference.load(Ordering::Relaxed))
    }

    /// Returns a handle in the innermost scope.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the reference belongs to another store.
    pub fn to_rooted(&self, mut store: impl AsContextMut) -> Result<R> {
        let mut store = store.as_context_mut().into_opaque();
        store.check(self.store, "reference")?;
        let root = store.root(self.reference.load(Ordering::Relaxed));
        // SAFETY: the reference was taken from a handle of this type.
        Ok(unsafe { R::from_root(root) })
    }
}

impl<R> Clone for OwnedRooted<R> {
    fn clone(&self) -> OwnedRooted<R> {
        OwnedRooted { store: self.store, reference: self.reference.clone(), handle: PhantomData }
    }
}

impl<R> fmt::Debug for OwnedRooted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedRooted").field("store", &self.store).finish_non_exhaustive()
    }
}

/// A borrow of a store whose end drops all handles that were made through it.
///
/// A call of a host function is such a scope by itself. Handles that are made outside of any scope live as long as the
/// store, and so do their objects: a host that works with many references should open scopes.
pub struct RootScope<S: AsContextMut> {
    store: S,
    began: usize,
}

impl<S: AsContextMut> RootScope<S> {
    /// Opens a scope in a store.
    pub fn new(mut store: S) -> RootScope<S> {
        let began = store.as_context_mut().into_opaque().heap.roots.begin_scope();
        RootScope { store, began }
    }
}

impl<S: AsContextMut> Drop for RootScope<S> {
    fn drop(&mut self) {
        self.store.as_context_mut().into_opaque().heap.roots.end_scope(self.began);
    }
}

impl<S: AsContextMut> AsContext for RootScope<S> {
    type Data = S::Data;

    fn as_context(&self) -> StoreContext<'_, S::Data> {
        self.store.as_context()
    }
}

impl<S: AsContextMut> AsContextMut for RootScope<S> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, S::Data> {
        self.store.as_context_mut()
    }
}

impl<'a, S: AsContextMut> From<&'a RootScope<S>> for StoreContext<'a, S::Data> {
    fn from(scope: &'a RootScope<S>) -> StoreContext<'a, S::Data> {
        scope.as_context()
    }
}

impl<'a, S: AsContextMut> From<&'a mut RootScope<S>> for StoreContextMut<'a, S::Data> {
    fn from(scope: &'a mut RootScope<S>) -> StoreContextMut<'a, S::Data> {
        scope.as_context_mut()
    }
}

impl<S: AsContextMut> fmt::Debug for RootScope<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootScope").finish_non_exhaustive()
    }
}

/// The error of a handle whose scope has ended.
fn scope_ended() -> Error {
    Error::new(
        ErrorKind::Usage,
        "the scope that held this reference has ended: hold it with `to_owned_rooted`, or use it before the host \
         function returns",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::gc::{AnyRef, I31};
    use crate::runtime::{Engine, Store};

    /// Opens a scope with one handle and ends it.
    fn end_one_scope(store: &mut Store<()>) -> AnyRef {
        let mut scope = RootScope::new(store);
        AnyRef::from_i31(&mut scope, I31::wrapping_i32(1))
    }

    #[test]
    fn a_handle_stays_stale_after_any_number_of_scopes() {
        let mut store = Store::new(&Engine::default(), ());
        let stale = end_one_scope(&mut store);
        // Each of these would be the generation of `stale` again, if generations had that many bits.
        for bits in [8, 16, 24, 31, 32, 48, 63] {
            store.as_context_mut().into_opaque().heap.roots.generation = 1 << bits;
            let mut scope = RootScope::new(&mut store);
            let fresh = AnyRef::from_i31(&mut scope, I31::wrapping_i32(2));
            assert_eq!(fresh.0.index, stale.0.index, "the entry is in use again");
            assert_eq!(fresh.as_i31(&scope).unwrap(), Some(I31::wrapping_i32(2)));
            assert_eq!(stale.as_i31(&scope).unwrap_err().kind(), ErrorKind::Usage, "2^{bits} scopes");
        }
    }
}
