//! Annotations for GitHub's workflow log
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>).

use super::{Report, Status};
use std::fmt::Write;

/// One `::error` line for each failure and disagreement, and for a run that tested nothing.
pub fn annotations(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |path: &str, line: u32, column: u32, title: &str, message: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "::error file={},line={line},col={column},title={}::{}",
            property(path),
            property(title),
            data(message)
        );
    };
    for script in report.scripts.iter().filter(|script| script.status != Status::Pass) {
        for failure in &script.failures {
            let title = format!("{} in {}", failure.directive, script.lane);
            line(&script.path, failure.line, failure.column, &title, &failure.message);
        }
    }
    for disagreement in &report.disagreements {
        let title = format!("lanes disagree on {}", disagreement.directive);
        line(&disagreement.path, disagreement.line, 1, &title, &disagreement.lines(&report.lanes));
    }
    if report.is_hollow() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "::error title=nothing tested::{}", data(Report::HOLLOW));
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
