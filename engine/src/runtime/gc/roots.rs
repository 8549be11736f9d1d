//! References that the host holds.
//!
//! A handle ([`ExternRef`](crate::ExternRef) and its like) names an entry of its store's table of roots, which the
//! collector rewrites, so it stays right whatever moves. Entries belong to scopes, which end in the reverse of the order
//! in which they began: each call of a host function is one, and [`RootScope`] makes more. A handle whose scope has
//! ended is refused, never believed: entries carry a generation. [`OwnedRooted`] holds a reference for as long as it lives.

use crate::base::{Error, ErrorKind, Result};
use crate::runtime::store::{AsContext, AsContextMut, StoreContext, StoreContextMut, StoreId, StoreOpaque};
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

/// An entry of a store's table of roots.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Root {
    store: StoreId,
    index: u32,
    generation: u32,
}

/// The references that the host holds in a store.
#[derive(Default)]
pub(crate) struct Roots {
    /// Those of scopes, the outermost first.
    scoped: Vec<Scoped>,
    /// How many times a scope with entries has ended, modulo 2^32.
    generation: u32,
    /// Those of [`OwnedRooted`].
    owned: Vec<Arc<AtomicU32>>,
    /// How many entries `owned` may have before dropped ones are looked for.
    owned_limit: usize,
}

#[derive(Clone, Copy)]
struct Scoped {
    reference: u32,
    generation: u32,
}

impl Roots {
    /// Makes the newest scope hold a reference.
    fn push(&mut self, reference: u32, store: StoreId) -> Root {
        let index = u32::try_from(self.scoped.len()).expect("memory ends long before 2^32 handles");
        self.scoped.push(Scoped { reference, generation: self.generation });
        Root { store, index, generation: self.generation }
    }

    fn get(&self, root: Root) -> Option<u32> {
        let entry = self.scoped.get(root.index as usize)?;
        (entry.generation == root.generation).then_some(entry.reference)
    }

    /// What [`Roots::end_scope`] takes to end the scope that begins here.
    pub(crate) fn begin_scope(&self) -> usize {
        self.scoped.len()
    }

    /// Forgets what was pushed since the scope began.
    pub(crate) fn end_scope(&mut self, began: usize) {
        if self.scoped.len() > began {
            self.scoped.truncate(began);
            self.generation = self.generation.wrapping_add(1);
        }
    }

    fn push_owned(&mut self, reference: u32) -> Arc<AtomicU32> {
        if self.owned.len() >= self.owned_limit {
            self.forget_dropped();
            self.owned_limit = (self.owned.len() * 2).max(64);
        }
        let owned = Arc::new(AtomicU32::new(reference));
        self.owned.push(owned.clone());
        owned
    }

    fn forget_dropped(&mut self) {
        self.owned.retain(|owned| Arc::strong_count(owned) > 1);
    }

    /// Visits every reference.
    pub(super) fn trace(&mut self, visit: &mut impl FnMut(&mut u32)) {
        self.scoped.iter_mut().for_each(|entry| visit(&mut entry.reference));
        self.forget_dropped();
        for owned in &self.owned {
            let mut reference = owned.load(Ordering::Relaxed);
            visit(&mut reference);
            owned.store(reference, Ordering::Relaxed);
        }
    }
}

impl StoreOpaque {
    /// Roots a reference of this store in the newest scope.
    pub(crate) fn root(&mut self, reference: u32) -> Root {
        let id = self.id();
        self.heap.roots.push(reference, id)
    }

    /// The reference that a root holds.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if it belongs to another store, or its scope has ended.
    pub(crate) fn rooted(&self, root: Root) -> Result<u32> {
        self.check(root.store, "reference")?;
        self.heap.roots.get(root).ok_or_else(gone)
    }
}

/// A handle to an object of the heap: [`ExternRef`](crate::ExternRef) and its like. Others cannot be added.
pub trait Rooted: Copy + Send + Sync + 'static {
    #[doc(hidden)]
    fn from_root(root: Root) -> Self;

    #[doc(hidden)]
    fn root(self) -> Root;
}

/// Defines a type of handles: a name for a [`Root`].
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name($crate::runtime::gc::Root);

        impl $name {
            /// Holds the object beyond the handle's scope, for as long as the result lives.
            ///
            /// # Errors
            /// Kind [`Usage`](crate::ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
            pub fn to_owned_rooted(
                self,
                mut store: impl $crate::runtime::AsContextMut,
            ) -> $crate::base::Result<$crate::runtime::OwnedRooted<$name>> {
                let mut store = store.as_context_mut().into_opaque();
                let reference = store.rooted(self.0)?;
                Ok($crate::runtime::OwnedRooted::of(&mut store, reference))
            }

            /// Returns whether both refer to the same object or hold the same 31-bit integer, as `ref.eq` compares.
            ///
            /// # Errors
            /// Kind [`Usage`](crate::ErrorKind::Usage) if a handle belongs to another store, or its scope has ended.
            pub fn ref_eq(&self, other: &$name, store: impl $crate::runtime::AsContext) -> $crate::base::Result<bool> {
                let store = store.as_context().opaque();
                Ok(store.rooted(self.0)? == store.rooted(other.0)?)
            }
        }

        impl $crate::runtime::gc::Rooted for $name {
            fn from_root(root: $crate::runtime::gc::Root) -> $name {
                $name(root)
            }

            fn root(self) -> $crate::runtime::gc::Root {
                self.0
            }
        }
    };
}

pub(in crate::runtime) use handle;

/// A reference that is held for as long as this lives, or until its store is dropped. What it refers to stays alive.
///
/// For what outlives the host function or the [`RootScope`] in which a handle was made. Clones hold the same reference.
pub struct OwnedRooted<R> {
    store: StoreId,
    reference: Arc<AtomicU32>,
    handle: PhantomData<fn() -> R>,
}

impl<R: Rooted> OwnedRooted<R> {
    /// Keeps a reference of the store.
    pub(crate) fn of(store: &mut StoreOpaque, reference: u32) -> OwnedRooted<R> {
        let reference = store.heap.roots.push_owned(reference);
        OwnedRooted { store: store.id(), reference, handle: PhantomData }
    }

    /// The reference, if it is one of this store.
    pub(crate) fn reference(&self, store: &StoreOpaque) -> Option<u32> {
        (self.store == store.id()).then(|| self.reference.load(Ordering::Relaxed))
    }

    /// A handle in the newest scope.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the reference belongs to another store.
    pub fn to_rooted(&self, mut store: impl AsContextMut) -> Result<R> {
        let mut store = store.as_context_mut().into_opaque();
        store.check(self.store, "reference")?;
        Ok(R::from_root(store.root(self.reference.load(Ordering::Relaxed))))
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

/// A borrow of a store during which handles are made that end with it.
///
/// A call of a host function has such a scope of its own. Outside of one, handles live as long as the store, and so does
/// what they refer to: a host that works for long with references should work in scopes.
pub struct RootScope<S: AsContextMut> {
    store: S,
    began: usize,
}

impl<S: AsContextMut> RootScope<S> {
    /// Begins a scope.
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

/// The error of a reference that is held by nobody any more.
fn gone() -> Error {
    Error::new(
        ErrorKind::Usage,
        "the scope that held this reference has ended: hold it with `to_owned_rooted`, or use it before the host function returns",
    )
}
