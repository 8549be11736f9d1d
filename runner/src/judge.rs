//! Judges one script in several lanes, in this process: parses it once, runs the lanes one after the other, checks the
//! trap snapshot in each, and compares what they showed.
//!
//! An engine that crashes or hangs takes the process along. The program runs `judge` in child processes
//! ([`pool`](crate::pool)).

use crate::agreement::Agreement;
use crate::execute::{Contents, Maker, Miss, Run, Step, Verdict};
use crate::inputs::{self, Unreadable};
use crate::report::{Compared, Disagreement, Failure, LaneReport, Status};
use crate::settings::Settings;
use crate::snapshot::{Mismatch, ShownTraps, Snapshot, SnapshotUse};
use lanes::{Features, Lane};
use script::{Batches, Directive};
use std::borrow::Cow;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

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
    /// The use of its trap snapshot.
    pub snapshot: SnapshotUse,
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
        let snapshot = Snapshot::beside(path).map_err(Unreadable::whole)?;
        case.snapshot = snapshot.map_or(SnapshotUse::None, SnapshotUse::Check);
        Ok(case)
    }

    /// Reads a script without its trap snapshot.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the file if it cannot be read.
    pub fn read_script(path: &'a str, features: Features) -> Result<Case<'a>, Unreadable> {
        let (text, settings) = (inputs::text(path)?, Settings::default());
        Ok(Case { path, text, features, settings, snapshot: SnapshotUse::None, keeps_passed: false })
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
    /// The traps that a lane showed, one of our own if possible; `None` if no snapshot was used, or no lane supports
    /// the whole script and shows every trap with one kind and all frames.
    pub snapshot: Option<Snapshot>,
}

impl Judgment {
    /// Returns whether every lane passed, and all of them agree. What a lane does not support is no failure.
    pub fn has_passed(&self) -> bool {
        self.disagreements.is_empty() && self.reports.iter().all(|report| report.status == Status::Pass)
    }
}

/// Follows the progress of a script. `()` does not care.
///
/// The lanes run a short script one after the other. A long one they run by turns, batch by batch.
pub trait Progress {
    /// Is called when the lane at a position of the list has its turn, with the number of directives of the script.
    fn begin(&mut self, _position: usize, _lane: &str, _directives: usize) {}

    /// Is called before a directive runs, with no verdict, and after it.
    fn step(&mut self, _directive: &Directive, _verdict: Option<&Verdict>) {}

    /// Is called when the turn of a lane has ended, and it has others to come.
    fn pause(&mut self) {}

    /// Is called when a lane has ended.
    fn end(&mut self, _report: &LaneReport) {}
}

impl Progress for () {}

/// Runs a script in the lanes, and compares them. A directive that does not parse fails in each lane.
pub fn judge(case: &Case<'_>, lanes: &[&dyn Lane], progress: &mut dyn Progress) -> Judgment {
    let mut agreement = Agreement::new(case.path, lanes);
    let runs = thread::scope(|scope| {
        let mut runs: Vec<LaneRun<'_, '_>> = lanes.iter().map(|lane| LaneRun::new(case, *lane)).collect();
        let mut batches = Batches::of(&case.text);
        while let Some(directives) = batches.next() {
            let batch = Batch { directives: &directives, is_last: batches.is_at_end() };
            let mut steps = Vec::with_capacity(lanes.len());
            for (position, run) in runs.iter_mut().enumerate() {
                progress.begin(position, &run.report.lane, batches.directive_count(&directives));
                steps.push(run.take_turn(&batch, lanes.len() > 1, scope, progress));
            }
            agreement.compare_steps(&directives, &steps);
        }
        runs.into_iter().map(LaneRun::into_results).collect::<Vec<_>>()
    });
    let (mut reports, mut states, mut traps) = (Vec::new(), Vec::new(), Vec::new());
    for (report, contents, shown) in runs {
        reports.push(report);
        states.push(contents);
        traps.push(shown);
    }
    agreement.compare_states(&states);
    let (disagreements, compared) = agreement.into_results();
    // Another engine may name functions differently, and our lanes are compared with the names of the snapshot.
    let (own, foreign): (Vec<_>, Vec<_>) = lanes.iter().zip(traps).partition(|(lane, _)| lane.info().is_own());
    let snapshot = own.into_iter().chain(foreign).find_map(|(_, traps)| traps?.snapshot());
    Judgment { reports, disagreements, compared, snapshot }
}

/// A batch of the directives of a script.
struct Batch<'a> {
    directives: &'a [Directive],
    /// True if the script ends with it.
    is_last: bool,
}

