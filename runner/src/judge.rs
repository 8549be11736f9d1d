//! One script in all lanes: parse it once, run the lanes one after the other, check the trap snapshot in each, and
//! compare what they showed. All in this process; [`pool`](crate::pool) puts it into a child.

use crate::execute::{Run, Verdict, execute};
use crate::report::{Disagreement, Failure, LaneReport, Status};
use crate::script::{Directive, ParseError, Script};
use crate::snapshot::Snapshot;
use lanes::compare::{Comparison, Difference};
use lanes::{Features, Lane};
use std::collections::BTreeMap;
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
    Ok(Judged {
        disagreements: disagreements(case.path, &script, lanes, &runs),
        snapshot: runs.first().map(|run| Snapshot::of(&script, &run.steps)).unwrap_or_default(),
    })
}

fn run(case: &Case<'_>, script: &Script, lane: &dyn Lane, states: bool, progress: &mut dyn Progress) -> Run {
    let started = Instant::now();
    progress.begin(&lane.info().name, &script.directives);
    let run = execute(script, lane, case.features, states, &mut |position, verdict| {
        progress.step(position, &script.directives[position], verdict);
    });
    let verdicts = script.directives.iter().zip(&run.steps);
    let failures = verdicts.filter_map(|(directive, step)| {
        let message = step.verdict.as_ref().err()?;
        Some(Failure::of(directive, message))
    });
    let mut failures: Vec<Failure> = failures.collect();
    if let Some(expected) = &case.snapshot {
        check_snapshot(expected, script, &run, &mut failures);
    }
    let failed = failures.len().min(script.directives.len());
    progress.end(LaneReport {
        path: case.path.to_string(),
        lane: lane.info().name.clone(),
        status: if failures.is_empty() { Status::Pass } else { Status::Fail },
        milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        directives: script.directives.len(),
        passed: script.directives.len() - failed,
        failed,
        failures,
        ..LaneReport::default()
    });
    run
}

/// A directive that trapped otherwise than the snapshot says has failed, unless it failed already.
fn check_snapshot(expected: &Snapshot, script: &Script, run: &Run, failures: &mut Vec<Failure>) {
    for mismatch in expected.compare(&Snapshot::of(script, &run.steps)) {
        if failures.iter().any(|failure| failure.line == mismatch.line) {
            continue;
        }
        let directive = script.directives.iter().find(|directive| directive.line == mismatch.line);
        failures.push(match directive {
            Some(directive) => Failure::of(directive, &mismatch.message),
            None => Failure {
                line: mismatch.line,
                column: 1,
                directive: "snapshot".to_string(),
                message: format!("{}: no directive begins on this line", mismatch.message),
            },
        });
    }
    failures.sort_by_key(|failure| (failure.line, failure.column));
}

fn disagreements(path: &str, script: &Script, lanes: &[&dyn Lane], runs: &[Run]) -> Vec<Disagreement> {
    let mut pairs: Vec<(usize, usize, Comparison)> = Vec::new();
    for right in 1..lanes.len() {
        pairs.extend((0..right).map(|left| (left, right, Comparison::new(lanes[left].info(), lanes[right].info()))));
    }
    let disagreement = |directive: &Directive, differences: &[(usize, usize, Difference)]| {
        let mut texts = BTreeMap::new();
        let (first, _, difference) = differences.first()?;
        for (lane, info) in lanes.iter().map(|lane| lane.info()).enumerate() {
            // A lane that agrees with the first one of the first pair showed the same.
            let own = differences.iter().find(|(left, right, _)| left == first && *right == lane);
            let text = own.map_or(&difference.left, |(_, _, difference)| &difference.right);
            texts.insert(info.name.clone(), format!("{}: {text}", difference.what));
        }
        Some(Disagreement {
            path: path.to_string(),
            line: directive.line,
            directive: directive.name.to_string(),
            lanes: texts,
        })
    };
    let mut found = Vec::new();
    for (position, directive) in script.directives.iter().enumerate() {
        let mut differences = Vec::new();
        for (left, right, comparison) in &mut pairs {
            let observed = |lane: usize| runs[lane].steps.get(position).and_then(|step| step.observation.as_ref());
            if let Some((a, b)) = observed(*left).zip(observed(*right))
                && let Some(difference) = comparison.step(a, b)
            {
                differences.push((*left, *right, difference));
            }
        }
        found.extend(disagreement(directive, &differences));
    }
    let instances = runs.iter().map(|run| run.states.len()).min().unwrap_or(0);
    for instance in 0..instances {
        let mut differences = Vec::new();
        for (left, right, comparison) in &pairs {
            let state = |lane: usize| runs[lane].states[instance].1.as_ref();
            if let Some(difference) = comparison.state(state(*left), state(*right)) {
                differences.push((*left, *right, difference));
            }
        }
        found.extend(disagreement(&script.directives[runs[0].states[instance].0], &differences));
    }
    found
}
