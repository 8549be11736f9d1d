//! Oracles: each takes any bytes and decides whether what the code under test does with them is right.
//!
//! An oracle is a file in this folder, or a generator for the oracle [`differential`], and a line in [`ORACLES`].
//! Whatever runs oracles finds it there: campaigns,
//! [`replay`](crate::replay), the libFuzzer targets ([`target!`](crate::target!)), and a test that runs each of them
//! for a second.

pub mod artifact;
pub mod differential;
pub mod equal;
mod mappings;
pub mod shadow;

use crate::generate::case::Case;
use crate::generate::mixed;
use crate::panel::{Check, Panel};
use differential::Differential;
use serde_json::Value;
use std::fmt;

/// All oracles. The first one is the default of the command line.
pub const ORACLES: &[Registration] = &[
    Registration {
        name: "differential",
        summary: "generated modules do the same in every lane",
        make: |panel| Box::new(Differential::new(mixed::generate, panel)),
    },
    artifact::REGISTRATION,
    shadow::REGISTRATION,
    equal::REGISTRATION,
];

/// The entry of an oracle in [`ORACLES`].
pub struct Registration {
    /// The name on the command line.
    pub name: &'static str,
    /// The claim that the oracle checks, in one line of help.
    pub summary: &'static str,
    /// Makes the oracle. An oracle that compares no lanes ignores the panel.
    pub make: fn(Panel) -> Box<dyn Oracle>,
}

impl Registration {
    /// Returns the least number of lanes with which the oracle can find anything.
    pub fn least_lanes(&self) -> usize {
        let oracle = (self.make)(Panel::new(&[], Vec::new()));
        oracle.claim().map_or(0, Check::least_lanes)
    }
}

/// Returns the oracle with this name.
///
/// # Errors
///
/// If there is none; the message lists the names.
pub fn find(name: &str) -> Result<&'static Registration, String> {
    let found = ORACLES.iter().find(|registration| registration.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = ORACLES.iter().map(|registration| registration.name).collect();
        format!("there is no oracle `{name}`; choose one of: {}", names.join(", "))
    })
}

/// A judge of inputs.
///
/// An oracle need not catch a panic or a crash of the code under test: libFuzzer reports it, and a campaign leaves the
/// input in a file.
pub trait Oracle {
    /// Runs one input and judges what happened.
    fn check(&mut self, input: &[u8]) -> Verdict;

    /// Searches for a smaller case with the finding of this input, for a minute or two. Returns `None` if this oracle
    /// cannot make cases smaller, or if the input has no finding.
    fn reduce(&mut self, _input: &[u8]) -> Option<Box<dyn Report>> {
        None
    }

    /// Returns the case that an input describes, if the oracle is about cases and the input describes one.
    fn generate(&self, _input: &[u8]) -> Option<Case> {
        None
    }

    /// Returns the claim that the oracle checks, if it is about cases. Modules and scripts are cases too.
    fn claim(&self) -> Option<&dyn Check> {
        None
    }

    /// Returns how many of the checked inputs executed anything. A campaign without any has tested nothing.
    fn executed(&self) -> u64;

    /// Returns counts of what the checked inputs did, for people.
    fn statistics(&self) -> &dyn fmt::Display;

    /// Returns the same counts as JSON: numbers in objects and arrays, which can be added up.
    fn counts(&self) -> Value;

    /// Replaces the counts. Those that are left out become zero.
    ///
    /// # Errors
    ///
    /// They are not the counts of this oracle.
    fn set_counts(&mut self, counts: Value) -> Result<(), serde_json::Error>;
}

/// The judgment of an oracle on one input.
pub enum Verdict {
    /// The input describes no case.
    NoCase,
    /// Nothing is wrong. The value prints what happened.
    Passed(Box<dyn fmt::Display>),
    /// Only known mistakes of other engines showed: their names.
    Known(Vec<&'static str>),
    /// Something is wrong.
    Found(Box<dyn Report>),
}

/// A finding in words.
pub trait Report {
    /// Returns the part that findings of one cause have in common.
    fn signature(&self) -> String;

    /// Returns a few lines that say what is wrong.
    fn summary(&self) -> String;

    /// Returns everything that is needed to understand the finding. This may write modules to the directory for
    /// temporary files.
    fn details(&self) -> String {
        self.summary()
    }

    /// Returns a `.wast` script that shows the finding without the fuzzer, if there can be one.
    fn script(&self) -> Option<String> {
        None
    }

    /// Returns a JavaScript program that shows the finding without the fuzzer.
    ///
    /// # Errors
    ///
    /// Says why there can be none.
    fn javascript(&self) -> Result<String, String> {
        Err("the finding is not about a module".to_string())
    }
}
