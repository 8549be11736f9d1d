//! The program, scripts for it, and its reports.

use runner::report::Report;
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs the program.
pub(crate) fn touchstone(arguments: &[&str]) -> Output {
    // The product has no faulty lanes.
    let faulty = arguments.iter().any(|argument| argument.contains("faulty/"));
    let program = if faulty { env!("CARGO_BIN_EXE_faulty") } else { env!("CARGO_BIN_EXE_touchstone") };
    let mut command = Command::new(program);
    command.env_remove("SPEC_TESTSUITE").args(arguments).output().expect("touchstone starts")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory with one script.
pub(crate) fn script(contents: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("x.wast");
    fs::write(&path, contents).expect("a script");
    let path = path.display().to_string();
    (directory, path)
}

/// Runs scripts, and returns the JSON report and the output.
pub(crate) fn report_and_output(arguments: &[&str]) -> (Report, Output) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("report.json");
    let option = format!("json={}", file.display());
    let output = touchstone(&[arguments, &["--report", &option]].concat());
    let json = fs::read_to_string(&file).unwrap_or_else(|_| panic!("no report: {}", text(&output.stderr)));
    (serde_json::from_str(&json).expect("the report's schema"), output)
}
