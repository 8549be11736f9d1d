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
            /// The index as a position in a slice.
            pub(crate) const fn index(self) -> usize {
                self.0 as usize
            }

            /// The index of this position; panics past 2^32, which no valid module reaches.
            pub(crate) fn new(position: usize) -> $name {
                $name(u32::try_from(position).expect("index spaces hold fewer than 2^32 items"))
            }
        }

        // Not every space needs both ways in every build.
        const _: (fn($name) -> usize, fn(usize) -> $name) = ($name::index, $name::new);
    )*};
}

indices! {
    /// A type.
    TypeIndex;
    /// A function; imported functions come first.
    FuncIndex;
    /// A function that the module itself defines, counted from 0.
    DefinedFuncIndex;
    /// A table; imported tables come first.
    TableIndex;
    /// A linear memory; imported memories come first.
    MemoryIndex;
    /// A global; imported globals come first.
    GlobalIndex;
    /// A tag; imported tags come first.
    TagIndex;
    /// An element segment.
    ElemIndex;
    /// A data segment.
    DataIndex;
    /// A place in the instance's array of function references: functions that can be referred to at run time.
    FuncRefIndex;
}
