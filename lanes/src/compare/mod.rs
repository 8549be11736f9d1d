//! The one comparison. Messages are never compared; everything else that both lanes let us see is, under the rules below.
//! [`Comparison::tally`] says how much was compared, and how often which rule was needed, by the names in italics.
//!
//! 1. Within a family (our own lanes) everything must be equal: outcome, trap kind, all frames, host calls with their
//!    frames, fuel, globals, memories, tables.
//! 2. *stack-overflow*: it depends on frame sizes. Lanes with the same code must overflow alike, with the same frames;
//!    otherwise one of the two may overflow alone, its frames are not compared, and the stores are not compared further
//!    from there.
//!    *heap-exhausted*: likewise of the heap, which depends on how long a compiler keeps a reference.
//! 3. Between families frames are compared by function index and byte offset, where both have them (*no-frames*), and
//!    fuel is not. *not-supported*: a lane that does not support something, runs out of a resource, or loses its process,
//!    ends the comparison of that pair.
//! 4. *less-exact*: between families an engine may be less exact than the other. One that has the same word for several
//!    trap kinds agrees with each of them, and one that does not tell malformed from invalid agrees with both.
//!    *either-reason*: an atomic access can be unaligned, out of bounds, and a wait on a memory that is not shared, all at
//!    once. It traps, and each engine looks for one or another of these first.
//!    *out-of-fuel*: fuel is each family's own measure, and one that ran out of it ends the comparison.
//! 5. *moved-trap*: a compiler may report a trap at another instruction of the same function than the one that trapped,
//!    such as the branch around it. Of a lane that says so ([`LaneInfo::moves`]) the byte offset of a trap's innermost
//!    frame is not compared; everything else of the frames is, and so is the frame of a host call.
//! 6. *admitted-result*: the bits of a NaN that arithmetic makes, and some results of relaxed SIMD, are the engine's
//!    choice. Between families, results need not be the same where a script admits several and both are among them;
//!    whoever knows the script says so ([`Comparison::admit`]).
//! 7. The same but for the names. Functions, tags and objects are named by numbers of the lane's own. What two lanes
//!    show is equal if the names of one can be written for those of the other, one for one, so that all is equal. For
//!    functions and tags that is so throughout the session. For objects it is so among what is shown together (the
//!    results of a step, the payload of an exception, the arguments of a host call, or what an instance's exports hold),
//!    and extends to all that they reach: their kinds, an exception's tag, how many values each holds, and each value,
//!    packed ones by their bits. Of an object into which one of the lanes cannot look, kind and identity are compared,
//!    and of what a lane cannot tell apart, the kind. Within a family the numbers must be the same, too.

mod isomorphism;
mod tally;

use self::isomorphism::{Matching, Names};
pub use self::tally::{Rule, Tally};
use crate::{Failure, Frame, HostCall, LaneInfo, Moves, Observation, Outcome, State, TableState, Trap, TrapKind};
use std::fmt;

/// Two lanes that do not agree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What differs: `outcome`, `object "#0"`, `frames`, `host calls`, `fuel`, `global "g"`, ...
    pub what: String,
    /// What the left lane showed.
    pub left: String,
    /// What the right lane showed.
    pub right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} / {}", self.what, self.left, self.right)
    }
}

/// The comparison of two lanes over one session.
#[derive(Clone, Debug)]
pub struct Comparison {
    same_engine: bool,
    same_code: bool,
    moves: [Moves; 2],
    names: Names,
    admitted: bool,
    ended: bool,
    tally: Tally,
}

impl Comparison {
    /// A comparison of sessions of these lanes that begin now.
    pub fn new(left: &LaneInfo, right: &LaneInfo) -> Comparison {
        let same_engine = left.engine == right.engine;
        Comparison {
            same_engine,
            same_code: same_engine && left.code == right.code,
            moves: [left.moves, right.moves],
            names: Names::new(same_engine),
            admitted: false,
            ended: false,
            tally: Tally::default(),
        }
    }

