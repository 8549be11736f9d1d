//! The oracle of equalities: in one lane, a module does the same as its rewriting by identities.
//!
//! It needs no second engine. A code generator that translates an operator wrongly translates the operators that take
//! its place in another way, so that the two differ.

use super::Registration;
use super::differential::Differential;
use crate::generate::case::Case;
use crate::generate::mixed;
use crate::panel::compare::{self, Agreement};
use crate::panel::finding::Finding;
use crate::panel::rewriting::RewritingLane;
use crate::panel::{Check, Panel};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The entry in the list of oracles.
pub const REGISTRATION: Registration = Registration {
    name: "equal",
    summary: "a module does the same as its rewriting by identities, in each lane by itself",
    choices: super::CHOICES,
    make: |panel| {
        let audience = panel.audience();
        Box::new(Differential::of(mixed::generate, audience, Box::new(Equal(panel))))
    },
};

/// The number of rewritings.
const VARIANTS: u64 = 64;
/// The fuel of a rewritten case, by the fuel of the case.
const FUEL_FACTOR: u64 = 4;

/// The claim that each lane runs a case and its rewriting alike.
pub struct Equal(pub Panel);

/// Returns the case with fuel for what rewriting adds. The comparison ends where one of the two runs out of it.
fn with_more_fuel(case: &Case) -> Case {
    let mut case = case.clone();
    for options in case.options.values_mut() {
        options.fuel = options.fuel.map(|fuel| fuel * FUEL_FACTOR);
    }
    case
}

/// Returns the number of the rewriting of a case. It follows from the options, which a reduction keeps.
fn choose_variant(case: &Case) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{:?}", case.options).hash(&mut hasher);
    hasher.finish() % VARIANTS
}

impl Check for Equal {
    fn check(&self, case: &Case) -> Result<Agreement, Box<Finding>> {
        let variant = choose_variant(case);
        let case = &with_more_fuel(case);
        let agreements = self.0.visit_lanes(case, |lane| {
            let agreement = compare::check(case, &[lane, &RewritingLane::new(lane, variant)])?;
            let gave_up = agreement.run.gave_up;
            Ok::<_, Box<Finding>>((agreement, gave_up))
        })?;
        let whole = agreements.into_iter().reduce(Agreement::and);
        Ok(whole.expect("a panel has lanes"))
    }

    fn panel(&self) -> &Panel {
        &self.0
    }
}
