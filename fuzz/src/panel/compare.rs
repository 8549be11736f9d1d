//! Runs a case in several lanes and compares each with each, step by step. Everything that is observable must be equal.
//!
//! `lanes::compare` defines "equal". On top of that, a lane that fails on its own account (an engine error, a refused
//! module, a missing import) is a finding even if all lanes fail alike, because the modules are valid.
//! [`rules`](crate::rules) lists what is left out of the comparison, and why.

use super::finding::{Finding, FindingKind, Side};
use super::run::{Binaries, Run, Seen, Step, run};
use super::watch;
use crate::generate::case::Case;
use crate::statistics::phases::{Phase, measure};
use lanes::Lane;
use lanes::compare::{Comparison, Difference};
use std::fmt;

/// The result of a case without a finding.
pub struct Agreement {
    /// The run of the first lane. The other lanes did the same, as far as they were compared.
    pub run: Run,
    /// The lanes that stopped being comparable with the first one on the way: a stack overflow, something that the
    /// lane does not support, memory that ran out.
    pub ended: Vec<String>,
    /// The lanes that took no part, since they lack a feature.
    pub apart: Vec<String>,
    /// The lanes that took part.
    pub compared: Vec<String>,
}

impl Agreement {
    fn new(lanes: &[&dyn Lane], mut runs: Vec<Run>, pairs: &Pairs) -> Agreement {
        let (mut ended, mut apart, mut compared) = (Vec::new(), Vec::new(), Vec::new());
        for (k, (lane, run)) in lanes.iter().zip(&runs).enumerate() {
            let name = &lane.info().name;
            if run.lacks {
                apart.push(name.clone());
                continue;
            }
            if k > 0 && pairs.of(0, k).ended.is_some() {
                ended.push(name.clone());
            }
            compared.push(name.clone());
        }
        Agreement { run: runs.swap_remove(0), ended, apart, compared }
    }

    /// Returns the agreement with the lanes of another one about the same case.
    pub fn and(mut self, other: Agreement) -> Agreement {
        self.run.gave_up |= other.run.gave_up;
        self.ended.extend(other.ended);
        self.apart.extend(other.apart);
        self.compared.extend(other.compared);
        self
    }
}

/// The outcomes, one a line.
impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.run.steps {
            if let Some(outcome) = step.outcome() {
                writeln!(f, "{}: {outcome}", step.what)?;
            }
        }
        Ok(())
    }
}

/// Runs `case` in all `lanes` and compares each with each. A case that a lane gives up, since it may not end, does not
/// run in the lanes after it.
///
/// # Errors
///
/// The first finding.
pub fn check(case: &Case, lanes: &[&dyn Lane]) -> Result<Agreement, Box<Finding>> {
    let binaries = Binaries::new(case);
    let mut runs: Vec<Run> = Vec::with_capacity(lanes.len());
    for lane in lanes {
        runs.push(run(case, &binaries, *lane));
        if runs.last().is_some_and(|run| run.gave_up) {
            break;
        }
    }
    watch::enter("");
    measure(Phase::Compare, "", || judge(&lanes[..runs.len()], runs))
}

fn judge(lanes: &[&dyn Lane], runs: Vec<Run>) -> Result<Agreement, Box<Finding>> {
    if let Some(finding) = find_failure(lanes, &runs) {
        return Err(Box::new(finding));
    }
    let pairs = Pairs::compare(lanes, &runs);
    if let Some(finding) = pairs.find_disagreement(lanes, &runs) {
        return Err(Box::new(finding));
    }
    Ok(Agreement::new(lanes, runs, &pairs))
}

/// Returns the first step at which a lane failed although no lane may, with all lanes that failed there.
fn find_failure(lanes: &[&dyn Lane], runs: &[Run]) -> Option<Finding> {
    let first_failure = |run: &Run| run.steps.iter().position(|step| step.failure().is_some());
    let first = runs.iter().filter_map(first_failure).min()?;
    let mut found = None;
    let mut sides = Vec::new();
    for (lane, run) in lanes.iter().zip(runs) {
        let Some(step) = run.steps.get(first) else { continue };
        let Some((kind, message)) = step.failure() else { continue };
        // Lanes that failed there in another way are not part of this finding.
        if found.get_or_insert((kind, &step.what)).0 == kind {
            sides.push(Side::new(message, [lane.info()]));
        }
    }
    let (kind, what) = found?;
    Some(Finding { kind, step: what.clone(), sides, silent: Vec::new() })
}

/// The comparison of two runs.
#[derive(Default)]
struct Pair {
    /// The first step at which they differ.
    first: Option<(usize, Difference)>,
    /// The step after which they are no longer comparable.
    ended: Option<usize>,
}

