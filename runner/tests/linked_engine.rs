//! The example of a linked engine runs a campaign. This program is the example when it has arguments of `touchstone`,
//! and the test of it otherwise: the workers of a campaign are processes of the same program.

#[path = "../examples/fuzz_other_engine.rs"]
mod example;

use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let command = env::args().nth(1);
    if command.is_some_and(|command| ["fuzz", "fuzz-worker", "reaper"].contains(&command.as_str())) {
        return example::main();
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut campaign = Command::new(env::current_exe().expect("this program"));
    campaign.args(["fuzz", "--inputs", "20", "--seed", "1", "--lanes", "interp,other", "--out"]).arg(directory.path());
    let output = campaign.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(" interp,") && said.contains(" other"), "{said}");
    println!("the example passes");
    ExitCode::SUCCESS
}
