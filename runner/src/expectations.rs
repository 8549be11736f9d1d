//! Lists of expected failures, each with its cause.
//!
//! ```text
//! # PATH:LINE#KEY [@LANE,..] CAUSE, or PATH:LINE .., or PATH:FIRST-LAST ..
//! spec:3.0/tag.wast:14#5c1f09abe3d7 stack switching changes what a tag may return
//! proposals/x.wast:7 @quick/reload issue 12: reload forgets the tag
//! proposals/x.wast:8-20 @quick/fresh,quick/reload issue 12: reload forgets the tag
//! proposals/x.wast:22 @v8@2* a cause in all lanes whose names begin so
//! ```
//!
//! A path may have blanks in it, and matches from its end, at a `/` or after `spec:`. A key names one directive by its
//! words ([`Forms`]): the line before it is then a hint for people, and may be that of an older version of the script.
//! An entry without a key lists every directive that begins on its lines. A listed directive still runs. If it fails,
//! it counts as expected; if it passes, the run fails until the entry is removed.
//!
//! A trap other than that of the snapshot is expected if nothing else on its line fails: one entry must not hide both.
//! A disagreement does not count if the lanes that are not listed agree. Crashes and timeouts cannot be expected.

use crate::forms::{Forms, KEY, Place};
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
    /// The key of the one directive that the entry lists.
    key: Option<String>,
    /// The lanes that the entry names; if it names none, it concerns all lanes.
    lanes: Vec<String>,
    cause: String,
}

/// An entry about a script and a lane, with the directives that it lists in this version of the script.
struct Listed<'a> {
    entry: &'a ExpectedFailure,
    /// The place of the one directive, if the entry has a key: `Some(None)` if the script has no such directive.
    place: Option<Option<Place>>,
}

