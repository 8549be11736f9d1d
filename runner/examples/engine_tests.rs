//! The runner as a library: a test of an engine that implements `lanes::Lane`. It runs the scripts of a folder, with
//! the trap snapshots beside them, and fails with the same text that the program prints.

use lanes::Options;
use runner::Gate;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // The lane of your engine goes here. This one is built in.
    let lane = lanes::parse("speed/fresh", &Options::default())?.present.remove(0);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests");
    let report = Gate::new(&[folder]).filter("trap-in-").run(&*lane)?;
    println!("{} scripts pass", report.totals.scripts);
    Ok(())
}
