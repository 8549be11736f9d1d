//! The list of expected failures: one on each line, with its cause.
//!
//! ```text
//! # PATH:LINE [@LANE] CAUSE
//! spec:3.0/tag.wast:14 stack switching changes what a tag may return
//! proposals/x.wast:7 @quick/reload issue 12: reload forgets the tag
//! ```
//!
//! A path matches from its end, at a `/` or behind `spec:`. A listed directive still runs; where it fails it counts as
//! expected, and where it passes, the run fails until the line is removed. Where listed lanes differ from the others and
//! these agree, that is no disagreement. Crashes and timeouts cannot be expected.

use crate::report::{Disagreement, Failure, LaneReport, Status};
use std::fs;
use std::path::Path;

/// A list of expected failures.
#[derive(Debug, Default)]
pub struct Expectations {
    file: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: String,
    line: u32,
    lane: Option<String>,
}

impl Expectations {
    /// Reads a list; the error says what is wrong.
    pub fn read(path: &Path) -> Result<Expectations, String> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {file}: {error}"))?;
        Expectations::parse(file, &text)
    }

    /// The directives of archived official suites that the standard has superseded.
    pub fn superseded() -> Result<Expectations, String> {
        Expectations::parse("spec-testsuite/superseded.txt".to_string(), spec_testsuite::SUPERSEDED)
    }

    fn parse(file: String, text: &str) -> Result<Expectations, String> {
        let mut entries = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let entry = parse(line).map_err(|error| format!("{file}:{}: {error}", number + 1))?;
            entries.push(entry);
        }
        Ok(Expectations { file, entries })
    }

    /// Counts listed failures as expected, and adds a failure for each listed directive that passed.
    pub fn apply(&self, report: &mut LaneReport) {
        // What the lane does not support says nothing either.
        let lacking = |line| report.lacking.iter().any(|lacking| lacking.line == line);
        let own = self.entries.iter().filter(|entry| entry.concerns(report) && !lacking(entry.line));
        let lines: Vec<u32> = own.map(|entry| entry.line).collect();
        // A script that did not run to its end says nothing about the directives that did not run.
        if lines.is_empty() || !matches!(report.status, Status::Pass | Status::Fail) {
            return;
        }
        let (listed, mut others): (Vec<Failure>, Vec<Failure>) =
            report.failures.drain(..).partition(|failure| lines.contains(&failure.line));
        report.expected += listed.len();
        report.failed -= listed.len();
        for line in lines {
            if listed.iter().all(|failure| failure.line != line) {
                others.push(Failure {
                    line,
                    column: 1,
                    directive: "expected failure".to_string(),
                    message: format!(
                        "listed in {}, but nothing failed on this line: remove it from the list",
                        self.file
                    ),
                });
                report.passed = report.passed.saturating_sub(1);
                report.failed += 1;
            }
        }
        others.sort_by_key(|failure| (failure.line, failure.column));
        report.status = if others.is_empty() { Status::Pass } else { Status::Fail };
        report.failures = others;
    }
}

impl Expectations {
    /// Whether lanes that are not listed there agree. That the others are wrong is known, so it does not count.
    pub fn explain(&self, disagreement: &Disagreement) -> bool {
        let listed = |lane: &String| {
            let is_listed = |entry: &Entry| entry.line == disagreement.line && entry.names(&disagreement.path, lane);
            self.entries.iter().any(is_listed)
        };
        disagreement.pairs.iter().all(|pair| pair.iter().any(listed))
    }

    /// A remark on the lines that concern no script and lane of a run: perhaps another run's, perhaps misspelt.
    pub fn unused(&self, reports: &[LaneReport]) -> Option<String> {
        let mut unused = self.entries.iter().filter(|entry| !reports.iter().any(|report| entry.concerns(report)));
        let first = unused.next()?;
        let count = 1 + unused.count();
        let (file, path, line) = (&self.file, &first.path, first.line);
        Some(format!("{count} of the lines of {file} concern nothing in this run; the first is for {path}:{line}"))
    }
}

impl Entry {
    fn concerns(&self, report: &LaneReport) -> bool {
        self.names(&report.path, &report.lane)
    }

