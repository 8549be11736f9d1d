//! The report of a run: the results as data ([`Report`]), the file formats that they are written in ([`FORMATS`]), what
//! a person sees on a terminal ([`terminal`]) or a page ([`page`]), and what changed since another report
//! ([`Changes`]).
//!
//! [`Report`] is the schema of the JSON report. Later versions may add fields, which readers have to ignore. A
//! directive counts once per lane, and in every entry `passed + failed + unsupported + expected + follows + skipped =
//! directives`: `unsupported` directives are those that the engine does not support, those of `follows` need what an
//! earlier directive failed to make, and `skipped` directives did not run because of a crash or a timeout. None of
//! these is a pass. The list of failures may have entries that belong to no directive and are not counted.

mod changes;
mod disagreement;
mod format;
mod group;
mod lane_report;
mod merge;
pub mod page;
pub mod terminal;
mod totals;
mod visible;

pub use changes::{Change, Changes};
pub use disagreement::{Compared, Disagreement, add_compared};
pub use format::{Destination, FORMATS, Format};
pub use group::{Block, group};
pub use lane_report::{Failure, LaneReport, Passed, Status};
pub use totals::{LaneTotals, Totals};
pub use visible::{visible, visible_lines};

use lanes::EngineInfo;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The results of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The version of this schema.
    pub schema: u32,
    /// The lanes that ran.
    pub lanes: Vec<String>,
    /// The engine of each lane that ran.
    pub engines: BTreeMap<String, EngineInfo>,
    /// The code generator or interpreter of each lane that ran. Lanes with the same one have one vote together.
    #[serde(default)]
    pub backends: BTreeMap<String, String>,
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
    /// The faults of the run as a whole: too little passed, or there is something that the command line denies.
    #[serde(default)]
    pub complaints: Vec<String>,
    /// The sums of all lanes.
    pub totals: Totals,
}

/// A lane that was asked for and did not run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AbsentLane {
    /// The lane's name.
    pub lane: String,
    /// The reason: `not installed: ..`, `not built in: ..`, or why its adapter does not start.
    pub reason: String,
}

/// The findings of a run, in any order.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// The lanes that ran, in their order.
    pub lanes: Vec<String>,
    /// The engine of each lane that ran.
    pub engines: BTreeMap<String, EngineInfo>,
    /// The code generator or interpreter of each lane that ran.
    pub backends: BTreeMap<String, String>,
    /// The lanes that did not run.
    pub absent: Vec<AbsentLane>,
    /// One entry for each script and lane.
    pub scripts: Vec<LaneReport>,
    /// The directives on which lanes differ.
    pub disagreements: Vec<Disagreement>,
    /// The counts of what was compared, for each pair of lanes.
    pub compared: Vec<Compared>,
    /// A text for each line in the head of a script that is not understood.
    pub warnings: Vec<String>,
    /// The lines of lists of expected failures that concern no script and lane of the run.
    pub unmatched: usize,
}

impl Report {
    /// The version of the schema that this program writes.
    pub const SCHEMA: u32 = 2;

    /// Makes a report: sorts the entries by script and lane, computes the sums, and complains of a run that tested
    /// nothing.
    pub fn new(results: Results) -> Report {
        let Results { lanes, engines, backends, absent, warnings, unmatched, .. } = results;
        let Results { mut scripts, mut disagreements, mut compared, .. } = results;
        let position = |lane: &str| lanes.iter().position(|known| known == lane);
        scripts.sort_by(|a, b| (&a.path, position(&a.lane)).cmp(&(&b.path, position(&b.lane))));
        disagreements.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        compared.sort_by_key(|pair| pair.lanes.each_ref().map(|lane| position(lane)));
        let totals = Totals { unmatched, ..Totals::of(&scripts, disagreements.len()) };
        let matrix = lanes.iter().map(|lane| LaneTotals::of(lane, &scripts)).collect();
        let schema = Report::SCHEMA;
        let is_read = scripts.iter().all(|script| script.status != Status::Unreadable);
        let nothing = totals.why_nothing_was_tested().filter(|_| is_read);
        let complaints = nothing.map(str::to_string).into_iter().collect();
        Report {
            schema,
            lanes,
            engines,
            backends,
            absent,
            matrix,
            scripts,
            disagreements,
            compared,
            warnings,
            complaints,
            totals,
        }
    }

