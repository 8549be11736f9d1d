//! Runs tools that need not be installed. A test says so on stderr and passes where its tool is missing.

use std::path::Path;
use std::process::{Command, Stdio};

/// The time after which a tool that hangs is killed, in seconds.
const TIMEOUT: &str = "100";

/// Runs a tool in a folder. Returns what it prints on both streams, and whether its exit code was 0; `None` if it is
/// not installed. That is a failure where `TOUCHSTONE_REQUIRE_TOOLS` is set.
pub(crate) fn run_tool(
    folder: &Path,
    tool: &str,
    arguments: &[&str],
    environment: Environment<'_>,
) -> Option<(String, bool)> {
    // A program of this build has no such option.
    let is_installed =
        Path::new(tool).is_absolute() || Command::new(tool).arg("--version").stdin(Stdio::null()).output().is_ok();
    if !is_installed {
        assert!(std::env::var_os("TOUCHSTONE_REQUIRE_TOOLS").is_none(), "{tool} is not installed");
        return skip(&format!("{tool} is not installed"));
    }
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", TIMEOUT, tool]).args(arguments).envs(environment.iter().copied());
    // A debugger would wait for input for ever.
    let output = command.current_dir(folder).stdin(Stdio::null()).output().expect("coreutils are installed");
    let text = [output.stdout, output.stderr].map(|stream| String::from_utf8_lossy(&stream).into_owned()).concat();
    Some((text, output.status.success()))
}

/// Variables of the environment, with their values.
pub(crate) type Environment<'a> = &'a [(&'a str, &'a str)];

/// Says why a test shows nothing here: a tool is missing, or the system forbids what it does.
pub(crate) fn skip<T>(why: &str) -> Option<T> {
    eprintln!("skipped: {why}");
    None
}

/// Checks that a transcript has these texts, in this order.
#[track_caller]
pub(crate) fn expect_in_order(transcript: &str, texts: &[&str]) {
    let mut rest = transcript;
    for text in texts {
        let Some(at) = rest.find(text) else {
            panic!("no {text:?} in the rest of the transcript:\n{rest}\n\nall:\n{transcript}")
        };
        rest = &rest[at + text.len()..];
    }
}
