//! The command line.

use crate::expectations::Expectations;
use crate::inputs::{self, Choice, Input};
use crate::pool::{Finished, Pool};
use crate::report::terminal::{self, Paint};
use crate::report::{self, AbsentLane, Report};
use crate::worker;
use clap::{Args, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lanes::{Cpu, Lanes, MemoryChecks, Options, RelaxedSimd};
use output::{say, tell};
use spec_testsuite::Features;
use std::fs;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

mod adapter;
#[cfg(feature = "engine")]
mod artifact;
#[cfg(feature = "engine")]
mod fuzzing;
mod output;

/// Runs WebAssembly scripts (.wast) in several engine configurations ("lanes") and reports what fails, what crashes,
/// and where lanes disagree.
///
/// Exit code: 0, all passed that the lanes support; 1, something failed, crashed, timed out or disagreed, or no lane
/// supports anything; 2, usage, no lane to run, or an input that cannot be read.
#[derive(Debug, Parser)]
#[command(name = "runner", version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile a module (.wasm or .wat) to an artefact.
    #[cfg(feature = "engine")]
    Compile(artifact::CompileArgs),
    /// Verify an artefact and show its header, sections and functions.
    #[cfg(feature = "engine")]
    Inspect(artifact::InspectArgs),
    /// Run one fuzz input through the oracle of the fuzz target `differential`.
    #[cfg(feature = "engine")]
    Replay(fuzzing::ReplayArgs),
    /// Fuzz: compare lanes on generated modules, without libFuzzer.
    #[cfg(feature = "engine")]
    Fuzz(fuzzing::FuzzArgs),
    /// Try an adapter of the executable protocol, and say what is wrong with it.
    CheckAdapter(adapter::CheckArgs),
    /// Serve a lane of this build to another runner, over the executable protocol.
    Adapter(adapter::AdapterArgs),
    /// Serve scripts to another runner, over standard input and output.
    #[command(hide = true)]
    Worker(LaneArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Scripts, directories that are searched for *.wast, and official suites: spec:1.0, spec:2.0, spec:3.0,
    /// spec:proposals/NAME, spec:all.
    #[arg(value_name = "SCRIPT|DIR|spec:SUITE")]
    inputs: Vec<String>,
    #[command(flatten)]
    lanes: LaneArgs,
    /// A command that runs a whole script itself, whose exit code is compared: `ref=wasm`, `wt=wasmtime wast {}`. The
    /// word {} stands for the script's path, which else comes last. May be repeated.
    #[arg(long, value_name = "NAME=CMD")]
    script_engine: Vec<adapter::NamedCommand>,
    /// How many scripts run at a time; as many as there are cores unless told.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Run only scripts whose path contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Stop after the first script that does not pass.
    #[arg(long)]
    fail_fast: bool,
    /// A list of expected failures, one on each line: PATH:LINE [@LANE] CAUSE.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Write the trap snapshots (x.traps beside x.wast) instead of checking them.
    #[arg(long)]
    bless: bool,
    /// Write a report: json=FILE, junit=FILE, html=FILE, or github for annotations. May be repeated.
    #[arg(long, value_name = "KIND[=FILE]")]
    report: Vec<ReportTo>,
    /// Print only what is wrong, and the last line.
    #[arg(long)]
    quiet: bool,
    /// Whether to use colour.
    #[arg(long, value_enum, default_value_t = When::Auto)]
    color: When,
    /// Features that scripts may use, whatever they or their folders say: a list such as 3.0,threads,-gc.
    #[arg(long, value_name = "LIST", value_parser = Features::from_str)]
    features: Option<Features>,
    /// An official checkout of the specification or of its test suite, which takes the built-in data's place; the
    /// variable SPEC_TESTSUITE does the same.
    #[arg(long, value_name = "DIR")]
    spec_dir: Option<PathBuf>,
}

/// What a worker needs too.
#[derive(Debug, Args)]
struct LaneArgs {
    /// The lanes, separated by commas. Ours are TIER/ORIGIN with tier speed or quick and origin fresh or reload, or all
    /// for these four; other engines are wasmtime and wasmi, where the runner is built with them, and v8, jsc and
    /// spidermonkey, where they are installed.
    #[arg(long, value_name = "LIST", default_value_t = lanes::default_list())]
    lanes: String,
    /// One more lane: a command that speaks the executable protocol, such as `v8@12=/opt/node12 adapter.js`. What
    /// stands before an @ in the name is the engine's descent. May be repeated.
    #[arg(long, value_name = "NAME=CMD")]
    lane: Vec<adapter::NamedCommand>,
    /// Seconds for one script in one lane.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,
    /// How accesses outside a memory are caught, in every lane.
    #[arg(long, value_enum, default_value_t = Checks::Guard)]
    memory_checks: Checks,
    /// Which CPU features compiled code may use, in every lane.
    #[arg(long, value_enum, default_value_t = CpuArg::Host)]
    cpu: CpuArg,
    /// What relaxed vector instructions give where the standard leaves it to the implementation, in every lane.
    #[arg(long, value_enum, default_value_t = RelaxedArg::Deterministic)]
    relaxed_simd: RelaxedArg,
    /// Collect garbage at every allocation, in every lane of ours.
    #[arg(long)]
    gc_zeal: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Checks {
    /// Guard pages, where the memory allows it.
    Guard,
    /// A comparison before each access.
    Explicit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum CpuArg {
    /// All of this machine's.
    Host,
    /// Those that every CPU of the architecture has.
    Baseline,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum RelaxedArg {
    /// The same on every machine: the standard's deterministic profile.
    Deterministic,
    /// What is shortest on this machine.
    Machine,
}

#[derive(Clone, Debug)]
enum ReportTo {
    Json(PathBuf),
    Junit(PathBuf),
    Html(PathBuf),
    Github,
}

impl FromStr for ReportTo {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportTo, String> {
        match text.split_once('=') {
            None if text == "github" => Ok(ReportTo::Github),
            Some(("json", file)) if !file.is_empty() => Ok(ReportTo::Json(file.into())),
            Some(("junit", file)) if !file.is_empty() => Ok(ReportTo::Junit(file.into())),
            Some(("html", file)) if !file.is_empty() => Ok(ReportTo::Html(file.into())),
            _ => Err("expected json=FILE, junit=FILE, html=FILE or github".to_string()),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected a positive number of seconds".to_string()),
    }
}

impl LaneArgs {
    fn lanes(&self) -> Result<Lanes, String> {
        let options = Options {
            memory_checks: self.memory_checks.into(),
            cpu: self.cpu.into(),
            relaxed_simd: self.relaxed_simd.into(),
            gc_zeal: self.gc_zeal,
            // Scripts run side by side and keep the cores busy.
            compile_threads: Some(1),
            commands: self.lane.iter().map(|lane| (lane.name.clone(), lane.command.clone())).collect(),
            // One request that hangs must not use up the time of its script.
            request_timeout: Some(self.timeout / 4),
            ..Options::default()
        };
        let lanes = lanes::parse(&self.list(), &options).map_err(|error| error.to_string())?;
        if lanes.present.is_empty() {
            let absent: Vec<String> = lanes.absent.iter().map(ToString::to_string).collect();
            let absent = if absent.is_empty() { "no lane given".to_string() } else { absent.join("; ") };
            return Err(format!("no lane to run: {absent}"));
        }
        Ok(lanes)
    }

    /// The names of all lanes: those of the list, and those that come with a command.
    fn list(&self) -> String {
        let listed = |name: &str| self.lanes.split(',').any(|listed| listed.trim() == name);
        let more = self.lane.iter().map(|lane| lane.name.as_str()).filter(|name| !listed(name));
        std::iter::once(self.lanes.as_str()).chain(more).collect::<Vec<_>>().join(",")
    }

    /// The arguments of a worker with these lanes, of those that were asked for.
    fn worker(&self, lanes: &[String]) -> Vec<String> {
        let name = |value: Option<clap::builder::PossibleValue>| {
            value.map(|value| value.get_name().to_string()).unwrap_or_default()
        };
        let mut arguments = vec![
            "worker".to_string(),
            format!("--lanes={}", lanes.join(",")),
            format!("--timeout={}", self.timeout.as_secs_f64()),
            format!("--memory-checks={}", name(self.memory_checks.to_possible_value())),
            format!("--cpu={}", name(self.cpu.to_possible_value())),
            format!("--relaxed-simd={}", name(self.relaxed_simd.to_possible_value())),
        ];
        arguments.extend(self.gc_zeal.then(|| "--gc-zeal".to_string()));
        arguments.extend(self.lane.iter().map(|lane| format!("--lane={lane}")));
        arguments
    }
}

impl From<Checks> for MemoryChecks {
    fn from(checks: Checks) -> MemoryChecks {
        match checks {
            Checks::Guard => MemoryChecks::Guard,
            Checks::Explicit => MemoryChecks::Explicit,
        }
    }
}

impl From<CpuArg> for Cpu {
    fn from(cpu: CpuArg) -> Cpu {
        match cpu {
            CpuArg::Host => Cpu::Host,
            CpuArg::Baseline => Cpu::Baseline,
        }
    }
}

impl From<RelaxedArg> for RelaxedSimd {
    fn from(relaxed: RelaxedArg) -> RelaxedSimd {
        match relaxed {
            RelaxedArg::Deterministic => RelaxedSimd::Deterministic,
            RelaxedArg::Machine => RelaxedSimd::Machine,
        }
    }
}

/// Parses the process's arguments and does what they ask for.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => run(&cli.run),
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

fn run(arguments: &RunArgs) -> Result<u8, String> {
    let started = Instant::now();
    let Lanes { present, absent } = arguments.lanes.lanes()?;
    let mut lanes: Vec<String> = present.iter().map(|lane| lane.info().name.clone()).collect();
    drop(present);
    let expectations = match &arguments.expect {
        Some(path) => Expectations::read(path)?,
        None => Expectations::default(),
    };
    let superseded = Expectations::superseded()?;
    let spec_dir = arguments.spec_dir.clone().or_else(checkout_of_environment);
    let choice = Choice { spec_dir, features: arguments.features, filter: arguments.filter.clone() };
    let (inputs, remarks) = inputs::gather(&arguments.inputs, &choice).map_err(|error| error.to_string())?;
    let jobs = arguments.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let pool = Pool {
        program: std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?,
        arguments: arguments.lanes.worker(&lanes),
        lanes: lanes.clone(),
        jobs,
        timeout: arguments.lanes.timeout,
        bless: arguments.bless,
        script_engines: arguments.script_engine.iter().map(adapter::NamedCommand::script_engine).collect(),
    };
    lanes.extend(arguments.script_engine.iter().map(|engine| engine.name.clone()));
    let scripts = inputs.len();
    let screen = Screen::new(arguments, scripts);
    for remark in remarks {
        screen.remark(&remark);
    }
    if arguments.bless && inputs.iter().any(|input| worker::snapshot_path(&input.path).is_none()) {
        screen.remark("no trap snapshots are written for built-in official scripts");
    }
    let (mut reports, mut disagreements) = (Vec::new(), Vec::new());
    let mut trouble = None;
    let ran = pool.run(inputs, |input, mut finished| {
        for report in &mut finished.lanes {
            superseded.apply(report);
            expectations.apply(report);
        }
        finished.disagreements.retain(|disagreement| !expectations.explain(disagreement));
        match &finished.snapshot {
            Some(text) if passed(&finished) => {
                if let Err(message) = bless(&input.path, text) {
                    trouble = Some(message);
                    return false;
                }
            }
            Some(_) => screen.remark(&format!("no snapshot is written of {}, which fails", input.path)),
            None => {}
        }
        if let Err(message) = screen.finished(input, &finished, &lanes) {
            trouble = Some(message);
            return false;
        }
        let passed = passed(&finished);
        reports.append(&mut finished.lanes);
        disagreements.append(&mut finished.disagreements);
        passed || !arguments.fail_fast
    });
    ran.map_err(|error| format!("cannot run a worker: {error}"))?;
    if let Some(message) = trouble {
        return Err(message);
    }
    let absent = absent.into_iter().map(|absent| AbsentLane { lane: absent.name, reason: absent.reason });
    let report = Report::new(lanes, absent.collect(), reports, disagreements);
    if let Some(remark) = expectations.unused(&report.scripts) {
        screen.remark(&remark);
    }
    screen.end(&report, started.elapsed())?;
    if report.totals.scripts < scripts {
        tell(&format_args!(
            "note: stopped early: {} of {scripts} scripts were not run",
            scripts - report.totals.scripts
        ));
    }
    // One that cannot be written must not keep the others from being written.
    let written: Vec<Result<(), String>> =
        arguments.report.iter().map(|target| write_report(target, &report)).collect();
    written.into_iter().collect::<Result<(), String>>()?;
    Ok(report.exit_code())
}

/// The checkout that `SPEC_TESTSUITE` names; none if it is empty.
fn checkout_of_environment() -> Option<PathBuf> {
    std::env::var_os("SPEC_TESTSUITE").filter(|directory| !directory.is_empty()).map(PathBuf::from)
}

fn passed(finished: &Finished) -> bool {
    finished.disagreements.is_empty() && finished.lanes.iter().all(|report| report.status == report::Status::Pass)
}

/// Writes a trap snapshot, or removes it if nothing trapped.
fn bless(script: &str, text: &str) -> Result<(), String> {
    let Some(path) = worker::snapshot_path(script) else { return Ok(()) };
    let result = match text.is_empty() {
        false => fs::write(&path, text),
        true => match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        },
    };
    result.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn write_report(target: &ReportTo, report: &Report) -> Result<(), String> {
    let write = |path: &Path, text: String| {
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    match target {
        ReportTo::Json(path) => write(path, report.to_json()),
        ReportTo::Html(path) => write(path, report::html(report)),
        ReportTo::Junit(path) => {
            let xml = report::junit(report).map_err(|error| format!("cannot write JUnit XML: {error}"))?;
            write(path, xml)
        }
        ReportTo::Github => say(&report::annotations(report)),
    }
}

/// The terminal.
struct Screen {
    paint: Paint,
    quiet: bool,
    bar: ProgressBar,
}

impl Screen {
    fn new(arguments: &RunArgs, scripts: usize) -> Screen {
        let colour = match arguments.color {
            When::Always => true,
            When::Never => false,
            When::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        // indicatif draws nothing where standard error is no terminal.
        let target = if arguments.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} scripts {elapsed} {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(u64::try_from(scripts).ok(), target).with_style(style);
        Screen { paint: Paint { colour }, quiet: arguments.quiet, bar }
    }

    fn remark(&self, remark: &str) {
        if !self.quiet {
            self.bar.suspend(|| tell(&format_args!("note: {remark}")));
        }
    }

    fn finished(&self, input: &Input, finished: &Finished, lanes: &[String]) -> Result<(), String> {
        if finished.lanes.iter().all(|report| report.status == report::Status::Pass && report.directives == 0) {
            self.remark(&format!("{} has no directives", input.path));
        }
        let mut text = String::new();
        if !passed(finished) {
            let source = inputs::text(&input.path).ok();
            let failed = finished.lanes.iter().filter(|report| report.status != report::Status::Pass);
            for report in failed {
                text += &terminal::failures(report, source.as_deref(), self.paint);
            }
            for disagreement in &finished.disagreements {
                text += &terminal::disagreement(disagreement, lanes, self.paint);
            }
        }
        let said = self.bar.suspend(|| say(&text));
        self.bar.set_message(input.path.clone());
        self.bar.inc(1);
        said
    }

    fn end(&self, report: &Report, elapsed: Duration) -> Result<(), String> {
        self.bar.finish_and_clear();
        let seconds = elapsed.as_secs_f64();
        match self.quiet {
            true => say(&format_args!("{}\n", terminal::verdict(report, seconds, self.paint))),
            false => say(&terminal::summary(report, seconds, self.paint)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_worker_gets_the_same_lanes() {
        let arguments = "runner x.wast --lanes quick/fresh --timeout 0.5 --memory-checks explicit --cpu baseline \
                         --relaxed-simd machine --gc-zeal";
        let cli = Cli::try_parse_from(arguments.split(' ')).expect("valid arguments");
        let lanes = ["quick/fresh".to_string()];
        let worker = std::iter::once("runner".to_string()).chain(cli.run.lanes.worker(&lanes));
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
