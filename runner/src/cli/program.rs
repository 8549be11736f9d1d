//! `touchstone run`: runs a program.

use super::lane_args::seconds;
use super::output::{say_visible, tell};
#[cfg(feature = "engine")]
use crate::program::Profiling;
use crate::program::{self, Limits, Program, Stopped, Tier};
use clap::Args;
use lanes::Features;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process;
use std::str::FromStr;
use std::time::Duration;

/// The exit code after a trap: that of a process that aborts.
const TRAPPED: u8 = 134;

const AFTER_HELP: &str = "\
Examples:
  touchstone run hello.wasm one two                     run a program with arguments
  touchstone run --dir . --env HOME copy.wasm a b       give it the current directory and a variable
  touchstone run --invoke add sum.wat 2 3               call a function, and print its results
  touchstone run --tier interp --timeout 5 loop.wasm    interpret, for five seconds at most

Exit codes:
  that of the program, or
  134  it trapped; the backtrace is on standard error
  2    the command line is wrong, or a file cannot be used";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ProgramArgs {
    /// The program: a module in binary or text form, or an artifact.
    #[arg(value_name = "PROGRAM")]
    path: PathBuf,
    /// The arguments of the program, or of the function that is called.
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
    /// Give a directory to the program, which sees it as GUEST, or else by the same name. Repeatable.
    #[arg(long, value_name = "HOST[::GUEST]", value_parser = parse_dir)]
    dir: Vec<(PathBuf, String)>,
    /// Give an environment variable to the program; without a value, that of this process. Repeatable.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = parse_env)]
    env: Vec<(String, String)>,
    /// Call an exported function instead of the program's start, with ARGS by its types, and print its results.
    #[arg(long, value_name = "FUNCTION")]
    invoke: Option<String>,
    /// Instantiate a module first, whose exports can be imported under NAME. Repeatable.
    #[arg(long, value_name = "NAME=MODULE", value_parser = parse_preload)]
    preload: Vec<(String, PathBuf)>,
    /// The way to run it. An artifact has its tier; a module has the first of these by default.
    #[arg(long, value_enum)]
    tier: Option<Tier>,
    /// The WebAssembly features that modules may use, such as 3.0,threads.
    #[arg(long, value_name = "LIST", default_value = "3.0", value_parser = Features::from_str)]
    features: Features,
    /// Trap when this much fuel is used up: one unit for each instruction.
    #[arg(long, value_name = "N")]
    fuel: Option<u64>,
    /// Trap when this much time has passed.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// The size that a memory may grow to: bytes, or with a suffix such as 64MiB.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_memory: Option<u64>,
    /// Make a profile: `guest` writes folded stacks to FILE (profile.folded), a sample in each MILLISECONDS (1) of
    /// processor time; `perfmap` and `jitdump` write what perf needs to know the functions.
    #[cfg(feature = "engine")]
    #[arg(long, value_name = "guest[,FILE[,MILLISECONDS]]|perfmap|jitdump", value_parser = parse_profile)]
    profile: Option<Profiling>,
    /// Accept artifacts, whose machine code runs as it is. Only for files that you trust.
    #[arg(long)]
    allow_precompiled: bool,
    /// Compile modules each time, without the cache of compiled modules.
    #[cfg(feature = "engine")]
    #[arg(long)]
    no_cache: bool,
    #[cfg(feature = "engine")]
    #[command(flatten)]
    cache: super::cache::CacheArgs,
}

/// Runs a program, prints the results of the function that it names, and returns the exit code.
pub(super) fn run(arguments: ProgramArgs) -> Result<u8, String> {
    let timeout = arguments.timeout.unwrap_or_default().as_secs_f64();
    let on_timeout = move || {
        tell(&format_args!(
            "error: the program still runs, or waits for the system, {timeout} s after its start: it was ended"
        ));
        process::exit(TRAPPED.into());
    };
    match program::run(&arguments.into(), on_timeout) {
        Ok(results) => {
            results.iter().try_for_each(|result| say_visible(&format_args!("{result}\n")))?;
            Ok(0)
        }
        // Systems pass eight bits on.
        #[cfg(feature = "wasi")]
        Err(Stopped::Exit(code)) => Ok(code as u8),
        Err(Stopped::Trap(text)) => {
            tell(&format_args!("error: the program trapped: {}", text.trim_end()));
            Ok(TRAPPED)
        }
        Err(Stopped::Refused(why)) => Err(why),
    }
}

/// Returns the arguments of this process, with `run` before a program that stands in the place of a subcommand.
pub(super) fn with_command(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let extension = arguments.get(1).and_then(|first| Path::new(first).extension());
    if extension.is_some_and(|extension| extension == "wasm" || extension == "wat") {
        arguments.insert(1, "run".into());
    }
    arguments
}