/// The run of a script in a lane, and what is known of it so far.
struct LaneRun<'scope, 'env> {
    case: &'env Case<'env>,
    lane: &'env dyn Lane,
    /// `None` before the first turn and after the last.
    run: Option<Run<'scope, 'env>>,
    time: Duration,
    report: LaneReport,
    /// The traps that the lane showed, if a snapshot is used.
    traps: Option<ShownTraps>,
    /// The contents of the instances at the end.
    states: Vec<(Maker, Contents)>,
}

impl<'scope, 'env> LaneRun<'scope, 'env> {
    fn new(case: &'env Case<'env>, lane: &'env dyn Lane) -> LaneRun<'scope, 'env> {
        let (path, name) = (case.path.to_string(), lane.info().name.clone());
        let report = LaneReport { path, lane: name, ..LaneReport::default() };
        let traps = ShownTraps::for_use(&case.snapshot);
        LaneRun { case, lane, run: None, time: Duration::ZERO, report, traps, states: Vec::new() }
    }

    /// Runs the next batch. `compared` says that other lanes are compared with this one.
    fn take_turn(
        &mut self,
        batch: &Batch<'_>,
        compared: bool,
        scope: &'scope Scope<'scope, 'env>,
        progress: &mut dyn Progress,
    ) -> Vec<Step> {
        let (started, directives) = (Instant::now(), batch.directives);
        let mut watch = |directive: &Directive, verdict: Option<&Verdict>| progress.step(directive, verdict);
        let options = (self.case.features, self.case.settings);
        let run = self.run.take().unwrap_or_else(|| Run::begin(self.lane, directives, options, compared, scope));
        let run = self.run.insert(run);
        let mut steps = run.perform(directives, &mut watch);
        if batch.is_last {
            self.states = self.run.take().map(|run| run.end(directives, &mut steps, &mut watch)).unwrap_or_default();
        }
        self.report.directives += directives.len();
        for (directive, step) in directives.iter().zip(&steps) {
            let verdict = step.verdict();
            self.report.count(directive, &verdict, self.case.keeps_passed);
            if let (Err(Miss::Failed(_)), Some(failure)) = (&verdict, self.report.failures.last_mut()) {
                failure.frames = step.frames();
            }
        }
        if let Some(traps) = &mut self.traps {
            traps.add(directives, &steps);
        }
        if batch.is_last {
            self.check_snapshot();
        }
        self.time += started.elapsed();
        match batch.is_last {
            true => self.end(progress),
            false => progress.pause(),
        }
        steps
    }

    fn end(&mut self, progress: &mut dyn Progress) {
        self.report.milliseconds = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        self.report.close();
        progress.end(&self.report);
    }

    fn into_results(self) -> (LaneReport, Vec<(Maker, Contents)>, Option<ShownTraps>) {
        (self.report, self.states, self.traps)
    }

    /// Fails each directive that passed, and trapped otherwise than the snapshot says.
    fn check_snapshot(&mut self) {
        let (SnapshotUse::Check(expected), Some(shown)) = (&self.case.snapshot, &self.traps) else { return };
        let report = &mut self.report;
        for Mismatch { line, column, message } in expected.compare(shown, self.lane.info()) {
            let (directive, message) = match column {
                Some(column) => {
                    report.passed -= 1;
                    report.passed_on.retain(|passed| (passed.line, passed.column) != (line, column));
                    (Failure::TRAP_SNAPSHOT, message)
                }
                None => {
                    let message = format!("trap snapshot: {message}: no directive for it begins on this line");
                    (Failure::NO_DIRECTIVE, message)
                }
            };
            let (column, directive) = (column.unwrap_or(1), directive.to_string());
            report.failures.push(Failure { line, column, directive, message, ..Failure::default() });
        }
        report.failures.sort_by_key(|failure| (failure.line, failure.column));
    }
}
