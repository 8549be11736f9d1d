//! The changes from one report to another: what became worse, what became better, and what else is different.

use super::{Disagreement, Failure, LaneReport, Report, Status};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The changes from an old report to a new one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Changes {
    /// Regressions: failures and disagreements that are new, fewer directives that are supported, and scripts and lanes
    /// that did not run again.
    pub worse: Vec<Change>,
    /// Failures and disagreements that are gone, and more directives that are supported.
    pub better: Vec<Change>,
    /// Other differences: another wrong outcome of a directive, and what only the new run has.
    pub other: Vec<Change>,
}

/// A change of a directive, a script or a lane.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// The script's path; empty if whole lanes changed.
    pub path: String,
    /// The line in which the directive begins in the new script, counted from 1; 0 if the whole script changed.
    pub line: u32,
    /// The directive's keyword; empty if the whole script changed.
    pub directive: String,
    /// The lanes in which it changed.
    pub lanes: Vec<String>,
    /// The change in words.
    pub text: String,
}

/// The direction of a change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Worse,
    Better,
    Other,
}

/// The direction of a change, its path, line, directive, and text. Equal changes of several lanes are one.
type Key = (Direction, String, u32, String, String);

impl Changes {
    /// Compares a report with an older one.
    pub fn between(old: &Report, new: &Report) -> Changes {
        let mut found = Found::default();
        let [old_runs, new_runs] = [old, new].map(runs);
        found.compare_lanes(old, new);
        for (id @ (path, lane), old_run) in &old_runs {
            match new_runs.get(id) {
                Some(new_run) => found.compare_runs(old_run, new_run),
                None if !new.lanes.iter().any(|known| known == lane) => {}
                None => found.add(Direction::Worse, (path, 0, ""), &[lane], "did not run"),
            }
        }
        for ((path, lane), run) in new_runs.iter().filter(|(id, _)| !old_runs.contains_key(*id)) {
            if old.lanes.iter().any(|known| known == lane) {
                let text = format!("is new: {} of {} directives passed", run.passed, run.directives);
                found.add(Direction::Other, (path, 0, ""), &[lane], &text);
            }
        }
        found.compare_disagreements(old, new, &old_runs, &new_runs);
        found.into_changes(&new.lanes)
    }

    /// Returns whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.worse.is_empty() && self.better.is_empty() && self.other.is_empty()
    }
}

type Runs<'a> = BTreeMap<(&'a str, &'a str), &'a LaneReport>;

/// Returns the results of a report by script and lane.
fn runs(report: &Report) -> Runs<'_> {
    report.scripts.iter().map(|script| ((script.path.as_str(), script.lane.as_str()), script)).collect()
}

/// Returns the identity of a failure, which stays the same when lines move if its key is known.
fn identity(failure: &Failure) -> (String, &str) {
    let place = match failure.key.as_str() {
        "" => format!("{}:{}", failure.line, failure.column),
        key => key.to_string(),
    };
    (place, &failure.directive)
}

/// The changes that were found, each with its lanes.
#[derive(Default)]
struct Found {
    changes: BTreeMap<Key, Vec<String>>,
}

impl Found {
    fn add(&mut self, direction: Direction, (path, line, directive): (&str, u32, &str), lanes: &[&str], text: &str) {
        let key = (direction, path.to_string(), line, directive.to_string(), text.to_string());
        self.changes.entry(key).or_default().extend(lanes.iter().map(ToString::to_string));
    }

    fn compare_lanes(&mut self, old: &Report, new: &Report) {
        for lane in old.lanes.iter().filter(|lane| !new.lanes.contains(lane)) {
            self.add(Direction::Worse, ("", 0, ""), &[lane], "did not run");
        }
        for lane in &new.lanes {
            let [before, now] = [old, new].map(|report| report.engine_of(lane));
            if !old.lanes.contains(lane) {
                self.add(Direction::Other, ("", 0, ""), &[lane], "is new");
            } else if before != now {
                self.add(Direction::Other, ("", 0, ""), &[lane], &format!("is {now}, was {before}"));
            }
        }
    }