impl From<ProgramArgs> for Program {
    fn from(arguments: ProgramArgs) -> Program {
        Program {
            path: arguments.path,
            arguments: arguments.arguments,
            invoke: arguments.invoke,
            preloads: arguments.preload,
            dirs: arguments.dir,
            env: arguments.env,
            tier: arguments.tier,
            features: arguments.features,
            allow_precompiled: arguments.allow_precompiled,
            limits: Limits { fuel: arguments.fuel, timeout: arguments.timeout, max_memory: arguments.max_memory },
            #[cfg(feature = "engine")]
            profile: arguments.profile,
            #[cfg(feature = "engine")]
            cache: (!arguments.no_cache).then(|| arguments.cache.settings()),
            #[cfg(feature = "engine")]
            remark: |text| tell(&format_args!("note: {text}")),
        }
    }
}

fn parse_dir(text: &str) -> Result<(PathBuf, String), String> {
    let (host, guest) = text.split_once("::").unwrap_or((text, text));
    if host.is_empty() || guest.is_empty() {
        return Err("expected HOST or HOST::GUEST".to_owned());
    }
    Ok((host.into(), guest.to_owned()))
}

fn parse_env(text: &str) -> Result<(String, String), String> {
    if let Some((name, value)) = text.split_once('=') {
        return Ok((name.to_owned(), value.to_owned()));
    }
    match std::env::var(text) {
        Ok(value) => Ok((text.to_owned(), value)),
        Err(error) => Err(format!("{text}: {error}; expected NAME=VALUE, or the name of a variable that is set")),
    }
}

fn parse_preload(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("expected NAME=MODULE")?;
    Ok((name.to_owned(), path.into()))
}

#[cfg(feature = "engine")]
fn parse_profile(text: &str) -> Result<Profiling, String> {
    let mut parts = text.splitn(3, ',');
    let guest = match parts.next() {
        Some("perfmap") => Profiling::For(engine::ProfilingStrategy::PerfMap),
        Some("jitdump") => Profiling::For(engine::ProfilingStrategy::JitDump),
        Some("guest") => {
            let path = parts.next().filter(|path| !path.is_empty()).unwrap_or("profile.folded").into();
            let milliseconds: f64 = match parts.next().map(|text| text.trim_end_matches("ms")) {
                Some(text) => text.parse().map_err(|error| format!("the interval `{text}`: {error}"))?,
                None => 1.0,
            };
            let interval =
                Duration::try_from_secs_f64(milliseconds / 1000.0).ok().filter(|interval| !interval.is_zero());
            Profiling::Guest(path, interval.ok_or("the interval is not a time above 0 ms")?)
        }
        _ => return Err("expected guest, perfmap or jitdump".to_owned()),
    };
    match parts.next() {
        Some(rest) => Err(format!("nothing may follow: `{rest}`")),
        None => Ok(guest),
    }
}

pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => 0,
    };
    let size = digits.parse().ok().and_then(|number: u64| number.checked_mul(unit));
    size.filter(|_| unit > 0)
        .ok_or_else(|| "expected a number of bytes, such as 1048576, 64KiB, 64MiB or 1GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let sizes = ["0", "65536", "64KiB", "64k", "1MiB", "2G"].map(|text| parse_size(text).expect("a size"));
        assert_eq!(sizes, [0, 65536, 65536, 65536, 1 << 20, 2 << 30]);
        for wrong in ["", "MiB", "-1", "1.5MiB", "1MB", "20000000000G"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[cfg(feature = "engine")]
    #[test]
    fn profiles_have_a_file_and_an_interval() {
        let guest = |path: &str, micros| Ok(Profiling::Guest(path.into(), Duration::from_micros(micros)));
        assert_eq!(parse_profile("guest"), guest("profile.folded", 1000));
        assert_eq!(parse_profile("guest,a.txt"), guest("a.txt", 1000));
        assert_eq!(parse_profile("guest,a.txt,0.25"), guest("a.txt", 250));
        assert_eq!(parse_profile("guest,,10ms"), guest("profile.folded", 10_000));
        assert_eq!(parse_profile("jitdump"), Ok(Profiling::For(engine::ProfilingStrategy::JitDump)));
        for wrong in ["", "perf", "guest,a,0", "guest,a,-1", "guest,a,x", "perfmap,a"] {
            assert!(parse_profile(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn directories_have_two_names() {
        let dir = |text: &str| parse_dir(text).map(|(host, guest)| (host.display().to_string(), guest));
        assert_eq!(dir("a/b"), Ok(("a/b".to_owned(), "a/b".to_owned())));
        assert_eq!(dir("a::/"), Ok(("a".to_owned(), "/".to_owned())));
        assert!(dir("::/").is_err() && dir("a::").is_err());
    }

    #[test]
    fn a_program_is_a_command() {
        let words = |line: &str| with_command(line.split(' ').map(Into::into)).join(" ".as_ref());
        assert_eq!(words("touchstone a.wasm -x b"), "touchstone run a.wasm -x b");
        assert_eq!(words("touchstone a.wat"), "touchstone run a.wat");
        for unchanged in ["touchstone", "touchstone a.wast", "touchstone run a.wasm", "touchstone compile a.wasm"] {
            assert_eq!(words(unchanged), unchanged);
        }
    }
}
