//! The command line of `touchstone`: one module for each subcommand, and what they share.

use crate::report::visible;
use crate::worker::{self, WorkerLanes};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use lane_args::LaneArgs;
use output::tell;
use std::ffi::OsString;
use std::process::ExitCode;

mod adapter;
#[cfg(feature = "engine")]
mod artifact;
#[cfg(feature = "engine")]
mod cache;
mod completions;
mod demands;
#[cfg(feature = "engine")]
mod findings;
#[cfg(feature = "engine")]
mod fuzzing;
mod lane_args;
#[cfg(feature = "library")]
mod library;
#[cfg(feature = "engine")]
mod losses;
mod output;
#[cfg(feature = "engine")]
mod panel_args;
mod profile;
#[cfg(any(feature = "engine", feature = "interp"))]
mod program;
mod report_to;
mod reports;
mod screen;
#[cfg(feature = "engine")]
mod script_case;
mod scripts;
mod selection;
#[cfg(feature = "engine")]
mod verify_unwind;

/// Run WebAssembly test scripts (.wast) in several engines and engine configurations ("lanes"), and report what fails,
/// what crashes, and where lanes disagree.
#[derive(Debug, Parser)]
#[command(
    name = "touchstone",
    version,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_help = AFTER_HELP
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    scripts: scripts::ScriptArgs,
}

const AFTER_HELP: &str = "\
Examples:
  touchstone tests/                               run the scripts of a directory in the default lanes
  touchstone spec:3.0 --lanes all                 run the official suite in every lane of ours
  touchstone spec:3.0 --lanes speed/fresh,v8      compare with V8; v8? if it may be absent
  touchstone spec:2.0 --lane 'mine=./my-adapter'  test another engine, through an adapter
  touchstone spec:3.0 --report junit=report.xml   write a report for a CI server
  touchstone report report.json -o site/          make a page of JSON reports
  touchstone hello.wasm                           run a program; see touchstone run --help

Exit codes:
  0  everything passed that the lanes support
  1  something failed, crashed, timed out or disagreed, or too little passed
  2  the command line is wrong, a lane is not there, or an input cannot be read";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a program (.wasm or .wat). A program in the place of a subcommand runs too.
    #[cfg(any(feature = "engine", feature = "interp"))]
    Run(program::ProgramArgs),
    /// Show, clear or verify the cache of compiled programs.
    #[cfg(feature = "engine")]
    Cache(cache::CacheCommand),
    /// Compile a module (.wasm or .wat) to an artifact.
    #[cfg(feature = "engine")]
    Compile(artifact::CompileArgs),
    /// Verify an artifact, and show its header, sections and functions.
    #[cfg(feature = "engine")]
    Inspect(artifact::InspectArgs),
    /// Run compiled code one instruction at a time, and check its unwind information at each.
    #[cfg(feature = "engine")]
    VerifyUnwind(verify_unwind::VerifyUnwindArgs),
    /// Run one input of the fuzzer, a module or a script in lanes, compare them, and show what happens.
    #[cfg(feature = "engine")]
    Replay(findings::ReplayArgs),
    /// Make findings of the fuzzer small: scripts of a few lines, grouped by their causes.
    #[cfg(feature = "engine")]
    Reduce(findings::ReduceArgs),
    /// Compare lanes on generated modules.
    #[cfg(feature = "engine")]
    Fuzz(fuzzing::FuzzArgs),
    Report(reports::ReportArgs),
    Diff(reports::DiffArgs),
    /// Check an adapter of another engine, and show what is wrong with it.
    CheckAdapter(adapter::CheckArgs),
    /// Serve a lane of this program as an adapter, over standard input and output.
    Adapter(adapter::AdapterArgs),
    /// Print the completion script of a shell.
    Completions(completions::CompletionsArgs),
    /// Run scripts for a parent process, over standard input and output.
    #[command(hide = true)]
    Worker(LaneArgs),
    /// Check inputs of the fuzzer for a parent process, over standard input and output.
    #[cfg(feature = "engine")]
    #[command(hide = true)]
    FuzzWorker(fuzzing::WorkerArgs),
    /// Run inputs of `reduce` for a parent process, over standard input and output.
    #[cfg(feature = "engine")]
    #[command(hide = true)]
    ReduceWorker(findings::ReduceWorkerArgs),
    /// End the process groups that a parent process leaves behind.
    #[command(hide = true)]
    Reaper,
}

