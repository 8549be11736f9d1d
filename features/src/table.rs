//! The table: one row for each WebAssembly feature.
//!
//! To add a feature, add a row at the end. The bit of a row is part of the artifact format and decides the order in
//! which the fuzzer draws features, so rows keep their bits.

use crate::Features;

/// A version of the WebAssembly standard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Version {
    /// WebAssembly 1.0, as its test suite has it: with mutable globals.
    V1,
    /// WebAssembly 2.0.
    V2,
    /// WebAssembly 3.0.
    V3,
}

/// A row of the table: one addition to the first release of WebAssembly.
#[derive(PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Feature {
    /// The name that Touchstone prints: lower case, words joined by hyphens.
    pub name: &'static str,
    /// The set that holds this feature alone.
    pub set: Features,
    /// The first version of the standard that has the feature; `None` for a proposal.
    pub since: Option<Version>,
    /// The features that this one builds on directly. [`Features::with`] follows them to the end.
    pub needs: Features,
    /// The flags of `wasmparser::WasmFeatures` that switch the feature on. The first one is the feature's own, and
    /// wasm-tools takes it in lower case as a name.
    pub parser_flags: &'static [&'static str],
    /// Further names: those of the proposals' repositories, of LLVM's target features, and of Binaryen's options.
    pub aliases: &'static [&'static str],
    /// A module in text form that is valid with the feature and what it needs, and invalid without the feature.
    pub example: &'static str,
    /// A phrase that says what the feature adds.
    pub summary: &'static str,
}

macro_rules! table {
    ($(
        #[doc = $summary:literal]
        $constant:ident = $bit:literal {
            name: $name:literal,
            since: $since:expr,
            needs: [$($need:ident),*],
            flags: $flags:expr,
            aliases: $aliases:expr,
            example: $example:literal,
        }
    )*) => {
        impl Features {
            $(
                #[doc = $summary]
                pub const $constant: Features = Features::bit($bit);
            )*
        }

        /// Every feature, in the order of the bits.
        pub static TABLE: &[Feature] = ROWS;

        pub(crate) const ROWS: &[Feature] = &[$(
            Feature {
                name: $name,
                set: Features::$constant,
                since: $since,
                needs: Features::empty()$(.union(Features::$need))*,
                parser_flags: &$flags,
                aliases: &$aliases,
                example: $example,
                summary: $summary.trim_ascii(),
            },
        )*];
    };
}

