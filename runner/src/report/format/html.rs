//! HTML: one page that needs no other file.

use super::{Format, Report};
use crate::report::{Block, LaneReport, LaneTotals, visible};
use std::collections::BTreeMap;
use std::fmt::Write;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;\
color:#222;background:#fff}table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #ccc;\
padding:.2rem .6rem;text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}\
.pass{color:#176b2c}.fail,.crash,.timeout,.unreadable{color:#a11;font-weight:600}\
code,pre{font:13px/1.5 ui-monospace,monospace}\
pre{white-space:pre-wrap;margin:.2rem 0}@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}\
th,td{border-color:#444}.pass{color:#6c8}.fail,.crash,.timeout,.unreadable{color:#f77}}";

pub(super) const FORMAT: Format = Format { name: "html", ..Format::of(render) };

fn render(report: &Report) -> Result<String, String> {
    let mut page = String::new();
    write_page(&mut page, report).map_err(|error| error.to_string())?;
    Ok(page)
}

fn write_page(page: &mut String, report: &Report) -> std::fmt::Result {
    let verdict = if report.exit_code() == 0 { "passed" } else { "failed" };
    writeln!(page, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Touchstone: {verdict}</title>")?;
    writeln!(page, "<meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>")?;
    writeln!(page, "<h1>Touchstone: <span class=\"{}\">{verdict}</span></h1>", &verdict[..4])?;
    for complaint in &report.complaints {
        writeln!(page, "<p class=\"fail\">{}", escape(complaint))?;
    }
    write_lanes(page, report)?;
    write_disagreements(page, report)?;
    write_failures(page, report)?;
    write_unsupported(page, report)?;
    write_scripts(page, report)
}

fn write_lanes(page: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(page, "<h2>Lanes</h2><table><tr><th>lane<th>{}<th>seconds<th>engine", LaneTotals::COLUMNS.join("<th>"))?;
    for lane in &report.matrix {
        write!(page, "<tr><td><code>{}</code>", escape(&lane.lane))?;
        for number in lane.row() {
            write!(page, "<td class=\"n\">{number}")?;
        }
        write!(page, "<td class=\"n\">{}.{:03}", lane.milliseconds / 1000, lane.milliseconds % 1000)?;
        writeln!(page, "<td>{}", escape(&report.engine_of(&lane.lane)))?;
    }
    for absent in &report.absent {
        let columns = LaneTotals::COLUMNS.len() + 2;
        let (lane, reason) = (escape(&absent.lane), escape(&absent.reason));
        writeln!(page, "<tr><td><code>{lane}</code><td colspan=\"{columns}\">{reason}")?;
    }
    writeln!(page, "</table>")
}

fn write_disagreements(page: &mut String, report: &Report) -> std::fmt::Result {
    if report.disagreements.is_empty() {
        return writeln!(page, "<p>All lanes agree.");
    }
    writeln!(page, "<h2>Disagreements</h2>")?;
    for disagreement in &report.disagreements {
        let (path, directive) = (escape(&disagreement.path), escape(&disagreement.directive));
        writeln!(page, "<h3><code>{path}:{}</code> {directive}</h3><table>", disagreement.line)?;
        for (lanes, text) in disagreement.sides(&report.lanes) {
            writeln!(page, "<tr><td><code>{}</code><td><pre>{}</pre>", escape(&lanes.join(", ")), escape(text))?;
        }
        writeln!(page, "</table>")?;
    }
    Ok(())
}

fn write_failures(page: &mut String, report: &Report) -> std::fmt::Result {
    for (position, (path, blocks)) in report.failed_scripts().iter().enumerate() {
        if position == 0 {
            writeln!(page, "<h2>Failures</h2>")?;
        }
        blocks.iter().try_for_each(|block| write_block(page, path, block))?;
    }
    Ok(())
}

fn write_block(page: &mut String, path: &str, block: &Block<'_>) -> std::fmt::Result {
    let (path, lanes, status) = (escape(path), escape(&block.lanes.join(", ")), block.status.name());
    writeln!(page, "<details open><summary><code>{path}</code> in <code>{lanes}</code>: ")?;
    writeln!(page, "<span class=\"{status}\">{status}</span></summary><table>")?;
    for failure in &block.failures {
        let (directive, message) = (escape(&failure.directive), escape(&failure.message));
        write!(page, "<tr><td class=\"n\">{}:{}<td>{directive}", failure.line, failure.column)?;
        writeln!(page, "<td><pre>{message}</pre>")?;
    }
    writeln!(page, "</table></details>")
}

fn write_scripts(page: &mut String, report: &Report) -> std::fmt::Result {
    let mut rows: BTreeMap<&str, BTreeMap<&str, &LaneReport>> = BTreeMap::new();
    for script in &report.scripts {
        rows.entry(&script.path).or_default().insert(&script.lane, script);
    }
    write!(page, "<h2>Scripts</h2><table><tr><th>script")?;
    for lane in &report.lanes {
        write!(page, "<th>{}", escape(lane))?;
    }
    writeln!(page)?;
    for (path, by_lane) in rows {
        write!(page, "<tr><td><code>{}</code>", escape(path))?;
        for lane in &report.lanes {
            match by_lane.get(lane.as_str()) {
                Some(script) => {
                    let status = script.status.name();
                    write!(page, "<td class=\"{status}\">{} of {}", script.passed, script.directives)?;
                    if script.unsupported > 0 {
                        write!(page, ", {} unsupported", script.unsupported)?;
                    }
                    if script.follows > 0 {
                        write!(page, ", {} follow", script.follows)?;
                    }
                }
                None => write!(page, "<td>not run")?,
            }
        }
        writeln!(page)?;
    }
    writeln!(page, "</table></html>")
}

/// Writes what the engines do not support: the reasons, the most frequent first.
fn write_unsupported(page: &mut String, report: &Report) -> std::fmt::Result {
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for script in &report.scripts {
        for lacking in &script.lacking {
            *reasons.entry((&script.lane, &lacking.message)).or_default() += 1;
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|&(reason, count)| (std::cmp::Reverse(count), reason));
    for (position, ((lane, reason), count)) in reasons.iter().enumerate() {
        if position == 0 {
            writeln!(page, "<h2>Unsupported</h2><table><tr><th>lane<th>directives<th>reason")?;
        }
        writeln!(page, "<tr><td><code>{}</code><td class=\"n\">{count}<td>{}", escape(lane), escape(reason))?;
    }
    if reasons.is_empty() { Ok(()) } else { writeln!(page, "</table>") }
}

fn escape(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
