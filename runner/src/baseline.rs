//! Baselines: how many directives each lane passed of each script. A later run must not pass fewer, nor find more of
//! them unsupported.
//!
//! ```text
//! # PASSED UNSUPPORTED LANE SCRIPT
//! 460 0 speed/fresh spec:3.0/i32.wast
//! 455 5 wasmi spec:3.0/i32.wast
//! ```
//!
//! `--report baseline=FILE` writes one, and `--baseline FILE` compares a run with it.

use crate::report::{Report, visible};
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// A baseline.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    /// The file, for messages.
    file: String,
    entries: Vec<Entry>,
}

/// The numbers of a lane and a script.
#[derive(Debug, PartialEq)]
struct Entry {
    passed: usize,
    unsupported: usize,
    lane: String,
    path: String,
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    ///
    /// Says why the file cannot be read, or which line is malformed.
    pub(crate) fn read(path: &Path) -> Result<Baseline, String> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {file}: {error}"))?;
        let mut entries = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let entry = parse(line).ok_or_else(|| format!("{file}:{number}: expected `{FORM}`"))?;
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(format!("{file} is an empty baseline: `--report baseline={file}` writes one"));
        }
        Ok(Baseline { file, entries })
    }

    /// Returns the baseline that a run sets.
    pub(crate) fn of(report: &Report) -> Baseline {
        let entries = report.scripts.iter().map(|script| Entry {
            passed: script.passed,
            unsupported: script.unsupported,
            lane: script.lane.clone(),
            path: visible(&script.path).into_owned(),
        });
        Baseline { file: String::new(), entries: entries.collect() }
    }

    /// Returns what a run did worse, one complaint for each lane and script. Lanes that are not in the run, and scripts
    /// that are not chosen, are left out.
    pub(crate) fn complaints(&self, report: &Report, is_chosen: &dyn Fn(&str) -> bool) -> Vec<String> {
        let file = &self.file;
        let runs: HashMap<(&str, &str), (usize, usize)> = report
            .scripts
            .iter()
            .map(|script| ((script.lane.as_str(), script.path.as_str()), (script.passed, script.unsupported)))
            .collect();
        let concerns = |entry: &&Entry| report.lanes.contains(&entry.lane) && is_chosen(&entry.path);
        let mut concerned = self.entries.iter().filter(concerns).peekable();
        if concerned.peek().is_none() {
            return vec![format!("{file} says nothing about the lanes and scripts of this run")];
        }
        let mut complaints = Vec::new();
        for Entry { passed, unsupported, lane, path } in concerned {
            match runs.get(&(lane.as_str(), path.as_str())) {
                None => complaints.push(format!("{path} did not run in {lane}, and is in {file}")),
                Some((now, _)) if now < passed => {
                    complaints.push(format!("{path} in {lane}: {now} directives passed, and {passed} in {file}"));
                }
                Some((_, now)) if now > unsupported => {
                    let what = format!("{now} directives are unsupported, and {unsupported} in {file}");
                    complaints.push(format!("{path} in {lane}: {what}"));
                }
                Some(_) => {}
            }
        }
        complaints
    }
}

const FORM: &str = "PASSED UNSUPPORTED LANE SCRIPT";

/// Writes the file.
impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {FORM}")?;
        for Entry { passed, unsupported, lane, path } in &self.entries {
            writeln!(f, "{passed} {unsupported} {lane} {path}")?;
        }
        Ok(())
    }
}

fn parse(line: &str) -> Option<Entry> {
    let mut words = line.splitn(4, ' ');
    let mut number = || words.next()?.parse().ok();
    let (passed, unsupported) = (number()?, number()?);
    let (lane, path) = (words.next()?.to_string(), words.next()?.to_string());
    Some(Entry { passed, unsupported, lane, path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{LaneReport, Results};

    fn report(scripts: &[(&str, usize, usize)]) -> Report {
        let script = |&(path, passed, unsupported): &(&str, usize, usize)| LaneReport {
            path: path.to_string(),
            lane: "l".to_string(),
            directives: 10,
            passed,
            unsupported,
            ..LaneReport::default()
        };
        let scripts = scripts.iter().map(script).collect();
        Report::new(Results { lanes: vec!["l".to_string()], scripts, ..Results::default() })
    }

    #[test]
    fn what_falls_is_a_complaint() {
        let before = report(&[("a.wast", 8, 1), ("b b.wast", 5, 0)]);
        let baseline = Baseline::of(&before);
        let complaints = |scripts: &[_]| baseline.complaints(&report(scripts), &|_| true);
        assert_eq!(complaints(&[("a.wast", 8, 1), ("b b.wast", 6, 0), ("new.wast", 0, 9)]), [""; 0]);
        let worse = complaints(&[("a.wast", 7, 1), ("b b.wast", 5, 1)]);
        assert!(worse[0].starts_with("a.wast in l: 7 directives passed, and 8"), "{worse:?}");
        assert!(worse[1].starts_with("b b.wast in l: 1 directives are unsupported, and 0"), "{worse:?}");
        assert!(complaints(&[("a.wast", 8, 1)])[0].starts_with("b b.wast did not run in l"));
        assert_eq!(baseline.complaints(&report(&[("a.wast", 8, 1)]), &|path| path == "a.wast"), [""; 0]);
        assert!(baseline.complaints(&report(&[]), &|path| path == "zebra")[0].contains("says nothing"));
    }

    #[test]
    fn a_baseline_is_read_as_it_is_written() {
        let text = Baseline::of(&report(&[("b b.wast", 5, 0)])).to_string();
        assert_eq!(text, "# PASSED UNSUPPORTED LANE SCRIPT\n5 0 l b b.wast\n");
        let entry = Entry { passed: 5, unsupported: 0, lane: "l".to_string(), path: "b b.wast".to_string() };
        assert_eq!(parse("5 0 l b b.wast"), Some(entry));
        assert!(["", "5 0 l", "a 0 l x", "5 -1 l x"].iter().all(|line| parse(line).is_none()));
    }
}
