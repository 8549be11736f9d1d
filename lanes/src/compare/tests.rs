//! Equal and different observations, and the rules that let a difference pass.

use super::*;
use crate::{
    Exception, MemoryState, Object, ObjectKind, ObjectRef, Objects, Phase, Reference, Refusal, TableState, Value,
};

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
    assert!(across.has_ended());
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
fn unsupported_ends_the_comparison_between_engines_only() {
    let unsupported = Observation::nothing_but(Failure::Unsupported(String::new()));
    differs(own(), &values(&[]), &unsupported, "outcome");
    assert_eq!(foreign().step(&values(&[]), &unsupported), None);
    let (mut within, mut across) = (own(), foreign());
    within.end_unsupported();
    across.end_unsupported();
    assert_eq!((within.has_ended(), across.has_ended()), (false, true));
    // Our interpreter has features that our compiled lanes lack.
    let interpreter = LaneInfo { backend: "interp".to_string(), ..info("own", "interp") };
    let mut both = Comparison::new(&info("own", "speed"), &interpreter);
    both.end_unsupported();
    assert!(both.has_ended());
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
fn out_of_fuel_ends_the_comparison_between_engines_only() {
    let dry = trapped(TrapKind::OutOfFuel, &[frame(0, 30)]);
    let mut across = foreign();
    assert_eq!(across.step(&dry, &values(&[])), None);
    assert!(across.has_ended());
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
    let mut comparison = Comparison::new(&info("own", ""), &LaneInfo { moves: Moves::Accesses, ..info("other", "") });
    let outside = |offset| trapped(TrapKind::MemoryOutOfBounds, &[frame(0, offset), frame(1, 40)]);
    assert_eq!(comparison.step(&outside(30), &outside(33)), None);
    let mut blind = outside(30);
    let Outcome::Failed(Failure::Trap(trap)) = &mut blind.outcome else { panic!("it is a trap") };
    trap.frames = None;
    trap.or_kinds = vec![TrapKind::UnalignedAtomic];
    assert_eq!(comparison.step(&outside(30), &blind), None);
    // A trap without frames in both needs no rule.
    let mut own = own();
    assert_eq!(own.step(&blind, &blind), None);
    assert!(own.tally().rules.is_empty());
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

#[test]
fn races() {
    let mut comparison = own();
    let [one, two] = [1, 2].map(|value| values(&[Value::I32(value)]));
    comparison.admit_race();
    assert_eq!(comparison.step(&one, &one), None);
    assert!(!comparison.has_ended() && comparison.tally().rules.is_empty(), "the lanes agree");
    differs(comparison.clone(), &one, &two, "outcome");
    comparison.admit_race();
    assert_eq!(comparison.step(&one, &two), None);
    assert!(comparison.has_ended(), "what follows may depend on it");
    comparison.leave_out_raced_state();
    assert_eq!(comparison.tally().rules, [(Rule::Race, 2)].into());
}

/// The system may refuse memory to one lane and not to the next, even of one engine. Nothing after it is compared.
#[test]
fn a_resource_that_one_lane_is_refused_is_no_difference() {
    let refused = [
        Outcome::Failed(Failure::Resource("no memory".to_string())),
        Outcome::Refused(Refusal { phase: Phase::Resource, message: "no memory".to_string() }),
    ];
    for outcome in refused.map(Observation::nothing_but) {
        for mut comparison in [own(), foreign()] {
            assert_eq!(comparison.step(&values(&[]), &outcome), None);
            assert_eq!(comparison.step(&values(&[Value::I32(1)]), &values(&[Value::I32(2)])), None);
            assert!(comparison.has_ended());
        }
    }
    // What an engine lacks must be the same in its lanes.
    let lacks = Observation::nothing_but(Outcome::Failed(Failure::Unsupported("threads".to_string())));
    differs(own(), &values(&[]), &lacks, "outcome");
}
