//! The sums of a run, for each lane and over all of them.

use super::{LaneReport, Status};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The sums of a lane over all scripts.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LaneTotals {
    /// The lane's name.
    pub lane: String,
    /// Scripts.
    pub scripts: usize,
    /// Directives.
    pub directives: usize,
    /// Directives that passed.
    pub passed: usize,
    /// Directives that failed, and are not listed as expected failures.
    pub failed: usize,
    /// Directives that the engine does not support.
    pub unsupported: usize,
    /// Directives that failed as the list of expected failures says.
    pub expected: usize,
    /// Directives that need what an earlier directive failed to make.
    #[serde(default)]
    pub follows: usize,
    /// Directives that did not run.
    pub skipped: usize,
    /// Scripts in which the engine's process died.
    pub crashed: usize,
    /// Scripts that took too long.
    pub timed_out: usize,
    /// Wall time of all scripts, in milliseconds.
    pub milliseconds: u64,
}

/// The sums over all scripts and lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Scripts; each counts once.
    pub scripts: usize,
    /// Directives; each counts once per lane.
    pub directives: usize,
    /// Directives that passed.
    pub passed: usize,
    /// Directives that failed, and are not listed as expected failures.
    pub failed: usize,
    /// Directives that the engine does not support.
    #[serde(default)]
    pub unsupported: usize,
    /// Directives that failed as the list of expected failures says.
    pub expected: usize,
    /// Directives that need what an earlier directive failed to make.
    #[serde(default)]
    pub follows: usize,
    /// Directives that did not run.
    pub skipped: usize,
    /// Scripts in which a process died; each counts once per lane.
    pub crashed: usize,
    /// Scripts that took too long; each counts once per lane.
    pub timed_out: usize,
    /// Scripts that passed only when they ran again; each counts once per lane.
    #[serde(default)]
    pub flaky: usize,
    /// Directives on which lanes differ.
    pub disagreements: usize,
    /// Lines of lists of expected failures that concern no script and lane of the run.
    #[serde(default)]
    pub unmatched: usize,
}

impl LaneTotals {
    pub(super) fn of(lane: &str, scripts: &[LaneReport]) -> LaneTotals {
        let mut totals = LaneTotals { lane: lane.to_string(), ..LaneTotals::default() };
        for script in scripts.iter().filter(|script| script.lane == lane) {
            totals.scripts += 1;
            totals.directives += script.directives;
            totals.passed += script.passed;
            totals.failed += script.failed;
            totals.unsupported += script.unsupported;
            totals.expected += script.expected;
            totals.follows += script.follows;
            totals.skipped += script.skipped;
            totals.crashed += usize::from(script.status == Status::Crash);
            totals.timed_out += usize::from(script.status == Status::Timeout);
            totals.milliseconds += script.milliseconds;
        }
        totals
    }

    /// The names of a table's columns.
    pub const COLUMNS: [&str; 10] = [
        "scripts",
        "directives",
        "passed",
        "failed",
        "unsupported",
        "expected",
        "follows",
        "skipped",
        "crashed",
        "timed out",
    ];

    /// Returns the numbers of a table's row, in the order of [`COLUMNS`](LaneTotals::COLUMNS).
    pub fn row(&self) -> [usize; 10] {
        [
            self.scripts,
            self.directives,
            self.passed,
            self.failed,
            self.unsupported,
            self.expected,
            self.follows,
            self.skipped,
            self.crashed,
            self.timed_out,
        ]
    }
}

impl Totals {
    pub(super) fn of(scripts: &[LaneReport], disagreements: usize) -> Totals {
        let paths: BTreeSet<&str> = scripts.iter().map(|script| script.path.as_str()).collect();
        let sum = |field: fn(&LaneReport) -> usize| scripts.iter().map(field).sum();
        let count = |status: Status| scripts.iter().filter(|script| script.status == status).count();
        Totals {
            scripts: paths.len(),
            directives: sum(|script| script.directives),
            passed: sum(|script| script.passed),
            failed: sum(|script| script.failed),
            unsupported: sum(|script| script.unsupported),
            expected: sum(|script| script.expected),
            follows: sum(|script| script.follows),
            skipped: sum(|script| script.skipped),
            crashed: count(Status::Crash),
            timed_out: count(Status::Timeout),
            flaky: scripts.iter().filter(|script| script.is_flaky()).count(),
            disagreements,
            unmatched: 0,
        }
    }

    /// Returns why the run tested nothing, if it did not. That it found no failure then proves nothing.
    pub(super) fn why_nothing_was_tested(&self) -> Option<&'static str> {
        if self.directives == 0 && self.crashed + self.timed_out == 0 {
            return Some("no script has a directive, so that nothing was tested");
        }
        let unsupported = self.unsupported > 0 && self.unsupported + self.follows == self.directives;
        unsupported.then_some("no lane supports any directive, so that nothing was tested")
    }
}
