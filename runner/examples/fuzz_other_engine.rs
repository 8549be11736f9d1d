//! The whole program of a team that links its engine: the command line of `touchstone` with one more lane, for scripts
//! and for the fuzzer. The lane itself is in `lanes/examples/other_engine.rs`.
//!
//! ```sh
//! cargo run --release -p runner --example fuzz_other_engine -- fuzz --lanes interp,other
//! ```

#[path = "../../lanes/examples/other_engine.rs"]
#[expect(dead_code, reason = "it is an example of its own")]
mod other_engine;

use std::process::ExitCode;

/// Runs the command line. The workers of a campaign are processes of this program, so they have the lane too.
pub(crate) fn main() -> ExitCode {
    lanes::register(other_engine::NAME, other_engine::open);
    runner::cli::main()
}
