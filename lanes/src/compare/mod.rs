//! The one comparison of what two lanes show.
//!
//! Everything that both lanes let us see is compared, except for messages, which are the engine's own words. Lanes of
//! one engine must show the same. Between engines a difference passes where a [`Rule`] allows it; [`Rule`] has the
//! table of all rules, and [`Comparison::tally`] counts how much was compared and how often each rule was needed.
//!
//! # Names
//!
//! Functions, tags and objects are named by numbers of the lane's own. Two lanes show the same if the names of one can
//! be replaced by those of the other, one for one, so that all is equal. For functions and tags one replacement holds
//! for the whole session. For objects it holds among what is shown together (the results of a step, the payload of an
//! exception, the arguments of a host call, or what an instance's exports hold), and it covers all objects that these
//! reach: their kinds, descriptors, tags, numbers of values, and each value, packed ones by their bits. If one lane
//! cannot look into an object, its kind and identity are compared; if one cannot tell objects apart, their kinds. Lanes
//! of one engine number alike, so their numbers must be equal.

mod frames;
mod isomorphism;
mod rules;
mod state;
mod tally;
#[cfg(test)]
mod tests;

use self::isomorphism::Names;
use crate::{Failure, Frame, HostCall, LaneInfo, Moves, Observation, Outcome, Refusal, State, Trap, TrapKind};
use std::fmt;

pub use self::frames::frames_agree;
pub use self::rules::Rule;
pub use self::tally::Tally;

/// A difference between two lanes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The part that differs: `outcome`, `object "#0"`, `frames`, `host calls`, `fuel`, `global "g"`, ...
    pub what: String,
    /// The observation of the left lane.
    pub left: String,
    /// The observation of the right lane.
    pub right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} / {}", self.what, self.left, self.right)
    }
}

fn difference(what: impl Into<String>, left: impl ToString, right: impl ToString) -> Option<Difference> {
    Some(Difference { what: what.into(), left: left.to_string(), right: right.to_string() })
}

/// The comparison of two lanes over one session.
#[derive(Clone, Debug)]
pub struct Comparison {
    same_engine: bool,
    same_backend: bool,
    same_code: bool,
    moves: [Moves; 2],
    names: Names,
    admitted: bool,
    /// True if what the next step shows depends on the order of threads.
    raced: bool,
    has_ended: bool,
    tally: Tally,
}

impl Comparison {
    /// A comparison of sessions of these lanes that begin now.
    pub fn new(left: &LaneInfo, right: &LaneInfo) -> Comparison {
        let same_engine = left.engine == right.engine;
        Comparison {
            same_engine,
            same_backend: same_engine && left.backend == right.backend,
            same_code: same_engine && left.code == right.code,
            moves: [left.moves, right.moves],
            names: Names::new(same_engine),
            admitted: false,
            raced: false,
            has_ended: false,
            tally: Tally::default(),
        }
    }

    /// Returns counts of what was compared so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Returns whether the comparison has ended: the stores are no longer comparable, and all further steps count as
    /// equal.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Ends the comparison between two backends because one of them does not support what it was asked for
    /// ([`Rule::NotSupported`]), though the observation does not say so. The interpreter has features that the compiled
    /// lanes lack; lanes of one backend have the same.
    pub fn end_unsupported(&mut self) {
        if !self.same_backend {
            self.end(Rule::NotSupported);
        }
    }

    /// Ends the comparison because the stores differ since a step whose difference is known.
    pub fn end_after_difference(&mut self) {
        self.has_ended = true;
    }

    fn end(&mut self, rule: Rule) {
        if !self.has_ended {
            self.tally.count_rule(rule);
        }
        self.has_ended = true;
    }

    /// Lets two backends have different results in the next step ([`Rule::AdmittedResult`]): several results are right,
    /// and those of both lanes are among them.
    pub fn admit(&mut self) {
        self.admitted = !self.same_backend;
    }

    /// Lets two lanes differ in the next step ([`Rule::Race`]): it uses what threads may write at the same time. A
    /// difference ends the comparison, since what follows may depend on it.
    pub fn admit_race(&mut self) {
        self.raced = true;
    }

    /// Notes that the contents of an instance's exports are not compared, since threads may have written them at the
    /// same time ([`Rule::Race`]).
    pub fn leave_out_raced_state(&mut self) {
        self.tally.count_rule(Rule::Race);
    }