    /// Compares the results of a script in a lane.
    fn compare_runs(&mut self, old: &LaneReport, new: &LaneReport) {
        let (path, lane) = (new.path.as_str(), [new.lane.as_str()]);
        let before: HashMap<_, &Failure> = old.failures.iter().map(|failure| (identity(failure), failure)).collect();
        let now: HashMap<_, &Failure> = new.failures.iter().map(|failure| (identity(failure), failure)).collect();
        let places = |failures: &[Failure]| -> BTreeSet<(u32, u32)> {
            failures.iter().map(|failure| (failure.line, failure.column)).collect()
        };
        let (lacked, is_lost) = (places(&old.lacking), is_lost(new) && !is_lost(old));
        for (id, failure) in &now {
            let place = (path, failure.line, failure.directive.as_str());
            match before.get(id) {
                Some(earlier) if earlier.message == failure.message && !is_lost => {}
                Some(earlier) if !is_lost => {
                    let text = format!("{}; before: {}", failure.message, earlier.message);
                    self.add(Direction::Other, place, &lane, &text);
                }
                None if lacked.contains(&(failure.line, failure.column)) => {
                    self.add(Direction::Other, place, &lane, &format!("{}; before: unsupported", failure.message));
                }
                _ => self.add(Direction::Worse, place, &lane, &failure.message),
            }
        }
        // Of what does not run, or is not supported any more, nothing is known.
        let unknown = places(&[&new.lacking[..], &new.following].concat());
        let gone = before.iter().filter(|(id, failure)| {
            !now.contains_key(id) && new.skipped == 0 && !unknown.contains(&(failure.line, failure.column))
        });
        for (_, failure) in gone {
            let text = format!("no longer: {}", failure.message);
            self.add(Direction::Better, (path, failure.line, &failure.directive), &lane, &text);
        }
        self.compare_support(old, new);
        if new.is_flaky() && !old.is_flaky() {
            self.add(Direction::Other, (path, 0, ""), &lane, "is flaky");
        }
    }

    fn compare_support(&mut self, old: &LaneReport, new: &LaneReport) {
        let (path, lane) = ((new.path.as_str(), 0, ""), [new.lane.as_str()]);
        if new.unsupported > old.unsupported && new.passed < old.passed {
            let reason = new.lacking.first().map_or("", |lacking| lacking.message.as_str());
            let text = format!("{} more directives are unsupported: {reason}", new.unsupported - old.unsupported);
            self.add(Direction::Worse, path, &lane, &text);
        } else if new.unsupported < old.unsupported && new.passed > old.passed {
            let text = format!("{} more directives are supported", old.unsupported - new.unsupported);
            self.add(Direction::Better, path, &lane, &text);
        }
    }

    fn compare_disagreements(&mut self, old: &Report, new: &Report, old_runs: &Runs<'_>, new_runs: &Runs<'_>) {
        // The words of the directive tell it apart where lines have moved.
        let identity = |one: &Disagreement| {
            let place = if one.source.is_empty() { one.line.to_string() } else { one.source.clone() };
            (one.path.clone(), one.directive.clone(), place)
        };
        let [before, now]: [BTreeSet<_>; 2] =
            [old, new].map(|report| report.disagreements.iter().map(identity).collect());
        let ran_in = |one: &Disagreement, runs: &Runs<'_>| {
            one.pairs.iter().flatten().all(|lane| runs.contains_key(&(one.path.as_str(), lane.as_str())))
        };
        for one in new.disagreements.iter().filter(|one| !before.contains(&identity(one))) {
            let direction = if ran_in(one, old_runs) { Direction::Worse } else { Direction::Other };
            self.add_disagreement(direction, one, "disagree");
        }
        for one in old.disagreements.iter().filter(|one| !now.contains(&identity(one)) && ran_in(one, new_runs)) {
            self.add_disagreement(Direction::Better, one, "no longer disagree");
        }
    }

    fn add_disagreement(&mut self, direction: Direction, one: &Disagreement, text: &str) {
        let lanes: BTreeSet<&str> = one.pairs.iter().flatten().map(String::as_str).collect();
        let lanes: Vec<&str> = lanes.into_iter().collect();
        self.add(direction, (&one.path, one.line, &one.directive), &lanes, text);
    }

    /// Returns the changes, with the lanes of each in this order.
    fn into_changes(self, order: &[String]) -> Changes {
        let mut changes = Changes::default();
        for ((direction, path, line, directive, text), mut lanes) in self.changes {
            lanes.sort_by_key(|lane| order.iter().position(|known| known == lane));
            let list = match direction {
                Direction::Worse => &mut changes.worse,
                Direction::Better => &mut changes.better,
                Direction::Other => &mut changes.other,
            };
            list.push(Change { path, line, directive, lanes, text });
        }
        changes
    }
}

