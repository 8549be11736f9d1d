//! Checks of features: those that the engine claims it has, those that it denies it lacks.

use super::super::trial::{Trial, encode};
use super::super::{Check, CheckResult};
use lanes::{Features, Lane, Phase};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "the features that the engine claims, it has",
        needs: Features::empty(),
        run: check_claimed_features,
    },
    Check {
        name: "the features that the engine denies, it lacks",
        needs: Features::empty(),
        run: check_denied_features,
    },
    Check { name: "features that a store leaves out", needs: Features::SIGN_EXTENSION, run: check_left_out_features },
];

/// For each feature a module that needs it.
const NEEDS: &[(Features, &str)] = &[
    (Features::MUTABLE_GLOBALS, r#"(module (global (export "g") (mut i32) (i32.const 0)))"#),
    (Features::SATURATING_FLOAT_TO_INT, "(module (func (drop (i32.trunc_sat_f32_s (f32.const 0)))))"),
    (Features::SIGN_EXTENSION, "(module (func (drop (i32.extend8_s (i32.const 0)))))"),
    (Features::MULTI_VALUE, "(module (func (result i32 i32) (i32.const 0) (i32.const 0)))"),
    (Features::REFERENCE_TYPES, "(module (func (drop (ref.null extern))))"),
    (Features::BULK_MEMORY, "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))"),
    (Features::SIMD, "(module (func (drop (i8x16.splat (i32.const 0)))))"),
    (Features::TAIL_CALL, "(module (func $f (return_call $f)))"),
    (Features::EXTENDED_CONST, "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))"),
    (Features::FUNCTION_REFERENCES, "(module (type $t (func)) (func (drop (ref.null $t))))"),
    (Features::GC, "(module (type $s (struct)) (func (drop (struct.new $s))))"),
    (Features::MULTI_MEMORY, "(module (memory 0) (memory 0))"),
    (Features::MEMORY64, "(module (memory i64 0))"),
    (Features::EXCEPTIONS, "(module (tag $e) (func (throw $e)) (func (try_table)))"),
    (Features::RELAXED_SIMD, "(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))"),
    (Features::THREADS, "(module (memory 1 1 shared) (func (atomic.fence)))"),
    (Features::CUSTOM_PAGE_SIZES, "(module (memory 0 (pagesize 1)))"),
    (
        Features::WIDE_ARITHMETIC,
        "(module (func (param i64) (result i64 i64)
           (i64.add128 (local.get 0) (local.get 0) (local.get 0) (local.get 0))))",
    ),
    (Features::LEGACY_EXCEPTIONS, "(module (func try catch_all end))"),
    (Features::STACK_SWITCHING, "(module (type $f (func)) (type $c (cont $f)))"),
];

fn check_claimed_features(trial: &mut Trial<'_>) -> CheckResult {
    let claimed = trial.introduced.features;
    for (_, text) in NEEDS.iter().filter(|(feature, _)| claimed.contains(*feature)) {
        trial.instantiate(text).map_err(|error| format!("the engine claims the feature, but {error}"))?;
    }
    Ok(())
}

fn check_denied_features(trial: &mut Trial<'_>) -> CheckResult {
    let claimed = trial.introduced.features;
    // Everything is allowed here: an engine that has a feature would accept the module.
    trial.session = trial.lane.session(Features::all()).map_err(|failure| format!("a fresh store: {failure}"))?;
    for (feature, text) in NEEDS.iter().filter(|(feature, _)| !claimed.contains(*feature)) {
        match trial.try_load(&encode(text)) {
            Err(refusal) if refusal.phase != Phase::Internal => {}
            // That the engine accepts what it should lack is an internal error already, where the session can tell.
            _ => return Err(format!("the engine denies {feature}, but accepts {text}")),
        }
    }
    Ok(())
}

fn check_left_out_features(trial: &mut Trial<'_>) -> CheckResult {
    if trial.introduced.hello.fixed_features {
        return Ok(());
    }
    let session = trial.lane.session(Features::WASM_1_0);
    trial.session = session.map_err(|failure| format!("a store for WebAssembly 1.0: {failure}"))?;
    let text = "(module (func (drop (i32.extend8_s (i32.const 0)))))";
    match trial.try_load(&encode(text)) {
        Ok(_) => Err(format!("it does not say `fixed_features`, but accepts in a store for WebAssembly 1.0 {text}")),
        Err(_) => Ok(()),
    }
}
