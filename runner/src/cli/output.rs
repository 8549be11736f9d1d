//! Writing to standard output and standard error, which may be closed or full.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Writes to standard output. A reader that has gone away, as `head` does, is no error: the results of the run are the
/// same. Any other error is one, since the output is incomplete.
pub(super) fn say(text: &impl Display) -> Result<(), String> {
    let mut output = io::stdout().lock();
    match write!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("cannot write to standard output: {error}")),
        _ => Ok(()),
    }
}

/// Writes a line to standard error. If that fails, there is no one left to tell.
pub(super) fn tell(line: &impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
