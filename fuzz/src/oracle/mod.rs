//! Oracles: each takes any bytes and decides whether what the code under test does with them is right.
//!
//! An oracle is a file in this folder, or a generator for the oracle [`differential`], and a line in [`ORACLES`].
//! Whatever runs oracles finds it there: campaigns, [`replay`](crate::replay), the libFuzzer targets
//! ([`target!`](crate::target!)), and a test that runs each of them for a second.

pub mod artifact;
pub mod differential;
pub mod equal;
mod mappings;
pub mod script;
pub mod shadow;
pub mod threads;
pub mod unwind;

use crate::generate::case::Case;
use crate::generate::{gc, instantiate, mixed, reload, simd, traps};
use crate::panel::{Check, Panel};
use crate::triage::cause::Cause;
use differential::Differential;
use serde_json::Value;
use std::fmt;

/// The number of bytes that most generators read.
pub(crate) const CHOICES: usize = 8192;

/// All oracles. The first one is the default of the command line.
pub const ORACLES: &[Registration] = &[
    Registration {
        name: "differential",
        summary: "generated modules do the same in every lane",
        choices: CHOICES,
        make: |panel| Box::new(Differential::new(mixed::generate, panel)),
    },
    Registration {
        name: "simd",
        summary: "single operations on numbers and vectors do the same in every lane",
        choices: 2 * CHOICES,
        make: |panel| Box::new(Differential::new(simd::generate, panel)),
    },
    Registration {
        name: "traps",
        summary: "every trap at the end of every kind of call does the same in every lane",
        choices: 2 * CHOICES,
        make: |panel| Box::new(Differential::new(traps::generate, panel)),
    },
    Registration {
        name: "gc",
        summary: "casts, arrays and objects that outlive garbage are the same in every lane",
        choices: CHOICES,
        make: |panel| Box::new(Differential::new(gc::generate, panel)),
    },
    Registration {
        name: "instantiate",
        summary: "segments, imports and what instances share are the same in every lane",
        choices: CHOICES,
        make: |panel| Box::new(Differential::new(instantiate::generate, panel)),
    },
    Registration {
        name: "reload",
        summary: "our compiled lanes do the same freshly compiled and reloaded, whatever lanes are named",
        choices: CHOICES,
        make: |_| Box::new(Differential::new(reload::generate, Panel::compiled())),
    },
    threads::REGISTRATION,
    artifact::REGISTRATION,
    script::REGISTRATION,
    shadow::REGISTRATION,
    equal::REGISTRATION,
    unwind::REGISTRATION,
];

/// The entry of an oracle in [`ORACLES`].
pub struct Registration {
    /// The name on the command line.
    pub name: &'static str,
    /// The claim that the oracle checks, in one line of help.
    pub summary: &'static str,
    /// The number of bytes that the oracle reads of an input: mutations change these.
    pub choices: usize,
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
    fn reduce(&mut self, _input: &[u8]) -> Option<Reduced> {
        None
    }

    /// Returns whether the finding of this input has a cause that was found in another one.
    fn is_explained(&self, _input: &[u8], _cause: &Cause) -> bool {
        false
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

/// A finding that was made smaller.
pub struct Reduced {
    /// The smaller finding.
    pub report: Box<dyn Report>,
    /// The cause that the smaller finding shows.
    pub cause: Cause,
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
