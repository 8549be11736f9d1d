//! Engines in processes of their own: the options `--lane NAME=CMD` and `--script-engine NAME=CMD`, and the subcommands
//! `check-adapter` and `adapter`.

#[cfg(feature = "library")]
use super::library::LibraryArgs;
use super::output::say_visible;
use crate::check_adapter;
use crate::script_engine::ScriptEngine;
use clap::Args;
use lanes::adapter::{DEFAULT_TIMEOUT, ScriptProgram};
use lanes::{Lane, Options};
use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

/// A command with a name: an adapter or a script engine.
#[derive(Clone, Debug)]
pub(super) struct NamedCommand {
    /// The name of the lane.
    pub(super) name: String,
    /// Program and arguments.
    pub(super) command: Vec<String>,
    /// The option's value, as it was given.
    text: String,
}

/// A value of `--script-engine`: a command with a name, or the name of an engine that is installed.
#[derive(Clone, Debug)]
pub(super) struct ScriptEngineArg(pub(super) ScriptEngine);

impl FromStr for ScriptEngineArg {
    type Err = String;

    fn from_str(text: &str) -> Result<ScriptEngineArg, String> {
        Ok(ScriptEngineArg(if text.contains('=') {
            let NamedCommand { name, command, .. } = text.parse()?;
            ScriptEngine { name, command, info: None }
        } else {
            let ScriptProgram { command, info } = lanes::adapter::script_program(text)?;
            ScriptEngine { name: text.to_string(), command, info: Some(info) }
        }))
    }
}

impl FromStr for NamedCommand {
    type Err = String;

    fn from_str(text: &str) -> Result<NamedCommand, String> {
        let (name, command) = text.split_once('=').ok_or("expected NAME=CMD")?;
        if name.is_empty() || name == "all" || name.contains([',', ' ', '/']) {
            let rule = "not empty, not `all`, and without commas, blanks and slashes";
            return Err(format!("`{name}` cannot be the name of a lane: names are {rule}"));
        }
        let words = shlex::split(command).filter(|words| !words.is_empty());
        let command = words.ok_or_else(|| format!("`{command}` is not a command"))?;
        Ok(NamedCommand { name: name.to_string(), command, text: text.to_string() })
    }
}

impl fmt::Display for NamedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Time for one request, in seconds [default: 10].
    #[arg(long, value_name = "SECONDS", value_parser = super::lane_args::seconds)]
    timeout: Option<Duration>,
    /// The adapter: program and arguments.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Checks an adapter, and prints what is wrong with it. Returns exit code 1 if anything is.
pub(super) fn check(arguments: &CheckArgs) -> Result<u8, String> {
    let report = check_adapter::check(&arguments.command, arguments.timeout.unwrap_or(DEFAULT_TIMEOUT));
    say_visible(&report)?;
    Ok(u8::from(!report.has_passed()))
}

#[derive(Debug, Args)]
pub(super) struct AdapterArgs {
    /// The lane to serve, such as speed/fresh.
    #[cfg_attr(feature = "library", arg(required_unless_present = "library", conflicts_with = "library"))]
    lane: Option<String>,
    #[cfg(feature = "library")]
    #[command(flatten)]
    library: LibraryArgs,
}

/// Serves a lane until standard input ends.
pub(super) fn serve(arguments: &AdapterArgs) -> Result<u8, String> {
    #[cfg(feature = "library")]
    if let Some(path) = &arguments.library.library {
        return arguments.library.serve(path);
    }
    let name = arguments.lane.as_deref().unwrap_or_default();
    let lanes = lanes::parse(name, &Options::default()).map_err(|error| error.to_string())?;
    if let Some(absent) = lanes.absent.first() {
        return Err(absent.to_string());
    }
    let [lane] = &lanes.present[..] else { return Err("an adapter serves one lane".to_string()) };
    serve_lane(&**lane)
}

pub(super) fn serve_lane(lane: &dyn Lane) -> Result<u8, String> {
    let served = lanes::adapter::serve(lane, io::stdin().lock(), io::stdout().lock());
    served.map_err(|error| error.to_string())?;
    Ok(0)
}