impl Pair {
    fn compare(mut comparison: Comparison, left: &Run, right: &Run) -> Pair {
        for (k, (left, right)) in left.steps.iter().zip(&right.steps).enumerate() {
            if let Some(difference) = compare_step(&mut comparison, left, right) {
                return Pair { first: Some((k, difference)), ended: None };
            }
            if comparison.has_ended() {
                return Pair { first: None, ended: Some(k) };
            }
        }
        let (left, right) = (left.steps.len(), right.steps.len());
        if left == right {
            return Pair::default();
        }
        let what = "number of steps".to_string();
        let difference = Difference { what, left: left.to_string(), right: right.to_string() };
        Pair { first: Some((left.min(right), difference)), ended: None }
    }

    fn differs_at(&self, step: usize) -> Option<&Difference> {
        match &self.first {
            Some((first, difference)) if *first == step => Some(difference),
            _ => None,
        }
    }
}

fn compare_step(comparison: &mut Comparison, left: &Step, right: &Step) -> Option<Difference> {
    match (&left.seen, &right.seen) {
        (Seen::Observation(left), Seen::Observation(right)) => comparison.step(left, right),
        (Seen::State(left), Seen::State(right)) => comparison.state(left.as_ref(), right.as_ref()),
        // The steps follow from the case and from outcomes that were found equal, so this is a fault of the oracle.
        _ => Some(Difference { what: "step".to_string(), left: left.what.clone(), right: right.what.clone() }),
    }
}

/// The comparison of each lane with each lane before it: row `k` has `k` pairs.
struct Pairs {
    rows: Vec<Vec<Pair>>,
}

impl Pairs {
    fn compare(lanes: &[&dyn Lane], runs: &[Run]) -> Pairs {
        let mut rows = Vec::new();
        for right in 0..lanes.len() {
            let mut row = Vec::new();
            for left in 0..right {
                let comparison = Comparison::new(lanes[left].info(), lanes[right].info());
                row.push(Pair::compare(comparison, &runs[left], &runs[right]));
            }
            rows.push(row);
        }
        Pairs { rows }
    }

    fn of(&self, one: usize, other: usize) -> &Pair {
        &self.rows[one.max(other)][one.min(other)]
    }

    /// Returns the first step at which any two lanes differ, and who agrees with whom there.
    fn find_disagreement(&self, lanes: &[&dyn Lane], runs: &[Run]) -> Option<Finding> {
        let differences = self.rows.iter().flatten().filter_map(|pair| pair.first.as_ref());
        let step = differences.map(|(step, _)| *step).min()?;
        let (compared, silent): (Vec<_>, Vec<_>) = (0..lanes.len()).partition(|&lane| self.is_compared(lane, step));
        let mut sides = Vec::new();
        for group in self.groups(&compared, step) {
            let shown = self.shown_by(&group, &compared, step);
            sides.push(Side::new(shown, group.iter().map(|&lane| lanes[lane].info())));
        }
        let what = runs.iter().find_map(|run| run.steps.get(step)).map_or("the end", |step| &step.what);
        Some(Finding {
            kind: FindingKind::Disagreement,
            step: what.to_string(),
            sides,
            silent: silent.into_iter().map(|lane| lanes[lane].info().name.clone()).collect(),
        })
    }

    /// Returns whether `lane` is still compared with any other lane at `step`.
    fn is_compared(&self, lane: usize, step: usize) -> bool {
        let mut others = (0..self.rows.len()).filter(|&other| other != lane);
        others.any(|other| self.of(lane, other).ended.is_none_or(|ended| ended > step))
    }

    /// Returns groups of lanes that all agree with each other at `step`.
    fn groups(&self, lanes: &[usize], step: usize) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for &lane in lanes {
            let agrees = |other: &usize| self.of(lane, *other).differs_at(step).is_none();
            match groups.iter_mut().find(|group| group.iter().all(agrees)) {
                Some(group) => group.push(lane),
                None => groups.push(vec![lane]),
            }
        }
        groups
    }

    /// Returns what the lanes of `group` showed at `step` that differs from what another lane showed.
    fn shown_by(&self, group: &[usize], lanes: &[usize], step: usize) -> String {
        for &lane in group {
            for &other in lanes.iter().filter(|&&other| other != lane) {
                if let Some(difference) = self.of(lane, other).differs_at(step) {
                    let shown = if lane < other { &difference.left } else { &difference.right };
                    return format!("{}: {shown}", difference.what);
                }
            }
        }
        String::new()
    }
}
