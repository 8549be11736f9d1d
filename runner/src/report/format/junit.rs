//! JUnit XML: a suite for each lane, with a case for each script. A script of which the engine supports nothing is
//! skipped, and so is a lane that is absent. Disagreements are a suite of their own. A run in which no lane supports
//! anything has one more suite, which fails.

use super::{Destination, Format, Report};
use crate::report::{LaneReport, Status};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::fmt::Write;
use std::time::Duration;

pub(super) const FORMAT: Format = Format { name: "junit", destination: Destination::File, render };

fn render(report: &Report) -> Result<String, String> {
    let mut xml = quick_junit::Report::new("touchstone");
    for lane in &report.lanes {
        let mut suite = TestSuite::new(lane.as_str());
        let scripts = report.scripts.iter().filter(|script| script.lane == *lane);
        suite.add_test_cases(scripts.map(case));
        xml.add_test_suite(suite);
    }
    for absent in &report.absent {
        let mut status = TestCaseStatus::skipped();
        status.set_message(absent.reason.as_str());
        let mut suite = TestSuite::new(absent.lane.as_str());
        suite.add_test_case(TestCase::new("the lane", status));
        xml.add_test_suite(suite);
    }
    if !report.disagreements.is_empty() {
        let mut suite = TestSuite::new("agreement between lanes");
        for disagreement in &report.disagreements {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(disagreement.lines(&report.lanes));
            suite.add_test_case(TestCase::new(format!("{}:{}", disagreement.path, disagreement.line), status));
        }
        xml.add_test_suite(suite);
    }
    if report.tested_nothing() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(Report::NOTHING_TESTED);
        let mut suite = TestSuite::new("the run");
        suite.add_test_case(TestCase::new("tests anything", status));
        xml.add_test_suite(suite);
    }
    xml.to_string().map_err(|error| error.to_string())
}

fn case(script: &LaneReport) -> TestCase {
    let status = match script.status {
        Status::Pass if script.unsupported > 0 && script.unsupported == script.directives => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("the engine supports nothing of it");
            status
        }
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => failed(script, NonSuccessKind::Failure),
        Status::Crash | Status::Timeout | Status::Unreadable => failed(script, NonSuccessKind::Error),
    };
    let mut case = TestCase::new(script.path.as_str(), status);
    case.set_classname(script.lane.as_str()).set_time(Duration::from_millis(script.milliseconds));
    if script.unsupported > 0 {
        case.set_system_out(format!("{} of {} directives are unsupported", script.unsupported, script.directives));
    }
    case
}

fn failed(script: &LaneReport, kind: NonSuccessKind) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let mut text = String::new();
    for failure in &script.failures {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}:{}:{}: {}: {}",
            script.path, failure.line, failure.column, failure.directive, failure.message
        );
    }
    let message = match script.failures.first() {
        Some(failure) if script.failed == 0 => format!("{}: {}", failure.directive, failure.message),
        _ => format!("{} of {} directives failed", script.failed, script.directives),
    };
    status.set_type(script.status.name()).set_message(message).set_description(text);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Failure;

    #[test]
    fn an_unreadable_script_says_why() {
        let directive = "script".to_string();
        let failure = Failure { line: 2, column: 1, directive, message: "what is wrong".to_string() };
        let mut script = LaneReport { lane: "l".to_string(), status: Status::Unreadable, ..LaneReport::default() };
        script.failures.push(failure);
        let report = Report::new(vec!["l".to_string()], Vec::new(), vec![script], Vec::new(), Vec::new());
        let xml = render(&report).expect("XML");
        assert!(xml.contains("message=\"script: what is wrong\""), "{xml}");
    }
}
