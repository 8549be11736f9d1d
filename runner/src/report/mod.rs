//! The report of a run: the results as data ([`Report`]), the file formats that they are written in ([`FORMATS`]), and
//! what a person sees on a terminal ([`terminal`]).
//!
//! [`Report`] is the schema of the JSON report. Later versions may add fields, which readers have to ignore. A
//! directive counts once per lane, and in every entry `passed + failed + unsupported + expected + skipped =
//! directives`: `unsupported` directives are those that another engine does not support, `skipped` directives did not
//! run because of a crash or a timeout. Neither is a pass. The list of failures may have entries that belong to no
//! directive and are not counted.

mod disagreement;
mod format;
mod lane_report;
pub mod terminal;
mod totals;

pub use disagreement::{Compared, Disagreement, add_compared};
pub use format::{Destination, FORMATS, Format};
pub use lane_report::{Failure, LaneReport, Status};
pub use totals::{LaneTotals, Totals};

use serde::{Deserialize, Serialize};

/// The results of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The version of this schema.
    pub schema: u32,
    /// The lanes that ran.
    pub lanes: Vec<String>,
    /// The lanes that were asked for, and that this build or this machine does not have.
    #[serde(default)]
    pub absent: Vec<AbsentLane>,
    /// The sums of each lane that ran.
    #[serde(default)]
    pub matrix: Vec<LaneTotals>,
    /// One entry for each script and lane.
    pub scripts: Vec<LaneReport>,
    /// The directives on which lanes differ.
    pub disagreements: Vec<Disagreement>,
    /// The counts of what was compared, for each pair of lanes.
    #[serde(default)]
    pub compared: Vec<Compared>,
    /// A text for each line in the head of a script that is not understood and has no effect, with its position.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The sums of all lanes.
    pub totals: Totals,
}

/// A lane that was asked for and did not run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AbsentLane {
    /// The lane's name.
    pub lane: String,
    /// The reason: `not installed: ..` or `not built in: ..`.
    pub reason: String,
}

impl Report {
    /// Makes a report: sorts the entries by script and lane, and computes the sums.
    pub fn new(
        lanes: Vec<String>,
        absent: Vec<AbsentLane>,
        mut scripts: Vec<LaneReport>,
        mut disagreements: Vec<Disagreement>,
        mut compared: Vec<Compared>,
    ) -> Report {
        let position = |lane: &str| lanes.iter().position(|known| known == lane);
        scripts.sort_by(|a, b| (&a.path, position(&a.lane)).cmp(&(&b.path, position(&b.lane))));
        disagreements.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        compared.sort_by_key(|pair| pair.lanes.each_ref().map(|lane| position(lane)));
        let totals = Totals::of(&scripts, disagreements.len());
        let matrix = lanes.iter().map(|lane| LaneTotals::of(lane, &scripts)).collect();
        Report { schema: 1, lanes, absent, matrix, scripts, disagreements, compared, warnings: Vec::new(), totals }
    }

    /// The message about a run that [tested nothing](Report::tested_nothing).
    pub const NOTHING_TESTED: &str = "no lane supports any directive, so that nothing was tested";

    /// Returns whether there were directives, and no lane supported any. Such a run does not pass: that it found no
    /// failure proves nothing.
    pub fn tested_nothing(&self) -> bool {
        self.totals.unsupported > 0 && self.totals.unsupported == self.totals.directives
    }

    /// Returns the exit code of the run: 0 if everything passed that the lanes support; 1 if something failed, crashed,
    /// timed out or disagreed, or no lane supports anything; 2 if an input cannot be read.
    pub fn exit_code(&self) -> u8 {
        if self.scripts.iter().any(|script| script.status == Status::Unreadable) {
            return 2;
        }
        let failed = self.scripts.iter().any(|script| script.status != Status::Pass);
        u8::from(failed || !self.disagreements.is_empty() || self.tested_nothing())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(passed: usize, unsupported: usize) -> Report {
        let directives = passed + unsupported;
        let script = LaneReport { lane: "l".to_string(), directives, passed, unsupported, ..LaneReport::default() };
        Report::new(vec!["l".to_string()], Vec::new(), vec![script], Vec::new(), Vec::new())
    }

    #[test]
    fn a_run_in_which_nothing_is_supported_is_no_pass() {
        assert_eq!(report(0, 0).exit_code(), 0);
        assert_eq!(report(1, 2).exit_code(), 0);
        assert_eq!(report(0, 2).exit_code(), 1);
    }

    /// Every format for people says so. JSON has the numbers.
    #[test]
    fn a_run_in_which_nothing_is_supported_says_so() {
        let [nothing, something] = [report(0, 2), report(1, 2)];
        for format in FORMATS.iter().filter(|format| format.name != "json") {
            let says_so = |report| (format.render)(report).expect("a text").contains(Report::NOTHING_TESTED);
            assert_eq!([says_so(&nothing), says_so(&something)], [true, false], "{}", format.name);
        }
        let verdict = |report| terminal::verdict(report, 0.0, terminal::Paint { color: false });
        assert!(verdict(&nothing).contains(Report::NOTHING_TESTED));
        assert!(!verdict(&something).contains(Report::NOTHING_TESTED));
    }
}
