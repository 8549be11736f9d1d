//! Writing to standard output and standard error, which may be closed or full.

use crate::report::visible_lines;
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

/// Writes text that may have come from outside to standard output, without characters that act on a terminal.
pub(super) fn say_visible(text: &impl Display) -> Result<(), String> {
    say(&visible_lines(&text.to_string()))
}

/// Writes lines to standard error, without characters that act on a terminal. If that fails, there is no one left to
/// tell.
pub(super) fn tell(lines: &impl Display) {
    let _ = writeln!(io::stderr(), "{}", visible_lines(&lines.to_string()));
}
