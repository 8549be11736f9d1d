//! `touchstone report` and `touchstone diff`: JSON reports as a page, and what changed from one to another.

use super::output::say;
use super::scripts::When;
use crate::report::{Changes, Report, page, terminal};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

/// Make a page of JSON reports: a grid of scripts and lanes with all failures, disagreements, pass rates by version,
/// and what changed. It is one file that needs no network.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The reports, as --report json=FILE writes them, of different lanes, versions or scripts.
    #[arg(value_name = "JSON", required = true)]
    reports: Vec<PathBuf>,
    /// The folder for the page, which is called index.html.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Show what changed since this report. Repeatable, for a run that is several reports.
    #[arg(long, value_name = "JSON")]
    against: Vec<PathBuf>,
}

/// Show what became worse, and what became better, from one JSON report to another.
///
/// Worse are new failures and disagreements, fewer supported directives, and scripts and lanes that did not run again.
/// A failure that is only in scripts or lanes that the old report does not have is no regression.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  nothing became worse
  1  something became worse
  2  the command line is wrong, or a report cannot be read")]
pub(super) struct DiffArgs {
    /// The older report.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The newer report.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// When to use color.
    #[arg(long, value_enum, default_value_t = When::Auto)]
    color: When,
}

/// Writes the page. Returns the exit code, which does not depend on the results.
pub(super) fn write_page(arguments: &ReportArgs) -> Result<u8, String> {
    let report = read(&arguments.reports)?;
    let against = match arguments.against.as_slice() {
        [] => None,
        files => {
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            let changes = Changes::between(&read(files)?, &report);
            Some(page::Against { name: names.join(", "), changes })
        }
    };
    let folder = &arguments.output;
    fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let file = folder.join("index.html");
    let text = page::render(&report, against.as_ref())?;
    fs::write(&file, &text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    say(&format_args!("{}: {}, {} kB\n", file.display(), terminal::counts(&report), text.len().div_ceil(1000)))?;
    Ok(0)
}

/// Prints the changes. Returns the exit code.
pub(super) fn diff(arguments: &DiffArgs) -> Result<u8, String> {
    let [old, new] = [&arguments.old, &arguments.new].map(|file| Report::read(file));
    let changes = Changes::between(&old?, &new?);
    say(&terminal::changes(&changes, arguments.color.paint()))?;
    Ok(u8::from(!changes.worse.is_empty()))
}

/// Reads reports as one.
fn read(files: &[PathBuf]) -> Result<Report, String> {
    let read = |file: &PathBuf| Ok((file.display().to_string(), Report::read(Path::new(file))?));
    Report::merge(files.iter().map(read).collect::<Result<Vec<_>, String>>()?)
}
