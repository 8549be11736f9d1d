//! Causes: why a module, an instance or a thread of the script is missing, and the verdict on what needs it.

use super::{Miss, Verdict};

/// The reason why something is missing that a later directive needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    /// The engine does not support it.
    Unsupported,
    /// The directive on this line failed to make it.
    Failed {
        /// The line, counted from 1.
        line: u32,
    },
}

impl Cause {
    /// Returns the cause that a directive on this line leaves behind for others. A directive that follows from another
    /// one passes that one's line on. `None` if it passed.
    pub(super) fn of(verdict: &Verdict, line: u32) -> Option<Cause> {
        match verdict {
            Ok(()) => None,
            Err(Miss::Unsupported(_)) => Some(Cause::Unsupported),
            Err(Miss::Follows { line, .. }) => Some(Cause::Failed { line: *line }),
            Err(Miss::Failed(_) | Miss::Crashed(_) | Miss::TimedOut(_)) => Some(Cause::Failed { line }),
        }
    }

    /// Makes the miss of a directive that cannot be judged for this cause.
    pub(super) fn miss(self, message: &str) -> Miss {
        match self {
            Cause::Unsupported => Miss::Unsupported(format!("follows from what was unsupported: {message}")),
            Cause::Failed { line } => Miss::Follows { line, message: format!("follows from line {line}: {message}") },
        }
    }
}