/// Returns whether the script did not run to its end.
fn is_lost(run: &LaneReport) -> bool {
    !matches!(run.status, Status::Pass | Status::Fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Results;

    fn failure(line: u32, key: &str, message: &str) -> Failure {
        let (directive, key) = ("assert_return".to_string(), key.to_string());
        Failure { line, column: 1, directive, message: message.to_string(), key, ..Failure::default() }
    }

    fn run(lane: &str, failures: &[Failure]) -> LaneReport {
        let status = if failures.is_empty() { Status::Pass } else { Status::Fail };
        let (path, lane, failures) = ("x.wast".to_string(), lane.to_string(), failures.to_vec());
        let passed = 9 - failures.len();
        LaneReport { path, lane, status, failures, directives: 9, passed, ..LaneReport::default() }
    }

    fn report(runs: &[LaneReport]) -> Report {
        let lanes = runs.iter().map(|run| run.lane.clone()).collect();
        Report::new(Results { lanes, scripts: runs.to_vec(), ..Results::default() })
    }

    fn shown(old: &[LaneReport], new: &[LaneReport]) -> [Vec<String>; 3] {
        let Changes { worse, better, other } = Changes::between(&report(old), &report(new));
        let line =
            |change: &Change| format!("{}:{} {} {}", change.path, change.line, change.lanes.join(","), change.text);
        [worse, better, other].map(|changes| changes.iter().map(line).collect())
    }

    #[test]
    fn failures_are_found_again_when_lines_move() {
        let [a, b] = ["a", "b"];
        let old = [run(a, &[failure(1, "k", "wrong"), failure(5, "g", "gone")]), run(b, &[])];
        let new = [run(a, &[failure(3, "k", "wrong"), failure(9, "n", "new")]), run(b, &[failure(9, "n", "new")])];
        let [worse, better, other] = shown(&old, &new);
        assert_eq!(worse, ["x.wast:9 a,b new"]);
        assert_eq!(better, ["x.wast:5 a no longer: gone"]);
        assert_eq!(other, Vec::<String>::new());
        assert!(Changes::between(&report(&old), &report(&old)).is_empty());
    }

    #[test]
    fn what_does_not_run_is_worse_and_not_fixed() {
        let old = [run("a", &[failure(5, "g", "gone")]), run("b", &[])];
        let crash = LaneReport { status: Status::Crash, skipped: 3, ..run("a", &[failure(2, "c", "died")]) };
        let [worse, better, other] = shown(&old, &[crash]);
        assert_eq!(worse, [":0 b did not run", "x.wast:2 a died"]);
        assert_eq!((better.len(), other.len()), (0, 0));
    }

    #[test]
    fn support_that_goes_and_comes_is_seen() {
        let lacking = vec![failure(2, "", "no threads")];
        let less = LaneReport { unsupported: 1, passed: 8, lacking, ..run("a", &[]) };
        let [worse, ..] = shown(&[run("a", &[])], std::slice::from_ref(&less));
        assert_eq!(worse, ["x.wast:0 a 1 more directives are unsupported: no threads"]);
        let [worse, better, _] = shown(std::slice::from_ref(&less), &[run("a", &[])]);
        assert_eq!((worse.len(), better), (0, vec!["x.wast:0 a 1 more directives are supported".to_string()]));
        // What was not supported before, and fails now, is no regression.
        let [worse, _, other] = shown(&[less], &[run("a", &[failure(2, "k", "wrong")])]);
        assert_eq!((worse.len(), other), (0, vec!["x.wast:2 a wrong; before: unsupported".to_string()]));
    }

    #[test]
    fn a_new_disagreement_is_worse() {
        let lanes = ["a", "b"].map(|lane| (lane.to_string(), lane.to_string())).into();
        let pairs = vec![["a", "b"].map(str::to_string)];
        let (path, directive, source) = ("x.wast".to_string(), "invoke".to_string(), String::new());
        let one = Disagreement { path, line: 4, directive, lanes, pairs, source };
        let calm = report(&[run("a", &[]), run("b", &[])]);
        let other = Report { disagreements: vec![one], ..calm.clone() };
        assert_eq!(Changes::between(&calm, &other).worse[0].text, "disagree");
        assert_eq!(Changes::between(&other, &calm).better[0].text, "no longer disagree");
    }
}
