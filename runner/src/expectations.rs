//! Lists of expected failures, each with its cause.
//!
//! ```text
//! # PATH:LINE [@LANE,..] CAUSE, or PATH:FIRST-LAST [@LANE,..] CAUSE
//! spec:3.0/tag.wast:14 stack switching changes what a tag may return
//! proposals/x.wast:7 @quick/reload issue 12: reload forgets the tag
//! proposals/x.wast:8-20 @quick/fresh,quick/reload follows from line 7
//! ```
//!
//! A path may have blanks in it, and matches from its end, at a `/` or after `spec:`. An entry with two numbers lists
//! every directive that begins on one of these lines. A listed directive still runs. If it fails, it counts as
//! expected; if it passes, the run fails until the entry is removed.
//!
//! A trap other than that of the snapshot is expected if nothing else on its line fails: one entry must not hide both.
//! A disagreement does not count if the lanes that are not listed agree. Crashes and timeouts cannot be expected.

use crate::report::{Disagreement, Failure, LaneReport, Status};
use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// A list of expected failures.
#[derive(Debug, Default)]
pub struct Expectations {
    /// The file, for messages.
    file: String,
    entries: Vec<ExpectedFailure>,
}

/// An entry of a list.
#[derive(Debug)]
struct ExpectedFailure {
    path: String,
    lines: RangeInclusive<u32>,
    /// The lanes that the entry names; if it names none, it concerns all lanes.
    lanes: Vec<String>,
}

impl Expectations {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// Says why the file cannot be read, or which line is malformed.
    pub fn read(path: &Path) -> Result<Expectations, String> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {file}: {error}"))?;
        Expectations::parse(file, &text)
    }

    /// Returns the lists that hold in every run: directives of archived official suites that the standard has
    /// superseded, and modules that our lanes refuse.
    ///
    /// # Errors
    ///
    /// Says which line of a built-in list is malformed. A test checks that none is.
    pub fn built_in() -> Result<[Expectations; 2], String> {
        let list = |file: &str, text| Expectations::parse(file.to_string(), text);
        let superseded = list("spec-testsuite/superseded.txt", spec_testsuite::SUPERSEDED)?;
        Ok([superseded, list("runner/refused.txt", include_str!("../refused.txt"))?])
    }

    fn parse(file: String, text: &str) -> Result<Expectations, String> {
        let mut entries = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let entry = parse(line).map_err(|error| format!("{file}:{}: {error}", number + 1))?;
            entries.push(entry);
        }
        Ok(Expectations { file, entries })
    }

    /// Counts listed failures as expected. Adds a failure for each listed line on which all directives passed, and for
    /// each entry that lists no directive.
    pub fn apply(&self, report: &mut LaneReport) {
        let own: Vec<&ExpectedFailure> = self.entries.iter().filter(|entry| entry.concerns(report)).collect();
        // If a script did not run to its end, nothing is known of the directives that did not run.
        if own.is_empty() || !matches!(report.status, Status::Pass | Status::Fail) {
            return;
        }
        let (passed, empty) = self.find_unfounded(&own, report);
        report.passed -= passed.len();
        report.failed += passed.len();
        let by_themselves = report.failures.iter().filter(|failure| failure.directive != Failure::TRAP_SNAPSHOT);
        let by_themselves: BTreeSet<u32> = by_themselves.map(|failure| failure.line).collect();
        let is_expected = |failure: &Failure| {
            let can_be = match failure.directive.as_str() {
                Failure::NO_DIRECTIVE | Failure::UNEXPECTED_PASS => false,
                Failure::TRAP_SNAPSHOT => !by_themselves.contains(&failure.line),
                _ => true,
            };
            can_be && own.iter().any(|entry| entry.lines.contains(&failure.line))
        };
        let (listed, unlisted): (Vec<Failure>, Vec<Failure>) = report.failures.drain(..).partition(is_expected);
        report.expected += listed.len();
        report.failed -= listed.len();
        report.failures = [passed, empty, unlisted].concat();
        report.failures.sort_by_key(|failure| (failure.line, failure.column));
        report.status = if report.failures.is_empty() { Status::Pass } else { Status::Fail };
    }

    /// Returns a failure for each listed line on which all directives passed, and for each entry that lists no
    /// directive.
    fn find_unfounded(&self, own: &[&ExpectedFailure], report: &LaneReport) -> (Vec<Failure>, Vec<Failure>) {
        // Unsupported directives count as neither: the list may be right about them.
        let failed = report.failures.iter().filter(|failure| failure.counts()).chain(&report.lacking);
        let failed: BTreeSet<u32> = failed.map(|failure| failure.line).collect();
        let passed: BTreeSet<u32> = report.passed_on.iter().copied().filter(|line| !failed.contains(line)).collect();
        let empty = own.iter().filter(|entry| failed.union(&passed).all(|line| !entry.lines.contains(line)));
        let empty = empty.map(|entry| {
            self.unfounded_failure(*entry.lines.start(), Failure::NO_DIRECTIVE, "no directive begins there")
        });
        let passed = passed.iter().filter(|line| own.iter().any(|entry| entry.lines.contains(line)));
        let passed =
            passed.map(|line| self.unfounded_failure(*line, Failure::UNEXPECTED_PASS, "nothing failed on this line"));
        (passed.collect(), empty.collect())
    }

    fn unfounded_failure(&self, line: u32, kind: &str, what: &str) -> Failure {
        let message = format!("listed in {}, but {what}: remove it from the list", self.file);
        Failure { line, column: 1, directive: kind.to_string(), message }
    }

    /// Returns whether the list explains a disagreement: the lanes that are not listed there agree.
    pub fn explains(&self, disagreement: &Disagreement) -> bool {
        let listed = |lane: &String| {
            let is_listed = |entry: &ExpectedFailure| {
                entry.lines.contains(&disagreement.line) && entry.names(&disagreement.path, lane)
            };
            self.entries.iter().any(is_listed)
        };
        disagreement.pairs.iter().all(|pair| pair.iter().any(listed))
    }

    /// Returns a remark on the entries that concern no script and lane of a run. They may belong to another run, or
    /// have a wrong path.
    pub fn remark_on_unused(&self, reports: &[LaneReport]) -> Option<String> {
        let mut unused = self.entries.iter().filter(|entry| !reports.iter().any(|report| entry.concerns(report)));
        let first = unused.next()?;
        let count = 1 + unused.count();
        let (file, path, line) = (&self.file, &first.path, first.lines.start());
        Some(format!(
            "{count} of the lines of {file} concern no script and lane of this run; the first is for {path}:{line}"
        ))
    }
}

