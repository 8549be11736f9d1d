//! The default command: runs scripts in lanes, and writes reports.

use super::adapter::NamedCommand;
use super::lane_args::LaneArgs;
use super::output::tell;
use super::report_to::{self, ReportTo};
use super::screen::Screen;
use crate::expectations::Expectations;
use crate::inputs::{self, Choice, FeatureRules, Input};
use crate::pool::{Finished, Pool};
use crate::report::terminal::Paint;
use crate::report::{self, AbsentLane, Compared, Disagreement, LaneReport, Report};
use crate::settings::{HostModule, Settings, TrapText};
use crate::snapshot::snapshot_path;
use clap::{Args, ValueEnum};
use lanes::Features;
use lanes::{Absent, Lane, Lanes, LanesError};
use std::collections::HashSet;
use std::fs;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The scripts to run: files, directories that are searched for *.wast, and official suites (spec:1.0, spec:2.0,
    /// spec:3.0, spec:proposals/NAME, spec:all).
    #[arg(value_name = "SCRIPT|DIR|spec:SUITE")]
    inputs: Vec<String>,
    #[command(flatten)]
    pub(super) lanes: LaneArgs,
    /// Add a command that runs whole scripts and says by its exit code whether they pass, such as ref=wasm or
    /// 'wt=wasmtime wast {}'. The word {} stands for the script's path; without it the path comes last. Repeatable.
    #[arg(long, value_name = "NAME=CMD", help_heading = "Lanes")]
    script_engine: Vec<NamedCommand>,
    /// The number of scripts that run at a time [default: the number of cores].
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Run only the scripts whose path contains this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Stop after the first script that does not pass.
    #[arg(long)]
    fail_fast: bool,
    /// Read a list of expected failures, one on each line: PATH:LINE [@LANE,..] CAUSE or
    /// PATH:FIRST-LAST [@LANE,..] CAUSE.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Write the trap snapshots (x.traps beside x.wast) instead of checking them. They come from a lane that supports
    /// the whole script and shows every trap with all of its frames.
    #[arg(long)]
    bless: bool,
    #[arg(long, value_name = "FORMAT[=FILE]", help = report_to::help())]
    report: Vec<ReportTo>,
    /// Print only what is wrong, and the last line of the summary.
    #[arg(long)]
    quiet: bool,
    /// When to use color.
    #[arg(long, value_enum, default_value_t = When::Auto)]
    color: When,
    /// The WebAssembly features that scripts may use, such as 3.0,threads,-gc. Overrides what scripts and their folders
    /// say.
    #[arg(long, value_name = "LIST", value_parser = Features::from_str)]
    features: Option<Features>,
    /// Read the features of scripts by their paths from a file of lines GLOB = FEATURES. The last line that matches
    /// holds. Overrides what scripts and their folders say.
    #[arg(long, value_name = "FILE")]
    features_file: Option<PathBuf>,
    /// Make each instance that has a name importable by that name, without register. Scripts with head lines of
    /// Wasmtime's suite do so by themselves.
    #[arg(long)]
    auto_register: bool,
    /// The host modules that scripts may import, separated by commas. Scripts with head lines of Wasmtime's suite have
    /// wasmtime by themselves.
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', default_value = "spectest,host")]
    host: Vec<HostModule>,
    /// The texts by which assert_trap and assert_exhaustion may name a trap. Its kind is what counts.
    #[arg(long, value_enum, default_value_t = TrapText::Prefix)]
    trap_text: TrapText,
    /// Take the official suites from a checkout of the specification or of its test suite, instead of the built-in
    /// data. The variable SPEC_TESTSUITE does the same.
    #[arg(long, value_name = "DIR")]
    spec_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Even in a file.
    Always,
    /// Not even on a terminal.
    Never,
}

/// Runs the scripts that the arguments name, and writes the reports. Returns the exit code.
pub(super) fn run(arguments: &RunArgs) -> Result<u8, String> {
    let started = Instant::now();
    let Lanes { present, absent } = arguments.lanes.open()?;
    arguments.check_names(&present, &absent)?;
    // Only their names are needed from here on: each worker opens the lanes for itself.
    let lanes = present.into_iter().map(|lane| lane.info().name.clone()).collect();
    let (inputs, remarks) = arguments.gather_inputs()?;
    let pool = arguments.pool(lanes)?;
    let scripts = inputs.len();
    let mut run = RunInProgress {
        arguments,
        built_in: Expectations::built_in()?,
        expectations: arguments.expectations()?,
        screen: Screen::new(arguments.paint(), arguments.quiet, scripts),
        lanes: pool.lanes.iter().chain(arguments.script_engine.iter().map(|engine| &engine.name)).cloned().collect(),
        reports: Vec::new(),
        disagreements: Vec::new(),
        compared: Vec::new(),
        warnings: inputs.iter().flat_map(|input| &input.warnings).cloned().collect(),
    };
    run.warnings.iter().for_each(|warning| run.screen.warn(warning));
    remarks.iter().for_each(|remark| run.screen.remark(remark));
    if arguments.bless && inputs.iter().any(|input| snapshot_path(&input.path).is_none()) {
        run.screen.remark("no trap snapshots of built-in scripts are written");
    }
    let mut result = Ok(());
    let ran = pool.run(inputs, |input, finished| {
        let go_on = run.add(input, finished);
        result = go_on.as_ref().map(|_| ()).map_err(String::clone);
        go_on.unwrap_or(false)
    });
    ran.map_err(|error| format!("cannot run a worker: {error}"))?;
    result?;
    run.end(absent, scripts, started)
}

