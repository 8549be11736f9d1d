//! The artifact oracle on stable Rust, with fixed inputs: forged artifacts are refused or harmless.

use fuzz::generate::input::Random;
use fuzz::oracle::artifact::{Artifact, Counts};
use fuzz::oracle::{Oracle, Verdict};

#[test]
fn forged_artifacts_are_refused_or_harmless() {
    let mut oracle = Artifact::default();
    for seed in 0..600 {
        match oracle.check(&Random::new(seed).next_u64().to_le_bytes()) {
            Verdict::Found(report) => panic!("seed {seed}: {}", report.details()),
            Verdict::NoCase => panic!("seed {seed}: no case"),
            Verdict::Passed(_) | Verdict::Known(_) => {}
        }
    }
    let Counts { refused, loaded, called } = oracle.counts;
    println!("{}", oracle.counts);
    // A digest that matches lets changes of code, names and data through to the checks of the tables.
    assert!(refused >= 200, "only {refused} were refused");
    assert!(loaded >= 20 && called >= 5, "only {loaded} were loaded, {called} called: the digests do not match");
}
