//! One index type per index space, so that a function index is never used as a table's
//! ([Indices](https://webassembly.github.io/spec/core/syntax/modules.html#indices)).

use serde::{Deserialize, Serialize};

macro_rules! indices {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) u32);

        impl $name {
            /// Returns the index as a position in a slice.
            pub(crate) const fn index(self) -> usize {
                self.0 as usize
            }

            /// Returns the index of a position.
            ///
            /// # Panics
            /// If the position is 2^32 or more, which no valid module reaches.
            pub(crate) fn new(position: usize) -> $name {
                $name(u32::try_from(position).expect("index spaces hold fewer than 2^32 items"))
            }
        }

        // Not every index space needs both conversions in every build.
        const _: (fn($name) -> usize, fn(usize) -> $name) = ($name::index, $name::new);
    )*};
}

indices! {
    /// The index of a type.
    TypeIndex;
    /// The index of a function; imported functions come first.
    FuncIndex;
    /// The position of a function among those that the module defines.
    DefinedFuncIndex;
    /// The index of a table; imported tables come first.
    TableIndex;
    /// The index of a linear memory; imported memories come first.
    MemoryIndex;
    /// The index of a global; imported globals come first.
    GlobalIndex;
    /// The index of a tag; imported tags come first.
    TagIndex;
    /// The index of an element segment.
    ElemIndex;
    /// The index of a data segment.
    DataIndex;
    /// The position of a function in an instance's array of function references, which has the functions that can be
    /// referred to at run time.
    FuncRefIndex;
}
