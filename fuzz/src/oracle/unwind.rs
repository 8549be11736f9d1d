//! The oracle of unwind tables: at every instruction that a case runs, they lead to the caller's registers
//! ([`Prover`]). It needs no second lane.

use super::Registration;
use super::differential::Differential;
use crate::generate::case::Case;
use crate::generate::mixed;
use crate::panel::compare::Agreement;
use crate::panel::finding::{Finding, FindingKind, Side};
use crate::panel::run::{Run, run_alone};
use crate::panel::{Check, Panel};
use engine::{Prover, Wrong};
use lanes::{Lane, LaneInfo};

/// The entry in the list of oracles.
pub const REGISTRATION: Registration = Registration {
    name: "unwind",
    summary: "unwind tables are right at every instruction in our compiled lanes, whatever lanes are named",
    choices: super::CHOICES,
    make: |_| {
        let panel = Panel::compiled();
        Box::new(Differential::of(mixed::generate, panel.audience(), Box::new(Unwind(panel))))
    },
};

/// The name of the list of active frames that follows the code and does not read the tables.
const SHADOW_STACK: &str = "shadow-stack";

/// The claim that the tables of compiled code are right wherever it runs.
struct Unwind(Panel);

impl Check for Unwind {
    fn check(&self, case: &Case) -> Result<Agreement, Box<Finding>> {
        let mut compared = Vec::new();
        let runs = self.0.visit_lanes(case, |lane| {
            let run = check_lane(case, lane)?;
            compared.push(lane.info().name.clone());
            let gave_up = run.gave_up;
            Ok::<_, Box<Finding>>((run, gave_up))
        })?;
        let run = runs.into_iter().next().unwrap_or_default();
        Ok(Agreement { run, ended: Vec::new(), apart: Vec::new(), compared })
    }

    fn panel(&self) -> &Panel {
        &self.0
    }
}

/// Runs a case in a compiled lane one instruction at a time.
///
/// # Errors
///
/// The finding of the first wrong rule, or that the system refuses single steps.
pub fn check_lane(case: &Case, lane: &dyn Lane) -> Result<Run, Box<Finding>> {
    let (run, proof) = Prover::watch(|| run_alone(case, lane)).map_err(|error| Finding {
        kind: FindingKind::Failure,
        step: "single steps".to_string(),
        sides: vec![Side::new(error.to_string(), [lane.info()])],
        silent: Vec::new(),
    })?;
    match proof.wrong.first() {
        Some(wrong) => Err(Box::new(describe(wrong, lane.info()))),
        None => Ok(run),
    }
}

/// Returns the finding of a wrong rule.
fn describe(wrong: &Wrong, lane: &LaneInfo) -> Finding {
    let Wrong { artifact, function, offset, rule, expected, seen } = wrong;
    let seen = seen.as_ref().map_or_else(Clone::clone, |value| format!("{value:#x}"));
    Finding {
        kind: FindingKind::Disagreement,
        step: format!("offset {offset:#x} of {function} in artifact {artifact}"),
        sides: vec![
            Side::of_witness(format!("{rule} of the caller: {expected:#x}"), SHADOW_STACK),
            Side::new(format!("{rule} of the caller: {seen}"), [lane]),
        ],
        silent: Vec::new(),
    }
}