    /// What was compared so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether the stores are no longer comparable: all further steps count as equal.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Says that one of the lanes does not support what it was asked for, as far as whoever judges it can tell (rule 3).
    pub fn unsupported(&mut self) {
        if !self.same_engine {
            self.end(Rule::NotSupported);
        }
    }

    fn end(&mut self, rule: Rule) {
        if !self.ended {
            self.tally.needed(rule);
        }
        self.ended = true;
    }

    /// Says that the results of the next step, if both lanes have any, are among several that are right (rule 6).
    pub fn admit(&mut self) {
        self.admitted = !self.same_engine;
    }

    /// Compares what the same step showed in both lanes.
    pub fn step(&mut self, left: &Observation, right: &Observation) -> Option<Difference> {
        let admitted = std::mem::take(&mut self.admitted);
        if let Some(rule) = self.ends(&left.outcome, &right.outcome) {
            self.end(rule);
        }
        if self.ended {
            self.tally.left_out += 1;
            return None;
        }
        self.tally.steps += 1;
        self.outcomes(left, right, admitted).or_else(|| self.host_calls(&left.host_calls, &right.host_calls)).or_else(
            || match self.same_engine && left.fuel != right.fuel {
                true => difference("fuel", optional(left.fuel.as_ref()), optional(right.fuel.as_ref())),
                false => None,
            },
        )
    }

    /// Compares what the same instance's exports hold in both lanes.
    pub fn state(&mut self, left: Option<&State>, right: Option<&State>) -> Option<Difference> {
        if self.ended {
            return None;
        }
        match (left, right) {
            (Some(left), Some(right)) => states(self.names.matching(&left.objects, &right.objects), left, right),
            (None, None) => None,
            (left, right) if self.same_engine => difference("state", visible(left), visible(right)),
            _ => None,
        }
    }

    /// The rule by which one of these outcomes makes the stores incomparable (rules 2, 3 and 4).
    fn ends(&self, left: &Outcome, right: &Outcome) -> Option<Rule> {
        let trap = |kind| move |outcome: &Outcome| outcome.as_trap().is_some_and(|trap| trap.may_be(kind));
        let either = |is: &dyn Fn(&Outcome) -> bool| is(left) || is(right);
        let exhausted = |rule, kind| (!self.same_code && either(&trap(kind))).then_some(rule);
        let between = |rule, is: &dyn Fn(&Outcome) -> bool| (!self.same_engine && either(is)).then_some(rule);
        exhausted(Rule::StackOverflow, TrapKind::StackOverflow)
            .or_else(|| exhausted(Rule::HeapExhausted, TrapKind::OutOfHeap))
            .or_else(|| between(Rule::NotSupported, &not_comparable))
            .or_else(|| between(Rule::OutOfFuel, &trap(TrapKind::OutOfFuel)))
    }

