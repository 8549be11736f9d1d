//! Annotations for GitHub's workflow log
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>).

use super::{Destination, Format, Report};
use crate::report::Status;

pub(super) const FORMAT: Format = Format { name: "github", destination: Destination::StandardOutput, render };

/// Writes one `::error` line for each failure and disagreement, and for a run that tested nothing.
fn render(report: &Report) -> Result<String, String> {
    let mut text = String::new();
    let mut line = |path: &str, line: u32, column: u32, title: &str, message: &str| {
        let (path, title, message) = (property(path), property(title), data(message));
        text += &format!("::error file={path},line={line},col={column},title={title}::{message}\n");
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
    if report.tested_nothing() {
        text += &format!("::error title=nothing tested::{}\n", data(Report::NOTHING_TESTED));
    }
    Ok(text)
}

/// Escapes the message of an annotation.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of an annotation.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
