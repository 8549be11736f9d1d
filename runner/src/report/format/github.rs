//! Annotations for GitHub's workflow log
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>).

use super::{Destination, Format, Report};
use crate::report::visible;

pub(super) const FORMAT: Format =
    Format { name: "github", destination: Destination::StandardOutput, ..Format::of(render) };

/// Writes one `::error` line for each failure, with the lanes that show it, for each disagreement, and for each
/// complaint about the run as a whole.
fn render(report: &Report) -> Result<String, String> {
    let mut text = String::new();
    let mut line = |path: &str, line: u32, column: u32, title: &str, message: &str| {
        let (path, title, message) = (property(path), property(title), data(message));
        text += &format!("::error file={path},line={line},col={column},title={title}::{message}\n");
    };
    for (path, blocks) in report.failed_scripts() {
        for block in blocks {
            let lane = |lane: &&str| format!("{lane} ({})", report.engine_of(lane));
            let lanes = block.lanes.iter().map(lane).collect::<Vec<_>>().join(", ");
            for failure in block.failures {
                let title = format!("{} in {lanes}", failure.directive);
                line(path, failure.line, failure.column, &title, &failure.message);
            }
        }
    }
    for disagreement in &report.disagreements {
        let title = format!("lanes disagree on {}", disagreement.directive);
        line(&disagreement.path, disagreement.line, 1, &title, &disagreement.lines(&report.lanes));
    }
    for complaint in &report.complaints {
        text += &format!("::error title=the run::{}\n", data(complaint));
    }
    Ok(text)
}

/// Escapes the message of an annotation.
fn data(text: &str) -> String {
    let text = text.lines().map(visible).collect::<Vec<_>>().join("\n");
    text.replace('%', "%25").replace('\n', "%0A")
}

/// Escapes a property of an annotation.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
