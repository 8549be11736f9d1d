//! The command line of the gate's checks. It prints one line for each complaint, and exits with 1 if there are any.

use ci::{conformance, dependencies, engines};
use clap::Parser;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
enum Command {
    /// Checks the output of `cargo tree -e normal --prefix none` on the standard input: a program without the compiler.
    Dependencies,
    /// Checks the runner's JSON report over official suites.
    Conformance {
        /// The report.
        report: PathBuf,
        /// The lanes that the report must have.
        #[arg(long, value_delimiter = ',', required = true)]
        lanes: Vec<String>,
        /// The suites that the report must have, without `spec:`.
        #[arg(long, value_delimiter = ',', required = true)]
        suites: Vec<String>,
        /// The directory of the official checkout, as the runner was given it.
        #[arg(long)]
        checkout: Option<String>,
    },
    /// Prints a line for each engine of `ci/engines.toml` that is named, for `ci/install-engines.sh`.
    Engines {
        /// Names, as NAME or NAME@VERSION. The engines that the gate uses if there is none.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    let complaints = match Command::parse() {
        Command::Engines { names } => Ok(match engines::lines(engines::TABLE, &names) {
            Ok(lines) => {
                lines.iter().for_each(|line| println!("{line}"));
                Vec::new()
            }
            Err(complaint) => vec![complaint],
        }),
        Command::Dependencies => io::read_to_string(io::stdin()).map(|tree| dependencies::check(&tree)),
        Command::Conformance { report, lanes, suites, checkout } => {
            fs::read_to_string(report).map(|report| conformance::check(&report, &lanes, &suites, checkout.as_deref()))
        }
    };
    let complaints = complaints.unwrap_or_else(|error| vec![format!("the input cannot be read: {error}")]);
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
