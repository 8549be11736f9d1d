//! The oracle of equalities: in one lane, a module does the same as its rewriting by identities.
//!
//! It needs no second engine. A code generator that translates an operator wrongly translates the operators that take
//! its place in another way, so that the two differ.

use super::Registration;
use super::differential::Differential;
use crate::generate::case::Case;
use crate::generate::feature_set::Audience;
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
    make: |panel| Box::new(Differential::of(mixed::generate, without_fuel(&panel), Box::new(Equal(panel)))),
};

/// The number of rewritings.
const VARIANTS: u64 = 64;

/// The claim that each lane runs a case and its rewriting alike.
pub struct Equal(pub Panel);

/// Returns the lanes that cases are made for. Rewriting changes the fuel that code uses, so cases end without it.
fn without_fuel(panel: &Panel) -> Audience {
    Audience { own: false, ..panel.audience() }
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
        let mut agreements =
            self.0.map_lanes(case, &mut |lane| compare::check(case, &[lane, &RewritingLane::new(lane, variant)]));
        let mut whole = agreements.remove(0)?;
        for agreement in agreements {
            let agreement = agreement?;
            whole.ended.extend(agreement.ended);
            whole.apart.extend(agreement.apart);
            whole.compared.extend(agreement.compared);
        }
        Ok(whole)
    }

    fn panel(&self) -> &Panel {
        &self.0
    }
}
