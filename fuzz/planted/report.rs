//! The results: a row for each fault, on the screen, as JSON and as Markdown.

use crate::search::Found;
use engine::Fault;
use fuzz::generate::case::TIERS;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The code generator of the lanes that have the fault.
const GUILTY: &str = "cranelift";

/// The result for a fault, or for no fault.
pub(crate) struct Row {
    /// The fault.
    pub(crate) fault: Option<Fault>,
    /// The first complaint of each suite.
    pub(crate) suites: Vec<Option<String>>,
    /// The result of the search.
    pub(crate) found: Found,
}

/// The rows so far. A row is printed as soon as it is known.
pub(crate) struct Table {
    rows: Vec<Row>,
    json: Option<File>,
    markdown: bool,
}

/// Prints the faults.
pub(crate) fn list() {
    for fault in Fault::ALL {
        println!("{} ({}): {} Like {}.", fault.name(), fault.part(), fault.effect(), fault.model());
    }
}

impl Row {
    /// Returns whether the report names the guilty: `yes` if some side consists of their code generator alone, or if it
    /// is a lane of theirs that the process did not survive. `process` if nothing but the process is known.
    fn named(&self) -> &'static str {
        let Some((_, finding)) = &self.found.finding else { return "" };
        let is_guilty = |lane: &str| TIERS.iter().any(|tier| lane.starts_with(&format!("{tier}/")));
        match &finding.death {
            Some(Some(lane)) => return if is_guilty(lane) { "yes" } else { "no" },
            Some(None) => return "process",
            None => {}
        }
        // Some oracles test one lane at a time, or the engine alone.
        let names_lane = is_guilty(&finding.signature);
        let has_sides = finding.signature.contains('[');
        if names_lane || !has_sides || finding.signature.contains(&format!("[{GUILTY}]")) { "yes" } else { "no" }
    }

    /// Returns the cells of a line: fault, part, suites, target, inputs, seconds, whether the guilty are named.
    fn cells(&self) -> Vec<String> {
        let mut cells = match self.fault {
            Some(fault) => vec![fault.name().to_string(), fault.part().to_string()],
            None => vec!["none".to_string(), String::new()],
        };
        cells.extend(self.suites.iter().map(|complaint| if complaint.is_some() { "found" } else { "-" }.to_string()));
        cells.push(self.found.finding.as_ref().map_or("-", |(target, _)| target).to_string());
        cells.push(self.found.inputs.to_string());
        cells.push(format!("{:.1}", self.found.processor.as_secs_f64()));
        cells.push(self.named().to_string());
        cells
    }

    fn json(&self) -> String {
        let finding = self.found.finding.as_ref();
        json!({
            "fault": self.fault.map(Fault::name),
            "part": self.fault.map(|fault| fault.part().to_string()),
            "suites": self.suites,
            "target": finding.map(|(target, _)| target),
            "signature": finding.map(|(_, finding)| &finding.signature),
            "summary": finding.map(|(_, finding)| &finding.summary),
            "inputs": self.found.inputs,
            "seconds": self.found.processor.as_secs_f64(),
            "named": self.named(),
        })
        .to_string()
    }

    /// Returns whether this is as it should be: a fault is found, and nothing without one.
    fn is_right(&self) -> bool {
        let found = self.found.finding.is_some() || self.suites.iter().any(Option::is_some);
        found == self.fault.is_some()
    }
}

impl Table {
    /// Makes an empty table.
    ///
    /// # Errors
    /// If the JSON file cannot be made.
    pub(crate) fn new(json: Option<&Path>, markdown: bool, suites: &[String]) -> Result<Table, String> {
        let make =
            |path: &Path| File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()));
        let mut head = vec!["fault", "part"];
        head.extend(suites.iter().map(String::as_str));
        head.extend(["target", "inputs", "seconds", "names the guilty"]);
        let table = Table { rows: Vec::new(), json: json.map(make).transpose()?, markdown };
        table.print(&head);
        if markdown {
            table.print(&vec!["---"; head.len()]);
        }
        Ok(table)
    }

    /// Adds a row and prints it.
    ///
    /// # Errors
    /// If the JSON file cannot be written.
    pub(crate) fn add(&mut self, row: Row) -> Result<(), String> {
        let cells = row.cells();
        self.print(&cells.iter().map(String::as_str).collect::<Vec<_>>());
        if let Some(json) = &mut self.json {
            writeln!(json, "{}", row.json()).map_err(|error| format!("cannot write the JSON file: {error}"))?;
        }
        if row.fault.is_none() && !row.is_right() {
            let finding = row.found.finding.as_ref().map(|(_, finding)| finding.summary.as_str());
            let complaints = row.suites.iter().flatten().map(String::as_str);
            eprintln!("without a fault: {}", finding.into_iter().chain(complaints).collect::<Vec<_>>().join("\n"));
        }
        self.rows.push(row);
        Ok(())
    }

    /// Prints the sums. Returns whether everything is as it should be.
    pub(crate) fn finish(&self) -> bool {
        let faults = || self.rows.iter().filter(|row| row.fault.is_some());
        let (by_target, missed): (Vec<_>, Vec<_>) = faults().partition(|row| row.found.finding.is_some());
        let names = |rows: &mut dyn Iterator<Item = &&Row>| {
            rows.filter_map(|row| row.fault).map(Fault::name).collect::<Vec<_>>().join(", ")
        };
        let by_suite = names(&mut missed.iter().filter(|row| row.is_right()));
        let by_nobody = names(&mut missed.iter().filter(|row| !row.is_right()));
        println!("\n{} of {} faults found by a target", by_target.len(), faults().count());
        println!(
            "median: {} inputs, {:.1} s",
            median(&by_target, |row| row.found.inputs as f64),
            median(&by_target, |row| row.found.processor.as_secs_f64())
        );
        println!("found by scripts only: {by_suite}");
        println!("found by nobody: {by_nobody}");
        self.rows.iter().all(Row::is_right)
    }

    fn print(&self, cells: &[&str]) {
        if self.markdown {
            return println!("| {} |", cells.join(" | "));
        }
        let widths = [26, 10].into_iter().chain(std::iter::repeat(14));
        let line: String = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$} ")).collect();
        println!("{}", line.trim_end());
    }
}

fn median(rows: &[&Row], value: impl Fn(&Row) -> f64) -> f64 {
    let mut values: Vec<f64> = rows.iter().map(|row| value(row)).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
