//! Runs scripts with `touchstone`, and says whether they notice the fault.

use crate::process::plant;
use engine::Fault;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Returns the program `touchstone` in the folder of this program.
///
/// # Errors
/// If this program has no path.
pub(crate) fn beside_this_program() -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(this.with_file_name("touchstone"))
}

/// Runs a suite. Returns the first complaint: a script that does not pass, or a program that does not survive.
///
/// # Errors
/// If the program cannot be started, or does not know the faults.
pub(crate) fn run(touchstone: &Path, suite: &str, lanes: &str, fault: Option<Fault>) -> Result<Option<String>, String> {
    let mut command = Command::new(touchstone);
    // A fault may make loops endless.
    command.args(["--quiet", "--fail-fast", "--timeout", "20", "--lanes", lanes, suite]).stdin(Stdio::null());
    plant(&mut command, fault);
    let output = command.output().map_err(|error| format!("cannot start {}: {error}", touchstone.display()))?;
    if output.status.success() {
        return Ok(None);
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let complaint = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    match output.status.code() {
        Some(2) => Err(format!("touchstone cannot run {suite}: {complaint}")),
        _ => Ok(Some(complaint.trim().to_string())),
    }
}
