//! The search for a fault: all targets take turns, each over its next inputs, until one finds something.
//!
//! The turns become longer, so that a fault that some target finds soon costs little, whichever target that is.

use crate::process::{Finding, plant, watch};
use engine::Fault;
use std::process::Command;
use std::time::Duration;

/// The settings of a search.
pub(crate) struct Search {
    /// The names of the targets, in the order in which they take turns.
    pub(crate) targets: Vec<&'static str>,
    /// The lanes to compare.
    pub(crate) lanes: String,
    /// The seed from which the inputs follow.
    pub(crate) seed: u64,
    /// The most inputs of each target.
    pub(crate) inputs: u64,
    /// The most processor time of each target.
    pub(crate) processor: Duration,
}

/// The result of a search.
pub(crate) struct Found {
    /// The target that found something, and what.
    pub(crate) finding: Option<(&'static str, Finding)>,
    /// The number of inputs of the target, or of all if none found anything.
    pub(crate) inputs: u64,
    /// The processor time of the target, or of all if none found anything.
    pub(crate) processor: Duration,
}

/// The progress of a target.
struct Progress {
    target: &'static str,
    next: u64,
    processor: Duration,
}

impl Search {
    /// Searches for a fault.
    ///
    /// # Errors
    /// If a child cannot be run.
    pub(crate) fn run(&self, fault: Option<Fault>) -> Result<Found, String> {
        let start = |&target: &&'static str| Progress { target, next: 0, processor: Duration::ZERO };
        let mut all: Vec<Progress> = self.targets.iter().map(start).collect();
        for turn in [100, 10, 1] {
            for progress in &mut all {
                let limit = self.inputs.div_ceil(turn);
                if let Some(finding) = self.advance(progress, limit, fault)? {
                    let (inputs, processor) = (progress.next, progress.processor);
                    return Ok(Found { finding: Some((progress.target, finding)), inputs, processor });
                }
            }
        }
        let inputs = all.iter().map(|progress| progress.next).sum();
        let processor = all.iter().map(|progress| progress.processor).sum();
        Ok(Found { finding: None, inputs, processor })
    }

    /// Runs a target up to this number of inputs. Returns what it found.
    fn advance(&self, progress: &mut Progress, limit: u64, fault: Option<Fault>) -> Result<Option<Finding>, String> {
        let left = self.processor.saturating_sub(progress.processor);
        if left.is_zero() || progress.next >= limit {
            return Ok(None);
        }
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args(["--child", "--targets", progress.target, "--lanes", &self.lanes]);
        command.args(["--seed", &self.seed.to_string(), "--from", &progress.next.to_string()]);
        command.args(["--inputs", &(limit - progress.next).to_string()]);
        plant(&mut command, fault);
        let end = watch(command, left)?;
        // The input that a process did not survive counts, too.
        let dies = end.finding.as_ref().is_some_and(|finding| finding.death.is_some());
        progress.next = end.next + u64::from(dies);
        progress.processor += end.processor;
        Ok(end.finding)
    }
}
