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
    /// Directives that did not run.
    pub skipped: usize,
    /// Scripts in which a process died; each counts once per lane.
    pub crashed: usize,
    /// Scripts that took too long; each counts once per lane.
    pub timed_out: usize,
    /// Directives on which lanes differ.
    pub disagreements: usize,
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
            totals.skipped += script.skipped;
            totals.crashed += usize::from(script.status == Status::Crash);
            totals.timed_out += usize::from(script.status == Status::Timeout);
            totals.milliseconds += script.milliseconds;
        }
        totals
    }

    /// The names of a table's columns.
    pub const COLUMNS: [&str; 9] =
        ["scripts", "directives", "passed", "failed", "unsupported", "expected", "skipped", "crashed", "timed out"];

    /// Returns the numbers of a table's row, in the order of [`COLUMNS`](LaneTotals::COLUMNS).
    pub fn row(&self) -> [usize; 9] {
        [
            self.scripts,
            self.directives,
            self.passed,
            self.failed,
            self.unsupported,
            self.expected,
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
            skipped: sum(|script| script.skipped),
            crashed: count(Status::Crash),
            timed_out: count(Status::Timeout),
            disagreements,
        }
    }
}
