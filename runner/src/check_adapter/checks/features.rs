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

fn check_claimed_features(trial: &mut Trial<'_>) -> CheckResult {
    let claimed = trial.introduced.features;
    for feature in claimed.iter() {
        trial.instantiate(feature.example).map_err(|error| format!("the engine claims the feature, but {error}"))?;
    }
    Ok(())
}

fn check_denied_features(trial: &mut Trial<'_>) -> CheckResult {
    let claimed = trial.introduced.features;
    // Everything is allowed here: an engine that has a feature would accept the module.
    trial.session = trial.lane.session(Features::all()).map_err(|failure| format!("a fresh store: {failure}"))?;
    for feature in (Features::all() - claimed).iter() {
        match trial.try_load(&encode(feature.example)) {
            Err(refusal) if refusal.phase != Phase::Internal => {}
            // That the engine accepts what it should lack is an internal error already, where the session can tell.
            _ => return Err(format!("the engine denies {}, but accepts {}", feature.name, feature.example)),
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
