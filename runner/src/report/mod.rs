//! What a run found, as data, and the forms in which it is told: JSON, JUnit, HTML, annotations, and the terminal.
//!
//! [`Report`] is the JSON schema; fields may be added to it, and readers must not mind. A directive counts once per lane.
//! `passed + failed + unsupported + expected + skipped = directives` in every entry. `skipped` are directives that a
//! crash or a timeout kept from running, `unsupported` those that another engine does not support; they are no passes.
//! Among the failures may also be some of no directive, which are not counted.

mod github;
mod html;
mod junit;
pub mod terminal;

pub use github::annotations;
pub use html::html;
pub use junit::junit;

use crate::execute::{Miss, Verdict};
use crate::script::Directive;
use lanes::compare::Tally;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The version of this schema.
    pub schema: u32,
    /// The lanes that ran.
    pub lanes: Vec<String>,
    /// The lanes that were asked for and that this build or this machine does not have.
    #[serde(default)]
    pub absent: Vec<AbsentLane>,
    /// The sums of each lane that ran.
    #[serde(default)]
    pub matrix: Vec<LaneTotals>,
    /// One entry for each script and lane.
    pub scripts: Vec<LaneReport>,
    /// Where lanes differ.
    pub disagreements: Vec<Disagreement>,
    /// How much was compared of each pair of lanes.
    #[serde(default)]
    pub compared: Vec<Compared>,
    /// The sums.
    pub totals: Totals,
}

/// A lane that did not run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AbsentLane {
    /// The lane.
    pub lane: String,
    /// Why: `not installed: ..` or `not built in: ..`.
    pub reason: String,
}

/// The sums of a lane.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LaneTotals {
    /// The lane.
    pub lane: String,
    /// Its scripts.
    pub scripts: usize,
    /// Their directives.
    pub directives: usize,
    /// Those that passed.
    pub passed: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that the engine does not support.
    pub unsupported: usize,
    /// Those that failed as listed.
    pub expected: usize,
    /// Those that did not run.
    pub skipped: usize,
    /// Scripts in which the process died.
    pub crashed: usize,
    /// Scripts that took too long.
    pub timed_out: usize,
    /// Wall time of all scripts.
    pub milliseconds: u64,
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
    /// Those that the engine does not support.
    #[serde(default)]
    pub unsupported: usize,
    /// Those that failed as listed.
    pub expected: usize,
    /// Those that did not run.
    pub skipped: usize,
    /// The failed ones, and what else is wrong.
    pub failures: Vec<Failure>,
    /// The unsupported ones, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<Failure>,
    /// The lines of the passed ones, which the list of expected failures needs; reports leave them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_on: Vec<u32>,
}

/// How a script ended in a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every directive passed, failed as listed, or was not supported.
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
    /// Its keyword, or what else is wrong, such as [`TRAP_SNAPSHOT`](Failure::TRAP_SNAPSHOT).
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
    /// The lanes that differ from each other.
    #[serde(default)]
    pub pairs: Vec<[String; 2]>,
}

/// How much was compared of a pair of lanes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// The lanes.
    pub lanes: [String; 2],
    /// The sums.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Adds what was compared in another script.
