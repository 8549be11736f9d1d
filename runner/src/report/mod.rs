//! What a run found, as data, and the forms in which it is told: JSON, JUnit, HTML, annotations, and the terminal.
//!
//! [`Report`] is the JSON schema. A directive counts once per lane. `passed + failed + expected + skipped = directives`
//! in every entry; `skipped` are directives that a crash or a timeout kept from running, and they are no passes.

mod github;
mod html;
mod junit;
pub mod terminal;

pub use github::annotations;
pub use html::html;
pub use junit::junit;

use crate::script::Directive;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The version of this schema.
    pub schema: u32,
    /// The lanes that ran.
    pub lanes: Vec<String>,
    /// One entry for each script and lane.
    pub scripts: Vec<LaneReport>,
    /// Where lanes differ.
    pub disagreements: Vec<Disagreement>,
    /// The sums.
    pub totals: Totals,
}

/// A script in a lane.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LaneReport {
    /// The script.
    pub path: String,
    /// The lane.
    pub lane: String,
    /// How it ended.
    pub status: Status,
    /// Wall time in this lane.
    pub milliseconds: u64,
    /// How many directives it has.
    pub directives: usize,
    /// Those that passed.
    pub passed: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that failed as listed.
    pub expected: usize,
    /// Those that did not run.
    pub skipped: usize,
    /// The failed ones, and what else is wrong.
    pub failures: Vec<Failure>,
}

/// How a script ended in a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every directive passed, or failed as listed.
    #[default]
    Pass,
    /// A directive failed.
    Fail,
    /// The process died.
    Crash,
    /// The time was up.
    Timeout,
    /// The script cannot be read or parsed.
    Unreadable,
}

/// A failed directive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Where it begins, counted from 1.
    pub line: u32,
    /// Where it begins, counted from 1, in bytes.
    pub column: u32,
    /// Its keyword.
    pub directive: String,
    /// Expected against actual.
    pub message: String,
}

/// Lanes that differ.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Disagreement {
    /// The script.
    pub path: String,
    /// Where the directive begins.
    pub line: u32,
    /// Its keyword.
    pub directive: String,
    /// What each lane showed.
    pub lanes: BTreeMap<String, String>,
}

/// Sums over all scripts and lanes; `scripts` counts a script once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Scripts.
    pub scripts: usize,
    /// Directives, once per lane.
    pub directives: usize,
    /// Those that passed.
    pub passed: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that failed as listed.
    pub expected: usize,
    /// Those that did not run.
    pub skipped: usize,
    /// Scripts in lanes whose process died.
    pub crashed: usize,
    /// Scripts in lanes that took too long.
    pub timed_out: usize,
    /// Differences between lanes.
    pub disagreements: usize,
}

impl Status {
    /// The word that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Crash => "crash",
            Status::Timeout => "timeout",
            Status::Unreadable => "unreadable",
        }
    }
}

impl Failure {
    /// The failure of a directive.
    pub fn of(directive: &Directive, message: &str) -> Failure {
        Failure {
            line: directive.line,
            column: directive.column,
            directive: directive.name.to_string(),
            message: message.to_string(),
        }
    }
}

impl Report {
    /// Sorts by script and lane, and sums.
    pub fn new(lanes: Vec<String>, mut scripts: Vec<LaneReport>, mut disagreements: Vec<Disagreement>) -> Report {
        let position = |lane: &str| lanes.iter().position(|known| known == lane);
        scripts.sort_by(|a, b| (&a.path, position(&a.lane)).cmp(&(&b.path, position(&b.lane))));
        disagreements.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        let totals = Totals::of(&scripts, disagreements.len());
        Report { schema: 1, lanes, scripts, disagreements, totals }
    }

    /// The exit code: 0 all passed, 1 something failed, crashed, timed out or disagreed, 2 an input cannot be read.
    pub fn exit_code(&self) -> u8 {
        let status = |wanted: Status| self.scripts.iter().any(|script| script.status == wanted);
        if status(Status::Unreadable) {
            2
        } else {
            let failed = self.scripts.iter().any(|script| script.status != Status::Pass);
            u8::from(failed || !self.disagreements.is_empty())
        }
    }

    /// As DESIGN's JSON.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("strings and numbers always serialise");
        json.push('\n');
        json
    }
}

impl Totals {
    fn of(scripts: &[LaneReport], disagreements: usize) -> Totals {
        let paths: std::collections::BTreeSet<&str> = scripts.iter().map(|script| script.path.as_str()).collect();
        let sum = |field: fn(&LaneReport) -> usize| scripts.iter().map(field).sum();
        let count = |status: Status| scripts.iter().filter(|script| script.status == status).count();
        Totals {
            scripts: paths.len(),
            directives: sum(|script| script.directives),
            passed: sum(|script| script.passed),
            failed: sum(|script| script.failed),
            expected: sum(|script| script.expected),
            skipped: sum(|script| script.skipped),
            crashed: count(Status::Crash),
            timed_out: count(Status::Timeout),
            disagreements,
        }
    }
}