    fn names(&self, path: &str, lane: &str) -> bool {
        let path = match path.strip_suffix(&self.path) {
            Some(rest) => rest.is_empty() || rest.ends_with(['/', ':']),
            None => false,
        };
        path && self.lane.as_ref().is_none_or(|own| own == lane)
    }
}

fn parse(line: &str) -> Result<Entry, &'static str> {
    const FORM: &str = "expected `PATH:LINE [@LANE] CAUSE`";
    let (place, rest) = line.trim().split_once(' ').ok_or("a cause is missing: expected `PATH:LINE [@LANE] CAUSE`")?;
    let (path, number) = place.rsplit_once(':').ok_or(FORM)?;
    let number = number.parse().map_err(|_| FORM)?;
    let rest = rest.trim_start();
    let (lane, cause) = match rest.strip_prefix('@') {
        Some(rest) => {
            let (lane, cause) = rest.split_once(' ').unwrap_or((rest, ""));
            (Some(lane.to_string()), cause)
        }
        None => (None, rest),
    };
    if cause.trim().is_empty() {
        return Err("a cause is missing: expected `PATH:LINE [@LANE] CAUSE`");
    }
    Ok(Entry { path: path.to_string(), line: number, lane })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn list(text: &str) -> Expectations {
        Expectations::parse("list".to_string(), text).expect("a list")
    }

    #[test]
    fn superseded_directives_are_of_scripts_that_exist() {
        let list = Expectations::superseded().expect("a list");
        let scripts = spec_testsuite::resolve("all").expect("the suite");
        for entry in &list.entries {
            let script = scripts.iter().find(|script| script.path == entry.path).expect("an official script");
            assert!(script.contents.lines().count() >= entry.line as usize, "{}", entry.path);
        }
        assert!(!list.entries.is_empty());
    }

    fn report(lines: &[u32]) -> LaneReport {
        let failure =
            |&line: &u32| Failure { line, column: 1, directive: "assert_return".to_string(), message: String::new() };
        LaneReport {
            path: "spec:2.0/x.wast".to_string(),
            lane: "speed/fresh".to_string(),
            status: if lines.is_empty() { Status::Pass } else { Status::Fail },
            directives: 10,
            passed: 10 - lines.len(),
            failed: lines.len(),
            failures: lines.iter().map(failure).collect(),
            ..LaneReport::default()
        }
    }

    #[test]
    fn listed_failures_are_expected() {
        let mut report = report(&[3, 5]);
        list("x.wast:3 because\nx.wast:5 @speed/fresh because").apply(&mut report);
        assert_eq!((report.status, report.passed, report.failed, report.expected), (Status::Pass, 8, 0, 2));
    }

    #[test]
    fn an_unexpected_pass_fails() {
        let mut report = report(&[3]);
        list("2.0/x.wast:3 because\nx.wast:4 because").apply(&mut report);
        assert_eq!((report.status, report.passed, report.failed, report.expected), (Status::Fail, 8, 1, 1));
        assert_eq!(report.failures[0].line, 4);
    }

    #[test]
    fn other_scripts_and_lanes_are_left_alone() {
        let mut report = report(&[3]);
        list("ax.wast:3 because\ny.wast:3 because\nx.wast:3 @quick/fresh because\nast:3 because").apply(&mut report);
        assert_eq!((report.status, report.failed, report.expected), (Status::Fail, 1, 0));
    }

    #[test]
    fn a_disagreement_with_a_listed_failure_is_explained() {
        let list = list("x.wast:3 @wasmi because");
        let explains = |line, pairs: &[[&str; 2]]| {
            let pairs = pairs.iter().map(|pair| pair.map(str::to_string)).collect();
            let directive = "assert_return".to_string();
            let (path, lanes) = ("tests/x.wast".to_string(), BTreeMap::new());
            list.explain(&Disagreement { path, line, directive, lanes, pairs })
        };
        assert!(explains(3, &[["speed/fresh", "wasmi"], ["wasmi", "wasmtime"]]));
        assert!(!explains(3, &[["speed/fresh", "wasmi"], ["speed/fresh", "wasmtime"]]));
        assert!(!explains(4, &[["speed/fresh", "wasmi"]]));
    }

    #[test]
    fn every_entry_has_a_cause() {
        for line in ["x.wast:3", "x.wast:3 @speed/fresh", "x.wast because", "x.wast:a because"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
