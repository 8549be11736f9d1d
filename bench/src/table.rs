//! The tables, as text that is also Markdown.

use crate::plan::{Row, Unit};
use comfy_table::{CellAlignment, Table, presets};

const HEAD: [&str; 9] = ["what", "ours", "theirs", "ratio", "ratio of least", "noise", "samples", "V8", "ratio to V8"];

/// Makes the table of rows: medians, their ratio and that of the least samples, both ours to theirs, the noise of both,
/// the number of samples of each, and the same for V8 where it was measured.
pub fn rows(rows: &[Row]) -> Table {
    let mut table = table(&HEAD);
    table.add_rows(rows.iter().map(|row| {
        let show = |value| show(row.unit, value);
        let (ours, theirs) = (&row.ours, &row.theirs);
        let noise = |show: &dyn Fn() -> String| if row.unit == Unit::Size { String::new() } else { show() };
        [
            format!("{}: {}", row.group, row.name),
            show(ours.median()),
            show(theirs.median()),
            ratio(ours.median() / theirs.median()),
            ratio(ours.min() / theirs.min()),
            noise(&|| format!("{:.0} % / {:.0} %", ours.spread() * 100.0, theirs.spread() * 100.0)),
            noise(&|| ours.count().to_string()),
            row.v8.as_ref().map(|v8| show(v8.median())).unwrap_or_default(),
            row.v8.as_ref().map(|v8| ratio(ours.median() / v8.median())).unwrap_or_default(),
        ]
    }));
    table
}

/// Returns a row in short: its name and the ratio of the medians.
pub fn line(row: &Row) -> String {
    format!("{}: {}: {}", row.group, row.name, ratio(row.ours.median() / row.theirs.median()))
}

/// Makes the table of groups: the geometric means of their ratios, of medians and of least samples.
pub fn summary(rows: &[Row]) -> Table {
    let mut table = table(&["group", "ratio", "ratio of least"]);
    table.add_rows(rows.chunk_by(|one, other| one.group == other.group).map(|group| {
        let medians = mean(group.iter().map(|row| row.ours.median() / row.theirs.median()));
        let least = mean(group.iter().map(|row| row.ours.min() / row.theirs.min()));
        [group[0].group.to_owned(), ratio(medians), ratio(least)]
    }));
    table
}

/// Makes an empty table with this head.
pub(crate) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Returns the geometric mean, the right one for ratios.
fn mean(ratios: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = ratios.len() as f64;
    (ratios.map(f64::ln).sum::<f64>() / count).exp()
}

fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

pub(crate) fn show(unit: Unit, value: f64) -> String {
    let (value, unit) = match unit {
        Unit::Size => (value / 1024.0, "KiB"),
        Unit::Time if value < 1e3 => (value, "ns"),
        Unit::Time if value < 1e6 => (value / 1e3, "us"),
        Unit::Time => (value / 1e6, "ms"),
    };
    format!("{value:.*} {unit}", if value < 100.0 { 1 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Samples;

    fn row(group: &'static str, unit: Unit, ours: &[f64], theirs: &[f64]) -> Row {
        let [ours, theirs] = [ours, theirs].map(|samples| Samples::new(samples.to_vec()));
        Row { group, name: "x".to_owned(), unit, ours, theirs, v8: None }
    }

    #[test]
    fn a_table() {
        let load = row("load", Unit::Time, &[1000.0, 2000.0, 3000.0], &[500.0, 4000.0, 4000.0]);
        let with_v8 = Row { v8: Some(Samples::new(vec![4000.0])), ..load.clone() };
        let shown = rows(&[load, row("size", Unit::Size, &[2048.0], &[1024.0]), with_v8]);
        assert_eq!(line(&row("load", Unit::Time, &[1.0], &[2.0])), "load: x: 0.50");
        let cells: Vec<Vec<String>> =
            shown.row_iter().map(|row| row.cell_iter().map(|cell| cell.content()).collect()).collect();
        assert_eq!(cells[0], ["load: x", "2.0 us", "4.0 us", "0.50", "2.00", "50 % / 44 %", "3", "", ""]);
        assert_eq!(cells[1], ["size: x", "2.0 KiB", "1.0 KiB", "2.00", "2.00", "", "", "", ""]);
        assert_eq!(cells[2][7..], ["4.0 us", "0.50"]);
    }

    #[test]
    fn a_summary() {
        let rows = [
            row("load", Unit::Time, &[100.0], &[200.0]),
            row("load", Unit::Time, &[800.0], &[100.0]),
            row("run", Unit::Time, &[3.0], &[1.0]),
        ];
        let text = summary(&rows).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[2].contains("load") && lines[2].contains("2.00"), "{text}");
        assert!(lines[3].contains("run") && lines[3].contains("3.00"), "{text}");
    }

    #[test]
    fn units() {
        assert_eq!(show(Unit::Time, 12.34), "12.3 ns");
        assert_eq!(show(Unit::Time, 12_340.0), "12.3 us");
        assert_eq!(show(Unit::Time, 1_234_000_000.0), "1234 ms");
    }
}
