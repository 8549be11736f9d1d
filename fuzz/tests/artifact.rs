//! Forged artifacts on stable Rust, with fixed inputs.

use fuzz::generate::input::Random;
use fuzz::oracle::artifact::{Fate, forge};

#[test]
fn forged_artifacts_are_refused_or_harmless() {
    let (mut refused, mut loaded, mut called) = (0, 0, 0);
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let data: Vec<u8> = (0..16).flat_map(|_| random.next_u64().to_le_bytes()).collect();
        match forge(&data).expect("so many bytes suffice") {
            Fate::Refused(_) => refused += 1,
            Fate::Loaded => loaded += 1,
            Fate::Called => called += 1,
        }
    }
    println!("{refused} refused, {loaded} loaded, {called} called");
    // A digest that fits lets changes of code, names and data through to the tables' checks.
    assert!(refused >= 200, "only {refused} were refused");
    assert!(loaded >= 20 && called >= 5, "only {loaded} were loaded, {called} called: the digests do not fit");
}