pub fn add_compared(sums: &mut Vec<Compared>, more: Vec<Compared>) {
    for compared in more {
        match sums.iter_mut().find(|sum| sum.lanes == compared.lanes) {
            Some(sum) => sum.tally.add(&compared.tally),
            None => sums.push(compared),
        }
    }
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
    /// Those that the lane's engine does not support.
    #[serde(default)]
    pub unsupported: usize,
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
    /// A directive that passed by itself, but trapped otherwise than the snapshot says.
    pub const TRAP_SNAPSHOT: &str = "trap snapshot";
    /// A directive that is listed as failing, and passed.
    pub const UNEXPECTED_PASS: &str = "expected failure";
    /// Something that is said of a line on which no directive begins.
    pub const NO_DIRECTIVE: &str = "no directive";

    /// Whether it is the failure of a directive, which counts.
    pub(crate) fn counts(&self) -> bool {
        self.directive != Failure::NO_DIRECTIVE
    }

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

impl LaneReport {
    /// Counts a directive that has run.
    pub fn count(&mut self, place: Failure, verdict: &Verdict) {
        let Err(miss) = verdict else {
            self.passed += 1;
            self.passed_on.push(place.line);
            return;
        };
        let told = Failure { message: miss.message().to_string(), ..place };
        match miss {
            Miss::Unsupported(_) => {
                self.unsupported += 1;
                self.lacking.push(told);
                return;
            }
            Miss::Failed(_) => {}
            Miss::Crashed(_) => self.status = Status::Crash,
            Miss::TimedOut(_) => self.status = Status::Timeout,
        }
        self.failures.push(told);
    }

    /// How many of the failures are of no directive.
    fn misplaced(&self) -> usize {
        self.failures.iter().filter(|failure| !failure.counts()).count()
    }

    /// Ends the count: what is neither passed, nor unsupported, nor among the failures did not run.
    pub fn close(&mut self) {
        let rest = self.directives.saturating_sub(self.passed + self.unsupported);
        self.failed = (self.failures.len() - self.misplaced()).min(rest);
        self.skipped = rest - self.failed;
        if self.status == Status::Pass && !self.failures.is_empty() {
            self.status = Status::Fail;
        }
    }
}

impl Disagreement {
    /// What was shown, and by which lanes, in the order of the report's lanes. Lanes that do not differ are on one side,
    /// even if they say it in other words: those of the first of them are shown.
    pub fn sides(&self, lanes: &[String]) -> Vec<(Vec<&str>, &str)> {
        let mut sides: Vec<(Vec<&str>, &str)> = Vec::new();
        for (lane, text) in lanes.iter().filter_map(|lane| self.lanes.get_key_value(lane)) {
            let fits = |(side, shown): &&mut (Vec<&str>, &str)| match self.differs(lane) && self.differs(side[0]) {
                true => side.iter().all(|other| !self.differ(lane, other)),
                false => shown == text,
            };
            match sides.iter_mut().find(fits) {
                Some((side, _)) => side.push(lane),
                None => sides.push((vec![lane], text)),
            }
        }
        sides
    }

    /// Whether the two lanes differ.
    fn differ(&self, left: &str, right: &str) -> bool {
        self.pairs.iter().any(|[one, other]| (one == left && other == right) || (one == right && other == left))
    }

    /// Whether the lane differs from any.
    fn differs(&self, lane: &str) -> bool {
        self.pairs.iter().flatten().any(|one| one == lane)
    }

    /// All sides, one on each line: `LANE, LANE: TEXT`.
    pub fn lines(&self, lanes: &[String]) -> String {
        let sides = self.sides(lanes);
        sides.iter().map(|(lanes, text)| format!("{}: {text}", lanes.join(", "))).collect::<Vec<_>>().join("\n")
    }
}

impl Report {
    /// Sorts by script and lane, and sums.
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
        Report { schema: 1, lanes, absent, matrix, scripts, disagreements, compared, totals }
    }

    /// What is wrong with a run that [is hollow](Report::is_hollow).
    pub const HOLLOW: &str = "no lane supports any directive, so that nothing was tested";

    /// Whether there were directives, and no lane supported any: that nothing is wrong then proves nothing.
    pub fn is_hollow(&self) -> bool {
        self.totals.unsupported > 0 && self.totals.unsupported == self.totals.directives
    }

    /// The exit code: 0 all passed that the lanes support, 1 something failed, crashed, timed out or disagreed, or no
    /// lane supports anything, 2 an input cannot be read.
    pub fn exit_code(&self) -> u8 {
        let status = |wanted: Status| self.scripts.iter().any(|script| script.status == wanted);
        if status(Status::Unreadable) {
            2
        } else {
            let failed = self.scripts.iter().any(|script| script.status != Status::Pass);
            u8::from(failed || !self.disagreements.is_empty() || self.is_hollow())
        }
    }

    /// As DESIGN's JSON.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("strings and numbers always serialize");
        json.push('\n');
        json
    }
}

