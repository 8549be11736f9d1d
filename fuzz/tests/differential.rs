//! The differential oracle on stable Rust, with fixed inputs: lanes agree, modules execute and trap, and the oracle
//! catches planted faults.

use fuzz::generate::case::Case;
use fuzz::generate::feature_set::Audience;
use fuzz::generate::input::Random;
use fuzz::generate::mixed;
use fuzz::oracle::differential::Differential;
use fuzz::oracle::{Oracle, Report, Verdict};
use fuzz::panel::compare;
use fuzz::panel::finding::{Finding, FindingKind};
use fuzz::panel::{Panel, own_lane};
use fuzz::statistics::Statistics;
use fuzz::statistics::uses::Use;
use fuzz::triage::known::{Judgment, NewFinding};
use lanes::{Fault, Features, Lane, LaneInfo, Moves, Options, Session, TrapKind};

/// Returns input number `k`. The stream does not change between releases, so that a failing number can be run again.
fn input(k: u64) -> [u8; 8] {
    Random::new(k).next_u64().to_le_bytes()
}

#[test]
fn lanes_agree_and_modules_trap_deep() {
    let mut oracle = Differential::new(mixed::generate, Panel::own());
    for k in 0..400 {
        if let Verdict::Found(report) = oracle.check(&input(k)) {
            panic!("input {k}:\n{}", report.details());
        }
    }
    let statistics = oracle.statistics;
    println!("{statistics}");
    assert!(statistics.executed_percent() >= 95, "{statistics}");
    assert!(statistics.trapped_percent() >= 20, "{statistics}");
    assert_eq!(statistics.given_up, 0, "{statistics}");
    assert!(statistics.deep_percent() >= 50, "{statistics}");
    assert!(statistics.ended.values().sum::<u64>() * 10 < 2 * statistics.modules, "{statistics}");
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
        assert!(statistics.traps.contains_key(kind.name()), "no {kind}: {statistics}");
    }
    assert!(
        statistics.exceptions.iter().sum::<u64>() > 20 && statistics.exceptions[1..].iter().any(|&n| n > 0),
        "{statistics}"
    );
    for what in Use::ALL {
        assert!(statistics.uses.contains_key(what), "no {}: {statistics}", what.name());
    }
    assert!(statistics.plain * 10 > statistics.executed, "too few modules of 2.0: {statistics}");
}

/// Cases for other engines have no fuel, so each has to end by itself. They must execute and trap as often.
#[test]
fn cases_for_other_engines_end_and_run() {
    let mut statistics = Statistics::default();
    for k in 0..60 {
        let Ok(case) = mixed::generate(&input(k), Audience { own: false, ..Audience::OWN }) else { continue };
        let speed = own_lane("speed/fresh", &case.options["speed"]);
        let quick = own_lane("quick/fresh", &case.options["quick"]);
        match compare::check(&case, &[&*speed, &*quick]) {
            Ok(agreement) => statistics.count(&case, &Judgment::Agreed(agreement)),
            Err(finding) => panic!("input {k}:\n{finding}"),
        }
    }
    println!("{statistics}");
    assert!(statistics.executed_percent() >= 70, "{statistics}");
    assert!(statistics.trapped_percent() >= 20, "{statistics}");
    assert!(!statistics.traps.contains_key(TrapKind::OutOfFuel.name()), "{statistics}");
}

#[test]
fn reports_are_readable() {
    let (case, finding) = catch(Fault::WrongTrapCode);
    let new = NewFinding::new(finding, case);
    let report = new.details();
    assert!(report.contains("lanes disagree at: call "), "{report}");
    assert!(report.contains("1 vote: outcome: trap: integer-divide-by-zero"), "{report}");
    assert!(report.contains("cranelift: speed/fresh"), "{report}");
    assert!(report.contains("cranelift is on several sides"), "{report}");
    assert!(report.contains("speed: Options"), "{report}");
    let script = new.script().expect("a case has a script");
    assert!(script.contains("(module"), "{script}");
    assert!(script.contains("(invoke $main \"graft:"), "{script}");
}

#[test]
fn a_miscompiled_instruction_is_caught() {
    catch(Fault::SubtractionAdds);
}

#[test]
fn a_wrong_source_map_is_caught() {
    let (_, finding) = catch(Fault::SourceMapOffByOne);
    assert!(finding.sides.iter().all(|side| side.shown.starts_with("frames")), "{finding}");
}

#[test]
fn a_wrong_trap_code_is_caught() {
    catch(Fault::WrongTrapCode);
}

