//! The WebAssembly features that a script or a fuzz input may use: one set for all engines.

use std::fmt;

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
        /// `try`, `catch`, `delegate`, `rethrow`.
        const LEGACY_EXCEPTIONS = 1 << 19;
        /// Continuations.
        const STACK_SWITCHING = 1 << 20;
        /// Shared tables, globals and functions.
        const SHARED_EVERYTHING_THREADS = 1 << 21;

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

impl Features {
    /// Their names, as scripts and the executable protocol have them.
    pub fn names(self) -> Vec<String> {
        self.iter_names().map(|(name, _)| name.to_ascii_lowercase().replace('_', "-")).collect()
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

impl Default for Features {
    /// WebAssembly 3.0.
    fn default() -> Features {
        Features::WASM_3_0
    }
}
