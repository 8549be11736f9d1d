//! Sets of features.

use crate::table::{Feature, ROWS, TABLE, Version};
use core::fmt;
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Sub, SubAssign};

/// A set of [`Feature`]s: for example, those that a module may use, or those that an engine implements.
///
/// [`union`](Features::union) and [`difference`](Features::difference), with their operators `|` and `-`, are plain set
/// operations. [`with`](Features::with) and [`without`](Features::without) also respect what features need.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Features(u64);

impl Features {
    /// WebAssembly 1.0, as its test suite has it: with mutable globals.
    pub const WASM_1_0: Features = Features::version(Version::V1);

    /// WebAssembly 2.0.
    pub const WASM_2_0: Features = Features::version(Version::V2);

    /// WebAssembly 3.0.
    pub const WASM_3_0: Features = Features::version(Version::V3);

    /// Lime1, the stable subset that LLVM's tools agree on, with the whole of each feature that it takes a part of:
    /// bulk memory and reference types.
    pub const LIME1: Features = Features::WASM_1_0
        .union(Features::MULTI_VALUE)
        .union(Features::SIGN_EXTENSION)
        .union(Features::SATURATING_FLOAT_TO_INT)
        .union(Features::BULK_MEMORY)
        .union(Features::REFERENCE_TYPES)
        .union(Features::EXTENDED_CONST);

    /// The set of the row with this bit.
    pub(crate) const fn bit(bit: u32) -> Features {
        Features(1 << bit)
    }

    /// No feature: the first release of WebAssembly, without mutable globals in imports and exports.
    pub const fn empty() -> Features {
        Features(0)
    }

    /// Every feature of the table.
    pub const fn all() -> Features {
        let mut all = Features::empty();
        let mut row = 0;
        while row < ROWS.len() {
            all = all.union(ROWS[row].set);
            row += 1;
        }
        all
    }

    /// The features of a version of the standard.
    pub const fn version(version: Version) -> Features {
        let mut set = Features::empty();
        let mut row = 0;
        while row < ROWS.len() {
            if let Some(since) = ROWS[row].since
                && since as u8 <= version as u8
            {
                set = set.union(ROWS[row].set);
            }
            row += 1;
        }
        set
    }

    /// The set as a number, with one bit for each feature.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The set with these bits, or `None` if one of them belongs to no feature.
    pub const fn from_bits(bits: u64) -> Option<Features> {
        if bits & !Features::all().0 == 0 { Some(Features(bits)) } else { None }
    }

    /// True if the set has no feature.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if every feature of `other` is in this set.
    pub const fn contains(self, other: Features) -> bool {
        self.0 & other.0 == other.0
    }

    /// True if some feature of `other` is in this set.
    pub const fn intersects(self, other: Features) -> bool {
        self.0 & other.0 != 0
    }

    /// The features that are in this set or in `other`.
    #[must_use]
    pub const fn union(self, other: Features) -> Features {
        Features(self.0 | other.0)
    }

    /// The features that are in this set and in `other`.
    #[must_use]
    pub const fn intersection(self, other: Features) -> Features {
        Features(self.0 & other.0)
    }

    /// The features of this set that are not in `other`.
    #[must_use]
    pub const fn difference(self, other: Features) -> Features {
        Features(self.0 & !other.0)
    }

    /// Adds features and all that these need.
    #[must_use]
    pub const fn with(self, added: Features) -> Features {
        let mut added = added;
        loop {
            let mut closed = added;
            let mut row = 0;
            while row < ROWS.len() {
                if added.contains(ROWS[row].set) {
                    closed = closed.union(ROWS[row].needs);
                }
                row += 1;
            }
            if closed.0 == added.0 {
                return self.union(closed);
            }
            added = closed;
        }
    }

    /// Removes features and all that need them.
    #[must_use]
    pub const fn without(self, removed: Features) -> Features {
        let mut left = self.difference(removed);
        let mut row = 0;
        while row < ROWS.len() {
            if Features::empty().with(ROWS[row].set).intersects(removed) {
                left = left.difference(ROWS[row].set);
            }
            row += 1;
        }
        left
    }

    /// The rows of the set, in the order of the bits.
    pub fn iter(self) -> impl Iterator<Item = &'static Feature> {
        TABLE.iter().filter(move |feature| self.contains(feature.set))
    }

    /// The names of the set's features, in the order of the bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(|feature| feature.name)
    }

    /// The flags of `wasmparser::WasmFeatures` that the set's features need. A flag may occur twice.
    pub fn parser_flags(self) -> impl Iterator<Item = &'static str> {
        self.iter().flat_map(|feature| feature.parser_flags).copied()
    }
}

impl Default for Features {
    /// WebAssembly 3.0. A proposal must be named.
    fn default() -> Features {
        Features::WASM_3_0
    }
}

/// Writes the names, separated by a comma and a blank.
impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for name in self.names() {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Features({self})")
    }
}

impl BitOr for Features {
    type Output = Features;

    fn bitor(self, other: Features) -> Features {
        self.union(other)
    }
}

impl BitOrAssign for Features {
    fn bitor_assign(&mut self, other: Features) {
        *self = *self | other;
    }
}

impl BitAnd for Features {
    type Output = Features;

    fn bitand(self, other: Features) -> Features {
        self.intersection(other)
    }
}

impl BitAndAssign for Features {
    fn bitand_assign(&mut self, other: Features) {
        *self = *self & other;
    }
}

impl Sub for Features {
    type Output = Features;

    fn sub(self, other: Features) -> Features {
        self.difference(other)
    }
}

impl SubAssign for Features {
    fn sub_assign(&mut self, other: Features) {
        *self = *self - other;
    }
}
