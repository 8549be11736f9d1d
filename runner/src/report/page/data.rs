//! The data of the page: a report in fewer words. Lanes and results are numbers that stand for their positions in
//! lists, and failures that lanes share are there once.

use super::Against;
use crate::report::{Changes, Failure, LaneReport, Report, group};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The failures of a script in the same lanes that are shown.
const SHOWN: usize = 500;

/// The reasons of a script in a lane that are shown.
const REASONS: usize = 8;

/// The data of the page.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    lanes: Vec<Lane<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    absent: Vec<[&'a str; 2]>,
    /// The different results, each as its status and its counts.
    results: Vec<Outcome>,
    scripts: Vec<Script<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Since<'a>>,
}

/// A lane.
#[derive(Serialize)]
struct Lane<'a> {
    name: &'a str,
    engine: &'a str,
    version: &'a str,
    backend: &'a str,
    milliseconds: u64,
}

/// The result of a script in a lane: status, directives, passed, failed, unsupported, expected, follows, skipped.
type Outcome = (&'static str, [usize; 7]);

/// A script.
#[derive(Serialize)]
struct Script<'a> {
    path: &'a str,
    /// The position of the result of each lane; -1 if it did not run there.
    cells: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disagreements: Vec<Disagreement<'a>>,
    /// The reasons for which directives are unsupported, or listed as expected failures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason<'a>>,
}

/// Failures that the same lanes have in common.
#[derive(Serialize)]
struct Block<'a> {
    status: &'static str,
    lanes: Vec<usize>,
    failures: Vec<Shown<'a>>,
    /// The number of failures that are not here.
    more: usize,
}

/// A failure.
#[derive(Serialize)]
struct Shown<'a> {
    line: u32,
    directive: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    frames: &'a [String],
}

/// A disagreement, with its sides.
#[derive(Serialize)]
struct Disagreement<'a> {
    line: u32,
    directive: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source: &'a str,
    sides: Vec<Side<'a>>,
}

/// The lanes that showed the same.
#[derive(Serialize)]
struct Side<'a> {
    lanes: Vec<usize>,
    /// The number of their backends; 0 if they differ from no other lane, and may just show less.
    votes: usize,
    shown: &'a str,
}

/// A reason for which directives of a script did not count as passed or failed.
#[derive(Serialize)]
struct Reason<'a> {
    kind: &'static str,
    lanes: Vec<usize>,
    /// The line of the first of them.
    line: u32,
    count: usize,
    text: &'a str,
}

/// The changes since an older report.
#[derive(Serialize)]
struct Since<'a> {
    name: &'a str,
    #[serde(flatten)]
    changes: &'a Changes,
}

impl<'a> Data<'a> {
    /// Makes the data of a report.
    pub(super) fn of(report: &'a Report, against: Option<&'a Against>) -> Data<'a> {
        let mut maker = Maker { report, positions: HashMap::new(), known: HashMap::new(), results: Vec::new() };
        maker.positions = report.lanes.iter().enumerate().map(|(position, lane)| (lane.as_str(), position)).collect();
        let scripts = report.scripts.chunk_by(|left, right| left.path == right.path);
        let scripts: Vec<Script<'a>> = scripts.map(|runs| maker.script(runs)).collect();
        let lanes = report.lanes.iter().map(|lane| maker.lane(lane)).collect();
        let absent = report.absent.iter().map(|absent| [absent.lane.as_str(), &absent.reason]).collect();
        Data {
            lanes,
            absent,
            results: maker.results,
            scripts,
            against: against.map(|Against { name, changes }| Since { name, changes }),
        }
    }
}

/// The state while the data are made.
struct Maker<'a> {
    report: &'a Report,
    /// The position of each lane.
    positions: HashMap<&'a str, usize>,
    /// The position of each result.
    known: HashMap<Outcome, usize>,
    results: Vec<Outcome>,
}

