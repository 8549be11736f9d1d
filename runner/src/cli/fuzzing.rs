//! `touchstone fuzz` and `touchstone replay`: the fuzzer's oracle on the stable toolchain.

use super::output::{say, tell};
use clap::Args;
use fuzz::campaign::{Campaign, processor_time};
use fuzz::panel::Panel;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The input, as a fuzzer left it.
    input: PathBuf,
    /// The lanes to run it in, at least two, separated by commas; `all` stands for our own.
    #[arg(long, default_value = "all")]
    lanes: String,
}

#[derive(Debug, Args)]
pub(super) struct FuzzArgs {
    /// The lanes to compare, at least two, separated by commas; `all` stands for our own.
    #[arg(long, default_value = "all")]
    lanes: String,
    /// What the inputs follow from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stop after so many inputs.
    #[arg(long)]
    inputs: Option<u64>,
    /// Stop after so many seconds; a minute if no other end is given.
    #[arg(long)]
    seconds: Option<u64>,
    /// Stop after so many seconds of processor time, that of other processes not counted.
    #[arg(long)]
    cpu_seconds: Option<u64>,
    /// Where to write findings.
    #[arg(long, value_name = "DIR", default_value = "findings")]
    out: PathBuf,
    /// Do not make findings smaller.
    #[arg(long)]
    no_reduce: bool,
}

/// The lanes of a list, of which one alone would be compared with nothing.
fn panel(list: &str) -> Result<Panel, String> {
    let panel = Panel::parse(list)?;
    match panel.names()[..] {
        [only] => Err(format!("nothing to compare `{only}` with: name at least two lanes")),
        _ => Ok(panel),
    }
}

/// Says what the input does in every lane. Exit code 1 if lanes disagree.
pub(super) fn replay(arguments: &ReplayArgs) -> Result<u8, String> {
    let input =
        fs::read(&arguments.input).map_err(|error| format!("cannot read {}: {error}", arguments.input.display()))?;
    let panel = panel(&arguments.lanes)?;
    match fuzz::replay(&input, &panel) {
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

/// Fuzzes. Exit code 1 if there are findings.
pub(super) fn fuzz(arguments: &FuzzArgs) -> Result<u8, String> {
    let panel = panel(&arguments.lanes)?;
    let endless = arguments.inputs.is_none() && arguments.seconds.is_none() && arguments.cpu_seconds.is_none();
    let campaign = Campaign {
        seed: arguments.seed,
        inputs: arguments.inputs,
        wall: if endless { Some(Duration::from_secs(60)) } else { arguments.seconds.map(Duration::from_secs) },
        processor: arguments.cpu_seconds.map(Duration::from_secs),
        directory: arguments.out.clone(),
        reduce: !arguments.no_reduce,
    };
    let summary = campaign
        .run(&panel, &mut |text| tell(&format_args!("{text}")))
        .map_err(|error| format!("cannot write to {}: {error}", arguments.out.display()))?;
    say(&format_args!("lanes: {}; seed {}\n{}\n", panel.names().join(", "), arguments.seed, summary.census))?;
    say(&format_args!("{:.0} s of processor time\n", processor_time().as_secs_f64()))?;
    for (signature, count) in &summary.findings {
        say(&format_args!("{count} times: {signature}\n"))?;
    }
    Ok(u8::from(!summary.findings.is_empty()))
}
