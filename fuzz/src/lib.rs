//! The fuzzer as a library: generators of WebAssembly modules, oracles that judge what lanes do with them, and the
//! triage of findings.
//!
//! ```text
//! bytes -> generate   a case: modules, the calls to make, the options of each lane
//!       -> panel      runs the case in every lane and compares: an agreement, or a finding (who differs)
//!       -> triage     known mistakes of other engines are set aside; a new finding is reported and reduced
//!       -> statistics counts of what was executed, what trapped and how deep
//! ```
//!
//! An [`oracle`] makes a verdict of these; another one forges artifacts. Oracles run in three ways: as libFuzzer
//! targets (`fuzz_targets/`, [`target!`]), as a [`campaign`] on the stable toolchain, and in the tests of this crate
//! with fixed inputs.

pub mod campaign;
pub mod generate;
pub mod mutate;
pub mod oracle;
pub mod panel;
pub mod rewrite;
pub mod rules;
pub mod statistics;
pub mod target;
pub mod triage;

use oracle::{Oracle, Verdict};

/// Checks one input and returns what happened, in words.
///
/// # Errors
///
/// If there is a finding: its report.
pub fn replay(input: &[u8], oracle: &mut dyn Oracle) -> Result<String, String> {
    match oracle.check(input) {
        Verdict::NoCase => Ok("the input describes no case".to_string()),
        Verdict::Passed(events) => Ok(format!("{events}\n{}", oracle.statistics())),
        Verdict::Known(names) => Ok(format!("known: {}\n{}", names.join(", "), oracle.statistics())),
        Verdict::Found(report) => Err(report.details()),
    }
}
