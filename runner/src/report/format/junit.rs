//! JUnit XML: a suite for each lane, with a case for each directive or for each script. What the engine does not
//! support is skipped, and so is what follows from another failure, a failure that is listed as expected, and a lane
//! that is absent. Disagreements are a suite of their own, and so are complaints about the run as a whole.

use super::{Format, Report};
use crate::report::{Failure, LaneReport, Status, visible};
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};
use std::fmt::Write;
use std::time::Duration;

/// A case for each directive.
pub(super) const FORMAT: Format = Format { name: "junit", shows_passed: true, ..Format::of(render_directives) };

/// A case for each script.
pub(super) const BY_SCRIPT: Format = Format { name: "junit-scripts", ..Format::of(render_scripts) };

fn render_directives(report: &Report) -> Result<String, String> {
    render(report, directive_cases)
}

fn render_scripts(report: &Report) -> Result<String, String> {
    render(report, |script| vec![script_case(script)])
}

fn render(report: &Report, cases: fn(&LaneReport) -> Vec<TestCase>) -> Result<String, String> {
    let mut xml = quick_junit::Report::new("touchstone");
    for lane in &report.lanes {
        let mut suite = TestSuite::new(lane.as_str());
        suite.add_property(Property::new("engine", visible(&report.engine_of(lane)).as_ref()));
        let scripts = report.scripts.iter().filter(|script| script.lane == *lane);
        suite.add_test_cases(scripts.flat_map(cases));
        xml.add_test_suite(suite);
    }
    for absent in &report.absent {
        let mut suite = TestSuite::new(absent.lane.as_str());
        suite.add_test_case(TestCase::new("the lane", skipped(&absent.reason)));
        xml.add_test_suite(suite);
    }
    if !report.disagreements.is_empty() {
        let mut suite = TestSuite::new("agreement between lanes");
        for disagreement in &report.disagreements {
            let status = failed(NonSuccessKind::Failure, disagreement.lines(&report.lanes));
            let name = format!("{}:{}", disagreement.path, disagreement.line);
            suite.add_test_case(TestCase::new(visible(&name).as_ref(), status));
        }
        xml.add_test_suite(suite);
    }
    if !report.complaints.is_empty() {
        let mut suite = TestSuite::new("the run");
        for complaint in &report.complaints {
            suite.add_test_case(TestCase::new(
                "as a whole",
                failed(NonSuccessKind::Failure, visible(complaint).into_owned()),
            ));
        }
        xml.add_test_suite(suite);
    }
    xml.to_string().map_err(|error| error.to_string())
}

fn failed(kind: NonSuccessKind, message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    status
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(visible(message).as_ref());
    status
}

/// Returns a case for each directive of a script that ran, and one for all that did not.
fn directive_cases(script: &LaneReport) -> Vec<TestCase> {
    let path = visible(&script.path);
    let case = |(line, column, directive): (u32, u32, &str), status| {
        let mut case = TestCase::new(format!("{path}:{line}:{column}: {directive}"), status);
        case.set_classname(path.as_ref());
        ((line, column), case)
    };
    let place = |failure: &Failure| (failure.line, failure.column, failure.directive.clone());
    let kind = kind_of(script.status);
    let mut cases = Vec::new();
    for passed in &script.passed_on {
        cases.push(case((passed.line, passed.column, &passed.directive), TestCaseStatus::success()));
    }
    let unhappy = [
        (&script.failures, None),
        (&script.lacking, Some("unsupported")),
        (&script.following, Some("not judged")),
        (&script.listed, Some("failed as expected")),
    ];
    for (failures, why) in unhappy {
        for failure in failures {
            let status = match why {
                Some(why) => skipped(&format!("{why}: {}", failure.message)),
                None => failed(kind, visible(&failure.message).into_owned()),
            };
            let (line, column, directive) = place(failure);
            cases.push(case((line, column, &directive), status));
        }
    }
    cases.sort_by_key(|(place, _)| *place);
    let mut cases: Vec<TestCase> = cases.into_iter().map(|(_, case)| case).collect();
    if script.skipped > 0 {
        let status = skipped(&format!("{} directives did not run", script.skipped));
        let mut rest = TestCase::new(format!("{path}: the rest"), status);
        rest.set_classname(path.as_ref());
        cases.push(rest);
    }
    cases
}

