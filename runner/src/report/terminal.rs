//! The report as a person sees it on a terminal: each failure with its location, what was expected and what came
//! instead, and the line of the script; then a summary.

use super::{Compared, Disagreement, LaneReport, LaneTotals, Report, Status};
use lanes::compare::Tally;
use std::fmt::Write;

/// The number of failures of one script in one lane that are shown.
const SHOWN: usize = 40;

/// A choice of emphasis: color, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// True to use color.
    pub color: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// Marks a text about something wrong.
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Marks a text about something right.
    pub fn good(self, text: &str) -> String {
        self.with("1;32", text)
    }

    fn faint(self, text: &str) -> String {
        self.with("2", text)
    }
}

/// Returns the failures of a script in a lane. `source` is the text of the script.
pub fn failures(script: &LaneReport, source: Option<&str>, paint: Paint) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_failures(&mut text, script, source, paint);
    text
}

fn write_failures(text: &mut String, script: &LaneReport, source: Option<&str>, paint: Paint) -> std::fmt::Result {
    let status = match script.status {
        Status::Pass | Status::Fail => "FAIL",
        Status::Crash => "CRASH",
        Status::Timeout => "TIMEOUT",
        Status::Unreadable => "UNREADABLE",
    };
    writeln!(text, "{} {} [{}]", paint.bad(status), script.path, script.lane)?;
    for failure in script.failures.iter().take(SHOWN) {
        let (line, column) = (failure.line, failure.column);
        writeln!(text, "  {}:{line}:{column}: {}: {}", script.path, failure.directive, failure.message)?;
        if let Some(source) = source.and_then(|source| source.lines().nth((line as usize).saturating_sub(1))) {
            writeln!(text, "{}", paint.faint(&format!("  {line:>6} | {}", clip(source.trim_end()))))?;
        }
    }
    if script.failures.len() > SHOWN {
        writeln!(text, "  ... and {} more; `--report json=FILE` has them all", script.failures.len() - SHOWN)?;
    }
    Ok(())
}

fn clip(line: &str) -> String {
    const WIDTH: usize = 160;
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_string(),
    }
}

/// Returns the sides of a disagreement, each with its lanes, in the order of `lanes`.
pub fn disagreement(disagreement: &Disagreement, lanes: &[String], paint: Paint) -> String {
    let head =
        format!("{} {}:{}: {}\n", paint.bad("DISAGREE"), disagreement.path, disagreement.line, disagreement.directive);
    let mut text = head;
    for (lanes, shown) in disagreement.sides(lanes) {
        text += &format!("  {:>14}  {shown}\n", lanes.join(", "));
    }
    text
}

/// Returns the table of the lanes and the verdict.
pub fn summary(report: &Report, seconds: f64, paint: Paint) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_summary(&mut text, report, seconds, paint);
    text
}

fn write_summary(text: &mut String, report: &Report, seconds: f64, paint: Paint) -> std::fmt::Result {
    let names = report.lanes.iter().chain(report.absent.iter().map(|absent| &absent.lane));
    let width = names.map(String::len).max().unwrap_or(4).max(4);
    write!(text, "{:width$}", "lane")?;
    for column in LaneTotals::COLUMNS {
        write!(text, " {column:>0$}", column_width(column))?;
    }
    writeln!(text)?;
    for lane in &report.matrix {
        write!(text, "{:width$}", lane.lane)?;
        for (column, number) in LaneTotals::COLUMNS.iter().zip(lane.row()) {
            write!(text, " {number:>0$}", column_width(column))?;
        }
        writeln!(text)?;
    }
    for absent in &report.absent {
        writeln!(text, "{:width$} {}", absent.lane, absent.reason)?;
    }
    write_compared(text, report, width)?;
    writeln!(text, "{}", verdict(report, seconds, paint))
}

/// Writes how much of each lane was compared with the first one.
fn write_compared(text: &mut String, report: &Report, width: usize) -> std::fmt::Result {
    let Some(first) = report.lanes.first() else { return Ok(()) };
    for Compared { lanes: [left, right], tally } in report.compared.iter().filter(|pair| pair.lanes[0] == *first) {
        let Tally { steps, left_out, traps, host_calls, frames, offsets, rules } = tally;
        write!(text, "{right:width$} with {left}: {steps} directives compared, {left_out} not; of {traps} traps and ")?;
        write!(text, "{host_calls} host calls {frames} frames, {offsets} by offset")?;
        for (position, (rule, count)) in rules.iter().enumerate() {
            write!(text, "{} {rule} {count}", if position == 0 { ";" } else { "," })?;
        }
        writeln!(text)?;
    }
    Ok(())
}

/// Returns the width of a column: enough for its name and for seven digits.
fn column_width(column: &str) -> usize {
    column.len().max(7)
}

/// Returns the last line: whether the run passed, and the totals.
pub fn verdict(report: &Report, seconds: f64, paint: Paint) -> String {
    let totals = &report.totals;
    let scripts = format!("{} {}", totals.scripts, if totals.scripts == 1 { "script" } else { "scripts" });
    let mut lanes = format!("{} {}", report.lanes.len(), if report.lanes.len() == 1 { "lane" } else { "lanes" });
    if !report.absent.is_empty() {
        let absent: Vec<&str> = report.absent.iter().map(|absent| absent.lane.as_str()).collect();
        lanes += &format!(" (without {}: not there)", absent.join(", "));
    }
    if report.exit_code() == 0 {
        let expected = match totals.expected {
            0 => String::new(),
            count => format!(", {count} failed as expected"),
        };
        let unsupported = match totals.unsupported {
            0 => String::new(),
            count => format!(", {count} unsupported"),
        };
        return format!(
            "{}: {scripts} in {lanes}, {} directives passed{unsupported}{expected}, no disagreement, {seconds:.1} s",
            paint.good("ok"),
            totals.passed
        );
    }
    let unreadable = report.scripts.iter().filter(|script| script.status == Status::Unreadable);
    let unreadable: std::collections::BTreeSet<&str> = unreadable.map(|script| script.path.as_str()).collect();
    let counts = [
        (totals.failed, "failed"),
        (totals.unsupported, "unsupported"),
        (totals.skipped, "skipped"),
        (totals.crashed, "crashed"),
        (totals.timed_out, "timed out"),
        (totals.disagreements, "disagreements"),
        (unreadable.len(), "unreadable"),
        (report.scripts.iter().map(LaneReport::count_misplaced).sum(), "listed where no directive begins"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count != 0).map(|(count, what)| format!("{count} {what}")).collect();
    let nothing = if report.tested_nothing() { format!(": {}", Report::NOTHING_TESTED) } else { String::new() };
    format!(
        "{}: {scripts} in {lanes}, {} directives passed, {}, {seconds:.1} s{nothing}",
        paint.bad("FAILED"),
        totals.passed,
        counts.join(", ")
    )
}