impl LaneTotals {
    fn of(lane: &str, scripts: &[LaneReport]) -> LaneTotals {
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

    /// What the columns of a table are called.
    pub const COLUMNS: [&str; 9] =
        ["scripts", "directives", "passed", "failed", "unsupported", "expected", "skipped", "crashed", "timed out"];

    /// The numbers of a table's row.
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
    fn of(scripts: &[LaneReport], disagreements: usize) -> Totals {
        let paths: std::collections::BTreeSet<&str> = scripts.iter().map(|script| script.path.as_str()).collect();
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

    #[test]
    fn a_run_in_which_nothing_is_supported_says_so() {
        let told = |report: &Report| {
            let paint = terminal::Paint { color: false };
            [terminal::verdict(report, 0.0, paint), annotations(report), junit(report).expect("XML"), html(report)]
        };
        let says_so = |text: String| text.contains(Report::HOLLOW);
        assert_eq!(told(&report(0, 2)).map(says_so), [true; 4]);
        assert_eq!(told(&report(1, 2)).map(says_so), [false; 4]);
    }

    #[test]
    fn junit_says_why_a_script_is_unreadable() {
        let directive = "script".to_string();
        let failure = Failure { line: 2, column: 1, directive, message: "what is wrong".to_string() };
        let mut script = LaneReport { lane: "l".to_string(), status: Status::Unreadable, ..LaneReport::default() };
        script.failures.push(failure);
        let report = Report::new(vec!["l".to_string()], Vec::new(), vec![script], Vec::new(), Vec::new());
        let xml = junit(&report).expect("XML");
        assert!(xml.contains("message=\"script: what is wrong\""), "{xml}");
    }

    #[test]
    fn what_is_of_no_directive_is_not_counted() {
        let directive = Failure::NO_DIRECTIVE.to_string();
        let failure = Failure { line: 9, column: 1, directive, message: String::new() };
        let mut report = LaneReport { directives: 2, passed: 2, failures: vec![failure], ..LaneReport::default() };
        report.close();
        assert_eq!((report.status, report.passed, report.failed, report.skipped), (Status::Fail, 2, 0, 0));
    }

    #[test]
    fn every_directive_is_counted_once() {
        let place = Failure { line: 1, column: 1, directive: "invoke".to_string(), message: String::new() };
        let mut report = LaneReport { directives: 5, ..LaneReport::default() };
        let verdicts = [
            Ok(()),
            Err(Miss::Unsupported("no".to_string())),
            Err(Miss::Failed("wrong".to_string())),
            Err(Miss::TimedOut("slow".to_string())),
        ];
        verdicts.iter().for_each(|verdict| report.count(place.clone(), verdict));
        report.close();
        assert_eq!((report.passed, report.unsupported, report.failed, report.skipped), (1, 1, 2, 1));
        assert_eq!((report.status, report.failures.len(), report.lacking.len()), (Status::Timeout, 2, 1));
    }

    #[test]
    fn sides_are_grouped_in_the_order_of_the_lanes() {
        let lanes = ["c", "d", "a", "b"].map(str::to_string);
        let shown = [("a", "2"), ("b", "1, in other words"), ("c", "1"), ("d", "not comparable any more")];
        let disagreement = Disagreement {
            path: String::new(),
            line: 1,
            directive: String::new(),
            lanes: shown.map(|(lane, text)| (lane.to_string(), text.to_string())).into(),
            pairs: [["a", "b"], ["a", "c"]].map(|pair| pair.map(str::to_string)).to_vec(),
        };
        assert_eq!(disagreement.lines(&lanes), "c, b: 1\nd: not comparable any more\na: 2");
    }
}
