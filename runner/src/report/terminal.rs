//! The report as a person sees it on a terminal: each failure with its location, what was expected and what came
//! instead, and the line of the script; then a summary.

use super::{Block, Change, Changes, Compared, Disagreement, LaneReport, LaneTotals, Report, Status, group, visible};
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

/// Returns the failures of a script, each once with the lanes that show it. `source` is the text of the script.
pub fn failures(reports: &[&LaneReport], source: Option<&str>, paint: Paint) -> String {
    let mut text = String::new();
    let Some(path) = reports.first().map(|report| report.path.as_str()) else { return text };
    let lines: Vec<&str> = source.map(|source| source.lines().collect()).unwrap_or_default();
    for block in group(reports) {
        // Writing to a string cannot fail.
        let _ = write_block(&mut text, path, &block, &lines, paint);
    }
    text
}

/// Returns the failures of earlier attempts at a script, for the lanes in which it passed when it ran again.
pub fn flaky(reports: &[LaneReport], source: Option<&str>, paint: Paint) -> String {
    let flaky = reports.iter().filter(|report| report.is_flaky());
    let earlier: Vec<LaneReport> =
        flaky.map(|report| LaneReport { failures: report.flaky.clone(), ..report.clone() }).collect();
    failures(&earlier.iter().collect::<Vec<_>>(), source, paint)
}

fn write_block(text: &mut String, path: &str, block: &Block<'_>, lines: &[&str], paint: Paint) -> std::fmt::Result {
    let status = match block.status {
        // Only a script that passed when it ran again has failures to show.
        Status::Pass => "FLAKY",
        Status::Fail => "FAIL",
        Status::Crash => "CRASH",
        Status::Timeout => "TIMEOUT",
        Status::Unreadable => "UNREADABLE",
    };
    let path = visible(path);
    writeln!(text, "{} {path} [{}]", paint.bad(status), block.lanes.join(", "))?;
    for failure in block.failures.iter().take(SHOWN) {
        let (line, column) = (failure.line, failure.column);
        writeln!(text, "  {path}:{line}:{column}: {}: {}", failure.directive, visible(&failure.message))?;
        if let Some(source) = lines.get((line as usize).saturating_sub(1)) {
            writeln!(text, "{}", paint.faint(&format!("  {line:>6} | {}", visible(&clip(source)))))?;
        }
        for frame in &failure.frames {
            writeln!(text, "{}", paint.faint(&format!("       at {}", visible(frame))))?;
        }
    }
    if block.failures.len() > SHOWN {
        writeln!(text, "  ... and {} more; `--report json=FILE` has them all", block.failures.len() - SHOWN)?;
    }
    match block.following {
        0 => Ok(()),
        1 => writeln!(text, "  1 directive follows from these failures"),
        count => writeln!(text, "  {count} directives follow from these failures"),
    }
}

/// Returns a line of a script as reports show it: without blanks at its end, and cut off if it is long.
pub(crate) fn clip(line: &str) -> String {
    const WIDTH: usize = 160;
    let line = line.trim_end();
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_string(),
    }
}

/// Returns the sides of a disagreement, each with its lanes, in the order of `lanes`.
pub fn disagreement(disagreement: &Disagreement, lanes: &[String], paint: Paint) -> String {
    let (path, line) = (visible(&disagreement.path), disagreement.line);
    let mut text = format!("{} {path}:{line}: {}\n", paint.bad("DISAGREE"), disagreement.directive);
    for (lanes, shown) in disagreement.sides(lanes) {
        text += &format!("  {:>14}  {}\n", lanes.join(", "), visible(shown));
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
    writeln!(text, "  engine")?;
    for lane in &report.matrix {
        write!(text, "{:width$}", lane.lane)?;
        for (column, number) in LaneTotals::COLUMNS.iter().zip(lane.row()) {
            write!(text, " {number:>0$}", column_width(column))?;
        }
        writeln!(text, "  {}", visible(&report.engine_of(&lane.lane)))?;
    }
    for absent in &report.absent {
        writeln!(text, "{:width$} {}", absent.lane, visible(&absent.reason))?;
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

/// Returns the number of scripts and lanes of a report, and its counts that are not zero.
pub fn counts(report: &Report) -> String {
    let scripts = count(report.totals.scripts, "script");
    let mut lanes = count(report.lanes.len(), "lane");
    if !report.absent.is_empty() {
        let absent: Vec<&str> = report.absent.iter().map(|absent| absent.lane.as_str()).collect();
        lanes += &format!(" (without {}: not there)", absent.join(", "));
    }
    let passed = count(report.totals.passed, "directive");
    format!("{scripts} in {lanes}, {passed} passed{}", other_counts(report))
}

/// Returns the changes from one report to another, and their numbers.
pub fn changes(changes: &Changes, paint: Paint) -> String {
    let mut text = String::new();
    let Changes { worse, better, other } = changes;
    for (word, changes) in [(paint.bad("WORSE"), worse), (paint.good("BETTER"), better), ("OTHER".to_string(), other)] {
        for Change { path, line, directive, lanes, text: change } in changes {
            let place = if *line > 0 { format!("{path}:{line}") } else { path.clone() };
            let directive = if directive.is_empty() { String::new() } else { format!("{directive}: ") };
            let place = if place.is_empty() { String::new() } else { format!("{} ", visible(&place)) };
            text += &format!("{word} {place}[{}]\n  {directive}{}\n", lanes.join(", "), visible(change));
        }
    }
    text + &format!("{} worse, {} better, {} other\n", worse.len(), better.len(), other.len())
}

/// Returns the last line, and a line for each complaint about the run as a whole.
pub fn verdict(report: &Report, seconds: f64, paint: Paint) -> String {
    let word = if report.exit_code() == 0 { paint.good("ok") } else { paint.bad("FAILED") };
    let mut text = format!("{word}: {}", counts(report));
    if report.exit_code() == 0 {
        text += ", no disagreement";
    }
    text += &format!(", {seconds:.1} s");
    for complaint in report.complaints.iter().take(SHOWN) {
        text += &format!("\n{}: {}", paint.bad("FAILED"), visible(complaint));
    }
    if report.complaints.len() > SHOWN {
        text += &format!("\n... and {} more; `--report json=FILE` has them all", report.complaints.len() - SHOWN);
    }
    text
}

/// Returns a number with its noun, in the singular or the plural.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Returns the counts that are not zero, other than that of the directives that passed.
fn other_counts(report: &Report) -> String {
    let totals = &report.totals;
    let unreadable = report.scripts.iter().filter(|script| script.status == Status::Unreadable);
    let unreadable: std::collections::BTreeSet<&str> = unreadable.map(|script| script.path.as_str()).collect();
    let counts = [
        (totals.failed, "failed"),
        (totals.flaky, "flaky"),
        (totals.unsupported, "unsupported"),
        (totals.expected, "failed as expected"),
        (totals.follows, "follow from others"),
        (totals.skipped, "skipped"),
        (totals.crashed, "crashed"),
        (totals.timed_out, "timed out"),
        (totals.disagreements, if totals.disagreements == 1 { "disagreement" } else { "disagreements" }),
        (unreadable.len(), "unreadable"),
        (report.scripts.iter().map(LaneReport::count_misplaced).sum(), "listed where no directive begins"),
        (totals.unmatched, "listed of no script and lane of this run"),
    ];
    counts.iter().filter(|(count, _)| *count != 0).map(|(count, what)| format!(", {count} {what}")).collect()
}
