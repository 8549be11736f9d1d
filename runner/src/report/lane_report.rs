//! The results of a script in a lane.

use crate::execute::{Miss, Verdict};
use script::Directive;
use serde::{Deserialize, Serialize};

/// The results of a script in a lane.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LaneReport {
    /// The script's path.
    pub path: String,
    /// The lane's name.
    pub lane: String,
    /// The overall result.
    pub status: Status,
    /// Wall time of the script in this lane, in milliseconds.
    pub milliseconds: u64,
    /// Directives of the script.
    pub directives: usize,
    /// Directives that passed.
    pub passed: usize,
    /// Directives that failed, and are not listed as expected failures.
    pub failed: usize,
    /// Directives that the engine does not support.
    #[serde(default)]
    pub unsupported: usize,
    /// Directives that failed as the list of expected failures says.
    pub expected: usize,
    /// Directives that need what an earlier directive failed to make.
    #[serde(default)]
    pub follows: usize,
    /// Directives that did not run.
    pub skipped: usize,
    /// The failed directives, and what else is wrong with the script.
    pub failures: Vec<Failure>,
    /// The unsupported directives, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<Failure>,
    /// The directives that follow from an earlier one, each with the line of that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub following: Vec<Failure>,
    /// The failures that are listed as expected, each with the cause from the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<Failure>,
    /// The failures of earlier attempts, if the script passed when it ran again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaky: Vec<Failure>,
    /// The directives that passed, if a list of expected failures or a report needs them. The JSON report leaves them
    /// out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_on: Vec<Passed>,
}

/// A directive that passed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Passed {
    /// The line in which the directive begins, counted from 1.
    pub line: u32,
    /// The column in which the directive begins, in bytes, counted from 1.
    pub column: u32,
    /// The directive's keyword.
    pub directive: String,
}

/// The overall result of a script in a lane.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every directive passed, failed as listed, follows from one that did, or was not supported.
    #[default]
    Pass,
    /// A directive failed.
    Fail,
    /// The engine's process died.
    Crash,
    /// The script took too long.
    Timeout,
    /// The script cannot be read or parsed.
    Unreadable,
}

/// A failure: of a directive, or of the script at a location.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Failure {
    /// The line in which the directive begins, counted from 1.
    pub line: u32,
    /// The column in which the directive begins, in bytes, counted from 1.
    pub column: u32,
    /// The directive's keyword, or the sort of failure, such as [`TRAP_SNAPSHOT`](Failure::TRAP_SNAPSHOT).
    pub directive: String,
    /// The expected outcome, and the actual one.
    pub message: String,
    /// The key of the directive, by which a list of expected failures finds it in another version of the script.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The frames of the trap or exception that came instead of the expected outcome, innermost first, as trap
    /// snapshots show them. Empty if there is none, or the lane cannot tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<String>,
    /// The line of the script in which the directive begins, cut off if it is long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

impl Status {
    /// Returns the word that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Crash => "crash",
            Status::Timeout => "timeout",
            Status::Unreadable => "unreadable",
        }
    }
}

impl Failure {
    /// The sort of a directive that passed by itself, and trapped otherwise than the trap snapshot says.
    pub const TRAP_SNAPSHOT: &str = "trap snapshot";
    /// The sort of a directive that is listed as an expected failure, and passed.
    pub const UNEXPECTED_PASS: &str = "expected failure";
    /// The sort of a statement, in a list or a snapshot, about a line on which no directive begins.
    pub const NO_DIRECTIVE: &str = "no directive";

    /// Returns whether this is the failure of a directive, which is counted.
    pub(crate) fn counts(&self) -> bool {
        self.directive != Failure::NO_DIRECTIVE
    }

    /// Makes the failure of a directive.
    pub fn of(directive: &Directive, message: &str) -> Failure {
        Failure {
            line: directive.line,
            column: directive.column,
            directive: directive.name.to_string(),
            message: message.to_string(),
            ..Failure::default()
        }
    }
}