impl RunArgs {
    /// Refuses script engines with the name of a lane or of each other: reports could not tell them apart.
    fn check_names(&self, present: &[Box<dyn Lane>], absent: &[Absent]) -> Result<(), String> {
        let lanes = present.iter().map(|lane| &lane.info().name).chain(absent.iter().map(|lane| &lane.name));
        let mut seen: HashSet<&String> = lanes.collect();
        match self.script_engine.iter().find(|engine| !seen.insert(&engine.name)) {
            Some(engine) => Err(LanesError::Twice(engine.name.clone()).to_string()),
            None => Ok(()),
        }
    }

    /// Returns the scripts, and remarks on them for the user.
    fn gather_inputs(&self) -> Result<(Vec<Input>, Vec<String>), String> {
        let spec_dir = self.spec_dir.clone().or_else(checkout_of_environment);
        let feature_rules = self.features_file.as_deref().map(FeatureRules::read).transpose()?.unwrap_or_default();
        let settings = self.settings();
        let choice = Choice { spec_dir, features: self.features, feature_rules, settings, filter: self.filter.clone() };
        inputs::gather(&self.inputs, &choice).map_err(|error| error.to_string())
    }

    fn settings(&self) -> Settings {
        Settings {
            trap_text: self.trap_text,
            auto_register: self.auto_register,
            wasmtime_host: self.host.contains(&HostModule::Wasmtime),
            canonicalize_nans: self.lanes.canonicalize_nan,
        }
    }

    fn expectations(&self) -> Result<Expectations, String> {
        self.expect.as_deref().map_or_else(|| Ok(Expectations::default()), Expectations::read)
    }

    fn pool(&self, lanes: Vec<String>) -> Result<Pool, String> {
        let cores = || std::thread::available_parallelism().ok();
        Ok(Pool {
            program: std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?,
            arguments: self.lanes.worker_arguments(&lanes),
            lanes,
            jobs: self.jobs.or_else(cores).map_or(1, NonZeroUsize::get),
            timeout: self.lanes.timeout,
            bless: self.bless,
            script_engines: self.script_engine.iter().map(NamedCommand::script_engine).collect(),
        })
    }

    fn paint(&self) -> Paint {
        let color = match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        Paint { color }
    }
}

/// A run, while it is in progress.
struct RunInProgress<'a> {
    arguments: &'a RunArgs,
    built_in: [Expectations; 2],
    expectations: Expectations,
    screen: Screen,
    /// The names of the lanes, followed by those of the script engines.
    lanes: Vec<String>,
    reports: Vec<LaneReport>,
    disagreements: Vec<Disagreement>,
    compared: Vec<Compared>,
    /// A text for each head line that is not understood, with its position.
    warnings: Vec<String>,
}

impl RunInProgress<'_> {
    /// Adds the results of a script. Returns whether the run goes on.
    fn add(&mut self, input: &Input, mut finished: Finished) -> Result<bool, String> {
        let lists = || self.built_in.iter().chain([&self.expectations]);
        for report in &mut finished.lanes {
            lists().for_each(|list| list.apply(report));
            report.passed_on.clear();
        }
        finished.disagreements.retain(|disagreement| !lists().any(|list| list.explains(disagreement)));
        let unwritten =
            |why: &str| self.screen.remark(&format!("no trap snapshot of {} is written: {why}", input.path));
        match &finished.snapshot {
            _ if !self.arguments.bless || snapshot_path(&input.path).is_none() => {}
            _ if !finished.has_passed() => unwritten("the script fails"),
            Some(text) => bless(&input.path, text)?,
            None => unwritten("no lane supports all of it and shows every trap with all of its frames"),
        }
        self.screen.show(input, &finished, &self.lanes)?;
        let go_on = finished.has_passed() || !self.arguments.fail_fast;
        self.reports.append(&mut finished.lanes);
        self.disagreements.append(&mut finished.disagreements);
        report::add_compared(&mut self.compared, finished.compared);
        Ok(go_on)
    }

    /// Prints the summary, and writes the reports. Returns the exit code.
    fn end(self, absent: Vec<Absent>, scripts: usize, started: Instant) -> Result<u8, String> {
        let absent = absent.into_iter().map(|absent| AbsentLane { lane: absent.name, reason: absent.reason });
        let report = Report::new(self.lanes, absent.collect(), self.reports, self.disagreements, self.compared);
        let report = Report { warnings: self.warnings, ..report };
        if let Some(remark) = self.expectations.remark_on_unused(&report.scripts) {
            self.screen.remark(&remark);
        }
        self.screen.end(&report, started.elapsed())?;
        let left = scripts - report.totals.scripts;
        if left > 0 {
            tell(&format_args!("note: the run stopped early: {left} of {scripts} scripts were not run"));
        }
        // A report that cannot be written must not keep the others from being written.
        let targets = self.arguments.report.iter();
        let written: Vec<Result<(), String>> = targets.map(|target| target.write(&report)).collect();
        written.into_iter().collect::<Result<(), String>>()?;
        Ok(report.exit_code())
    }
}

/// Returns the checkout that the variable `SPEC_TESTSUITE` names, unless it is empty.
fn checkout_of_environment() -> Option<PathBuf> {
    std::env::var_os("SPEC_TESTSUITE").filter(|directory| !directory.is_empty()).map(PathBuf::from)
}

/// Writes the trap snapshot of a script, or removes it if nothing trapped.
fn bless(script: &str, text: &str) -> Result<(), String> {
    let Some(path) = snapshot_path(script) else { return Ok(()) };
    let result = if text.is_empty() {
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    } else {
        fs::write(&path, text)
    };
    result.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
