//! Every oracle of the list runs for a moment, so that a new one is tested from its first day.

use fuzz::generate::input::Random;
use fuzz::oracle::{ORACLES, Verdict, find};
use fuzz::panel::Panel;
use std::collections::BTreeSet;

#[test]
fn every_oracle_passes_some_inputs_and_finds_nothing() {
    for registration in ORACLES {
        let mut oracle = (registration.make)(Panel::own());
        let mut passed = 0;
        for seed in 0..20 {
            match oracle.check(&Random::new(seed).next_u64().to_le_bytes()) {
                Verdict::Found(report) => panic!("{}, seed {seed}:\n{}", registration.name, report.details()),
                Verdict::Passed(_) => passed += 1,
                Verdict::NoCase | Verdict::Known(_) => {}
            }
        }
        assert!(passed >= 15, "{}: only {passed} of 20 inputs describe a case", registration.name);
        assert!(!oracle.statistics().to_string().is_empty(), "{}", registration.name);
    }
}

#[test]
fn oracles_are_found_by_name() {
    let names: BTreeSet<_> = ORACLES.iter().map(|registration| registration.name).collect();
    assert_eq!(names.len(), ORACLES.len(), "two oracles have one name");
    assert!(find("artifact").is_ok());
    assert!(find("nonsense").err().is_some_and(|error| error.contains("differential, simd")));
}
