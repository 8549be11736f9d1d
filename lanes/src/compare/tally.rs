//! What a comparison has seen, and what its rules let pass: that no difference was found says little without it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A rule of [`compare`](crate::compare) by which a difference does not count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The stack overflowed, which ends the comparison.
    StackOverflow,
    /// One lane does not support something, ran out of a resource or lost its process, which ends the comparison.
    NotSupported,
    /// The heap was exhausted, which ends the comparison.
    HeapExhausted,
    /// Fuel ran out, which ends the comparison.
    OutOfFuel,
    /// One lane has a word that means more than that of the other.
    LessExact,
    /// Lanes name different ones of the reasons for which an atomic access traps.
    EitherReason,
    /// The innermost frames of a trap differ in their byte offset.
    MovedTrap,
    /// Results differ where several are right.
    AdmittedResult,
    /// One lane shows no frames.
    NoFrames,
}

/// What was compared.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Steps that were compared.
    pub steps: u64,
    /// Steps that were not, because the comparison had ended.
    pub left_out: u64,
    /// Traps and exceptions of which both lanes show frames.
    pub traps: u64,
    /// Calls of host functions of which both lanes show frames.
    pub host_calls: u64,
    /// Frames of these, compared by function index.
    pub frames: u64,
    /// Those of them that were compared by byte offset too.
    pub offsets: u64,
    /// How often each rule was needed.
    pub rules: BTreeMap<Rule, u64>,
}

impl Rule {
    /// The name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Rule::StackOverflow => "stack-overflow",
            Rule::NotSupported => "not-supported",
            Rule::HeapExhausted => "heap-exhausted",
            Rule::OutOfFuel => "out-of-fuel",
            Rule::LessExact => "less-exact",
            Rule::EitherReason => "either-reason",
            Rule::MovedTrap => "moved-trap",
            Rule::AdmittedResult => "admitted-result",
            Rule::NoFrames => "no-frames",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Tally {
    pub(crate) fn needed(&mut self, rule: Rule) {
        *self.rules.entry(rule).or_default() += 1;
    }

    /// Adds what another comparison has seen.
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
        sum.needed(Rule::MovedTrap);
        let mut other = sum.clone();
        other.needed(Rule::NoFrames);
        sum.add(&other);
        assert_eq!((sum.steps, sum.frames), (2, 4));
        assert_eq!(sum.rules, [(Rule::MovedTrap, 2), (Rule::NoFrames, 1)].into());
    }

    #[test]
    fn reports_and_people_read_the_same_names() {
        for rule in [Rule::StackOverflow, Rule::HeapExhausted, Rule::AdmittedResult, Rule::NoFrames] {
            assert_eq!(serde_json::to_value(rule).expect("a word"), rule.name());
        }
    }
}
