//! Handles to items of a store.

/// Defines a type of handles to the items in one of the store's lists.
macro_rules! item {
    ($(#[$doc:meta])* $name:ident, $what:literal, $list:ident: $entry:ty) => {
        $(#[$doc])*
        ///
        /// Two handles are equal if they are of the same item of the same store.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name {
            store: $crate::gc::StoreId,
            address: u32,
        }

        impl $name {
            /// Makes a handle to the item at an address of a store.
            pub(crate) fn from_address(address: u32, store: $crate::gc::StoreId) -> $name {
                $name { store, address }
            }

            /// Returns the address, which means nothing in other stores.
            pub(crate) fn address(self) -> u32 {
                self.address
            }

            /// Returns the item.
            ///
            /// # Errors
            /// Kind [`Usage`]($crate::ErrorKind::Usage) if it belongs to another store.
            pub(crate) fn entry(self, store: &$crate::store::StoreInner) -> $crate::Result<&$entry> {
                store.check(self.store, $what)?;
                Ok(&store.$list[self.address as usize])
            }
        }
    };
}

pub(super) use item;