    fn outcomes(&mut self, left: &Observation, right: &Observation, admitted: bool) -> Option<Difference> {
        let mut matching = self.names.matching(&left.objects, &right.objects);
        match (&left.outcome, &right.outcome) {
            (Outcome::Values(left), Outcome::Values(right)) if admitted => {
                if left != right {
                    self.tally.needed(Rule::AdmittedResult);
                }
                None
            }
            (Outcome::Values(left), Outcome::Values(right)) if matching.values(left, right) => matching.contents(),
            (Outcome::Refused(left), Outcome::Refused(right))
                if left.phase.may_be(right.phase) || right.phase.may_be(left.phase) =>
            {
                if left.phase != right.phase {
                    self.tally.needed(Rule::LessExact);
                }
                None
            }
            (Outcome::Failed(Failure::Trap(left)), Outcome::Failed(Failure::Trap(right)))
                if left.kinds().any(|kind| right.may_be(kind)) =>
            {
                if !left.kinds().eq(right.kinds()) {
                    self.tally.needed(Rule::LessExact);
                }
                let moved = self.moves.iter().any(|moves| moves.may_move(left.kind));
                self.tally.traps += u64::from(left.frames.is_some() && right.frames.is_some());
                self.frames("frames", left.frames.as_deref(), right.frames.as_deref(), moved)
            }
            (Outcome::Failed(Failure::Trap(left)), Outcome::Failed(Failure::Trap(right)))
                if !self.same_engine && either_reason(left, right) =>
            {
                self.tally.needed(Rule::EitherReason);
                self.tally.traps += u64::from(left.frames.is_some() && right.frames.is_some());
                self.frames("frames", left.frames.as_deref(), right.frames.as_deref(), false)
            }
            (Outcome::Failed(Failure::Exception(left)), Outcome::Failed(Failure::Exception(right)))
                if matching.exception(left, right) =>
            {
                let frames = [left, right].map(|exception| exception.frames.as_deref());
                self.tally.traps += u64::from(frames.iter().all(Option::is_some));
                matching.contents().or_else(|| self.frames("frames", frames[0], frames[1], false))
            }
            (Outcome::Failed(left), Outcome::Failed(right)) if failures_equal(left, right) => None,
            (left, right) => difference("outcome", left, right),
        }
    }

    fn frames(
        &mut self,
        what: &str,
        left: Option<&[Frame]>,
        right: Option<&[Frame]>,
        moved: bool,
    ) -> Option<Difference> {
        let equal = match (left, right) {
            (Some(left), Some(right)) => {
                self.count(left, right, moved);
                if self.same_engine && !moved { left == right } else { frames_agree(left, right, moved) }
            }
            (None, None) => true,
            _ => !self.same_engine,
        };
        if left.is_none() || right.is_none() {
            self.tally.needed(Rule::NoFrames);
        }
        if equal { None } else { difference(what, frame_list(left), frame_list(right)) }
    }

    fn count(&mut self, left: &[Frame], right: &[Frame], moved: bool) {
        let pairs = || left.iter().zip(right);
        let offsets = pairs().filter(|(left, right)| left.module_offset.is_some() && right.module_offset.is_some());
        self.tally.frames += pairs().count() as u64;
        self.tally.offsets += offsets.count() as u64;
        if moved && pairs().next().is_some_and(|pair| !same_place(pair)) {
            self.tally.needed(Rule::MovedTrap);
        }
    }

    fn host_calls(&mut self, left: &[HostCall], right: &[HostCall]) -> Option<Difference> {
        if left.len() != right.len() {
            return difference("host calls", call_list(left), call_list(right));
        }
        left.iter().zip(right).find_map(|(left, right)| {
            let mut matching = self.names.matching(&left.objects, &right.objects);
            let equal = left.module == right.module
                && left.name == right.name
                && matching.values(&left.arguments, &right.arguments);
            if !equal {
                return difference("host call", left, right);
            }
            let frames = [left, right].map(|call| call.frames.as_deref());
            self.tally.host_calls += u64::from(frames.iter().all(Option::is_some));
            matching.contents().or_else(|| self.frames("frames of a host call", frames[0], frames[1], false))
        })
    }
}

fn not_comparable(outcome: &Outcome) -> bool {
    let exhausted = matches!(outcome, Outcome::Failed(Failure::Resource(_)));
    exhausted || outcome.is_unsupported() || outcome.is_lost()
}

/// Whether these are reasons that one atomic access may have at a time (rule 4).
fn either_reason(left: &Trap, right: &Trap) -> bool {
    let reasons = [TrapKind::UnalignedAtomic, TrapKind::MemoryOutOfBounds, TrapKind::ExpectedSharedMemory];
    [left, right].iter().all(|trap| reasons.iter().any(|&reason| trap.may_be(reason)))
}

