//! Debuggers that watch a test of this binary.

mod variables;

use crate::tools::{Environment, run_tool, skip};
use std::path::Path;

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
