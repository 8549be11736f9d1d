//! A process that runs one target over some inputs. It prints a line for each input and for each lane before it runs,
//! so that its parent knows what it did not survive, and a last line with the finding, if there is one.

use fuzz::campaign::{Inputs, processor_time};
use fuzz::oracle::{self, Verdict};
use fuzz::panel::{Panel, watch};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// A line of a child.
#[derive(Serialize, Deserialize)]
pub(crate) enum Line {
    /// The number of the input that runs next, and the processor time so far in microseconds.
    Next(u64, u64),
    /// The name of the lane that runs next; empty when none runs any more.
    Lane(String),
    /// The signature of the finding of the last input, and its summary.
    Found(String, String),
    /// All inputs passed.
    Passed,
}

/// Checks `inputs` inputs from number `from` on, up to the first finding. Returns true.
pub(crate) fn run(target: &str, lanes: &str, seed: u64, from: u64, inputs: u64) -> Result<bool, String> {
    watch::observe(|lane| {
        // A parent that is gone does not miss it.
        let _ = say(&Line::Lane(lane.to_string()));
    });
    let source = Inputs { seed, ..Inputs::default() };
    let mut oracle = (oracle::find(target)?.make)(Panel::parse(lanes)?);
    for k in from..from + inputs {
        say(&Line::Next(k, micros()))?;
        if let Verdict::Found(report) = oracle.check(&source.get(k)) {
            say(&Line::Next(k + 1, micros()))?;
            say(&Line::Found(report.signature(), report.summary()))?;
            return Ok(true);
        }
    }
    say(&Line::Next(from + inputs, micros()))?;
    say(&Line::Passed)?;
    Ok(true)
}

fn micros() -> u64 {
    u64::try_from(processor_time().as_micros()).unwrap_or(u64::MAX)
}

fn say(line: &Line) -> Result<(), String> {
    let line = serde_json::to_string(line).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "{line}").map_err(|error| error.to_string())
}
