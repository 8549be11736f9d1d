//! `touchstone fuzz`: the fuzzer's oracles on the stable toolchain.

use super::output::{say_visible, tell};
use super::panel_args::PanelArgs;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use fuzz::campaign::{Campaign, processor_time};
use fuzz::oracle::{self, Oracle};
use fuzz::panel::Panel;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct FuzzArgs {
    /// The oracle that judges the inputs.
    #[arg(long, value_parser = oracles(), default_value = oracle::ORACLES[0].name)]
    oracle: String,
    /// The seed from which the inputs are generated.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stop after this many inputs.
    #[arg(long, value_name = "N")]
    inputs: Option<u64>,
    /// Stop after this time, in seconds [default: 60, without any other limit].
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Stop after this processor time of the program itself, in seconds.
    #[arg(long, value_name = "SECONDS")]
    cpu_seconds: Option<u64>,
    /// The directory to write findings to.
    #[arg(long, value_name = "DIR", default_value = "findings")]
    out: PathBuf,
    /// Keep findings as they are, instead of making them smaller.
    #[arg(long)]
    no_reduce: bool,
    #[command(flatten)]
    lanes: PanelArgs,
}

/// Returns the names of the oracles, each with a line of help.
pub(super) fn oracles() -> PossibleValuesParser {
    oracle::ORACLES.iter().map(|oracle| PossibleValue::new(oracle.name).help(oracle.summary)).collect::<Vec<_>>().into()
}

/// Makes an oracle that compares the lanes of a list.
pub(super) fn make_oracle(name: &str, panel: Panel) -> Result<Box<dyn Oracle>, String> {
    Ok((oracle::find(name)?.make)(panel))
}

/// Runs a campaign. Returns exit code 1 if it has findings, or has executed nothing.
pub(super) fn fuzz(arguments: &FuzzArgs) -> Result<u8, String> {
    let panel = arguments.lanes.open()?;
    let lanes = panel.engines()?.join(", ");
    let mut oracle = make_oracle(&arguments.oracle, panel)?;
    let endless = arguments.inputs.is_none() && arguments.seconds.is_none() && arguments.cpu_seconds.is_none();
    let campaign = Campaign {
        seed: arguments.seed,
        inputs: arguments.inputs,
        wall: if endless { Some(Duration::from_secs(60)) } else { arguments.seconds.map(Duration::from_secs) },
        processor: arguments.cpu_seconds.map(Duration::from_secs),
        directory: arguments.out.clone(),
        reduce: !arguments.no_reduce,
    };
    let findings = campaign
        .run(&mut *oracle, &mut |text| tell(&format_args!("{text}")))
        .map_err(|error| format!("cannot write to {}: {error}", arguments.out.display()))?;
    say_visible(&format_args!("lanes: {lanes}; seed {}\n{}\n", arguments.seed, oracle.statistics()))?;
    say_visible(&format_args!("{:.0} s of processor time\n", processor_time().as_secs_f64()))?;
    for (signature, count) in &findings {
        say_visible(&format_args!("{count} times: {signature}\n"))?;
    }
    if oracle.executed() == 0 {
        tell(&"nothing was executed, so that nothing was tested");
        return Ok(1);
    }
    Ok(u8::from(!findings.is_empty()))
}