/// Whether failures other than traps and exceptions are equal. Texts of the embedder's own errors are the embedder's; all
/// others are the engine's.
fn failures_equal(left: &Failure, right: &Failure) -> bool {
    match (left, right) {
        (Failure::Trap(_) | Failure::Exception(_), _) => false,
        (Failure::Host(left), Failure::Host(right)) | (Failure::Panic(left), Failure::Panic(right)) => left == right,
        _ => left.name() == right.name(),
    }
}

/// Whether backtraces of two families say the same (rule 3); `moved` if they are of a trap that may have moved (rule 5).
pub fn frames_agree(left: &[Frame], right: &[Frame], moved: bool) -> bool {
    let mut pairs = left.iter().zip(right);
    let innermost = match pairs.next() {
        Some((left, right)) if moved => left.func_index == right.func_index,
        pair => pair.is_none_or(same_place),
    };
    left.len() == right.len() && innermost && pairs.all(same_place)
}

fn same_place((left, right): (&Frame, &Frame)) -> bool {
    let offsets = left.module_offset.zip(right.module_offset);
    left.func_index == right.func_index && offsets.is_none_or(|(left, right)| left == right)
}

fn states(mut matching: Matching<'_>, left: &State, right: &State) -> Option<Difference> {
    let names = |state: &State| {
        let globals = state.globals.iter().map(|(name, _)| name);
        let memories = state.memories.iter().map(|(name, _)| name);
        let tables = state.tables.iter().map(|(name, _)| name);
        globals.chain(memories).chain(tables).cloned().collect::<Vec<_>>()
    };
    if names(left) != names(right) {
        return difference("exports", names(left).join(", "), names(right).join(", "));
    }
    let globals = left.globals.iter().zip(&right.globals).find_map(|((name, left), (_, right))| {
        if matching.value(*left, *right) { None } else { difference(format!("global {name:?}"), left, right) }
    });
    let memories = || {
        left.memories.iter().zip(&right.memories).find_map(|((name, left), (_, right))| {
            if left == right { None } else { difference(format!("memory {name:?}"), memory(left), memory(right)) }
        })
    };
    let found = globals.or_else(memories);
    let mut tables = left.tables.iter().zip(&right.tables);
    let found = found.or_else(|| tables.find_map(|((name, left), (_, right))| table(&mut matching, name, left, right)));
    found.or_else(|| matching.contents())
}

fn table(matching: &mut Matching<'_>, name: &str, left: &TableState, right: &TableState) -> Option<Difference> {
    let equal = left.length == right.length
        && left.elements.len() == right.elements.len()
        && left.elements.iter().zip(&right.elements).all(|(l, r)| l.0 == r.0 && matching.reference(l.1, r.1));
    let text = |table: &TableState| format!("{} elements, {:?}", table.length, table.elements);
    if equal { None } else { difference(format!("table {name:?}"), text(left), text(right)) }
}

fn memory(memory: &crate::MemoryState) -> String {
    let hex: String = memory.digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} bytes, digest {hex}...", memory.length)
}

pub(crate) fn difference(what: impl Into<String>, left: impl ToString, right: impl ToString) -> Option<Difference> {
    Some(Difference { what: what.into(), left: left.to_string(), right: right.to_string() })
}

fn optional(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "not visible".to_string(), ToString::to_string)
}

fn visible(state: Option<&State>) -> &'static str {
    if state.is_some() { "visible" } else { "not visible" }
}

