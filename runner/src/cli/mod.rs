//! The command line.

use crate::worker;
use clap::{CommandFactory, Parser, Subcommand};
use lane_args::LaneArgs;
use output::tell;
use std::process::ExitCode;

mod adapter;
#[cfg(feature = "engine")]
mod artifact;
mod completions;
#[cfg(feature = "engine")]
mod fuzzing;
mod lane_args;
mod output;
mod report_to;
mod run;
mod screen;

/// Runs WebAssembly scripts (.wast) in several engine configurations ("lanes") and reports what fails, what crashes,
/// and where lanes disagree.
///
/// Exit code: 0, all passed that the lanes support; 1, something failed, crashed, timed out or disagreed, or no lane
/// supports anything; 2, usage, no lane to run, or an input that cannot be read.
#[derive(Debug, Parser)]
#[command(name = "touchstone", version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile a module (.wasm or .wat) to an artifact.
    #[cfg(feature = "engine")]
    Compile(artifact::CompileArgs),
    /// Verify an artifact and show its header, sections and functions.
    #[cfg(feature = "engine")]
    Inspect(artifact::InspectArgs),
    /// Run one fuzz input through an oracle, and say what happened.
    #[cfg(feature = "engine")]
    Replay(fuzzing::ReplayArgs),
    /// Fuzz: compare lanes on generated modules, without libFuzzer.
    #[cfg(feature = "engine")]
    Fuzz(fuzzing::FuzzArgs),
    /// Try an adapter of the executable protocol, and say what is wrong with it.
    CheckAdapter(adapter::CheckArgs),
    /// Serve a lane of this build to another process, over the executable protocol.
    Adapter(adapter::AdapterArgs),
    /// Print a script that completes this program's arguments in a shell.
    Completions(completions::CompletionsArgs),
    /// Run scripts for a parent process, over standard input and output.
    #[command(hide = true)]
    Worker(LaneArgs),
}

/// Parses the process's arguments and does what they ask for.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => run::run(&cli.run),
        #[cfg(feature = "engine")]
        Some(Command::Compile(arguments)) => artifact::compile(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::Inspect(arguments)) => artifact::inspect(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::Replay(arguments)) => fuzzing::replay(&arguments),
        #[cfg(feature = "engine")]
        Some(Command::Fuzz(arguments)) => fuzzing::fuzz(&arguments),
        Some(Command::CheckAdapter(arguments)) => adapter::check(&arguments),
        Some(Command::Adapter(arguments)) => adapter::serve(&arguments),
        Some(Command::Completions(arguments)) => completions::print(&arguments, Cli::command()),
        Some(Command::Worker(arguments)) => serve(&arguments),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            tell(&format_args!("error: {message}"));
            ExitCode::from(2)
        }
    }
}

fn serve(arguments: &LaneArgs) -> Result<u8, String> {
    let lanes = arguments.lanes()?;
    if let Some(absent) = lanes.absent.first() {
        // The parent counts positions in this list.
        return Err(format!("a lane is gone: {absent}"));
    }
    worker::serve(&lanes.present, arguments.timeout).map_err(|error| error.to_string())?;
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
                         --relaxed-simd machine --gc-zeal";
        let cli = Cli::try_parse_from(arguments.split(' ')).expect("valid arguments");
        let lanes = ["quick/fresh".to_string()];
        let worker = std::iter::once("touchstone".to_string()).chain(cli.run.lanes.worker(&lanes));
        let Cli { command: Some(Command::Worker(parsed)), .. } = Cli::try_parse_from(worker).expect("valid") else {
            panic!("a worker's arguments select the worker");
        };
        assert_eq!(parsed.worker(&lanes), cli.run.lanes.worker(&lanes));
        assert_eq!(parsed.lanes, "quick/fresh");
        assert_eq!((parsed.cpu, parsed.memory_checks), (CpuArg::Baseline, Checks::Explicit));
        assert_eq!(parsed.relaxed_simd, RelaxedArg::Machine);
        assert!(parsed.gc_zeal);
    }
}
