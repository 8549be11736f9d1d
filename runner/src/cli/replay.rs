//! `runner replay`: a finding of the fuzzer again, on the stable toolchain.

use super::output::say;
use clap::Args;
use std::fs;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The input, as cargo-fuzz left it.
    input: PathBuf,
}

/// Says what the input does in every lane. Exit code 1 if lanes disagree.
pub(super) fn replay(arguments: &ReplayArgs) -> Result<u8, String> {
    let input =
        fs::read(&arguments.input).map_err(|error| format!("cannot read {}: {error}", arguments.input.display()))?;
    match fuzz::replay(&input) {
        Ok(seen) => {
            say(&format_args!("{seen}\n"))?;
            Ok(0)
        }
        Err(disagreement) => {
            say(&format_args!("{disagreement}\n"))?;
            Ok(1)
        }
    }
}