    /// Returns the exit code of the run: 0 if everything passed that the lanes support; 1 if something failed, crashed,
    /// timed out or disagreed, or something is wrong with the run as a whole; 2 if an input cannot be read.
    pub fn exit_code(&self) -> u8 {
        if self.scripts.iter().any(|script| script.status == Status::Unreadable) {
            return 2;
        }
        let failed = self.scripts.iter().any(|script| script.status != Status::Pass);
        u8::from(failed || !self.disagreements.is_empty() || !self.complaints.is_empty())
    }

    /// Reads a JSON report.
    ///
    /// # Errors
    ///
    /// Says why the file cannot be read, or what is wrong with it and where.
    pub fn read(file: &Path) -> Result<Report, String> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: u32,
        }
        let name = file.display();
        let text = fs::read_to_string(file).map_err(|error| format!("cannot read {name}: {error}"))?;
        let wrong = |error| format!("{name} is no report of `--report json={name}`: {error}");
        let Versioned { schema } = serde_json::from_str(&text).map_err(wrong)?;
        if schema != Report::SCHEMA {
            return Err(format!("{name} has schema {schema}, and this program reads {}: run it again", Report::SCHEMA));
        }
        serde_json::from_str(&text).map_err(wrong)
    }

    /// Returns the engine of a lane in words: its name, version and path.
    pub fn engine_of(&self, lane: &str) -> String {
        self.engines.get(lane).map(ToString::to_string).unwrap_or_default()
    }

    /// Returns the reports of each script, with their failures grouped, for the scripts that have any.
    pub fn failed_scripts(&self) -> Vec<(&str, Vec<Block<'_>>)> {
        let reports: Vec<&LaneReport> = self.scripts.iter().filter(|script| !script.failures.is_empty()).collect();
        let of_one_script = reports.chunk_by(|left, right| left.path == right.path);
        of_one_script.map(|reports| (reports[0].path.as_str(), group(reports))).collect()
    }
}

/// Returns a line about each of the slowest scripts that took longer than a limit in a lane.
pub(crate) fn slow_scripts(scripts: &[LaneReport], limit: Duration) -> Vec<String> {
    const SHOWN: usize = 5;
    let is_slow = |script: &&LaneReport| u128::from(script.milliseconds) > limit.as_millis();
    let mut slow: Vec<&LaneReport> = scripts.iter().filter(is_slow).collect();
    slow.sort_by_key(|script| std::cmp::Reverse(script.milliseconds));
    let seconds = |milliseconds: u64| Duration::from_millis(milliseconds).as_secs_f64();
    let line = |script: &&LaneReport| {
        format!("slow: {:.1} s for {} in {}", seconds(script.milliseconds), script.path, script.lane)
    };
    let mut lines: Vec<String> = slow.iter().take(SHOWN).map(line).collect();
    if slow.len() > SHOWN {
        lines.push(format!("slow: {} more took longer than {} s", slow.len() - SHOWN, limit.as_secs_f64()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(passed: usize, unsupported: usize) -> Report {
        let directives = passed + unsupported;
        let script = LaneReport { lane: "l".to_string(), directives, passed, unsupported, ..LaneReport::default() };
        Report::new(Results { lanes: vec!["l".to_string()], scripts: vec![script], ..Results::default() })
    }

    #[test]
    fn a_run_that_tests_nothing_is_no_pass() {
        assert_eq!(
            [report(1, 0), report(1, 2), report(0, 2), report(0, 0)].map(|report| report.exit_code()),
            [0, 0, 1, 1]
        );
    }

    #[test]
    fn slow_scripts_are_named_the_slowest_first() {
        let script = |milliseconds| LaneReport { lane: "l".to_string(), milliseconds, ..LaneReport::default() };
        let scripts: Vec<LaneReport> = [1, 30, 20, 40, 50, 60, 70, 80].map(script).into();
        let lines = slow_scripts(&scripts, Duration::from_millis(20));
        assert_eq!((lines[0].as_str(), lines.len()), ("slow: 0.1 s for  in l", 6));
        assert_eq!(lines[5], "slow: 1 more took longer than 0.02 s");
    }

    /// Every format for people shows complaints. JSON has them as data.
    #[test]
    fn complaints_are_shown() {
        let [nothing, something] = [report(0, 2), report(1, 2)];
        let complaint = nothing.complaints[0].as_str();
        for format in FORMATS.iter().filter(|format| format.is_for_people()) {
            let says_so = |report| (format.render)(report).expect("a text").contains(complaint);
            assert_eq!([says_so(&nothing), says_so(&something)], [true, false], "{}", format.name);
        }
        let verdict = |report| terminal::verdict(report, 0.0, terminal::Paint { color: false });
        assert!(verdict(&nothing).contains(complaint));
        assert!(!verdict(&something).contains(complaint));
    }
}