impl<'a> Maker<'a> {
    fn lane(&self, name: &'a str) -> Lane<'a> {
        let engine = self.report.engines.get(name);
        let (backend, totals) = (self.report.backends.get(name), self.report.matrix.iter().find(|of| of.lane == name));
        Lane {
            name,
            engine: engine.map_or("", |engine| &engine.engine),
            version: engine.map_or("", |engine| &engine.version),
            backend: backend.map_or("", String::as_str),
            milliseconds: totals.map_or(0, |totals| totals.milliseconds),
        }
    }

    /// Returns a script, given its results in all lanes.
    fn script(&mut self, runs: &'a [LaneReport]) -> Script<'a> {
        let mut cells = vec![-1; self.report.lanes.len()];
        for run in runs {
            let result = self.result(run);
            if let Some(position) = self.positions.get(run.lane.as_str()) {
                cells[*position] = result;
            }
        }
        let path = runs[0].path.as_str();
        let disagreements = self.report.disagreements.iter().filter(|one| one.path == path);
        let disagreements = disagreements.map(|one| self.disagreement(one)).collect();
        Script { path, cells, blocks: self.blocks(runs), disagreements, reasons: self.reasons(runs) }
    }

    /// Returns the position of a result.
    fn result(&mut self, run: &LaneReport) -> i64 {
        let status = if run.is_flaky() { "flaky" } else { run.status.name() };
        let counts = [run.directives, run.passed, run.failed, run.unsupported, run.expected, run.follows, run.skipped];
        let position = *self.known.entry((status, counts)).or_insert_with(|| {
            self.results.push((status, counts));
            self.results.len() - 1
        });
        i64::try_from(position).unwrap_or(-1)
    }

    fn numbers(&self, lanes: &[&str]) -> Vec<usize> {
        lanes.iter().filter_map(|lane| self.positions.get(lane).copied()).collect()
    }

    fn blocks(&self, runs: &'a [LaneReport]) -> Vec<Block<'a>> {
        let mut blocks = Vec::new();
        for block in group(&runs.iter().collect::<Vec<_>>()) {
            let failures = block.failures.iter().take(SHOWN).map(|failure| shown(failure)).collect();
            let more = block.failures.len().saturating_sub(SHOWN);
            blocks.push(Block { status: block.status.name(), lanes: self.numbers(&block.lanes), failures, more });
        }
        for run in runs.iter().filter(|run| run.is_flaky()) {
            let failures = run.flaky.iter().take(SHOWN).map(shown).collect();
            blocks.push(Block { status: "flaky", lanes: self.numbers(&[&run.lane]), failures, more: 0 });
        }
        blocks
    }

    fn disagreement(&self, one: &'a crate::report::Disagreement) -> Disagreement<'a> {
        let side = |(lanes, shown): (Vec<&'a str>, &'a str)| {
            let differing = lanes.iter().filter(|lane| one.pairs.iter().flatten().any(|other| other == *lane));
            let backends: BTreeSet<&str> =
                differing.map(|lane| self.report.backends.get(*lane).map_or(*lane, String::as_str)).collect();
            Side { lanes: self.numbers(&lanes), votes: backends.len(), shown }
        };
        let sides = one.sides(&self.report.lanes).into_iter().map(side).collect();
        Disagreement { line: one.line, directive: &one.directive, source: &one.source, sides }
    }

    /// Returns the reasons of a script, each once with the lanes that have it.
    fn reasons(&self, runs: &'a [LaneReport]) -> Vec<Reason<'a>> {
        let mut shared: BTreeMap<(&'static str, &'a str, u32, usize), Vec<usize>> = BTreeMap::new();
        for run in runs {
            let mut own: BTreeMap<(&'static str, &'a str), (u32, usize)> = BTreeMap::new();
            for (kind, failures) in [("unsupported", &run.lacking), ("expected", &run.listed)] {
                for failure in failures {
                    own.entry((kind, &failure.message)).or_insert((failure.line, 0)).1 += 1;
                }
            }
            let mut own: Vec<_> = own.into_iter().collect();
            own.sort_by_key(|(_, (_, count))| std::cmp::Reverse(*count));
            let rest = own.split_off(own.len().min(REASONS));
            if let Some((_, (line, _))) = rest.first() {
                let count = rest.iter().map(|(_, (_, count))| count).sum();
                own.push((("unsupported", "for other reasons, which the JSON report has"), (*line, count)));
            }
            for ((kind, text), (line, count)) in own {
                shared.entry((kind, text, line, count)).or_default().extend(self.numbers(&[&run.lane]));
            }
        }
        let reason = |((kind, text, line, count), lanes)| Reason { kind, lanes, line, count, text };
        shared.into_iter().map(reason).collect()
    }
}

fn shown(failure: &Failure) -> Shown<'_> {
    let Failure { line, directive, message, source, frames, .. } = failure;
    Shown { line: *line, directive, message, source, frames }
}