    /// Compares what the same step showed in both lanes.
    pub fn step(&mut self, left: &Observation, right: &Observation) -> Option<Difference> {
        let raced = std::mem::take(&mut self.raced);
        let difference = self.compare_step(left, right);
        if raced && difference.is_some() {
            self.end(Rule::Race);
            return None;
        }
        difference
    }

    fn compare_step(&mut self, left: &Observation, right: &Observation) -> Option<Difference> {
        let admitted = std::mem::take(&mut self.admitted);
        if let Some(rule) = self.ending_rule(&left.outcome, &right.outcome) {
            self.end(rule);
        }
        if self.has_ended {
            self.tally.left_out += 1;
            return None;
        }
        self.tally.steps += 1;
        if let Some(difference) = self.compare_outcomes(left, right, admitted) {
            return Some(difference);
        }
        if let Some(difference) = self.compare_host_calls(&left.host_calls, &right.host_calls) {
            return Some(difference);
        }
        // Fuel is each engine's own measure.
        if self.same_engine && left.fuel != right.fuel {
            return difference("fuel", optional(left.fuel.as_ref()), optional(right.fuel.as_ref()));
        }
        None
    }

    /// Compares the contents of the same instance's exports in both lanes. `None` means that the lane cannot tell.
    pub fn state(&mut self, left: Option<&State>, right: Option<&State>) -> Option<Difference> {
        if self.has_ended {
            return None;
        }
        match (left, right) {
            (Some(left), Some(right)) => {
                state::compare_states(self.names.matching(&left.objects, &right.objects), left, right)
            }
            (None, None) => None,
            (left, right) if self.same_engine => difference(
                "state",
                optional(left.map(|_| "visible").as_ref()),
                optional(right.map(|_| "visible").as_ref()),
            ),
            _ => None,
        }
    }

    /// Returns the rule by which one of these outcomes makes the stores incomparable.
    fn ending_rule(&self, left: &Outcome, right: &Outcome) -> Option<Rule> {
        let outcomes = [left, right];
        let is_trap = |kind| outcomes.iter().any(|outcome| outcome.as_trap().is_some_and(|trap| trap.may_be(kind)));
        if !self.same_code && is_trap(TrapKind::StackOverflow) {
            return Some(Rule::StackOverflow);
        }
        if !self.same_code && is_trap(TrapKind::OutOfHeap) {
            return Some(Rule::HeapExhausted);
        }
        if !self.same_engine && outcomes.into_iter().any(is_incomparable) {
            return Some(Rule::NotSupported);
        }
        if left.is_exhausted() != right.is_exhausted() {
            return Some(Rule::NotSupported);
        }
        if !self.same_engine && is_trap(TrapKind::OutOfFuel) {
            return Some(Rule::OutOfFuel);
        }
        None
    }

    fn compare_outcomes(&mut self, left: &Observation, right: &Observation, admitted: bool) -> Option<Difference> {
        match (&left.outcome, &right.outcome) {
            (Outcome::Values(one), Outcome::Values(other)) if admitted => {
                if one != other {
                    self.tally.count_rule(Rule::AdmittedResult);
                }
                return None;
            }
            (Outcome::Values(one), Outcome::Values(other)) => {
                let mut matching = self.names.matching(&left.objects, &right.objects);
                if matching.values(one, other) {
                    return matching.contents();
                }
            }
            (Outcome::Refused(one), Outcome::Refused(other)) if self.is_same_refusal(one, other) => return None,
            (Outcome::Failed(Failure::Trap(one)), Outcome::Failed(Failure::Trap(other))) => {
                if let Some(moved) = self.is_same_trap(one, other) {
                    return self.compare_trap_frames(one.frames.as_deref(), other.frames.as_deref(), moved);
                }
            }
            (Outcome::Failed(Failure::Exception(one)), Outcome::Failed(Failure::Exception(other))) => {
                let mut matching = self.names.matching(&left.objects, &right.objects);
                if matching.exception(one, other) {
                    let contents = matching.contents();
                    return contents
                        .or_else(|| self.compare_trap_frames(one.frames.as_deref(), other.frames.as_deref(), false));
                }
            }
            (Outcome::Failed(one), Outcome::Failed(other)) if are_equal_failures(one, other) => return None,
            _ => {}
        }
        difference("outcome", &left.outcome, &right.outcome)
    }

