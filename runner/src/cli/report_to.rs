//! The option `--report`: a format and, where it needs one, a file.

use super::output::say;
use crate::report::{Destination, FORMATS, Format, Report};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A report to write.
#[derive(Clone, Debug)]
pub(super) struct ReportTo {
    format: &'static Format,
    /// The file; standard output if there is none.
    file: Option<PathBuf>,
}

impl FromStr for ReportTo {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportTo, String> {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name, Some(file)),
            None => (text, None),
        };
        let format = FORMATS.iter().find(|format| format.name == name);
        match (format, file) {
            (Some(format @ Format { destination: Destination::File, .. }), Some(file)) if !file.is_empty() => {
                Ok(ReportTo { format, file: Some(file.into()) })
            }
            (Some(format @ Format { destination: Destination::StandardOutput, .. }), None) => {
                Ok(ReportTo { format, file: None })
            }
            _ => Err(format!("expected {}", forms())),
        }
    }
}

impl ReportTo {
    /// Returns whether the report shows the directives that passed.
    pub(super) fn shows_passed(&self) -> bool {
        self.format.shows_passed
    }

    /// Returns the file of a JSON report.
    pub(super) fn json_file(&self) -> Option<&Path> {
        self.file.as_deref().filter(|_| self.format.name == "json")
    }

    /// Checks that the file can be written, so that a long run is not in vain. A device or a pipe is left alone.
    pub(super) fn check(&self) -> Result<(), String> {
        let Some(file) = &self.file else { return Ok(()) };
        let existed = match fs::metadata(file) {
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => return Ok(()),
            metadata => metadata.is_ok(),
        };
        let opened = fs::OpenOptions::new().create(true).append(true).open(file);
        opened.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        if !existed {
            // It is written at the end of the run. If it cannot be removed, it is empty until then.
            let _ = fs::remove_file(file);
        }
        Ok(())
    }

    /// Writes the report.
    pub(super) fn write(&self, report: &Report) -> Result<(), String> {
        let text = (self.format.render)(report);
        let text = text.map_err(|error| format!("cannot write a {} report: {error}", self.format.name))?;
        match &self.file {
            Some(file) => fs::write(file, text).map_err(|error| format!("cannot write {}: {error}", file.display())),
            None => say(&text),
        }
    }
}

/// Returns the help of the option.
pub(super) fn help() -> String {
    format!("Write a report: {}. Repeatable", forms())
}

/// Returns the forms of the option's value, such as `json=FILE`, one for each format.
fn forms() -> String {
    let form = |format: &Format| match format.destination {
        Destination::File => format!("{}=FILE", format.name),
        Destination::StandardOutput => format!("{} (on standard output)", format.name),
    };
    let forms: Vec<String> = FORMATS.iter().map(form).collect();
    match forms.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => forms.concat(),
    }
}
