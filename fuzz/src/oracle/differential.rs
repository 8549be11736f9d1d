//! The oracle of a generator and a claim about its cases: by default, that a case does the same in every lane of a
//! panel.

use super::{Oracle, Reduced, Verdict};
use crate::generate::Generator;
use crate::generate::case::Case;
use crate::generate::feature_set::Audience;
use crate::panel::{Check, Panel, trial};
use crate::statistics::Statistics;
use crate::statistics::phases::{self, Phase, measure};
use crate::triage::cause::Cause;
use crate::triage::known::{self, Judgment, NewFinding};
use crate::triage::reduce;
use serde_json::Value;
use std::fmt;

/// The largest number of cases that a reduction runs: a minute or two.
pub const REDUCTION_RUNS: u32 = 3000;

/// Generates cases and checks a claim about what the lanes of a panel do with them.
pub struct Differential {
    generate: Generator,
    audience: Audience,
    check: Box<dyn Check>,
    /// Counts of the cases so far.
    pub statistics: Statistics,
}

impl Differential {
    /// Makes an oracle for the cases of a generator, which must do the same in these lanes.
    pub fn new(generate: Generator, panel: Panel) -> Differential {
        Differential::of(generate, panel.audience(), Box::new(panel))
    }

    /// Makes an oracle for another claim about the cases of a generator, which makes them for these lanes.
    pub fn of(generate: Generator, audience: Audience, check: Box<dyn Check>) -> Differential {
        Differential { generate, audience, check, statistics: Statistics::default() }
    }

    /// Returns the finding of an input.
    fn find(&self, input: &[u8]) -> Option<NewFinding> {
        match known::judge(&self.generate(input)?, &*self.check) {
            Judgment::New(found) => Some(*found),
            Judgment::Agreed(_) | Judgment::Known(_) => None,
        }
    }
}

impl Oracle for Differential {
    fn check(&mut self, input: &[u8]) -> Verdict {
        // Choices that lead to no module are no finding.
        let Some(case) = self.generate(input) else {
            self.statistics.count_without_case();
            return Verdict::NoCase;
        };
        let judgment = known::judge(&case, &*self.check);
        measure(Phase::Count, "", || self.statistics.count(&case, &judgment));
        self.statistics.phases.merge(&phases::take());
        match judgment {
            Judgment::Agreed(agreement) => Verdict::Passed(Box::new(agreement)),
            Judgment::Known(names) => Verdict::Known(names),
            Judgment::New(new) => Verdict::Found(Box::new(new.complete(self.check.panel()))),
        }
    }

    fn reduce(&mut self, input: &[u8]) -> Option<Reduced> {
        let small = reduce::reduce(self.find(input)?, &*self.check, REDUCTION_RUNS);
        let cause = Cause::of(&small, &*self.check);
        Some(Reduced { report: Box::new(small), cause })
    }

    fn is_explained(&self, input: &[u8], cause: &Cause) -> bool {
        self.find(input).is_some_and(|found| cause.explains(&found, &*self.check))
    }

    fn generate(&self, input: &[u8]) -> Option<Case> {
        let case = measure(Phase::Generate, "", || (self.generate)(input, self.audience)).ok()?;
        let mut case = measure(Phase::Trial, "", || trial::settle(input, case))?;
        case.settings = self.check.panel().draw_settings(input);
        case.without = self.check.panel().draw_tier(input);
        Some(case)
    }

    fn claim(&self) -> Option<&dyn Check> {
        Some(&*self.check)
    }

    fn executed(&self) -> u64 {
        self.statistics.executed
    }

    fn statistics(&self) -> &dyn fmt::Display {
        &self.statistics
    }

    fn counts(&self) -> Value {
        serde_json::to_value(&self.statistics).expect("names and numbers always serialize")
    }

    fn set_counts(&mut self, counts: Value) -> Result<(), serde_json::Error> {
        self.statistics = serde_json::from_value(counts)?;
        Ok(())
    }
}
