//! The differential oracle on stable Rust, with fixed inputs: it agrees, the modules are worth running, and planted
//! faults are caught.

use fuzz::case::{Case, lane};
use fuzz::census::Census;
use fuzz::input::Random;
use fuzz::oracle::{self, Finding};
use fuzz::report;
use lanes::{Fault, Options, TrapKind};

/// The input number `k`. The stream does not change between releases, so a failing number can be run again.
fn input(k: u64) -> [u8; 8] {
    Random::new(k).next_u64().to_le_bytes()
}

#[test]
fn lanes_agree_and_modules_trap_deep() {
    let mut census = Census::default();
    for k in 0..150 {
        match fuzz::check(&input(k)) {
            Ok(agreement) => census.count(agreement.as_ref()),
            Err(report) => panic!("input {k}:\n{report}"),
        }
    }
    println!("{census}");
    assert!(census.executed_percent() >= 70, "{census}");
    assert!(census.trapped_percent() >= 20, "{census}");
    assert!(census.deep_percent() >= 50, "{census}");
    assert!(census.inconclusive * 10 < census.modules, "{census}");
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
    ] {
        assert!(census.traps.contains_key(kind.name()), "no {kind}: {census}");
    }
}

#[test]
fn reports_are_readable() {
    let (case, finding) = caught(Fault::WrongTrapCode);
    let report = report::report(&case, &finding);
    assert!(report.contains("speed/fresh and speed/fresh disagree at: call "), "{report}");
    assert!(report.contains("integer-divide-by-zero"), "{report}");
    assert!(report.contains("speed: Options"), "{report}");
}

#[test]
fn a_miscompiled_instruction_is_caught() {
    caught(Fault::SubtractionAdds);
}

#[test]
fn a_wrong_source_map_is_caught() {
    let (_, finding) = caught(Fault::SourceMapOffByOne);
    let Finding::Disagreement { difference, .. } = finding else { panic!("{finding}") };
    assert!(difference.what.contains("frames"), "{difference}");
}

#[test]
fn a_wrong_trap_code_is_caught() {
    caught(Fault::WrongTrapCode);
}

/// Plants a fault in one of two lanes and returns what the oracle finds within the first inputs.
fn caught(fault: Fault) -> (Case, Finding) {
    const INPUTS: u64 = 60;
    for k in 0..INPUTS {
        let Ok(case) = Case::new(&input(k)) else { continue };
        let options = &case.options["speed"];
        let sound = lane("speed/fresh", options);
        let faulty = lane("speed/fresh", &Options { fault: Some(fault), ..options.clone() });
        if let Err(finding) = oracle::check(&case, &[sound, faulty]) {
            return (case, *finding);
        }
    }
    panic!("{fault:?} is not caught within {INPUTS} inputs");
}
