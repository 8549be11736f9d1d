//! Judges one script in several lanes, in this process: parses it once, runs the lanes one after the other, checks the
//! trap snapshot in each, and compares what they showed.
//!
//! An engine that crashes or hangs takes the process along. The program runs `judge` in child processes
//! ([`pool`](crate::pool)).

use crate::agreement::find_disagreements;
use crate::execute::{LaneRun, Verdict, execute};
use crate::inputs::{self, Unreadable};
use crate::report::{Compared, Disagreement, Failure, LaneReport, Status};
use crate::script::{Directive, Script};
use crate::settings::Settings;
use crate::snapshot::{ShownTraps, Snapshot};
use lanes::{Features, Lane, LaneInfo};
use std::borrow::Cow;
use std::time::Instant;

/// A script to judge.
pub struct Case<'a> {
    /// The path, which reports show.
    pub path: &'a str,
    /// The text.
    pub text: Cow<'a, str>,
    /// The features that the modules may use.
    pub features: Features,
    /// The settings of the script.
    pub settings: Settings,
    /// The traps that every lane has to show.
    pub snapshot: Option<Snapshot>,
    /// True to report each directive that passed, and not only their number.
    pub keeps_passed: bool,
}

impl<'a> Case<'a> {
    /// Reads a script, and the trap snapshot beside it if there is one. `path` is that of a file or of a built-in
    /// script, as [`gather`](inputs::gather) returns them.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the file if it cannot be read.
    pub fn read(path: &'a str, features: Features) -> Result<Case<'a>, Unreadable> {
        let mut case = Case::read_script(path, features)?;
        case.snapshot = Snapshot::beside(path).map_err(Unreadable::whole)?;
        Ok(case)
    }

    /// Reads a script without its trap snapshot.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the file if it cannot be read.
    pub fn read_script(path: &'a str, features: Features) -> Result<Case<'a>, Unreadable> {
        let (text, settings) = (inputs::text(path)?, Settings::default());
        Ok(Case { path, text, features, settings, snapshot: None, keeps_passed: false })
    }
}

/// The results of a script in all lanes.
#[derive(Debug, Default)]
pub struct Judgment {
    /// The report of each lane.
    pub reports: Vec<LaneReport>,
    /// The directives on which lanes differ.
    pub disagreements: Vec<Disagreement>,
    /// The counts of what was compared, for each pair of lanes.
    pub compared: Vec<Compared>,
    /// The traps that a lane showed, one of our own if possible; `None` if no lane supports the whole script and shows
    /// every trap with one kind and all frames.
    pub snapshot: Option<Snapshot>,
}

impl Judgment {
    /// Returns whether every lane passed, and all of them agree. What a lane does not support is no failure.
    pub fn has_passed(&self) -> bool {
        self.disagreements.is_empty() && self.reports.iter().all(|report| report.status == Status::Pass)
    }
}

/// Follows the progress of a script. `()` does not care.
pub trait Progress {
    /// Is called when a lane begins.
    fn begin(&mut self, _lane: &str, _directives: &[Directive]) {}

    /// Is called before a directive runs, with no verdict, and after it.
    fn step(&mut self, _position: usize, _directive: &Directive, _verdict: Option<&Verdict>) {}

    /// Is called when a lane has ended.
    fn end(&mut self, _report: &LaneReport) {}
}

impl Progress for () {}

/// Runs a script in the lanes, and compares them. A directive that does not parse fails in each lane.
pub fn judge(case: &Case<'_>, lanes: &[&dyn Lane], progress: &mut dyn Progress) -> Judgment {
    let script = Script::parse(&case.text);
    let mut runs = Vec::with_capacity(lanes.len());
    let mut reports = Vec::with_capacity(lanes.len());
    for lane in lanes {
        let (run, report) = run_lane(case, &script, *lane, lanes.len() > 1, progress);
        progress.end(&report);
        runs.push(run);
        reports.push(report);
    }
    let (disagreements, compared) = find_disagreements(case.path, &script, lanes, &runs);
    // Another engine may name functions differently, and our lanes are compared with the names of the snapshot.
    let (own, foreign): (Vec<_>, Vec<_>) = lanes.iter().zip(&runs).partition(|(lane, _)| lane.info().is_own());
    let snapshot = own.into_iter().chain(foreign).find_map(|(_, run)| ShownTraps::of(&script, run).snapshot());
    Judgment { reports, disagreements, compared, snapshot }
}

/// Runs a script in one lane. `compared` says that other lanes are compared with this one.
fn run_lane(
    case: &Case<'_>,
    script: &Script,
    lane: &dyn Lane,
    compared: bool,
    progress: &mut dyn Progress,
) -> (LaneRun, LaneReport) {
    let started = Instant::now();
    progress.begin(&lane.info().name, &script.directives);
    let run = execute(script, lane, (case.features, case.settings), compared, &mut |position, verdict| {
        progress.step(position, &script.directives[position], verdict);
    });
    let mut report = LaneReport {
        path: case.path.to_string(),
        lane: lane.info().name.clone(),
        directives: script.directives.len(),
        ..LaneReport::default()
    };
    for (directive, step) in script.directives.iter().zip(&run.steps) {
        report.count(directive, &step.verdict(), case.keeps_passed);
    }
    if let Some(expected) = &case.snapshot {
        check_snapshot(expected, script, &run, lane.info(), &mut report);
    }
    report.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.close();
    (run, report)
}

/// Fails each directive that passed, and trapped otherwise than the snapshot says.
fn check_snapshot(expected: &Snapshot, script: &Script, run: &LaneRun, lane: &LaneInfo, report: &mut LaneReport) {
    for mismatch in expected.compare(&ShownTraps::of(script, run), lane) {
        report.failures.push(match mismatch.directive {
            Some(position) => {
                let Directive { line, column, .. } = script.directives[position];
                report.passed -= 1;
                report.passed_on.retain(|passed| (passed.line, passed.column) != (line, column));
                let directive = Failure::TRAP_SNAPSHOT.to_string();
                Failure { directive, ..Failure::of(&script.directives[position], &mismatch.message) }
            }
            None => Failure {
                line: mismatch.line,
                column: 1,
                directive: Failure::NO_DIRECTIVE.to_string(),
                key: String::new(),
                message: format!("trap snapshot: {}: no directive for it begins on this line", mismatch.message),
            },
        });
    }
    report.failures.sort_by_key(|failure| (failure.line, failure.column));
}