impl ExpectedFailure {
    fn concerns(&self, report: &LaneReport) -> bool {
        self.names(&report.path, &report.lane)
    }

    fn names(&self, path: &str, lane: &str) -> bool {
        let path = match path.strip_suffix(&self.path) {
            Some(rest) => rest.is_empty() || rest.ends_with(['/', ':']),
            None => false,
        };
        path && (self.lanes.is_empty() || self.lanes.iter().any(|own| own == lane))
    }
}

const FORM: &str = "expected `PATH:LINE [@LANE,..] CAUSE`, or `PATH:FIRST-LAST [@LANE,..] CAUSE`";

fn parse(line: &str) -> Result<ExpectedFailure, String> {
    let (path, lines, rest) = split(line.trim()).ok_or(FORM)?;
    if lines.is_empty() {
        return Err(format!("the last line comes before the first: {}-{}", lines.start(), lines.end()));
    }
    let (lanes, cause) = match rest.strip_prefix('@') {
        Some(rest) => {
            let (lanes, cause) = rest.split_once(' ').unwrap_or((rest, ""));
            (lanes.split(',').map(str::to_string).collect(), cause)
        }
        None => (Vec::new(), rest),
    };
    if cause.trim().is_empty() {
        return Err(format!("a cause is missing: {FORM}"));
    }
    Ok(ExpectedFailure { path: path.to_string(), lines, lanes })
}

