//! Counts of what a comparison has seen, and of what its rules let pass. Without them, "no difference" says little.

use super::Rule;
use super::frames::is_same_location;
use crate::Frame;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts of what was compared.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Steps that were compared.
    pub steps: u64,
    /// Steps that were not compared, because the comparison had ended.
    pub left_out: u64,
    /// Traps and exceptions of which both lanes show frames.
    pub traps: u64,
    /// Calls of host functions of which both lanes show frames.
    pub host_calls: u64,
    /// Frames of traps, exceptions and host calls that were compared by function index.
    pub frames: u64,
    /// Frames that were compared by byte offset too.
    pub offsets: u64,
    /// The number of times that each rule was needed.
    pub rules: BTreeMap<Rule, u64>,
}

impl Tally {
    pub(super) fn count_rule(&mut self, rule: Rule) {
        *self.rules.entry(rule).or_default() += 1;
    }

    /// Counts the frames of a backtrace that both lanes show. `moved` says that the innermost instruction may differ.
    pub(super) fn count_frames(&mut self, left: &[Frame], right: &[Frame], moved: bool) {
        for (depth, (left, right)) in left.iter().zip(right).enumerate() {
            self.frames += 1;
            self.offsets += u64::from(left.module_offset.is_some() && right.module_offset.is_some());
            if moved && depth == 0 && !is_same_location(left, right) {
                self.count_rule(Rule::MovedTrap);
            }
        }
    }

    /// Adds the counts of another comparison.
    pub fn add(&mut self, other: &Tally) {
        self.steps += other.steps;
        self.left_out += other.left_out;
        self.traps += other.traps;
        self.host_calls += other.host_calls;
        self.frames += other.frames;
        self.offsets += other.offsets;
        for (rule, count) in &other.rules {
            *self.rules.entry(*rule).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up() {
        let mut sum = Tally { steps: 1, frames: 2, ..Tally::default() };
        sum.count_rule(Rule::MovedTrap);
        let mut other = sum.clone();
        other.count_rule(Rule::NoFrames);
        sum.add(&other);
        assert_eq!((sum.steps, sum.frames), (2, 4));
        assert_eq!(sum.rules, [(Rule::MovedTrap, 2), (Rule::NoFrames, 1)].into());
    }
}
