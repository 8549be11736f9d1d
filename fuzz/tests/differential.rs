//! The differential oracle on stable Rust, with fixed inputs: it agrees, the modules are worth running, and planted
//! faults are caught.

use fuzz::generate::case::{Case, lane};
use fuzz::generate::feature_set::Audience;
use fuzz::generate::input::Random;
use fuzz::panel::Panel;
use fuzz::panel::compare;
use fuzz::panel::finding::{Finding, Kind};
use fuzz::statistics::Census;
use fuzz::statistics::uses::Use;
use fuzz::triage::known::{New, Verdict};
use fuzz::triage::report;
use lanes::{Fault, Features, Lane, LaneInfo, Moves, Options, Session, TrapKind};

/// The input number `k`. The stream does not change between releases, so a failing number can be run again.
fn input(k: u64) -> [u8; 8] {
    Random::new(k).next_u64().to_le_bytes()
}

#[test]
fn lanes_agree_and_modules_trap_deep() {
    let mut census = Census::default();
    for k in 0..250 {
        let verdict = fuzz::check(&input(k), &Panel::own());
        if let Some(Verdict::New(new)) = &verdict {
            panic!("input {k}:\n{}", report::report(new));
        }
        census.count(verdict.as_ref());
    }
    println!("{census}");
    assert!(census.executed_percent() >= 70, "{census}");
    assert!(census.trapped_percent() >= 20, "{census}");
    assert!(census.deep_percent() >= 50, "{census}");
    assert!(census.ended.values().sum::<u64>() * 10 < 2 * census.modules, "{census}");
    for kind in [
        TrapKind::Unreachable,
        TrapKind::MemoryOutOfBounds,
        TrapKind::TableOutOfBounds,
        TrapKind::UndefinedElement,
        TrapKind::UninitializedElement,
        TrapKind::IndirectCallTypeMismatch,
        TrapKind::IntegerOverflow,
        TrapKind::IntegerDivisionByZero,
        TrapKind::InvalidConversionToInteger,
        TrapKind::StackOverflow,
        TrapKind::OutOfFuel,
        TrapKind::NullReference,
        TrapKind::CastFailure,
        TrapKind::ArrayOutOfBounds,
        TrapKind::UnalignedAtomic,
    ] {
        assert!(census.traps.contains_key(kind.name()), "no {kind}: {census}");
    }
    assert!(census.exceptions.iter().sum::<u64>() > 20 && census.exceptions[1..].iter().any(|&n| n > 0), "{census}");
    for what in Use::ALL {
        assert!(census.uses.contains_key(what), "no {}: {census}", what.name());
    }
    assert!(census.plain * 10 > census.executed, "too few modules of 2.0: {census}");
}

/// What other engines get: no fuel, so each case has to end by itself, and runs as often.
#[test]
fn cases_for_other_engines_end_and_run() {
    let mut census = Census::default();
    for k in 0..60 {
        let Ok(case) = Case::new(&input(k), Audience { own: false, ..Audience::OWN }) else { continue };
        let speed = lane("speed/fresh", &case.options["speed"]);
        let quick = lane("quick/fresh", &case.options["quick"]);
        match compare::check(&case, &[&*speed, &*quick]) {
            Ok(agreement) => census.count(Some(&Verdict::Equal(agreement))),
            Err(finding) => panic!("input {k}:\n{finding}"),
        }
    }
    println!("{census}");
    assert!(census.executed_percent() >= 70, "{census}");
    assert!(census.trapped_percent() >= 20, "{census}");
    assert!(!census.traps.contains_key(TrapKind::OutOfFuel.name()), "{census}");
}

#[test]
fn reports_are_readable() {
    let (case, finding) = caught(Fault::WrongTrapCode);
    let new = New { finding, case };
    let report = report::report(&new);
    assert!(report.contains("lanes disagree at: call "), "{report}");
    assert!(report.contains("1 voice: outcome: trap: integer-divide-by-zero"), "{report}");
    assert!(report.contains("cranelift: speed/fresh"), "{report}");
    assert!(report.contains("cranelift stands on several sides"), "{report}");
    assert!(report.contains("speed: Options"), "{report}");
    let script = report::script(&new);
    assert!(script.contains("(module"), "{script}");
    assert!(script.contains("(invoke \"graft:"), "{script}");
}

