//! The features of each script against a validator: with them, each module that the script loads must be valid, and
//! each one that it asserts to be invalid or malformed must be refused.
//!
//! A missing feature shows as a refused module, a feature too many as an assertion whose module is valid.

use spec_testsuite::{Features, Script, Suite};
use wasmparser::{Validator, WasmFeatures};
use wast::{QuoteWat, WastDirective};

fn parser_features(features: Features) -> WasmFeatures {
    let flags = features.parser_flags().map(|flag| WasmFeatures::from_name(flag).expect("a test looks up every flag"));
    flags.fold(WasmFeatures::FLOATS | WasmFeatures::GC_TYPES, WasmFeatures::union)
}

/// Returns whether the text or binary is a valid module.
fn is_valid(features: Features, module: &mut QuoteWat<'_>) -> bool {
    let Ok(binary) = module.encode() else { return false };
    Validator::new_with_features(parser_features(features)).validate_all(&binary).is_ok()
}

/// Returns the lines of directives that disagree with the features: `+` for a valid module that is asserted not to be,
/// `-` for the reverse.
fn disagreements(script: &Script) -> Vec<String> {
    let mut lexer = wast::lexer::Lexer::new(&script.contents);
    lexer.allow_confusing_unicode(true);
    let buffer = wast::parser::ParseBuffer::new_with_lexer(lexer).expect("an official script has known tokens");
    let parsed = wast::parser::parse::<wast::Wast<'_>>(&buffer).expect("an official script parses");
    let mut found = Vec::new();
    for directive in parsed.directives {
        let at = directive.span();
        let (mut module, valid) = match directive {
            WastDirective::Module(module) | WastDirective::ModuleDefinition(module) => (module, true),
            WastDirective::AssertInvalid { module, .. } | WastDirective::AssertMalformed { module, .. } => {
                (module, false)
            }
            WastDirective::AssertUnlinkable { module, .. } => (QuoteWat::Wat(module), true),
            WastDirective::AssertTrap { exec: wast::WastExecute::Wat(module), .. } => (QuoteWat::Wat(module), true),
            _ => continue,
        };
        if is_valid(script.features, &mut module) != valid {
            let sign = if valid { '-' } else { '+' };
            found.push(format!("{}:{}: {sign}", script.path, at.linecol_in(&script.contents).0 + 1));
        }
    }
    found
}

/// Disagreements with another cause than the features.
const KNOWN: &[&str] = &[
    // wasmparser 0.263 is wrong about supertypes that have descriptors.
    "spec:proposals/custom-descriptors/br_on_cast_desc_eq.wast:456: -",
    "spec:proposals/custom-descriptors/br_on_cast_desc_eq_fail.wast:432: -",
    "spec:proposals/custom-descriptors/descriptors.wast:255: -",
    "spec:proposals/custom-descriptors/descriptors.wast:262: -",
    "spec:proposals/custom-descriptors/ref_cast_desc_eq.wast:168: -",
    // The standard later allowed a `br_table` in dead code whose labels have different types.
    "spec:proposals/reference-types/unreached-invalid.wast:539: +",
];

#[test]
fn a_validator_agrees_with_every_script() {
    let suites = Suite::known().filter(|suite| *suite != Suite::All);
    let found: Vec<String> = suites.flat_map(Suite::scripts).flat_map(|script| disagreements(&script)).collect();
    assert_eq!(found, KNOWN);
}

#[test]
fn a_wrong_feature_is_noticed() {
    let mut scripts = Suite::V2.scripts();
    let script = scripts.iter_mut().find(|script| script.path.ends_with("/simd_lane.wast")).expect("it is in 2.0");
    script.features = script.features.without(Features::SIMD);
    assert!(disagreements(script).iter().any(|line| line.ends_with('-')));

    let mut scripts = Suite::V3.scripts();
    let script = scripts.iter_mut().find(|script| script.path.ends_with("/memory64.wast")).expect("it is in 3.0");
    script.features = script.features.with(Features::MULTI_MEMORY);
    assert!(disagreements(script).iter().any(|line| line.ends_with('+')));
}