/// The collector runs at every allocation, so that it soon meets a reference that the stack maps do not name.
#[test]
fn a_missing_stack_map_is_caught() {
    search(Fault::MissingStackMap, |case, fault| {
        let options = Options { gc_zeal: true, ..case.options["speed"].clone() };
        let sound = own_lane("speed/fresh", &options);
        let faulty = own_lane("speed/fresh", &Options { fault: Some(fault), ..options });
        compare::check(case, &[&*sound, &*faulty])
    });
}

#[test]
fn clauses_in_the_wrong_order_are_caught() {
    catch(Fault::ClausesReversed);
}

#[test]
fn an_altered_payload_is_caught() {
    catch(Fault::PayloadAltered);
}

#[test]
fn a_tail_call_that_keeps_its_frame_is_caught() {
    catch(Fault::TailCallKeepsFrame);
}

/// Each fault of the interpreter shows beside a compiled lane, and the interpreter is the one that differs.
#[cfg(feature = "interp")]
#[test]
fn faults_of_the_interpreter_are_caught() {
    use lanes::InterpreterFault;

    let faults = [
        InterpreterFault::SubtractionAdds,
        InterpreterFault::OldValuesLost,
        InterpreterFault::HandlersReversed,
        InterpreterFault::OffsetsShifted,
        InterpreterFault::StackNotTraced,
    ];
    for fault in faults {
        let (_, finding) = search(fault, |case, fault| {
            // The collector runs at every allocation, so that a lost object is missed soon.
            let zeal = Options { gc_zeal: true, ..case.options["speed"].clone() };
            let quick = own_lane("quick/fresh", &case.options["quick"]);
            let faulty = own_lane("interp", &Options { interpreter_fault: Some(fault), ..zeal });
            compare::check(case, &[&*faulty, &*quick])
        });
        let backends: Vec<Vec<_>> = finding.sides.iter().map(|side| side.backends.keys().collect()).collect();
        assert_eq!(backends.concat().len(), 2, "{fault:?}: {finding}");
    }
}

/// A wrong lane is alone on its side, whichever of the lanes it is, and however many lanes the others have.
#[test]
fn the_wrong_backend_is_named() {
    let (_, finding) = search(Fault::WrongTrapCode, |case, fault| {
        let options = &case.options["speed"];
        let speed = own_lane("speed/fresh", options);
        let quick = own_lane("quick/fresh", &case.options["quick"]);
        let right = Stranger::new("right", options);
        let wrong = Stranger::new("wrong", &Options { fault: Some(fault), ..options.clone() });
        compare::check(case, &[&*speed, &wrong, &*quick, &right])
    });
    assert_eq!(finding.kind, FindingKind::Disagreement, "{finding}");
    assert_eq!(finding.dissenter(), Some("wrong"), "{finding}");
    let backends: Vec<Vec<_>> = finding.sides.iter().map(|side| side.backends.keys().collect()).collect();
    assert_eq!(backends, [vec!["cranelift", "right"], vec!["wrong"]]);
    assert_eq!(finding.sides[0].backends["cranelift"], ["speed/fresh", "quick/fresh"]);
    assert_eq!(finding.divided_backends().len(), 0);
}

/// A lane of ours under another name, engine and backend.
struct Stranger {
    inner: Box<dyn Lane>,
    info: LaneInfo,
}

impl Stranger {
    fn new(name: &str, options: &Options) -> Stranger {
        let name = name.to_string();
        let info =
            LaneInfo { engine: name.clone(), code: name.clone(), backend: name.clone(), moves: Moves::Nothing, name };
        Stranger { inner: own_lane("speed/fresh", options), info }
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

/// Plants a fault in one of two lanes, and returns the first finding with its case.
fn catch(fault: Fault) -> (Case, Finding) {
    search(fault, |case, fault| {
        let options = &case.options["speed"];
        let sound = own_lane("speed/fresh", options);
        let faulty = own_lane("speed/fresh", &Options { fault: Some(fault), ..options.clone() });
        compare::check(case, &[&*sound, &*faulty])
    })
}

/// Returns the first finding of `check`, with its case.
fn search<F: Copy + std::fmt::Debug>(
    fault: F,
    check: impl Fn(&Case, F) -> Result<compare::Agreement, Box<Finding>>,
) -> (Case, Finding) {
    const INPUTS: u64 = 600;
    for k in 0..INPUTS {
        let Ok(mut case) = mixed::generate(&input(k), Audience::OWN) else { continue };
        // With a fault, code that ends may end no more.
        case.options.values_mut().for_each(|options| _ = options.fuel.get_or_insert(100_000));
        if let Err(finding) = check(&case, fault) {
            return (case, *finding);
        }
    }
    panic!("{fault:?} is not caught within {INPUTS} inputs");
}