table! {
    /// Import and export of mutable globals.
    MUTABLE_GLOBALS = 0 {
        name: "mutable-globals",
        since: Some(Version::V1),
        needs: [],
        flags: ["MUTABLE_GLOBAL"],
        aliases: [],
        example: r#"(module (global (export "g") (mut i32) (i32.const 0)))"#,
    }
    /// `i32.trunc_sat_f32_s` and the other float-to-integer conversions that do not trap.
    SATURATING_FLOAT_TO_INT = 1 {
        name: "saturating-float-to-int",
        since: Some(Version::V2),
        needs: [],
        flags: ["SATURATING_FLOAT_TO_INT"],
        aliases: ["nontrapping-float-to-int-conversions", "nontrapping-float-to-int", "nontrapping-fptoint"],
        example: "(module (func (drop (i32.trunc_sat_f32_s (f32.const 0)))))",
    }
    /// `i32.extend8_s` and the other sign extensions.
    SIGN_EXTENSION = 2 {
        name: "sign-extension",
        since: Some(Version::V2),
        needs: [],
        flags: ["SIGN_EXTENSION"],
        aliases: ["sign-extension-ops", "sign-ext"],
        example: "(module (func (drop (i32.extend8_s (i32.const 0)))))",
    }
    /// Several results, and block types with parameters.
    MULTI_VALUE = 3 {
        name: "multi-value",
        since: Some(Version::V2),
        needs: [],
        flags: ["MULTI_VALUE"],
        aliases: ["multivalue"],
        example: "(module (func (result i32 i32) (i32.const 0) (i32.const 0)))",
    }
    /// `externref`, tables as first-class values, several tables.
    REFERENCE_TYPES = 4 {
        name: "reference-types",
        since: Some(Version::V2),
        needs: [],
        flags: ["REFERENCE_TYPES"],
        aliases: [],
        example: "(module (func (drop (ref.null extern))))",
    }
    /// `memory.copy`, passive segments, and the other bulk operations.
    BULK_MEMORY = 5 {
        name: "bulk-memory",
        since: Some(Version::V2),
        needs: [],
        flags: ["BULK_MEMORY"],
        aliases: ["bulk-memory-operations"],
        example: "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))",
    }
    /// Vectors of 128 bits: `v128`.
    SIMD = 6 {
        name: "simd",
        since: Some(Version::V2),
        needs: [],
        flags: ["SIMD"],
        aliases: ["simd128"],
        example: "(module (func (drop (i8x16.splat (i32.const 0)))))",
    }
    /// `return_call` and the other tail calls.
    TAIL_CALL = 7 {
        name: "tail-call",
        since: Some(Version::V3),
        needs: [],
        flags: ["TAIL_CALL"],
        aliases: ["tail-calls"],
        example: "(module (func $f (return_call $f)))",
    }
    /// Integer arithmetic and imported globals in constant expressions.
    EXTENDED_CONST = 8 {
        name: "extended-const",
        since: Some(Version::V3),
        needs: [],
        flags: ["EXTENDED_CONST"],
        aliases: [],
        example: "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
    }
    /// References to functions of a given type, and `call_ref`.
    FUNCTION_REFERENCES = 9 {
        name: "function-references",
        since: Some(Version::V3),
        needs: [REFERENCE_TYPES],
        flags: ["FUNCTION_REFERENCES"],
        aliases: ["typed-function-references"],
        example: "(module (type $t (func)) (func (drop (ref.null $t))))",
    }
    /// Structs, arrays, `i31`, casts, and types in recursive groups.
    GC = 10 {
        name: "gc",
        since: Some(Version::V3),
        needs: [FUNCTION_REFERENCES],
        flags: ["GC"],
        aliases: [],
        example: "(module (type $s (struct)) (func (drop (struct.new $s))))",
    }
    /// Several memories in one module.
    MULTI_MEMORY = 11 {
        name: "multi-memory",
        since: Some(Version::V3),
        needs: [],
        flags: ["MULTI_MEMORY"],
        aliases: ["multimemory"],
        example: "(module (memory 0) (memory 0))",
    }
    /// Memories and tables with 64-bit indices.
    MEMORY64 = 12 {
        name: "memory64",
        since: Some(Version::V3),
        needs: [],
        flags: ["MEMORY64"],
        aliases: [],
        example: "(module (memory i64 0))",
    }
    /// `try_table`, `throw`, `throw_ref`.
    EXCEPTIONS = 13 {
        name: "exceptions",
        since: Some(Version::V3),
        needs: [REFERENCE_TYPES],
        flags: ["EXCEPTIONS"],
        aliases: ["exception-handling"],
        example: "(module (tag $e) (func (throw $e)) (func (try_table)))",
    }
    /// Vector instructions whose results are left to the implementation in part.
    RELAXED_SIMD = 14 {
        name: "relaxed-simd",
        since: Some(Version::V3),
        needs: [SIMD],
        flags: ["RELAXED_SIMD"],
        aliases: [],
        example: "(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))",
    }
    /// Shared memories, atomic instructions, `memory.atomic.wait32` and `memory.atomic.notify`.
    THREADS = 15 {
        name: "threads",
        since: None,
        needs: [],
        flags: ["THREADS"],
        aliases: ["atomics"],
        example: "(module (memory 1 1 shared) (func (atomic.fence)))",
    }
    /// Memories with pages of one byte.
    CUSTOM_PAGE_SIZES = 16 {
        name: "custom-page-sizes",
        since: None,
        needs: [],
        flags: ["CUSTOM_PAGE_SIZES"],
        aliases: [],
        example: "(module (memory 0 (pagesize 1)))",
    }
    /// `i64.add128`, `i64.mul_wide_s`, and the other operations on pairs of 64-bit integers.
    WIDE_ARITHMETIC = 17 {
        name: "wide-arithmetic",
        since: None,
        needs: [],
        flags: ["WIDE_ARITHMETIC"],
        aliases: [],
        example: "(module (func (param i64) (i64.mul_wide_s (local.get 0) (local.get 0)) drop drop))",
    }
    /// Descriptors of structs, casts by descriptor, and exact types.
    CUSTOM_DESCRIPTORS = 18 {
        name: "custom-descriptors",
        since: None,
        needs: [GC],
        flags: ["CUSTOM_DESCRIPTORS"],
        aliases: [],
        example: "(module (rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct))))",
    }
    /// `try`, `catch`, `delegate`, `rethrow`: the first form of exception handling, which the standard does not have.
    LEGACY_EXCEPTIONS = 19 {
        name: "legacy-exceptions",
        since: None,
        needs: [],
        // To wasmparser, tags and `throw`, which both forms share, belong to the newer one.
        flags: ["LEGACY_EXCEPTIONS", "EXCEPTIONS"],
        aliases: [],
        example: "(module (func try catch_all end))",
    }
    /// Continuations.
    STACK_SWITCHING = 20 {
        name: "stack-switching",
        since: None,
        needs: [FUNCTION_REFERENCES, EXCEPTIONS],
        flags: ["STACK_SWITCHING"],
        aliases: ["typed-continuations"],
        example: "(module (type $f (func)) (type $c (cont $f)))",
    }
    /// Shared tables, globals, functions and objects.
    SHARED_EVERYTHING_THREADS = 21 {
        name: "shared-everything-threads",
        since: None,
        needs: [THREADS, GC],
        flags: ["SHARED_EVERYTHING_THREADS"],
        aliases: ["shared-everything"],
        example: "(module (global (shared i32) (i32.const 0)))",
    }
    /// Imports that share the name of their module, or their type, in the binary.
    COMPACT_IMPORTS = 22 {
        name: "compact-imports",
        since: None,
        needs: [],
        flags: ["COMPACT_IMPORTS"],
        aliases: ["compact-import-section"],
        example: r#"(module (import "spectest" (item "print" (func)) (item "print_i32" (func (param i32)))))"#,
    }
    /// Atomic instructions that acquire and release only, and `pause`.
    ACQUIRE_RELEASE_ATOMICS = 23 {
        name: "acquire-release-atomics",
        since: None,
        needs: [THREADS],
        flags: ["ACQUIRE_RELEASE_ATOMICS"],
        aliases: ["acquire-release", "relaxed-atomics"],
        example: "(module (func (atomic.fence acqrel)))",
    }
}
