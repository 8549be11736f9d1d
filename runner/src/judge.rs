//! One script in all lanes: parse it once, run the lanes one after the other, check the trap snapshot in each, and
//! compare what they showed. All in this process; [`pool`](crate::pool) puts it into a child.

use crate::agreement::find_disagreements;
use crate::execute::{LaneRun, Verdict, execute};
use crate::report::{Compared, Disagreement, Failure, LaneReport};
use crate::script::{Directive, ParseError, Script};
use crate::snapshot::{Showing, Snapshot};
use lanes::{Features, Lane, LaneInfo};
use std::time::Instant;

/// A script to judge.
pub struct Case<'a> {
    /// How reports name it.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
    /// What its modules may use.
    pub features: Features,
    /// The trap snapshot beside it.
    pub snapshot: Option<Snapshot>,
}

/// What the lanes say together.
#[derive(Debug, Default)]
pub struct Judged {
    /// Where they differ.
    pub disagreements: Vec<Disagreement>,
    /// How much was compared of each pair of lanes.
    pub compared: Vec<Compared>,
    /// The traps that a lane showed, of our own lanes if one of them is there; `None` if no lane supports the whole script
    /// and shows every trap with one kind and all frames.
    pub snapshot: Option<Snapshot>,
}

/// Is told of the progress.
pub trait Progress {
    /// A lane begins, with this many directives.
    fn begin(&mut self, lane: &str, directives: &[Directive]);
    /// A directive is about to run (`None`), or has run.
    fn step(&mut self, position: usize, directive: &Directive, verdict: Option<&Verdict>);
    /// A lane has ended.
    fn end(&mut self, report: LaneReport);
}

/// Runs a script in the lanes.
pub fn judge(case: &Case<'_>, lanes: &[&dyn Lane], progress: &mut dyn Progress) -> Result<Judged, ParseError> {
    let script = Script::parse(case.text)?;
    let runs: Vec<LaneRun> = lanes.iter().map(|lane| run(case, &script, *lane, lanes.len() > 1, progress)).collect();
    let (disagreements, compared) = find_disagreements(case.path, &script, lanes, &runs);
    // Of another engine's frames the names need not be those that our lanes are compared with.
    let (own, foreign): (Vec<_>, Vec<_>) = lanes.iter().zip(&runs).partition(|(lane, _)| lane.info().is_own());
    let snapshot = own.into_iter().chain(foreign).find_map(|(_, run)| Showing::of(&script, run).snapshot());
    Ok(Judged { disagreements, compared, snapshot })
}

fn run(case: &Case<'_>, script: &Script, lane: &dyn Lane, states: bool, progress: &mut dyn Progress) -> LaneRun {
    let started = Instant::now();
    progress.begin(&lane.info().name, &script.directives);
    let run = execute(script, lane, case.features, states, &mut |position, verdict| {
        progress.step(position, &script.directives[position], verdict);
    });
    let mut report = LaneReport {
        path: case.path.to_string(),
        lane: lane.info().name.clone(),
        directives: script.directives.len(),
        ..LaneReport::default()
    };
    for (directive, step) in script.directives.iter().zip(&run.steps) {
        report.count(Failure::of(directive, ""), &step.verdict);
    }
    if let Some(expected) = &case.snapshot {
        check_snapshot(expected, script, &run, lane.info(), &mut report);
    }
    report.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.close();
    progress.end(report);
    run
}

/// A directive that trapped otherwise than the snapshot says has failed, unless it failed already, was not supported,
/// or did not run.
fn check_snapshot(expected: &Snapshot, script: &Script, run: &LaneRun, lane: &LaneInfo, report: &mut LaneReport) {
    for mismatch in expected.compare(&Showing::of(script, run), lane) {
        report.failures.push(match mismatch.directive {
            Some(position) => {
                report.passed -= 1;
                let directive = Failure::TRAP_SNAPSHOT.to_string();
                Failure { directive, ..Failure::of(&script.directives[position], &mismatch.message) }
            }
            None => Failure {
                line: mismatch.line,
                column: 1,
                directive: Failure::NO_DIRECTIVE.to_string(),
                message: format!("trap snapshot: {}: no directive for it begins on this line", mismatch.message),
            },
        });
    }
    report.failures.sort_by_key(|failure| (failure.line, failure.column));
}
