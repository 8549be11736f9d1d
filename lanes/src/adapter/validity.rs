//! The validity of modules by wasmparser, which decides between "the engine lacks a feature" and "the engine is wrong".
//!
//! An engine in another process has its own set of features. Its answer about a module counts as it is, but for two
//! cases:
//!
//! - It refuses a module that wasmparser accepts with the script's features, but not with those among them that the
//!   engine has. Then a feature is missing, and the refusal is right.
//! - It accepts a module that wasmparser refuses with the script's features, but accepts with all of the engine's. Then
//!   the engine cannot switch a feature off, and the acceptance is right.

use crate::Features;
use wasmparser::{Operator, Parser, Payload, Validator, WasmFeatures};

/// Returns whether wasmparser accepts a module with these features.
pub fn is_valid_with(binary: &[u8], features: Features) -> bool {
    // To wasmparser, legacy exceptions include the current ones, since they share tags.
    let older_only = features.contains(Features::LEGACY_EXCEPTIONS) && !features.contains(Features::EXCEPTIONS);
    Validator::new_with_features(parser_features(features)).validate_all(binary).is_ok()
        && !(older_only && has_newer_exceptions(binary))
}

fn has_newer_exceptions(binary: &[u8]) -> bool {
    Parser::new(0).parse_all(binary).any(|payload| {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { return false };
        let Ok(operators) = body.get_operators_reader() else { return false };
        operators.into_iter().any(|operator| matches!(operator, Ok(Operator::TryTable { .. } | Operator::ThrowRef)))
    })
}

/// Returns the reason why a refusal is right, if the engine lacks a feature that the module needs.
pub(super) fn reason_to_refuse(binary: &[u8], script: Features, engine: Features) -> Option<String> {
    let missing = script - engine;
    let explains = !missing.is_empty() && is_valid_with(binary, script) && !is_valid_with(binary, script & engine);
    explains.then(|| format!("the engine has no {missing}"))
}

/// Returns what is wrong with an acceptance, if the engine says that it lacks a feature that the module needs.
pub(super) fn contradiction(binary: &[u8], script: Features, engine: Features) -> Option<String> {
    // With all features of the engine, not only the script's: legacy exceptions imply tags.
    let reason = reason_to_refuse(binary, script, engine).filter(|_| !is_valid_with(binary, engine));
    reason.map(|reason| format!("{reason}, it says, but it accepts a module that needs it"))
}

/// Returns the reason why an acceptance is right, though the script forbids a feature that the module needs: the engine
/// cannot switch it off.
pub(super) fn reason_to_accept(binary: &[u8], script: Features, engine: Features) -> Option<String> {
    let extra = engine - script;
    let explains = !extra.is_empty() && !is_valid_with(binary, script) && is_valid_with(binary, script | extra);
    explains.then(|| "the engine has features that the script forbids, and cannot leave them out".to_string())
}

/// Returns wasmparser's flags for a set of features. Floats and references to objects have flags of their own there,
/// though they are no features.
fn parser_features(features: Features) -> WasmFeatures {
    let flags = features.parser_flags().map(|flag| WasmFeatures::from_name(flag).expect("a test looks up every flag"));
    flags.fold(WasmFeatures::FLOATS | WasmFeatures::GC_TYPES, WasmFeatures::union)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(module (func (result i32 i32) (i32.const 1) (i32.const 2)))`
    const TWO_RESULTS: &[u8] =
        b"\0asm\x01\0\0\0\x01\x06\x01\x60\0\x02\x7f\x7f\x03\x02\x01\0\x0a\x08\x01\x06\0\x41\x01\x41\x02\x0b";

    #[test]
    fn a_missing_feature_explains_a_refusal() {
        let without = Features::WASM_2_0 - Features::MULTI_VALUE;
        assert!(reason_to_refuse(TWO_RESULTS, Features::WASM_2_0, without).is_some());
        assert!(reason_to_refuse(TWO_RESULTS, Features::WASM_2_0, Features::WASM_2_0).is_none());
        assert!(reason_to_refuse(TWO_RESULTS, Features::WASM_2_0, Features::WASM_2_0 - Features::SIMD).is_none());
        assert!(
            contradiction(TWO_RESULTS, Features::WASM_2_0, without)
                .is_some_and(|reason| reason.contains("multi-value"))
        );
        assert!(reason_to_refuse(b"\0asm\x01\0\0\0\x01", Features::WASM_2_0, without).is_none());
    }

    #[test]
    fn older_exceptions_are_told_from_newer_ones() {
        let older = Features::WASM_2_0 | Features::LEGACY_EXCEPTIONS;
        // (module (func try_table end)) and (module (func try end))
        let body = |opcode| [b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a".as_slice(), opcode].concat();
        let [newer_module, older_module] =
            [body(b"\x08\x01\x06\0\x1f\x40\0\x0b\x0b"), body(b"\x07\x01\x05\0\x06\x40\x0b\x0b")];
        assert!(is_valid_with(&newer_module, older | Features::EXCEPTIONS));
        assert!(!is_valid_with(&newer_module, older));
        assert!(is_valid_with(&older_module, older));
    }

    #[test]
    fn a_feature_too_many_explains_an_acceptance() {
        let without = Features::WASM_2_0 - Features::MULTI_VALUE;
        assert!(reason_to_accept(TWO_RESULTS, without, Features::WASM_2_0).is_some());
        assert!(reason_to_accept(TWO_RESULTS, without, without).is_none());
        assert!(reason_to_accept(b"\0asm\x01\0\0\0\x01", without, Features::WASM_2_0).is_none());
    }
}