/// Splits an entry into its path, its lines and the rest. A path may have blanks in it: it ends at the first colon that
/// numbers follow.
fn split(line: &str) -> Option<(&str, RangeInclusive<u32>, &str)> {
    line.match_indices(':').find_map(|(colon, _)| {
        let after = &line[colon + 1..];
        let (numbers, rest) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        Some((&line[..colon], first.parse().ok()?..=last.parse().ok()?, rest.trim_start()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn list(text: &str) -> Expectations {
        Expectations::parse("list".to_string(), text).expect("a list")
    }

    #[test]
    fn what_is_built_in_is_of_scripts_that_exist() {
        let scripts = spec_testsuite::resolve("all").expect("the suite");
        for list in Expectations::built_in().expect("two lists") {
            for entry in &list.entries {
                let lane = entry.lanes.first().map_or("speed/fresh", String::as_str);
                let script = scripts.iter().find(|script| entry.names(&script.path, lane)).expect("an official script");
                assert!(script.contents.lines().count() >= *entry.lines.end() as usize, "{}", entry.path);
            }
            assert!(!list.entries.is_empty());
        }
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
            passed_on: (1..=10).filter(|line| !lines.contains(line)).collect(),
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
    fn a_path_may_have_blanks_and_the_list_a_byte_order_mark() {
        let mut report = LaneReport { path: "my tests/a: b.wast".to_string(), ..report(&[3]) };
        list("\u{feff}my tests/a: b.wast:3 @speed/fresh because:4 it is\n").apply(&mut report);
        assert_eq!((report.status, report.failed, report.expected), (Status::Pass, 0, 1));
    }

    #[test]
    fn an_unexpected_pass_fails() {
        let mut report = report(&[3]);
        list("2.0/x.wast:3 because\nx.wast:4 because").apply(&mut report);
        assert_eq!((report.status, report.passed, report.failed, report.expected), (Status::Fail, 8, 1, 1));
        assert_eq!(report.failures[0].line, 4);
    }

    #[test]
    fn a_range_lists_every_directive_in_it() {
        let mut all = report(&[3, 4, 5]);
        list("x.wast:3-5 because").apply(&mut all);
        assert_eq!((all.status, all.passed, all.failed, all.expected), (Status::Pass, 7, 0, 3));
        let mut some = report(&[3, 5, 9]);
        list("x.wast:3-6 because").apply(&mut some);
        assert_eq!((some.status, some.passed, some.failed, some.expected), (Status::Fail, 5, 3, 2));
        assert_eq!(some.failures.iter().map(|failure| failure.line).collect::<Vec<_>>(), [4, 6, 9]);
        let mut unsupported = report(&[3, 4]);
        unsupported.lacking = unsupported.failures.split_off(1);
        list("x.wast:3-4 because").apply(&mut unsupported);
        assert_eq!((unsupported.status, unsupported.expected, unsupported.lacking.len()), (Status::Pass, 1, 1));
    }

    #[test]
    fn an_entry_that_lists_nothing_fails() {
        let mut report = report(&[3]);
        list("x.wast:3 because\nx.wast:11-12 because\nx.wast:96 because").apply(&mut report);
        // Nothing that passed is taken for a failure.
        assert_eq!((report.status, report.passed, report.failed, report.expected), (Status::Fail, 9, 0, 1));
        assert_eq!(report.failures.iter().map(|failure| failure.line).collect::<Vec<_>>(), [11, 96]);
        assert!(report.failures[0].message.contains("no directive begins there"));
        // Nor is it expected by another list.
        list("x.wast:11 because").apply(&mut report);
        assert_eq!((report.failed, report.expected, report.failures.len()), (0, 1, 3));
    }

    #[test]
    fn an_expected_failure_hides_no_wrong_trap_of_its_line() {
        let wrong_trap = |report: &mut LaneReport, line| {
            let location = report.failures[0].clone();
            report.failures.push(Failure { line, directive: Failure::TRAP_SNAPSHOT.to_string(), ..location });
            (report.passed, report.failed) = (report.passed - 1, report.failed + 1);
        };
        let mut both = report(&[3]);
        wrong_trap(&mut both, 3);
        list("x.wast:3 because").apply(&mut both);
        assert_eq!((both.status, both.failed, both.expected), (Status::Fail, 1, 1));
        assert_eq!(both.failures[0].directive, Failure::TRAP_SNAPSHOT);
        let mut alone = report(&[3]);
        wrong_trap(&mut alone, 5);
        list("x.wast:3 because\nx.wast:5 because").apply(&mut alone);
        assert_eq!((alone.status, alone.failed, alone.expected), (Status::Pass, 0, 2));
    }

    #[test]
    fn other_scripts_and_lanes_are_left_alone() {
        let mut report = report(&[3]);
        list("ax.wast:3 because\ny.wast:3 because\nx.wast:3 @quick/fresh because\nast:3 because").apply(&mut report);
        assert_eq!((report.status, report.failed, report.expected), (Status::Fail, 1, 0));
        list("x.wast:3 @quick/fresh,speed/fresh because").apply(&mut report);
        assert_eq!((report.status, report.failed, report.expected), (Status::Pass, 0, 1));
    }

    #[test]
    fn a_disagreement_with_a_listed_failure_is_explained() {
        let list = list("x.wast:3 @wasmi because");
        let explains = |line, pairs: &[[&str; 2]]| {
            let pairs = pairs.iter().map(|pair| pair.map(str::to_string)).collect();
            let directive = "assert_return".to_string();
            let (path, lanes) = ("tests/x.wast".to_string(), BTreeMap::new());
            list.explains(&Disagreement { path, line, directive, lanes, pairs })
        };
        assert!(explains(3, &[["speed/fresh", "wasmi"], ["wasmi", "wasmtime"]]));
        assert!(!explains(3, &[["speed/fresh", "wasmi"], ["speed/fresh", "wasmtime"]]));
        assert!(!explains(4, &[["speed/fresh", "wasmi"]]));
    }

    #[test]
    fn every_entry_has_a_cause() {
        let wrong = ["x.wast:3", "x.wast:3 @speed/fresh", "x.wast because", "x.wast:a because", "x.wast:3- because"];
        for line in wrong.into_iter().chain(["x.wast:5-3 because"]) {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
