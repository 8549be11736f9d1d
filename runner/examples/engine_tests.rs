//! The runner as a library: a test of an engine that implements `lanes::Lane`. It runs the scripts of a folder, with
//! the trap snapshots beside them, and fails with the same text that the program prints.

use lanes::Options;
use runner::inputs::{self, Choice};
use runner::report::Status;
use runner::report::terminal::{self, Paint};
use runner::{Case, judge};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // The lane of your engine goes here. This one is built in.
    let lane = lanes::parse("speed/fresh", &Options::default())?.present.remove(0);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests").to_string();
    let choice = Choice { filter: Some("trap-in-".to_string()), ..Choice::default() };

    let (scripts, _remarks) = inputs::gather(&[folder], &choice)?;
    let mut failures = String::new();
    for script in &scripts {
        let case = Case { settings: script.settings, ..Case::read(&script.path, script.features)? };
        let judgment = judge(&case, &[&*lane], &mut ());
        let failed: Vec<_> = judgment.reports.iter().filter(|report| report.status != Status::Pass).collect();
        failures += &terminal::failures(&failed, Some(&case.text), Paint { color: false });
    }
    assert!(failures.is_empty(), "{failures}");
    println!("{} scripts pass", scripts.len());
    Ok(())
}