fn script_case(script: &LaneReport) -> TestCase {
    let status = match script.status {
        Status::Pass if script.unsupported > 0 && script.unsupported == script.directives => {
            skipped("the engine supports nothing of it")
        }
        Status::Pass => TestCaseStatus::success(),
        status => failed_script(script, kind_of(status)),
    };
    let path = visible(&script.path);
    let mut case = TestCase::new(path.as_ref(), status);
    case.set_classname(script.lane.as_str()).set_time(Duration::from_millis(script.milliseconds));
    if script.unsupported > 0 {
        case.set_system_out(format!("{} of {} directives are unsupported", script.unsupported, script.directives));
    }
    case
}

fn kind_of(status: Status) -> NonSuccessKind {
    match status {
        Status::Pass | Status::Fail => NonSuccessKind::Failure,
        Status::Crash | Status::Timeout | Status::Unreadable => NonSuccessKind::Error,
    }
}

fn failed_script(script: &LaneReport, kind: NonSuccessKind) -> TestCaseStatus {
    let mut text = String::new();
    let path = visible(&script.path);
    for failure in &script.failures {
        let (line, column, message) = (failure.line, failure.column, visible(&failure.message));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{path}:{line}:{column}: {}: {message}", failure.directive);
    }
    let message = match script.failures.first() {
        Some(failure) if script.failed == 0 => format!("{}: {}", failure.directive, failure.message),
        _ => format!("{} of {} directives failed", script.failed, script.directives),
    };
    let mut status = failed(kind, visible(&message).into_owned());
    status.set_type(script.status.name()).set_description(text);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Passed, Results};

    fn report(script: LaneReport) -> Report {
        Report::new(Results { lanes: vec!["l".to_string()], scripts: vec![script], ..Results::default() })
    }

    fn failure(line: u32, message: &str) -> Failure {
        Failure { line, column: 1, directive: "invoke".to_string(), message: message.to_string(), ..Failure::default() }
    }

    #[test]
    fn an_unreadable_script_says_why() {
        let failures = vec![Failure { directive: "script".to_string(), ..failure(2, "what is wrong") }];
        let script =
            LaneReport { lane: "l".to_string(), status: Status::Unreadable, failures, ..LaneReport::default() };
        let xml = render_scripts(&report(script)).expect("XML");
        assert!(xml.contains("message=\"script: what is wrong\""), "{xml}");
    }

    #[test]
    fn every_directive_is_a_case() {
        let script = LaneReport {
            path: "x.wast".to_string(),
            lane: "l".to_string(),
            status: Status::Crash,
            directives: 6,
            passed_on: vec![Passed { line: 1, column: 1, directive: "module".to_string() }],
            lacking: vec![failure(2, "no threads")],
            following: vec![failure(3, "follows from line 2")],
            listed: vec![failure(4, "a cause")],
            failures: vec![failure(5, "died")],
            skipped: 1,
            ..LaneReport::default()
        };
        let xml = render_directives(&report(script)).expect("XML");
        assert!(xml.contains("tests=\"6\" skipped=\"4\" errors=\"1\" failures=\"0\""), "{xml}");
        for name in ["x.wast:1:1: module", "x.wast:5:1: invoke", "x.wast: the rest"] {
            assert!(xml.contains(&format!("name=\"{name}\"")), "{xml}");
        }
        for why in ["unsupported: no threads", "not judged: follows from line 2", "failed as expected: a cause"] {
            assert!(xml.contains(why), "{xml}");
        }
    }
}
