//! Handles to objects.

/// Defines a type of handles.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub struct $name(pub(in crate::values) $crate::gc::Rooted);

        impl $name {
            /// Makes a handle of a reference, which is of the handle's type; `None` if it is null.
            pub(crate) fn from_raw(
                reference: $crate::slot::RawRef,
                store: &mut impl $crate::values::Referents,
            ) -> Option<$name> {
                store.heap_mut().roots.root(reference).map($name)
            }

            /// Returns the reference that the handle holds.
            ///
            /// # Errors
            /// Kind [`Usage`]($crate::ErrorKind::Usage) if the handle belongs to another store.
            pub(crate) fn raw(&self, store: &impl $crate::values::Referents) -> $crate::Result<$crate::slot::RawRef> {
                store.heap().roots.resolve(&self.0)
            }

            /// Returns the index of the object to which the handle refers.
            ///
            /// # Errors
            /// Kind [`Usage`]($crate::ErrorKind::Usage) if the handle belongs to another store, or holds an integer.
            pub(crate) fn object(&self, store: &impl $crate::values::Referents) -> $crate::Result<u32> {
                let no_object = || $crate::Error::new($crate::ErrorKind::Usage, "the reference holds an integer");
                self.raw(store)?.as_object().ok_or_else(no_object)
            }
        }
    };
}

pub(super) use handle;
