//! Runs tools that need not be installed: debuggers that watch a test of this binary, and readers of DWARF.

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
    let is_installed = Command::new(tool).arg("--version").stdin(Stdio::null()).output().is_ok();
    if !is_installed {
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

/// Says why a test shows nothing here.
fn skip<T>(why: &str) -> Option<T> {
    assert!(std::env::var_os("TOUCHSTONE_REQUIRE_TOOLS").is_none(), "{why}");
    eprintln!("skipped: {why}");
    None
}

/// Runs gdb on the test `debuggee` of this binary. Returns the transcript; `None` if gdb cannot be used here.
pub(crate) fn gdb(folder: &Path, debuggee: &str, environment: Environment<'_>, commands: &[&str]) -> Option<String> {
    let settings = ["set confirm off", "set pagination off", "set width 0", "set breakpoint pending on"];
    std::fs::write(folder.join("commands.gdb"), [&settings, commands].concat().join("\n")).unwrap();
    debug(folder, "gdb", &["--batch", "-nx", "-x", "commands.gdb", "--args"], debuggee, environment)
}

/// Runs lldb like [`gdb`].
pub(crate) fn lldb(folder: &Path, debuggee: &str, environment: Environment<'_>, commands: &[&str]) -> Option<String> {
    let settings = ["settings set plugin.jit-loader.gdb.enable on"];
    std::fs::write(folder.join("commands.lldb"), [&settings, commands].concat().join("\n")).unwrap();
    debug(folder, "lldb", &["--batch", "--no-lldbinit", "--source", "commands.lldb", "--"], debuggee, environment)
}

fn debug(
    folder: &Path,
    tool: &str,
    arguments: &[&str],
    debuggee: &str,
    environment: Environment<'_>,
) -> Option<String> {
    let binary = std::env::current_exe().unwrap();
    let test = [binary.to_str().expect("a path of this build"), "--exact", debuggee, "--ignored", "--nocapture"];
    let (transcript, _) = run_tool(folder, tool, &[arguments, &test].concat(), environment)?;
    let is_refused = ["Operation not permitted", "Could not trace the inferior", "not allowed to trace"];
    if is_refused.iter().any(|refusal| transcript.contains(refusal)) {
        return skip(&format!("{tool} may not trace processes here"));
    }
    Some(transcript)
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
