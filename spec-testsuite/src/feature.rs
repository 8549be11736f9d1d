//! WebAssembly features by name, and sets of them.
//!
//! A script says with these which proposals its modules may use. They cover every proposal that has official scripts,
//! whether an engine has it or not: a lane maps those that it knows and refuses the others.

use std::fmt;
use std::str::FromStr;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One addition to WebAssembly 1.0, named as its proposal's repository is.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Feature {
            $($(#[$doc])* $variant,)*
        }

        impl Feature {
            /// Every feature, in the order in which they entered the standard, those that have not last.
            pub const ALL: &[Feature] = &[$(Feature::$variant,)*];

            /// Its proposal's short name, which is also the name of the folder of its scripts where there is one.
            pub fn name(self) -> &'static str {
                match self {
                    $(Feature::$variant => $name,)*
                }
            }
        }
    };
}

features! {
    /// Import and export of mutable globals.
    MutableGlobal = "mutable-global",
    /// `i32.trunc_sat_f32_s` and its like.
    SaturatingFloatToInt = "nontrapping-float-to-int-conversions",
    /// `i32.extend8_s` and its like.
    SignExtension = "sign-extension-ops",
    /// Several results, and block types with parameters.
    MultiValue = "multi-value",
    /// `externref`, tables as values, several tables.
    ReferenceTypes = "reference-types",
    /// `memory.copy`, passive segments and their like.
    BulkMemory = "bulk-memory",
    /// `v128`.
    Simd = "simd",
    /// Arithmetic in constant expressions.
    ExtendedConst = "extended-const",
    /// `return_call` and its like.
    TailCall = "tail-call",
    /// Typed function references, `call_ref`.
    FunctionReferences = "function-references",
    /// Structs, arrays, `i31ref`, casts.
    Gc = "gc",
    /// `try_table`, `throw`, `throw_ref`.
    Exceptions = "exceptions",
    /// Several memories in one module.
    MultiMemory = "multi-memory",
    /// Memories and tables with 64-bit indices.
    Memory64 = "memory64",
    /// Vector instructions whose results may differ between hosts.
    RelaxedSimd = "relaxed-simd",
    /// Shared memories, atomic accesses, `wait` and `notify`.
    Threads = "threads",
    /// Page sizes other than 64 KiB.
    CustomPageSizes = "custom-page-sizes",
    /// `i64.add128` and its like.
    WideArithmetic = "wide-arithmetic",
    /// Descriptors of structs, and exact types.
    CustomDescriptors = "custom-descriptors",
    /// `try`, `catch`, `delegate`, `rethrow`: the form before `try_table`.
    LegacyExceptions = "legacy-exceptions",
    /// Continuations.
    StackSwitching = "stack-switching",
    /// Threads beyond shared memories: shared tables, globals, functions.
    SharedEverythingThreads = "shared-everything-threads",
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A feature name that is not in [`Feature::ALL`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownFeature(pub String);

impl fmt::Display for UnknownFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown feature `{}`; known are 1.0 2.0 3.0", self.0)?;
        Feature::ALL.iter().try_for_each(|feature| write!(f, " {feature}"))
    }
}

impl std::error::Error for UnknownFeature {}

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(name: &str) -> Result<Feature, UnknownFeature> {
        let known = Feature::ALL.iter().copied().find(|feature| feature.name() == name);
        known.ok_or_else(|| UnknownFeature(name.to_owned()))
    }
}

/// A set of [`Feature`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features(u32);

impl Features {
    /// No feature: WebAssembly 1.0 without the mutable globals that its test suite expects.
    pub const NONE: Features = Features(0);

    /// WebAssembly 1.0 as its test suite has it.
    pub const WASM_1_0: Features = Features::NONE.with(Feature::MutableGlobal);

    /// WebAssembly 2.0.
    pub const WASM_2_0: Features = Features::WASM_1_0
        .with(Feature::SaturatingFloatToInt)
        .with(Feature::SignExtension)
        .with(Feature::MultiValue)
        .with(Feature::ReferenceTypes)
        .with(Feature::BulkMemory)
        .with(Feature::Simd);

    /// WebAssembly 3.0.
    pub const WASM_3_0: Features = Features::WASM_2_0
        .with(Feature::ExtendedConst)
        .with(Feature::TailCall)
        .with(Feature::FunctionReferences)
        .with(Feature::Gc)
        .with(Feature::Exceptions)
        .with(Feature::MultiMemory)
        .with(Feature::Memory64)
        .with(Feature::RelaxedSimd);

    /// This set and one more feature.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Features {
        Features(self.0 | 1 << feature as u32)
    }

    /// This set less one feature.
    #[must_use]
    pub const fn without(self, feature: Feature) -> Features {
        Features(self.0 & !(1 << feature as u32))
    }

    /// The features that are in this set or in the other.
    #[must_use]
    pub const fn union(self, other: Features) -> Features {
        Features(self.0 | other.0)
    }

    /// The features of this set that are not in the other.
    #[must_use]
    pub const fn difference(self, other: Features) -> Features {
        Features(self.0 & !other.0)
    }

    /// Whether the feature is in this set.
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u32) != 0
    }

    /// Whether no feature is in this set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The features of this set, in the order of [`Feature::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.iter().copied().filter(move |feature| self.contains(*feature))
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Features {
        features.into_iter().fold(Features::NONE, Features::with)
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The names, separated by commas.
impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Feature::name).collect();
        f.write_str(&names.join(","))
    }
}

/// Reads names separated by commas or blanks, added from left to right; a version (`1.0`, `2.0`, `3.0`) stands for all
/// of its features, and a minus in front of a name takes the feature out: `3.0,threads,-gc`.
impl FromStr for Features {
    type Err = UnknownFeature;

    fn from_str(list: &str) -> Result<Features, UnknownFeature> {
        let names = list.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty());
        names.into_iter().try_fold(Features::NONE, |set, name| {
            Ok(match name.strip_prefix('-') {
                Some(name) => set.difference(named(name)?),
                None => set.union(named(name)?),
            })
        })
    }
}

fn named(name: &str) -> Result<Features, UnknownFeature> {
    Ok(match name {
        "1.0" => Features::WASM_1_0,
        "2.0" => Features::WASM_2_0,
        "3.0" => Features::WASM_3_0,
        name => Features::NONE.with(name.parse()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_found_by_its_name() {
        for feature in Feature::ALL {
            assert_eq!(feature.name().parse(), Ok(*feature));
        }
        assert_eq!("teleport".parse::<Feature>(), Err(UnknownFeature("teleport".to_owned())));
    }

    #[test]
    fn sets_are_what_was_put_in() {
        let set: Features = [Feature::Gc, Feature::Threads].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Feature::Gc, Feature::Threads]);
        assert_eq!(set.to_string(), "gc,threads");
        assert_eq!(set.without(Feature::Gc), Features::NONE.with(Feature::Threads));
        assert!(set.difference(set).is_empty());
        assert!(Features::WASM_3_0.contains(Feature::Simd) && !Features::WASM_1_0.contains(Feature::Simd));
    }

    #[test]
    fn versions_and_minus_signs_are_read_from_left_to_right() {
        let set: Features = "3.0, threads -gc".parse().expect("all names are known");
        assert_eq!(set, Features::WASM_3_0.with(Feature::Threads).without(Feature::Gc));
        assert!("3.0,-nothing".parse::<Features>().is_err());
    }
}