impl Listed<'_> {
    fn covers(&self, place: Place) -> bool {
        match self.place {
            Some(listed) => listed == Some(place),
            None => self.entry.lines.contains(&place.0),
        }
    }
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
    /// superseded, modules that our lanes refuse, and directives of proposals whose scripts are not built in.
    ///
    /// # Errors
    ///
    /// Says which line of a built-in list is malformed. A test checks that none is.
    pub fn built_in() -> Result<[Expectations; 3], String> {
        let list = |file: &str, text| Expectations::parse(file.to_string(), text);
        let superseded = list("spec-testsuite/superseded.txt", spec_testsuite::SUPERSEDED)?;
        let refused = list("runner/refused.txt", include_str!("../refused.txt"))?;
        Ok([superseded, refused, list("runner/ahead.txt", include_str!("../ahead.txt"))?])
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

    /// Returns whether an entry is about this script, in any lane.
    pub fn concerns(&self, path: &str) -> bool {
        self.entries.iter().any(|entry| entry.names_path(path))
    }

    /// Counts listed failures as expected. Adds a failure for each listed line on which all directives passed, and for
    /// each entry that lists no directive. `forms` are the directives of the script.
    pub(crate) fn apply(&self, report: &mut LaneReport, forms: &Forms) {
        let own: Vec<Listed<'_>> = self.entries_about(&report.path, &report.lane, forms).collect();
        // If a script did not run to its end, nothing is known of the directives that did not run.
        if own.is_empty() || !matches!(report.status, Status::Pass | Status::Fail) {
            return;
        }
        let (passed, empty) = self.find_unfounded(&own, report);
        report.passed -= passed.len();
        report.failed += passed.len();
        let by_themselves = report.failures.iter().filter(|failure| failure.directive != Failure::TRAP_SNAPSHOT);
        let by_themselves: BTreeSet<u32> = by_themselves.map(|failure| failure.line).collect();
        let mut unlisted = Vec::new();
        for failure in report.failures.drain(..) {
            let can_be = match failure.directive.as_str() {
                Failure::NO_DIRECTIVE | Failure::UNEXPECTED_PASS => false,
                Failure::TRAP_SNAPSHOT => !by_themselves.contains(&failure.line),
                _ => true,
            };
            match own.iter().find(|listed| can_be && listed.covers((failure.line, failure.column))) {
                Some(listed) => report.listed.push(Failure { message: listed.entry.cause.clone(), ..failure }),
                None => unlisted.push(failure),
            }
        }
        let listed = report.listed.len() - report.expected;
        report.expected += listed;
        report.failed -= listed;
        report.failures = [passed, empty, unlisted].concat();
        report.failures.sort_by_key(|failure| (failure.line, failure.column));
        report.status = if report.failures.is_empty() { Status::Pass } else { Status::Fail };
    }

    /// Returns the entries about a script in a lane.
    fn entries_about<'a>(&'a self, path: &'a str, lane: &'a str, forms: &'a Forms) -> impl Iterator<Item = Listed<'a>> {
        self.entries.iter().filter(|entry| entry.names(path, lane)).map(|entry| {
            let place = entry.key.as_ref().map(|key| forms.place(key));
            Listed { entry, place }
        })
    }

    /// Returns a failure for each listed line on which all directives passed, and for each entry that lists no
    /// directive.
    fn find_unfounded(&self, own: &[Listed<'_>], report: &LaneReport) -> (Vec<Failure>, Vec<Failure>) {
        // What is unsupported or follows from another directive counts as neither: the list may be right about it.
        let failed = report.failures.iter().filter(|failure| failure.counts());
        let failed = failed.chain(&report.lacking).chain(&report.following);
        let failed: BTreeSet<Place> = failed.map(|failure| (failure.line, failure.column)).collect();
        let passed: BTreeSet<Place> = report.passed_on.iter().map(|passed| (passed.line, passed.column)).collect();
        let (mut unfounded, mut empty) = (BTreeSet::new(), Vec::new());
        for listed in own {
            let covered = |places: &BTreeSet<Place>| -> Vec<Place> {
                places.iter().filter(|place| listed.covers(**place)).copied().collect()
            };
            let (failed, passed) = (covered(&failed), covered(&passed));
            if failed.is_empty() && passed.is_empty() {
                let what = if listed.place.is_some() { "has no such directive" } else { "no directive begins there" };
                empty.push(self.unfounded_failure(*listed.entry.lines.start(), Failure::NO_DIRECTIVE, what));
            }
            // An entry without a key is right about a line if anything on it fails.
            let is_right = |place: &&Place| failed.iter().any(|(line, _)| *line == place.0);
            unfounded.extend(passed.iter().filter(|place| !is_right(place)).map(|(line, _)| *line));
        }
        let passed = unfounded.into_iter();
        let passed = passed.map(|line| self.unfounded_failure(line, Failure::UNEXPECTED_PASS, "nothing failed there"));
        (passed.collect(), empty)
    }

    fn unfounded_failure(&self, line: u32, kind: &str, what: &str) -> Failure {
        let message = format!("listed in {}, but {what}: remove it from the list", self.file);
        Failure { line, column: 1, directive: kind.to_string(), message, ..Failure::default() }
    }

    /// Returns whether the list explains a disagreement: the lanes that are not listed there agree.
    pub(crate) fn explains(&self, disagreement: &Disagreement, forms: &Forms) -> bool {
        let is_listed = |lane: &String| {
            self.entries_about(&disagreement.path, lane, forms).any(|listed| match listed.place {
                Some(place) => place.is_some_and(|(line, _)| line == disagreement.line),
                None => listed.entry.lines.contains(&disagreement.line),
            })
        };
        disagreement.pairs.iter().all(|pair| pair.iter().any(is_listed))
    }

    /// Returns the number of entries that concern no script and lane of a run, with a remark on them. They may belong
    /// to another run, or have a wrong path.
    pub fn unmatched(&self, reports: &[LaneReport]) -> (usize, Option<String>) {
        let concerns = |entry: &ExpectedFailure, report: &LaneReport| entry.names(&report.path, &report.lane);
        let unmatched: Vec<&ExpectedFailure> =
            self.entries.iter().filter(|entry| !reports.iter().any(|report| concerns(entry, report))).collect();
        let remark = unmatched.first().map(|first| {
            let (count, file, path, line) = (unmatched.len(), &self.file, &first.path, first.lines.start());
            format!(
                "{count} of the lines of {file} concern no script and lane of this run; the first is for {path}:{line}"
            )
        });
        (unmatched.len(), remark)
    }
}

impl ExpectedFailure {
    fn names(&self, path: &str, lane: &str) -> bool {
        self.names_path(path) && (self.lanes.is_empty() || self.lanes.iter().any(|own| is_lane(own, lane)))
    }

    fn names_path(&self, path: &str) -> bool {
        path.strip_suffix(&self.path).is_some_and(|rest| rest.is_empty() || rest.ends_with(['/', ':']))
    }
}

/// Returns whether an entry's word is about a lane: its name, or the beginning of names with a `*` after it.
fn is_lane(word: &str, lane: &str) -> bool {
    match word.strip_suffix('*') {
        Some(beginning) => lane.starts_with(beginning),
        None => word == lane,
    }
}

const FORM: &str = "expected `PATH:LINE#KEY [@LANE,..] CAUSE`, `PATH:LINE ..` or `PATH:FIRST-LAST ..`; a KEY \
    has 12 hexadecimal digits";

fn parse(line: &str) -> Result<ExpectedFailure, String> {
    let (path, Directives { lines, key }, rest) = split(line.trim()).ok_or(FORM)?;
    if lines.is_empty() {
        return Err(format!("the last line comes before the first: {}-{}", lines.start(), lines.end()));
    }
    let (lanes, cause) = match rest.strip_prefix('@') {
        Some(rest) => {
            let (lanes, cause) = rest.split_once(' ').unwrap_or((rest, ""));
            (lanes.split(',').map(str::to_string).collect(), cause.trim())
        }
        None => (Vec::new(), rest.trim()),
    };
    if cause.is_empty() {
        return Err(format!("a cause is missing: {FORM}"));
    }
    Ok(ExpectedFailure { path: path.to_string(), lines, key, lanes, cause: cause.to_string() })
}

/// The directives that an entry lists.
struct Directives {
    lines: RangeInclusive<u32>,
    key: Option<String>,
}

/// Splits an entry into its path, its directives and the rest. A path may have blanks in it: it ends at the first colon
/// that numbers follow.
fn split(line: &str) -> Option<(&str, Directives, &str)> {
    line.match_indices(':').find_map(|(colon, _)| {
        let after = &line[colon + 1..];
        let (numbers, rest) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        Some((&line[..colon], parse_directives(numbers)?, rest.trim_start()))
    })
}

/// Parses `LINE`, `FIRST-LAST` or `LINE#KEY`.
fn parse_directives(text: &str) -> Option<Directives> {
    if let Some((line, key)) = text.split_once('#') {
        let line = line.parse().ok()?;
        let is_key = key.len() == KEY && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        return is_key.then(|| Directives { lines: line..=line, key: Some(key.to_ascii_lowercase()) });
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(Directives { lines: first.parse().ok()?..=last.parse().ok()?, key: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Passed;
    use std::collections::BTreeMap;

    fn list(text: &str) -> Expectations {
        Expectations::parse("list".to_string(), text).expect("a list")
    }

    #[test]
    fn what_is_built_in_is_of_scripts_that_exist() {
        let scripts = spec_testsuite::resolve("all").expect("the suite");
        let [superseded, refused, ahead] = Expectations::built_in().expect("three lists");
        for list in [superseded, refused] {
            for entry in &list.entries {
                let lane = entry.lanes.first().map_or("speed/fresh", String::as_str);
                let script = scripts.iter().find(|script| entry.names(&script.path, lane)).expect("an official script");
                assert!(script.contents.lines().count() >= *entry.lines.end() as usize, "{}", entry.path);
            }
            assert!(!list.entries.is_empty());
        }
        // Nothing is known here of these but the folders.
        let is_ahead =
            |name: &str| spec_testsuite::resolve(&format!("proposals/{name}")).is_ok_and(|all| all.is_empty());
        let folder = |entry: &ExpectedFailure| entry.path.split_once('/').expect("a folder").0.to_string();
        assert!(ahead.entries.iter().all(|entry| is_ahead(&folder(entry))) && !ahead.entries.is_empty());
    }

    fn passed(line: u32) -> Passed {
        Passed { line, column: 1, directive: "assert_return".to_string() }
    }

    fn report(lines: &[u32]) -> LaneReport {
        let failure =
            |&line: &u32| Failure { line, column: 1, directive: "assert_return".to_string(), ..Failure::default() };
        LaneReport {
            path: "spec:2.0/x.wast".to_string(),
            lane: "speed/fresh".to_string(),
            status: if lines.is_empty() { Status::Pass } else { Status::Fail },
            directives: 10,
            passed: 10 - lines.len(),
            failed: lines.len(),
            failures: lines.iter().map(failure).collect(),
            passed_on: (1..=10).filter(|line| !lines.contains(line)).map(passed).collect(),
            ..LaneReport::default()
        }
    }

    #[test]
    fn listed_failures_are_expected() {
        let mut report = report(&[3, 5]);
        list("x.wast:3 because\nx.wast:5 @speed/fresh because").apply(&mut report, &Forms::default());
        assert_eq!((report.status, report.passed, report.failed, report.expected), (Status::Pass, 8, 0, 2));
    }

    #[test]
    fn a_path_may_have_blanks_and_the_list_a_byte_order_mark() {
        let mut report = LaneReport { path: "my tests/a: b.wast".to_string(), ..report(&[3]) };
        list("\u{feff}my tests/a: b.wast:3 @speed/fresh because:4 it is\n").apply(&mut report, &Forms::default());
        assert_eq!((report.status, report.failed, report.expected), (Status::Pass, 0, 1));
    }

    #[test]
    fn an_unexpected_pass_fails() {
        let mut report = report(&[3]);
        list("2.0/x.wast:3 because\nx.wast:4 because").apply(&mut report, &Forms::default());
        assert_eq!((report.status, report.passed, report.failed, report.expected), (Status::Fail, 8, 1, 1));
        assert_eq!(report.failures[0].line, 4);
    }

    #[test]
    fn a_range_lists_every_directive_in_it() {
        let mut all = report(&[3, 4, 5]);
        list("x.wast:3-5 because").apply(&mut all, &Forms::default());
        assert_eq!((all.status, all.passed, all.failed, all.expected), (Status::Pass, 7, 0, 3));
        let mut some = report(&[3, 5, 9]);
        list("x.wast:3-6 because").apply(&mut some, &Forms::default());
        assert_eq!((some.status, some.passed, some.failed, some.expected), (Status::Fail, 5, 3, 2));
        assert_eq!(some.failures.iter().map(|failure| failure.line).collect::<Vec<_>>(), [4, 6, 9]);
        let mut unsupported = report(&[3, 4]);
        unsupported.lacking = unsupported.failures.split_off(1);
        list("x.wast:3-4 because").apply(&mut unsupported, &Forms::default());
        assert_eq!((unsupported.status, unsupported.expected, unsupported.lacking.len()), (Status::Pass, 1, 1));
    }

    #[test]
    fn an_entry_that_lists_nothing_fails() {
        let mut report = report(&[3]);
        list("x.wast:3 because\nx.wast:11-12 because\nx.wast:96 because").apply(&mut report, &Forms::default());
        // Nothing that passed is taken for a failure.
        assert_eq!((report.status, report.passed, report.failed, report.expected), (Status::Fail, 9, 0, 1));
        assert_eq!(report.failures.iter().map(|failure| failure.line).collect::<Vec<_>>(), [11, 96]);
        assert!(report.failures[0].message.contains("no directive begins there"));
        // Nor is it expected by another list.
        list("x.wast:11 because").apply(&mut report, &Forms::default());
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
        list("x.wast:3 because").apply(&mut both, &Forms::default());
        assert_eq!((both.status, both.failed, both.expected), (Status::Fail, 1, 1));
        assert_eq!(both.failures[0].directive, Failure::TRAP_SNAPSHOT);
        let mut alone = report(&[3]);
        wrong_trap(&mut alone, 5);
        list("x.wast:3 because\nx.wast:5 because").apply(&mut alone, &Forms::default());
        assert_eq!((alone.status, alone.failed, alone.expected), (Status::Pass, 0, 2));
    }

    #[test]
    fn other_scripts_and_lanes_are_left_alone() {
        let mut report = report(&[3]);
        list("ax.wast:3 because\ny.wast:3 because\nx.wast:3 @quick/fresh because\nast:3 because")
            .apply(&mut report, &Forms::default());
        assert_eq!((report.status, report.failed, report.expected), (Status::Fail, 1, 0));
        list("x.wast:3 @quick*,speed because").apply(&mut report, &Forms::default());
        assert_eq!((report.status, report.failed, report.expected), (Status::Fail, 1, 0));
        list("x.wast:3 @quick/fresh,speed/fresh because").apply(&mut report, &Forms::default());
        assert_eq!((report.status, report.failed, report.expected), (Status::Pass, 0, 1));
    }

    #[test]
    fn a_star_stands_for_the_rest_of_a_lanes_name() {
        for lanes in ["speed*", "quick/fresh,speed/*", "*"] {
            let mut report = report(&[3]);
            list(&format!("x.wast:3 @{lanes} because")).apply(&mut report, &Forms::default());
            assert_eq!((report.status, report.failed, report.expected), (Status::Pass, 0, 1), "{lanes}");
        }
    }

    #[test]
    fn a_disagreement_with_a_listed_failure_is_explained() {
        let list = list("x.wast:3 @wasmi because");
        let explains = |line, pairs: &[[&str; 2]]| {
            let pairs = pairs.iter().map(|pair| pair.map(str::to_string)).collect();
            let directive = "assert_return".to_string();
            let (path, lanes) = ("tests/x.wast".to_string(), BTreeMap::new());
            list.explains(
                &Disagreement { path, line, directive, lanes, pairs, source: String::new() },
                &Forms::default(),
            )
        };
        assert!(explains(3, &[["speed/fresh", "wasmi"], ["wasmi", "wasmtime"]]));
        assert!(!explains(3, &[["speed/fresh", "wasmi"], ["speed/fresh", "wasmtime"]]));
        assert!(!explains(4, &[["speed/fresh", "wasmi"]]));
    }

    #[test]
    fn a_key_finds_its_directive_wherever_it_is() {
        let forms = Forms::of("(a)\n\n(b) (c)\n");
        let key = |place| forms.key(place).expect("a directive");
        let at = |line, column| Failure { column, ..report(&[line]).failures.remove(0) };
        let passed_on = vec![passed(1), Passed { column: 5, ..passed(3) }];
        let base = LaneReport { failures: vec![at(3, 1)], passed: 2, passed_on, directives: 3, ..report(&[3]) };
        let apply = |line: u32, key: &str| {
            let mut report = base.clone();
            list(&format!("x.wast:{line}#{key} a cause")).apply(&mut report, &forms);
            report
        };
        let moved = apply(99, key((3, 1)));
        assert_eq!((moved.status, moved.expected, moved.listed[0].message.as_str()), (Status::Pass, 1, "a cause"));
        let passes = apply(3, key((3, 5)));
        assert_eq!((passes.status, passes.expected, passes.failures.len()), (Status::Fail, 0, 2));
        let gone = apply(3, "0123456789ab");
        assert!(gone.failures.iter().any(|failure| failure.message.contains("has no such directive")), "{gone:?}");
        let pairs = vec![["speed/fresh".to_string(), "v8".to_string()]];
        let (path, lanes) = ("x.wast".to_string(), BTreeMap::new());
        let disagreement =
            Disagreement { path, line: 3, directive: String::new(), lanes, pairs, source: String::new() };
        assert!(list(&format!("x.wast:1#{} @v8 a cause", key((3, 5)))).explains(&disagreement, &forms));
        assert!(!list(&format!("x.wast:3#{} @v8 a cause", key((1, 1)))).explains(&disagreement, &forms));
    }

    #[test]
    fn every_entry_has_a_cause() {
        let wrong = [
            "x.wast:3",
            "x.wast:3 @speed/fresh",
            "x.wast because",
            "x.wast:a because",
            "x.wast:3- because",
            "x.wast:3#12 because",
        ];
        for line in wrong.into_iter().chain(["x.wast:5-3 because"]) {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
