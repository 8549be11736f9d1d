//! `touchstone replay`: one finding of the fuzzer again.

use super::fuzzing::{make_oracle, oracles};
use super::output::say_visible;
use super::panel_args::PanelArgs;
use clap::Args;
use fuzz::oracle;
use std::fs;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The file of the input.
    input: PathBuf,
    /// The oracle that judges the input.
    #[arg(long, value_parser = oracles(), default_value = oracle::ORACLES[0].name)]
    oracle: String,
    #[command(flatten)]
    lanes: PanelArgs,
}

/// Prints how the input behaves in every lane. Returns exit code 1 if there is a finding.
pub(super) fn replay(arguments: &ReplayArgs) -> Result<u8, String> {
    let input =
        fs::read(&arguments.input).map_err(|error| format!("cannot read {}: {error}", arguments.input.display()))?;
    let mut oracle = make_oracle(&arguments.oracle, arguments.lanes.open()?)?;
    match fuzz::replay(&input, &mut *oracle) {
        Ok(seen) => {
            say_visible(&format_args!("{seen}\n"))?;
            Ok(0)
        }
        Err(disagreement) => {
            say_visible(&format_args!("{disagreement}\n"))?;
            Ok(1)
        }
    }
}
