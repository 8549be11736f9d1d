//! The messages between a campaign and its workers.

use crate::triage::cause::Cause;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// A message to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Check the inputs with these numbers: the first, and the one after the last.
    Check(u64, u64),
    /// Make the finding of the input with this number smaller, and find its cause.
    Reduce(u64),
    /// Say which of these causes the finding of the input with this number has.
    Explain(u64, Vec<Cause>),
    /// Run the case with this number, whatever it shows.
    Run(u64),
    /// Make a case smaller whose worker does not survive. Ends with [`Answer::Reduced`], or with the worker.
    ReduceLoss {
        /// The number of the case.
        number: u64,
        /// The end of the worker that ran the case.
        loss: Loss,
        /// The results of the trials so far: whether they showed the loss.
        journal: Vec<bool>,
        /// The most trials.
        runs: u32,
    },
}

/// A message of a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The worker has opened its lanes.
    Ready,
    /// An input has been checked. Every input gets this answer or [`Lost`](Answer::Lost), in order.
    Checked {
        /// The number of the input.
        number: u64,
        /// The counts of this input alone.
        counts: Value,
        /// The processor time since the last answer, in microseconds.
        processor: u64,
        /// The finding, if there is one.
        found: Option<Found>,
    },
    /// An input could not be checked to its end, and the worker ends.
    Lost {
        /// The number of the input.
        number: u64,
        /// The end of the check.
        loss: Loss,
    },
    /// All inputs that were asked for have been checked.
    Done,
    /// The worker has grown, and ends before it comes near its limit. The inputs that it has not answered are left.
    Full,
    /// A trial begins, which the worker may not survive.
    Trying,
    /// The worker has survived the trial.
    Survived,
    /// The smaller finding, if the finding could be made smaller.
    Reduced(Option<Box<Small>>),
    /// The index of the first cause that the finding has.
    Explained(Option<usize>),
}

/// A finding of an oracle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Found {
    /// The part that findings of one cause have in common.
    pub signature: String,
    /// A few lines that say what is wrong.
    pub summary: String,
    /// A script that shows the finding, if there is one.
    pub script: Option<String>,
    /// Everything that is needed to understand the finding. Empty if there is a script.
    pub details: String,
}

/// A finding that was made smaller.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Small {
    /// A script that shows the finding, if there is one.
    pub script: Option<String>,
    /// A JavaScript program that shows the finding, if there can be one.
    pub program: Option<String>,
    /// The cause.
    pub cause: Cause,
}

/// The end of a check that did not come to a verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Loss {
    /// The kind of the end.
    pub kind: LossKind,
    /// The lane that was running, if the oracle runs lanes.
    pub lane: Option<String>,
    /// The source location of a panic.
    pub location: Option<String>,
    /// The cause in words: a message, a limit, the last words of the process.
    pub message: String,
}

/// The kinds of findings that are no verdict of an oracle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LossKind {
    /// A panic.
    Panicked,
    /// The process died of a signal, or ended itself.
    Crashed,
    /// The time of the input was up.
    TimedOut,
    /// The memory of the worker and of the engines that it started grew past the limit.
    OutOfMemory,
}

impl fmt::Display for LossKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LossKind::Panicked => "panicked",
            LossKind::Crashed => "crashed",
            LossKind::TimedOut => "timed out",
            LossKind::OutOfMemory => "out of memory",
        })
    }
}

impl Loss {
    /// Returns the finding that this loss is. Lane, location, and the first line of the message without its numbers
    /// tell causes apart.
    pub fn found(&self) -> Found {
        let lane = self.lane.as_deref().map(|lane| format!(" in {lane}")).unwrap_or_default();
        let location = self.location.as_deref().map(|location| format!(" at {location}")).unwrap_or_default();
        let (first, _) = self.message.split_once('\n').unwrap_or((&self.message, ""));
        let signature = format!("{}{lane}{location}: {}", self.kind, without_numbers(first));
        let summary = format!("{}{lane}{location}: {}", self.kind, self.message);
        Found { signature, details: summary.clone(), summary, script: None }
    }
}

/// Returns the text with each number replaced by `N`: addresses, sizes and indices differ between findings of one
/// cause.
fn without_numbers(text: &str) -> String {
    let mut short = String::new();
    let mut words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    words.by_ref().for_each(|word| {
        let (body, end) = match word.char_indices().next_back() {
            Some((at, last)) if !last.is_ascii_alphanumeric() => word.split_at(at),
            _ => (word, ""),
        };
        let is_number = body.starts_with(|c: char| c.is_ascii_digit());
        short += if is_number { "N" } else { body };
        short += end;
    });
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_of_one_cause_have_one_signature() {
        let loss = |kind, location: &str, message: &str| Loss {
            kind,
            lane: Some("mine".to_string()),
            location: Some(location.to_string()),
            message: message.to_string(),
        };
        let signature = |location, message| loss(LossKind::Panicked, location, message).found().signature;
        let one = signature("x.rs:12", "index 5 of 3\nmore");
        assert_eq!(one, signature("x.rs:12", "index 77 of 0x2f"));
        assert_eq!(one, "panicked in mine at x.rs:12: index N of N");
        assert_ne!(one, signature("x.rs:13", "index 5 of 3"));
        assert_ne!(one, signature("x.rs:12", "another message"));
        let other = loss(LossKind::Crashed, "x.rs:12", "index 5 of 3").found();
        assert_ne!(one, other.signature);
        assert_eq!(other.summary, "crashed in mine at x.rs:12: index 5 of 3");
    }
}
