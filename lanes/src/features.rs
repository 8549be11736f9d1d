//! The WebAssembly features that a script or a fuzz input may use: one set for all engines.

use std::fmt;

/// A name that is no feature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownFeature(pub String);

impl fmt::Display for UnknownFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown feature `{}`; there are wasm1, wasm2", self.0)?;
        NAMES.iter().try_for_each(|(name, _)| write!(f, ", {name}"))
    }
}

impl std::error::Error for UnknownFeature {}

bitflags::bitflags! {
    /// Features beyond WebAssembly 1.0.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
    pub struct Features: u64 {
        /// Import and export of mutable globals.
        const MUTABLE_GLOBALS = 1 << 0;
        /// `i32.trunc_sat_f32_s` and its like.
        const SATURATING_FLOAT_TO_INT = 1 << 1;
        /// `i32.extend8_s` and its like.
        const SIGN_EXTENSION = 1 << 2;
        /// Several results, and block types with parameters.
        const MULTI_VALUE = 1 << 3;
        /// `externref`, tables as first-class values, several tables.
        const REFERENCE_TYPES = 1 << 4;
        /// `memory.copy`, passive segments and their like.
        const BULK_MEMORY = 1 << 5;
        /// `v128`.
        const SIMD = 1 << 6;
        /// `return_call` and its like.
        const TAIL_CALL = 1 << 7;
        /// Arithmetic and imported globals in constant expressions.
        const EXTENDED_CONST = 1 << 8;
        /// Typed function references.
        const FUNCTION_REFERENCES = 1 << 9;
        /// Structs, arrays, `i31`.
        const GC = 1 << 10;
        /// Several memories.
        const MULTI_MEMORY = 1 << 11;
        /// 64-bit memories and tables.
        const MEMORY64 = 1 << 12;
        /// `try_table`, `throw`, `throw_ref`.
        const EXCEPTIONS = 1 << 13;
        /// Relaxed SIMD.
        const RELAXED_SIMD = 1 << 14;
        /// Shared memories and atomics.
        const THREADS = 1 << 15;
        /// Memories with pages of one byte.
        const CUSTOM_PAGE_SIZES = 1 << 16;
        /// `i64.add128` and its like.
        const WIDE_ARITHMETIC = 1 << 17;
        /// Custom descriptors.
        const CUSTOM_DESCRIPTORS = 1 << 18;

        /// WebAssembly 1.0, with the mutable globals that its test suite expects.
        const WASM_1_0 = Self::MUTABLE_GLOBALS.bits();
        /// WebAssembly 2.0.
        const WASM_2_0 = Self::WASM_1_0.bits()
            | Self::SATURATING_FLOAT_TO_INT.bits()
            | Self::SIGN_EXTENSION.bits()
            | Self::MULTI_VALUE.bits()
            | Self::REFERENCE_TYPES.bits()
            | Self::BULK_MEMORY.bits()
            | Self::SIMD.bits();
        /// WebAssembly 3.0.
        const WASM_3_0 = Self::WASM_2_0.bits()
            | Self::TAIL_CALL.bits()
            | Self::EXTENDED_CONST.bits()
            | Self::FUNCTION_REFERENCES.bits()
            | Self::GC.bits()
            | Self::MULTI_MEMORY.bits()
            | Self::MEMORY64.bits()
            | Self::EXCEPTIONS.bits()
            | Self::RELAXED_SIMD.bits();
    }
}

const NAMES: &[(&str, Features)] = &[
    ("mutable-globals", Features::MUTABLE_GLOBALS),
    ("saturating-float-to-int", Features::SATURATING_FLOAT_TO_INT),
    ("sign-extension", Features::SIGN_EXTENSION),
    ("multi-value", Features::MULTI_VALUE),
    ("reference-types", Features::REFERENCE_TYPES),
    ("bulk-memory", Features::BULK_MEMORY),
    ("simd", Features::SIMD),
    ("tail-call", Features::TAIL_CALL),
    ("extended-const", Features::EXTENDED_CONST),
    ("function-references", Features::FUNCTION_REFERENCES),
    ("gc", Features::GC),
    ("multi-memory", Features::MULTI_MEMORY),
    ("memory64", Features::MEMORY64),
    ("exceptions", Features::EXCEPTIONS),
    ("relaxed-simd", Features::RELAXED_SIMD),
    ("threads", Features::THREADS),
    ("custom-page-sizes", Features::CUSTOM_PAGE_SIZES),
    ("wide-arithmetic", Features::WIDE_ARITHMETIC),
    ("custom-descriptors", Features::CUSTOM_DESCRIPTORS),
];

impl Default for Features {
    /// WebAssembly 2.0.
    fn default() -> Features {
        Features::WASM_2_0
    }
}

impl Features {
    /// Applies a list like `wasm1,simd,-multi-value` from left to right to `self`: `wasm1`, `wasm2` and `wasm3` set the
    /// whole, a name adds, a name after `-` takes away.
    pub fn apply(self, list: &str) -> Result<Features, UnknownFeature> {
        list.split([',', ' ']).filter(|item| !item.is_empty()).try_fold(self, |features, item| {
            let (remove, name) = item.strip_prefix('-').map_or((false, item), |name| (true, name));
            let named = match name {
                "wasm1" | "wasm2" | "wasm3" if remove => return Err(UnknownFeature(item.to_string())),
                "wasm1" => return Ok(Features::WASM_1_0),
                "wasm2" => return Ok(Features::WASM_2_0),
                "wasm3" => return Ok(Features::WASM_3_0),
                _ => NAMES.iter().find(|(known, _)| *known == name).map(|&(_, features)| features),
            };
            let named = named.ok_or_else(|| UnknownFeature(name.to_string()))?;
            Ok(if remove { features - named } else { features | named })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let features = Features::default().apply("wasm1,simd -mutable-globals").expect("known names");
        assert_eq!(features, Features::SIMD);
        assert_eq!(Features::default().apply("gcc"), Err(UnknownFeature("gcc".to_string())));
        assert!(Features::default().apply("-wasm1").is_err());
    }

    #[test]
    fn every_feature_has_a_name() {
        let named = NAMES.iter().fold(Features::empty(), |all, &(_, features)| all | features);
        assert_eq!(named, Features::all());
    }
}