/// Runs the command that the process's arguments ask for, and returns the exit code.
pub fn main() -> ExitCode {
    let arguments = std::env::args_os();
    #[cfg(any(feature = "engine", feature = "interp"))]
    let arguments = program::with_command(arguments);
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let result = parse(arguments).and_then(run);
    match result {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            tell(&format_args!("error: {}", visible(&message)));
            ExitCode::from(2)
        }
    }
}

/// Parses the arguments, with those that a profile stands for. Ends the process if they are wrong, or ask for help.
fn parse(mut arguments: Vec<OsString>) -> Result<Cli, String> {
    let cli = Cli::parse_from(&arguments);
    let command = Cli::command().args_override_self(true);
    match cli.scripts.profile_arguments(&command)? {
        None => Ok(cli),
        Some(profile) => {
            let given = arguments.split_off(1);
            // Options of the command line come last, so that they override; scripts of the profile are behind a `--`.
            let scripts = profile.iter().position(|argument| argument == "--").unwrap_or(profile.len());
            arguments.extend_from_slice(&profile[..scripts]);
            arguments.extend(given);
            arguments.extend_from_slice(&profile[scripts..]);
            let matches = command.get_matches_from(&arguments);
            Cli::from_arg_matches(&matches).map_err(|error| error.to_string())
        }
    }
}

/// Runs the command, and returns the exit code.
fn run(cli: Cli) -> Result<u8, String> {
    match cli.command {
        None => scripts::run(&cli.scripts),
        #[cfg(any(feature = "engine", feature = "interp"))]
        Some(Command::Run(arguments)) => program::run(arguments),
        #[cfg(feature = "engine")]
        Some(Command::Cache(arguments)) => cache::run(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::Compile(arguments)) => artifact::compile(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::Inspect(arguments)) => artifact::inspect(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::VerifyUnwind(arguments)) => verify_unwind::verify_unwind(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::Replay(arguments)) => findings::replay(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::Reduce(arguments)) => findings::reduce(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::Fuzz(arguments)) => fuzzing::fuzz(&arguments),
        Some(Command::Report(arguments)) => reports::write_page(&arguments),
        Some(Command::Diff(arguments)) => reports::diff(&arguments),
        Some(Command::CheckAdapter(arguments)) => adapter::check(&arguments),
        Some(Command::Adapter(arguments)) => adapter::serve(&arguments),
        Some(Command::Completions(arguments)) => completions::print(&arguments, Cli::command()),
        Some(Command::Worker(arguments)) => work(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::FuzzWorker(arguments)) => fuzzing::work(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::ReduceWorker(arguments)) => findings::reduce_worker(&arguments),
        Some(Command::Reaper) => lanes::workers::reap().map(|()| 0).map_err(|error| error.to_string()),
    }
}

/// Runs scripts for a parent process.
fn work(arguments: &LaneArgs) -> Result<u8, String> {
    let lanes = arguments.open()?;
    if let Some(absent) = lanes.absent.first() {
        // The parent sends positions in the list of lanes, so none may be missing.
        return Err(format!("a lane is missing in the worker: {absent}"));
    }
    let lanes = WorkerLanes { canonical: arguments.open_canonical(&lanes.present)?, plain: lanes.present };
    worker::serve(&lanes, arguments.timeout).map_err(|error| error.to_string())?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::lane_args::{Checks, CpuArg, RelaxedArg};
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_worker_gets_the_same_lanes() {
        let arguments = "touchstone x.wast --lanes quick/fresh --timeout 0.5 --memory-checks explicit --cpu baseline \
                         --relaxed-simd machine --canonicalize-nan --gc-zeal";
        let cli = Cli::try_parse_from(arguments.split(' ')).expect("valid arguments");
        let lanes = ["quick/fresh".to_string()];
        let worker = std::iter::once("touchstone".to_string()).chain(cli.scripts.lanes.worker_arguments(&lanes));
        let Cli { command: Some(Command::Worker(parsed)), .. } = Cli::try_parse_from(worker).expect("valid") else {
            panic!("a worker's arguments select the worker");
        };
        assert_eq!(parsed.worker_arguments(&lanes), cli.scripts.lanes.worker_arguments(&lanes));
        assert_eq!(parsed.lanes, "quick/fresh");
        assert_eq!((parsed.cpu, parsed.memory_checks), (CpuArg::Baseline, Checks::Explicit));
        assert_eq!(parsed.relaxed_simd, RelaxedArg::Machine);
        assert!(parsed.canonicalize_nan && parsed.gc_zeal);
    }
}