    fn is_same_refusal(&mut self, left: &Refusal, right: &Refusal) -> bool {
        if left.phase == right.phase {
            return true;
        }
        let less_exact = left.phase.may_be(right.phase) || right.phase.may_be(left.phase);
        if less_exact {
            self.tally.count_rule(Rule::LessExact);
        }
        less_exact
    }

    /// Returns whether two traps agree in their kind: `Some(moved)` if they do, where `moved` says that the instruction
    /// may differ.
    fn is_same_trap(&mut self, left: &Trap, right: &Trap) -> Option<bool> {
        if left.kinds().any(|kind| right.may_be(kind)) {
            if !left.kinds().eq(right.kinds()) {
                self.tally.count_rule(Rule::LessExact);
            }
            return Some(self.moves.iter().any(|moves| moves.may_move(left.kind)));
        }
        if !self.same_engine && is_either_reason(left, right) {
            self.tally.count_rule(Rule::EitherReason);
            return Some(false);
        }
        None
    }

    /// Compares the frames of a trap or an exception.
    fn compare_trap_frames(
        &mut self,
        left: Option<&[Frame]>,
        right: Option<&[Frame]>,
        moved: bool,
    ) -> Option<Difference> {
        self.tally.traps += u64::from(left.is_some() && right.is_some());
        self.compare_frames("frames", left, right, moved)
    }

    fn compare_frames(
        &mut self,
        what: &str,
        left: Option<&[Frame]>,
        right: Option<&[Frame]>,
        moved: bool,
    ) -> Option<Difference> {
        let equal = match (left, right) {
            (Some(left), Some(right)) => {
                self.tally.count_frames(left, right, moved);
                // Names are compared within an engine only: engines show them in different ways.
                if self.same_engine && !moved { left == right } else { frames_agree(left, right, moved) }
            }
            (None, None) => true,
            _ => !self.same_engine,
        };
        if left.is_some() != right.is_some() {
            self.tally.count_rule(Rule::NoFrames);
        }
        if equal { None } else { difference(what, frames::list(left), frames::list(right)) }
    }

    fn compare_host_calls(&mut self, left: &[HostCall], right: &[HostCall]) -> Option<Difference> {
        if left.len() != right.len() {
            return difference("host calls", call_list(left), call_list(right));
        }
        for (left, right) in left.iter().zip(right) {
            if let Some(difference) = self.compare_host_call(left, right) {
                return Some(difference);
            }
        }
        None
    }

    fn compare_host_call(&mut self, left: &HostCall, right: &HostCall) -> Option<Difference> {
        let mut matching = self.names.matching(&left.objects, &right.objects);
        let same_function = left.module == right.module && left.name == right.name;
        if !same_function || !matching.values(&left.arguments, &right.arguments) {
            return difference("host call", left, right);
        }
        if let Some(difference) = matching.contents() {
            return Some(difference);
        }
        self.tally.host_calls += u64::from(left.frames.is_some() && right.frames.is_some());
        self.compare_frames("frames of a host call", left.frames.as_deref(), right.frames.as_deref(), false)
    }
}

/// Returns whether an outcome says nothing about what the module does: the engine lacks something, ran out of a
/// resource or lost its process.
fn is_incomparable(outcome: &Outcome) -> bool {
    outcome.is_unsupported() || outcome.is_lost()
}

/// Returns whether one atomic access may have the reasons of both traps ([`Rule::EitherReason`]).
fn is_either_reason(left: &Trap, right: &Trap) -> bool {
    let reasons = [TrapKind::UnalignedAtomic, TrapKind::MemoryOutOfBounds, TrapKind::ExpectedSharedMemory];
    [left, right].iter().all(|trap| reasons.iter().any(|&reason| trap.may_be(reason)))
}

/// Returns whether failures other than traps and exceptions are equal. The texts of host errors and panics come from
/// us, so they are compared; all other texts are the engine's.
fn are_equal_failures(left: &Failure, right: &Failure) -> bool {
    match (left, right) {
        (Failure::Trap(_) | Failure::Exception(_), _) => false,
        (Failure::Host(left), Failure::Host(right)) | (Failure::Panic(left), Failure::Panic(right)) => left == right,
        _ => left.name() == right.name(),
    }
}

fn optional(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "not visible".to_string(), ToString::to_string)
}

fn call_list(calls: &[HostCall]) -> String {
    format!("[{}]", calls.iter().map(HostCall::to_string).collect::<Vec<_>>().join(", "))
}