#[test]
fn a_miscompiled_instruction_is_caught() {
    caught(Fault::SubtractionAdds);
}

#[test]
fn a_wrong_source_map_is_caught() {
    let (_, finding) = caught(Fault::SourceMapOffByOne);
    assert!(finding.sides.iter().all(|side| side.shown.starts_with("frames")), "{finding}");
}

#[test]
fn a_wrong_trap_code_is_caught() {
    caught(Fault::WrongTrapCode);
}

/// The collector meets what the stack maps do not name, at the latest when it runs at every allocation.
#[test]
fn a_missing_stack_map_is_caught() {
    let zeal = |options: &Options, fault| Options { gc_zeal: true, fault, ..options.clone() };
    search(Fault::MissingStackMap, |case, fault| {
        let options = &case.options["speed"];
        let sound = lane("speed/fresh", &zeal(options, None));
        let faulty = lane("speed/fresh", &zeal(options, Some(fault)));
        compare::check(case, &[&*sound, &*faulty])
    });
}

#[test]
fn clauses_in_the_wrong_order_are_caught() {
    caught(Fault::ClausesReversed);
}

#[test]
fn an_altered_payload_is_caught() {
    caught(Fault::PayloadAltered);
}

#[test]
fn a_tail_call_that_keeps_its_frame_is_caught() {
    caught(Fault::TailCallKeepsFrame);
}

/// Whoever is wrong stands alone, whichever of the lanes it is, and however many lanes the others have.
#[test]
fn the_voice_that_is_wrong_stands_alone() {
    let found = search(Fault::WrongTrapCode, |case, fault| {
        let options = &case.options["speed"];
        let ours = [lane("speed/fresh", options), lane("quick/fresh", &case.options["quick"])];
        let stranger = Stranger::new("stranger", options.clone());
        let wrong = Stranger::new("wrong", Options { fault: Some(fault), ..options.clone() });
        compare::check(case, &[&*ours[0], &wrong, &*ours[1], &stranger])
    });
    assert_eq!((found.1.kind, found.1.dissenter("cranelift")), (Kind::Disagreement, Some("wrong")), "{}", found.1);
    let voices = |side: usize| found.1.sides[side].voices.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (voices(0), voices(1)),
        (vec!["cranelift".to_string(), "stranger".to_string()], vec!["wrong".to_string()])
    );
    assert_eq!(found.1.sides[0].voices["cranelift"], ["speed/fresh", "quick/fresh"]);
    assert_eq!(found.1.divided().len(), 0);
}

/// A lane of ours under another name, engine and backend.
struct Stranger {
    inner: Box<dyn Lane>,
    info: LaneInfo,
}

impl Stranger {
    fn new(name: &str, options: Options) -> Stranger {
        let name = name.to_string();
        let info =
            LaneInfo { engine: name.clone(), code: name.clone(), backend: name.clone(), moves: Moves::Nothing, name };
        Stranger { inner: lane("speed/fresh", &options), info }
    }
}

impl Lane for Stranger {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        self.inner.lacks(features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, lanes::Failure> {
        self.inner.session(features)
    }
}

/// Plants a fault in one of two lanes and returns what the oracle finds within the first inputs.
fn caught(fault: Fault) -> (Case, Finding) {
    search(fault, |case, fault| {
        let options = &case.options["speed"];
        let sound = lane("speed/fresh", options);
        let faulty = lane("speed/fresh", &Options { fault: Some(fault), ..options.clone() });
        compare::check(case, &[&*sound, &*faulty])
    })
}

/// The first finding of `check` within the first inputs.
fn search(fault: Fault, check: impl Fn(&Case, Fault) -> Result<compare::Agreement, Box<Finding>>) -> (Case, Finding) {
    const INPUTS: u64 = 100;
    for k in 0..INPUTS {
        let Ok(case) = Case::new(&input(k), Audience::OWN) else { continue };
        if let Err(finding) = check(&case, fault) {
            return (case, *finding);
        }
    }
    panic!("{fault:?} is not caught within {INPUTS} inputs");
}
