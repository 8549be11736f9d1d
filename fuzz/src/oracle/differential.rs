//! The differential oracle of a generator: a generated case does the same in every lane of a panel.

use super::{Oracle, Report, Verdict};
use crate::generate::Generator;
use crate::generate::case::Case;
use crate::panel::Panel;
use crate::statistics::Statistics;
use crate::triage::known::{self, Judgment, NewFinding};
use crate::triage::reduce;
use serde_json::Value;
use std::fmt;

/// The largest number of cases that a reduction runs: a minute or two.
const REDUCTION_RUNS: u32 = 3000;

/// Generates cases and compares what the lanes of a panel do with them.
pub struct Differential {
    generate: Generator,
    panel: Panel,
    /// Counts of the cases so far.
    pub statistics: Statistics,
}

impl Differential {
    /// Makes an oracle for the cases of a generator in these lanes.
    pub fn new(generate: Generator, panel: Panel) -> Differential {
        Differential { generate, panel, statistics: Statistics::default() }
    }

    /// Returns the case of an input, with values for the options of the panel's lanes.
    fn case(&self, input: &[u8]) -> arbitrary::Result<Case> {
        let mut case = (self.generate)(input, self.panel.audience())?;
        case.settings = self.panel.draw_settings(input);
        Ok(case)
    }

    /// Returns the finding of an input, if it has one that is not known.
    fn find(&self, input: &[u8]) -> Option<NewFinding> {
        let case = self.case(input).ok()?;
        match known::judge(&case, &self.panel) {
            Judgment::New(new) => Some(*new),
            Judgment::Agreed(_) | Judgment::Known(_) => None,
        }
    }
}

impl Oracle for Differential {
    fn check(&mut self, input: &[u8]) -> Verdict {
        // Choices that lead to no module are no finding.
        let Ok(case) = self.case(input) else {
            self.statistics.count_without_case();
            return Verdict::NoCase;
        };
        let judgment = known::judge(&case, &self.panel);
        self.statistics.count(&case, &judgment);
        match judgment {
            Judgment::Agreed(agreement) => Verdict::Passed(Box::new(agreement)),
            Judgment::Known(names) => Verdict::Known(names),
            Judgment::New(new) => Verdict::Found(new),
        }
    }

    fn reduce(&mut self, input: &[u8]) -> Option<Box<dyn Report>> {
        let found = self.find(input)?;
        Some(Box::new(reduce::reduce(found, &self.panel, REDUCTION_RUNS)))
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
