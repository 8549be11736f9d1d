//! One script in all lanes: parse it once, run the lanes one after the other, check the trap snapshot in each, and
//! compare what they showed. All in this process; [`pool`](crate::pool) puts it into a child.

use crate::disagreement::disagreements;
use crate::execute::{Miss, Run, Step, Verdict, execute};
use crate::report::{Compared, Disagreement, Failure, LaneReport};
use crate::script::{Directive, ParseError, Script};
use crate::snapshot::Snapshot;
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
    /// The traps that the first lane showed.
    pub snapshot: Snapshot,
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
    let runs: Vec<Run> = lanes.iter().map(|lane| run(case, &script, *lane, lanes.len() > 1, progress)).collect();
    let (disagreements, compared) = disagreements(case.path, &script, lanes, &runs);
    Ok(Judged {
        disagreements,
        compared,
        snapshot: runs.first().map(|run| Snapshot::of(&script, &run.steps)).unwrap_or_default(),
    })
}

fn run(case: &Case<'_>, script: &Script, lane: &dyn Lane, states: bool, progress: &mut dyn Progress) -> Run {
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
fn check_snapshot(expected: &Snapshot, script: &Script, run: &Run, lane: &LaneInfo, report: &mut LaneReport) {
    let lost = run.steps.len() < script.directives.len() || run.steps.last().is_some_and(is_lost);
    let end = if lost { script.directives[run.steps.len() - 1].line } else { u32::MAX };
    for mismatch in expected.compare(&Snapshot::of(script, &run.steps), lane) {
        let told = report.failures.iter().chain(&report.lacking).any(|failure| failure.line == mismatch.line);
        if told || mismatch.line >= end {
            continue;
        }
        let directive = script.directives.iter().find(|directive| directive.line == mismatch.line);
        report.passed = report.passed.saturating_sub(1);
        report.failures.push(match directive {
            Some(directive) => Failure::of(directive, &mismatch.message),
            None => Failure {
                line: mismatch.line,
                column: 1,
                directive: "snapshot".to_string(),
                message: format!("{}: no directive begins on this line", mismatch.message),
            },
        });
    }
    report.failures.sort_by_key(|failure| (failure.line, failure.column));
}

fn is_lost(step: &Step) -> bool {
    matches!(step.verdict, Err(Miss::Crashed(_) | Miss::TimedOut(_)))
}