impl LaneReport {
    /// Counts a directive that has run. `keeps_passed` asks for those that passed, and not only for their number.
    pub fn count(&mut self, directive: &Directive, verdict: &Verdict, keeps_passed: bool) {
        if verdict.is_ok() && !keeps_passed {
            self.passed += 1;
        } else {
            self.count_at(Failure::of(directive, ""), verdict, keeps_passed);
        }
    }

    /// Counts a directive that has run, given its failure without a message.
    pub(crate) fn count_at(&mut self, location: Failure, verdict: &Verdict, keeps_passed: bool) {
        let Err(miss) = verdict else {
            self.passed += 1;
            if keeps_passed {
                let Failure { line, column, directive, .. } = location;
                self.passed_on.push(Passed { line, column, directive });
            }
            return;
        };
        let failure = Failure { message: miss.message().to_string(), ..location };
        match miss {
            Miss::Unsupported(_) => {
                self.unsupported += 1;
                self.lacking.push(failure);
                return;
            }
            Miss::Follows { .. } => {
                self.follows += 1;
                self.following.push(failure);
                return;
            }
            Miss::Failed(_) => {}
            Miss::Crashed(_) => self.status = Status::Crash,
            Miss::TimedOut(_) => self.status = Status::Timeout,
        }
        self.failures.push(failure);
    }

    /// Returns the results of a script that ran again, given those of earlier attempts. Any attempt that passed counts.
    pub(crate) fn after(self, earlier: LaneReport) -> LaneReport {
        let (mut counted, mut other) = match (earlier.status, self.status) {
            (Status::Pass, Status::Fail | Status::Crash | Status::Timeout | Status::Unreadable) => (earlier, self),
            _ => (self, earlier),
        };
        counted.flaky.append(&mut other.flaky);
        if counted.status == Status::Pass {
            counted.flaky.append(&mut other.failures);
        }
        counted
    }

    /// Returns whether the script passed, and failed in an earlier attempt.
    pub fn is_flaky(&self) -> bool {
        self.status == Status::Pass && !self.flaky.is_empty()
    }

    /// Returns how many of the failures belong to no directive.
    pub(super) fn count_misplaced(&self) -> usize {
        self.failures.iter().filter(|failure| !failure.counts()).count()
    }

    /// Ends the count: a directive that neither passed, nor is unsupported, nor follows from another, nor is among the
    /// failures did not run.
    pub fn close(&mut self) {
        let rest = self.directives.saturating_sub(self.passed + self.unsupported + self.follows);
        self.failed = (self.failures.len() - self.count_misplaced()).min(rest);
        self.skipped = rest - self.failed;
        if self.status == Status::Pass && !self.failures.is_empty() {
            self.status = Status::Fail;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_no_directive_is_not_counted() {
        let directive = Failure::NO_DIRECTIVE.to_string();
        let failure = Failure { line: 9, column: 1, directive, ..Failure::default() };
        let mut report = LaneReport { directives: 2, passed: 2, failures: vec![failure], ..LaneReport::default() };
        report.close();
        assert_eq!((report.status, report.passed, report.failed, report.skipped), (Status::Fail, 2, 0, 0));
    }

    #[test]
    fn every_directive_is_counted_once() {
        let location = Failure { line: 1, column: 1, directive: "invoke".to_string(), ..Failure::default() };
        let mut report = LaneReport { directives: 6, ..LaneReport::default() };
        let verdicts = [
            Ok(()),
            Err(Miss::Unsupported("no".to_string())),
            Err(Miss::Failed("wrong".to_string())),
            Err(Miss::Follows { line: 1, message: "follows from line 1".to_string() }),
            Err(Miss::TimedOut("slow".to_string())),
        ];
        verdicts.iter().for_each(|verdict| report.count_at(location.clone(), verdict, true));
        assert_eq!(report.passed_on.len(), 1);
        report.close();
        assert_eq!((report.passed, report.unsupported, report.failed, report.skipped), (1, 1, 2, 1));
        assert_eq!((report.follows, report.following.len()), (1, 1));
        assert_eq!((report.status, report.failures.len(), report.lacking.len()), (Status::Timeout, 2, 1));
    }
}
