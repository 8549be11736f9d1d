//! The artifact oracle on stable Rust, with fixed inputs: forged artifacts are refused or harmless, and the oracle
//! catches loaders that break their contract.

use engine::{Error, ErrorKind, Module};
use fuzz::generate::input::Random;
use fuzz::oracle::artifact::{Artifact, Counts, Load};
use fuzz::oracle::{Oracle, Verdict};

/// Returns input number `seed`.
fn input(seed: u64) -> [u8; 8] {
    Random::new(seed).next_u64().to_le_bytes()
}

#[test]
fn forged_artifacts_are_refused_or_harmless() {
    let mut oracle = Artifact::default();
    for seed in 0..600 {
        match oracle.check(&input(seed)) {
            Verdict::Found(report) => panic!("seed {seed}: {}", report.details()),
            Verdict::NoCase => panic!("seed {seed}: no case"),
            Verdict::Passed(_) | Verdict::Known(_) => {}
        }
    }
    let Counts { refused, loaded, called, answers, panics } = oracle.counts;
    println!("{}", oracle.counts);
    // A digest that matches lets changes of code, names and data through to the checks of the tables.
    assert!(refused >= 200, "only {refused} were refused");
    assert!(loaded >= 20 && called >= 5, "only {loaded} were loaded, {called} called: the digests do not match");
    assert_eq!(panics, loaded + called, "a panic of the host while each is loaded");
    assert!(answers > 100 * panics, "{answers} answers of the tables of {panics}");
}

/// Expects that the oracle has a finding with this signature for a faulty loader.
#[track_caller]
fn expect_caught(load: Load, signature: &str) {
    const INPUTS: u64 = 300;
    let mut oracle = Artifact::new(load);
    for seed in 0..INPUTS {
        if let Verdict::Found(report) = oracle.check(&input(seed))
            && report.signature() == signature
        {
            return;
        }
    }
    panic!("\"{signature}\" is not found within {INPUTS} inputs");
}

#[test]
fn a_loader_that_ignores_the_digests_is_caught() {
    let load: Load = |engine, bytes| {
        let mut signed = bytes.to_vec();
        engine::sign_again(&mut signed);
        Module::deserialize(engine, signed)
    };
    expect_caught(load, "altered bytes were loaded though their digests do not match");
}

#[test]
fn a_loader_that_loads_something_else_is_caught() {
    expect_caught(|engine, _| Module::new(engine, "(module)"), "the loaded bytes are not the given ones");
}

/// The loader puts back the end of the name of a CPU feature, as if it did not compare names.
#[test]
fn a_loader_that_ignores_cpu_features_is_caught() {
    let load: Load = |engine, bytes| {
        let loaded = Module::deserialize(engine, bytes);
        if !loaded.as_ref().is_err_and(|error| error.to_string().contains('!')) {
            return loaded;
        }
        let ends = (1..bytes.len()).filter(|&at| bytes[at] == b'!' && bytes[at - 1].is_ascii_alphanumeric());
        let guesses = ends.flat_map(|at| (b'0'..=b'9').chain(b'a'..=b'z').map(move |guess| (at, guess)));
        let mut guesses = guesses.filter_map(|(at, guess)| {
            let mut repaired = bytes.to_vec();
            repaired[at] = guess;
            engine::sign_again(&mut repaired);
            Module::deserialize(engine, repaired).ok()
        });
        guesses.next().map_or(loaded, Ok)
    };
    expect_caught(load, "code for another CPU was loaded");
}

#[test]
fn a_refusal_for_another_reason_is_caught() {
    let load: Load = |engine, bytes| {
        Module::deserialize(engine, bytes).map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))
    };
    expect_caught(load, "refused for the wrong reason");
}

/// libFuzzer and campaigns report a panic, so the oracle must not hide it.
#[test]
#[should_panic(expected = "the loader panics")]
fn a_panic_of_the_loader_is_not_hidden() {
    Artifact::new(|_, _| panic!("the loader panics")).check(&input(0));
}