fn frame_list(frames: Option<&[Frame]>) -> String {
    match frames {
        None => "not visible".to_string(),
        Some(frames) => format!("[{}]", frames.iter().map(Frame::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn call_list(calls: &[HostCall]) -> String {
    format!("[{}]", calls.iter().map(HostCall::to_string).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exception, MemoryState, Object, ObjectKind, ObjectRef, Objects, Phase, Reference, Refusal, Value};

    fn info(engine: &str, code: &str) -> LaneInfo {
        LaneInfo {
            name: format!("{engine}/{code}"),
            engine: engine.to_string(),
            code: code.to_string(),
            backend: engine.to_string(),
            moves: Moves::Nothing,
        }
    }

    fn own() -> Comparison {
        Comparison::new(&info("own", "speed"), &info("own", "quick"))
    }

    fn foreign() -> Comparison {
        Comparison::new(&info("own", "speed"), &info("other", ""))
    }

    fn values(values: &[Value]) -> Observation {
        Observation::nothing_but(Outcome::Values(values.to_vec()))
    }

    fn frame(func_index: u32, offset: u64) -> Frame {
        Frame { func_index, func_name: None, module_name: None, module_offset: Some(offset) }
    }

    fn trapped(kind: TrapKind, frames: &[Frame]) -> Observation {
        let trap = Trap::new(kind, "", Some(frames.to_vec()));
        Observation::nothing_but(Failure::Trap(trap))
    }

    #[track_caller]
    fn differs(mut comparison: Comparison, left: &Observation, right: &Observation, what: &str) {
        let difference = comparison.step(left, right).expect("a difference");
        assert_eq!(difference.what, what);
    }

    #[test]
    fn results_bit_for_bit() {
        assert_eq!(own().step(&values(&[Value::I32(1)]), &values(&[Value::I32(1)])), None);
        differs(own(), &values(&[Value::F32(0)]), &values(&[Value::F32(0x8000_0000)]), "outcome");
        differs(own(), &values(&[]), &values(&[Value::I32(0)]), "outcome");
        differs(own(), &values(&[]), &trapped(TrapKind::Unreachable, &[]), "outcome");
    }

    #[test]
    fn traps() {
        let zero = trapped(TrapKind::IntegerDivisionByZero, &[frame(0, 30), frame(1, 40)]);
        differs(own(), &zero, &trapped(TrapKind::IntegerOverflow, &[frame(0, 30), frame(1, 40)]), "outcome");
        differs(own(), &zero, &trapped(TrapKind::IntegerDivisionByZero, &[frame(0, 30), frame(1, 41)]), "frames");
        differs(foreign(), &zero, &trapped(TrapKind::IntegerDivisionByZero, &[frame(0, 30)]), "frames");
        let mut named = frame(0, 30);
        named.func_name = Some("f".to_string());
        let named = trapped(TrapKind::IntegerDivisionByZero, &[named, frame(1, 40)]);
        differs(own(), &zero, &named, "frames");
        assert_eq!(foreign().step(&zero, &named), None);
    }

    #[test]
    fn exceptions() {
        let thrown = |tag, payload: i32, offset| {
            let payload = Some(vec![Value::I32(payload)]);
            let exception = Exception { tag: Some(tag), payload, frames: Some(vec![frame(0, offset)]) };
            Observation::nothing_but(Failure::Exception(exception))
        };
        assert_eq!(own().step(&thrown(0, 1, 30), &thrown(0, 1, 30)), None);
        differs(own(), &thrown(0, 1, 30), &thrown(1, 1, 30), "outcome");
        differs(own(), &thrown(0, 1, 30), &thrown(0, 2, 30), "outcome");
        differs(own(), &thrown(0, 1, 30), &thrown(0, 1, 31), "frames");
        differs(own(), &thrown(0, 1, 30), &trapped(TrapKind::Unreachable, &[frame(0, 30)]), "outcome");
        let blind = Exception { tag: None, payload: None, frames: None };
        let blind = Observation::nothing_but(Failure::Exception(blind));
        assert_eq!(foreign().step(&thrown(0, 1, 30), &blind), None);
    }

    #[test]
    fn exhaustion_ends_the_comparison_across_tiers_only() {
        for kind in [TrapKind::StackOverflow, TrapKind::OutOfHeap] {
            exhaustion(kind);
        }
    }

    fn exhaustion(kind: TrapKind) {
        let deep = trapped(kind, &[frame(0, 30), frame(0, 30)]);
        let shallow = trapped(kind, &[frame(0, 30)]);
        let mut across = own();
        assert_eq!(across.step(&deep, &shallow), None);
        assert!(across.ended());
        assert_eq!(across.step(&values(&[Value::I32(0)]), &values(&[Value::I32(1)])), None);
        let same = Comparison::new(&info("own", "speed"), &info("own", "speed"));
        differs(same, &deep, &shallow, "frames");
    }

    #[test]
    fn host_calls_and_fuel() {
        let call = |argument, offset| HostCall {
            module: "spectest".to_string(),
            name: "print_i32".to_string(),
            arguments: vec![Value::I32(argument)],
            objects: Objects::default(),
            frames: Some(vec![frame(1, offset)]),
        };
        let with = |calls: Vec<HostCall>, fuel| Observation { host_calls: calls, fuel, ..values(&[]) };
        differs(own(), &with(vec![call(1, 9)], None), &with(vec![], None), "host calls");
        differs(own(), &with(vec![call(1, 9)], None), &with(vec![call(2, 9)], None), "host call");
        differs(own(), &with(vec![call(1, 9)], None), &with(vec![call(1, 8)], None), "frames of a host call");
        differs(own(), &with(vec![], Some(1)), &with(vec![], Some(2)), "fuel");
        assert_eq!(foreign().step(&with(vec![], Some(1)), &with(vec![], None)), None);
    }

    #[test]
    fn unsupported_ends_the_comparison_between_families_only() {
        let unsupported = Observation::nothing_but(Failure::Unsupported(String::new()));
        differs(own(), &values(&[]), &unsupported, "outcome");
        assert_eq!(foreign().step(&values(&[]), &unsupported), None);
        let (mut within, mut across) = (own(), foreign());
        within.unsupported();
        across.unsupported();
        assert_eq!((within.ended(), across.ended()), (false, true));
    }

    #[test]
    fn moved_traps() {
        let optimized = || LaneInfo { moves: Moves::Anything, ..info("other", "") };
        let moving = || Comparison::new(&info("own", "speed"), &optimized());
        let trap = |innermost, call| trapped(TrapKind::Unreachable, &[innermost, frame(1, call)]);
        let base = trap(frame(0, 30), 40);
        assert_eq!(moving().step(&base, &trap(frame(0, 28), 40)), None);
        differs(moving(), &base, &trap(frame(2, 30), 40), "frames");
        differs(moving(), &base, &trap(frame(0, 28), 41), "frames");
        differs(moving(), &base, &trapped(TrapKind::Unreachable, &[frame(0, 30)]), "frames");
        differs(moving(), &base, &trapped(TrapKind::Unreachable, &[]), "frames");
        differs(foreign(), &base, &trap(frame(0, 28), 40), "frames");
        let twice = Comparison::new(&info("other", "none"), &optimized());
        assert_eq!(twice.clone().step(&base, &trap(frame(0, 28), 40)), None);
        differs(twice, &base, &trap(frame(0, 30), 41), "frames");

        let loads = || Comparison::new(&info("own", ""), &LaneInfo { moves: Moves::Accesses, ..info("other", "") });
        differs(loads(), &base, &trap(frame(0, 28), 40), "frames");
        let access = |offset| trapped(TrapKind::MemoryOutOfBounds, &[frame(0, offset)]);
        assert_eq!(loads().step(&access(30), &access(33)), None);
    }

    #[test]
    fn admitted_results() {
        let (one, other) = (values(&[Value::F32(0x7fc0_0000)]), values(&[Value::F32(0xffc0_0000)]));
        let mut comparison = foreign();
        comparison.admit();
        assert_eq!(comparison.step(&one, &other), None);
        // It holds for one step.
        differs(comparison.clone(), &one, &other, "outcome");
        comparison.admit();
        differs(comparison, &one, &trapped(TrapKind::Unreachable, &[]), "outcome");
        let mut within = own();
        within.admit();
        differs(within, &one, &other, "outcome");
    }

    #[test]
    fn out_of_fuel_ends_the_comparison_between_families_only() {
        let dry = trapped(TrapKind::OutOfFuel, &[frame(0, 30)]);
        let mut across = foreign();
        assert_eq!(across.step(&dry, &values(&[])), None);
        assert!(across.ended());
        differs(own(), &dry, &values(&[]), "outcome");
    }

    #[test]
    fn an_engine_may_be_less_exact() {
        let kind = |kind, or_kinds: &[TrapKind]| {
            let trap = Trap { or_kinds: or_kinds.to_vec(), ..Trap::new(kind, "", None) };
            Observation::nothing_but(Failure::Trap(trap))
        };
        let undefined = kind(TrapKind::UndefinedElement, &[]);
        let either = kind(TrapKind::TableOutOfBounds, &[TrapKind::UndefinedElement]);
        assert_eq!(foreign().step(&undefined, &either), None);
        differs(foreign(), &kind(TrapKind::MemoryOutOfBounds, &[]), &either, "outcome");

        let refused = |phase| Observation::nothing_but(Outcome::Refused(Refusal { phase, message: String::new() }));
        assert_eq!(foreign().step(&refused(Phase::Malformed), &refused(Phase::Rejected)), None);
        differs(foreign(), &refused(Phase::Malformed), &refused(Phase::Invalid), "outcome");
        differs(foreign(), &refused(Phase::Internal), &refused(Phase::Rejected), "outcome");
        differs(foreign(), &values(&[]), &refused(Phase::Rejected), "outcome");
    }

    #[test]
    fn an_atomic_access_may_be_wrong_in_several_ways() {
        let unaligned = trapped(TrapKind::UnalignedAtomic, &[frame(0, 30)]);
        let outside = |offset| trapped(TrapKind::MemoryOutOfBounds, &[frame(0, offset)]);
        let mut comparison = foreign();
        assert_eq!(comparison.step(&unaligned, &outside(30)), None);
        assert_eq!(comparison.step(&outside(30), &unaligned), None);
        let unshared = trapped(TrapKind::ExpectedSharedMemory, &[frame(0, 30)]);
        assert_eq!(comparison.step(&unshared, &outside(30)), None);
        assert_eq!(comparison.tally().rules, [(Rule::EitherReason, 3)].into());
        differs(foreign(), &unaligned, &outside(31), "frames");
        differs(foreign(), &unaligned, &trapped(TrapKind::Unreachable, &[frame(0, 30)]), "outcome");
        differs(own(), &unaligned, &outside(30), "outcome");
    }

    #[test]
    fn what_was_compared_is_counted() {
        let mut comparison =
            Comparison::new(&info("own", ""), &LaneInfo { moves: Moves::Accesses, ..info("other", "") });
        let outside = |offset| trapped(TrapKind::MemoryOutOfBounds, &[frame(0, offset), frame(1, 40)]);
        assert_eq!(comparison.step(&outside(30), &outside(33)), None);
        let mut blind = outside(30);
        let Outcome::Failed(Failure::Trap(trap)) = &mut blind.outcome else { panic!("it is a trap") };
        trap.frames = None;
        trap.or_kinds = vec![TrapKind::UnalignedAtomic];
        assert_eq!(comparison.step(&outside(30), &blind), None);
        comparison.admit();
        assert_eq!(comparison.step(&values(&[Value::I32(1)]), &values(&[Value::I32(2)])), None);
        assert_eq!(comparison.step(&trapped(TrapKind::StackOverflow, &[]), &values(&[])), None);
        assert_eq!(comparison.step(&values(&[]), &values(&[Value::I32(2)])), None);
        let tally = comparison.tally();
        let rules = [Rule::StackOverflow, Rule::LessExact, Rule::MovedTrap, Rule::AdmittedResult, Rule::NoFrames];
        assert_eq!(tally.rules, rules.map(|rule| (rule, 1)).into());
        let Tally { steps, left_out, traps, frames, offsets, .. } = *tally;
        assert_eq!((steps, left_out, traps, frames, offsets), (3, 2, 1, 2, 2));

        let ended = |other: &Observation| {
            let mut comparison = foreign();
            assert_eq!(comparison.step(&values(&[]), other), None);
            comparison.tally().rules.clone()
        };
        let unsupported = Observation::nothing_but(Failure::Unsupported(String::new()));
        assert_eq!(ended(&unsupported), [(Rule::NotSupported, 1)].into());
        assert_eq!(ended(&trapped(TrapKind::OutOfFuel, &[])), [(Rule::OutOfFuel, 1)].into());
    }

    #[test]
    fn states() {
        let state = |value, byte: u8, element| State {
            globals: vec![("g".to_string(), Value::I64(value))],
            memories: vec![("m".to_string(), MemoryState::of(&[byte]))],
            tables: vec![("t".to_string(), TableState { length: 1, elements: vec![(0, element)] })],
            objects: Objects::default(),
        };
        let base = state(1, 0, Reference::Func(Some(0)));
        let what = |other: &State| own().state(Some(&base), Some(other)).map(|difference| difference.what);
        assert_eq!(what(&state(1, 0, Reference::Func(None))), None);
        assert_eq!(what(&state(2, 0, Reference::Func(Some(0)))).as_deref(), Some("global \"g\""));
        assert_eq!(what(&state(1, 1, Reference::Func(Some(0)))).as_deref(), Some("memory \"m\""));
        assert_eq!(what(&state(1, 0, Reference::Func(Some(1)))).as_deref(), Some("table \"t\""));
        assert_eq!(what(&State::default()).as_deref(), Some("exports"));
        assert_eq!(own().state(Some(&base), None).map(|difference| difference.what).as_deref(), Some("state"));
    }

    /// Everywhere where objects are shown, what they hold is compared.
    #[test]
    fn objects() {
        let holding = |value| [Object::plain(vec![Value::I32(value)].into())].into_iter().collect::<Objects>();
        let reference = Reference::Object(ObjectRef { kind: ObjectKind::Struct, number: Some(0) });
        let returned = |value| Observation { objects: holding(value), ..values(&[Value::Ref(reference)]) };
        assert_eq!(own().step(&returned(1), &returned(1)), None);
        differs(own(), &returned(1), &returned(2), "object \"#0\"");
        differs(foreign(), &returned(1), &returned(2), "object \"#0\"");
        let hidden = values(&[Value::Ref(reference)]);
        assert_eq!(foreign().step(&returned(1), &hidden), None);
        differs(own(), &returned(1), &hidden, "objects");

        let payload = Some(vec![Value::Ref(reference)]);
        let exception = Failure::Exception(Exception { tag: None, payload, frames: None });
        let thrown = |value| Observation { objects: holding(value), ..Observation::nothing_but(exception.clone()) };
        differs(foreign(), &thrown(1), &thrown(2), "object \"#0\"");

        let called = |value| {
            let (module, name) = (String::new(), String::new());
            let arguments = vec![Value::Ref(reference)];
            let call = HostCall { module, name, arguments, objects: holding(value), frames: None };
            Observation { host_calls: vec![call], ..values(&[]) }
        };
        differs(foreign(), &called(1), &called(2), "object \"#0\"");

        let state = |value| State {
            tables: vec![("t".to_string(), TableState { length: 1, elements: vec![(0, reference)] })],
            objects: holding(value),
            ..State::default()
        };
        let found = foreign().state(Some(&state(1)), Some(&state(2))).expect("a difference");
        assert_eq!(found.what, "object \"#0\"");
        assert_eq!(foreign().state(Some(&state(1)), Some(&state(1))), None);
    }
}
