//! The default command: runs scripts in lanes, and reports.

use super::adapter::NamedCommand;
use super::lane_args::LaneArgs;
use super::output::tell;
use super::report_to::{self, ReportTo};
use super::screen::Screen;
use crate::expectations::Expectations;
use crate::inputs::{self, Choice, Input};
use crate::pool::{Finished, Pool};
use crate::report::terminal::Paint;
use crate::report::{self, AbsentLane, Compared, Disagreement, LaneReport, Report};
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
    /// Scripts, directories that are searched for *.wast, and official suites: spec:1.0, spec:2.0, spec:3.0,
    /// spec:proposals/NAME, spec:all.
    #[arg(value_name = "SCRIPT|DIR|spec:SUITE")]
    inputs: Vec<String>,
    #[command(flatten)]
    pub(super) lanes: LaneArgs,
    /// A command that runs a whole script itself, whose exit code is compared: `ref=wasm`, `wt=wasmtime wast {}`. The
    /// word {} stands for the script's path, which else comes last. May be repeated.
    #[arg(long, value_name = "NAME=CMD")]
    script_engine: Vec<NamedCommand>,
    /// How many scripts run at a time; as many as there are cores unless told.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Run only scripts whose path contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Stop after the first script that does not pass.
    #[arg(long)]
    fail_fast: bool,
    /// A list of expected failures: PATH:LINE [@LANE,..] CAUSE, or PATH:FIRST-LAST [@LANE,..] CAUSE, a line.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Write the trap snapshots (x.traps beside x.wast) instead of checking them, from a lane that supports the script and
    /// shows every trap with all its frames.
    #[arg(long)]
    bless: bool,
    #[arg(long, value_name = "FORMAT[=FILE]", help = report_to::help())]
    report: Vec<ReportTo>,
    /// Print only what is wrong, and the last line.
    #[arg(long)]
    quiet: bool,
    /// Whether to use color.
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

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

/// Runs the scripts that the arguments name, and writes the reports. Returns the exit code.
pub(super) fn run(arguments: &RunArgs) -> Result<u8, String> {
    let started = Instant::now();
    let Lanes { present, absent } = arguments.lanes.lanes()?;
    arguments.check_names(&present, &absent)?;
    // Workers open their own.
    let lanes = present.into_iter().map(|lane| lane.info().name.clone()).collect();
    let (inputs, remarks) = arguments.inputs()?;
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
    };
    remarks.iter().for_each(|remark| run.screen.remark(remark));
    if arguments.bless && inputs.iter().any(|input| snapshot_path(&input.path).is_none()) {
        run.screen.remark("no trap snapshots are written for built-in official scripts");
    }
    let mut result = Ok(());
    let ran = pool.run(inputs, |input, finished| {
        let go_on = run.finished(input, finished);
        result = go_on.as_ref().map(|_| ()).map_err(String::clone);
        go_on.unwrap_or(false)
    });
    ran.map_err(|error| format!("cannot run a worker: {error}"))?;
    result?;
    run.end(absent, scripts, started)
}

impl RunArgs {
    /// Refuses script engines that are named like a lane or like each other: their reports would be one.
    fn check_names(&self, present: &[Box<dyn Lane>], absent: &[Absent]) -> Result<(), String> {
        let lanes = present.iter().map(|lane| &lane.info().name).chain(absent.iter().map(|lane| &lane.name));
        let mut seen: HashSet<&String> = lanes.collect();
        match self.script_engine.iter().find(|engine| !seen.insert(&engine.name)) {
            Some(engine) => Err(LanesError::Twice(engine.name.clone()).to_string()),
            None => Ok(()),
        }
    }

    /// The scripts, and what is to be said of them.
    fn inputs(&self) -> Result<(Vec<Input>, Vec<String>), String> {
        let spec_dir = self.spec_dir.clone().or_else(checkout_of_environment);
        let choice = Choice { spec_dir, features: self.features, filter: self.filter.clone() };
        inputs::gather(&self.inputs, &choice).map_err(|error| error.to_string())
    }

    fn expectations(&self) -> Result<Expectations, String> {
        self.expect.as_deref().map_or_else(|| Ok(Expectations::default()), Expectations::read)
    }

    fn pool(&self, lanes: Vec<String>) -> Result<Pool, String> {
        let cores = || std::thread::available_parallelism().ok();
        Ok(Pool {
            program: std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?,
            arguments: self.lanes.worker(&lanes),
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

/// A run under way.
struct RunInProgress<'a> {
    arguments: &'a RunArgs,
    built_in: [Expectations; 2],
    expectations: Expectations,
    screen: Screen,
    /// The names of the lanes, and behind them those of the script engines.
    lanes: Vec<String>,
    reports: Vec<LaneReport>,
    disagreements: Vec<Disagreement>,
    compared: Vec<Compared>,
}

impl RunInProgress<'_> {
    /// Takes note of a script that is done. Returns whether to go on.
    fn finished(&mut self, input: &Input, mut finished: Finished) -> Result<bool, String> {
        let lists = || self.built_in.iter().chain([&self.expectations]);
        for report in &mut finished.lanes {
            lists().for_each(|list| list.apply(report));
            report.passed_on.clear();
        }
        finished.disagreements.retain(|disagreement| !lists().any(|list| list.explain(disagreement)));
        let unwritten = |why: &str| self.screen.remark(&format!("no snapshot is written of {}, {why}", input.path));
        match &finished.snapshot {
            _ if !self.arguments.bless || snapshot_path(&input.path).is_none() => {}
            _ if !finished.passed() => unwritten("which fails"),
            Some(text) => bless(&input.path, text)?,
            None => unwritten("of which no lane supports everything and shows every trap with all its frames"),
        }
        self.screen.finished(input, &finished, &self.lanes)?;
        let go_on = finished.passed() || !self.arguments.fail_fast;
        self.reports.append(&mut finished.lanes);
        self.disagreements.append(&mut finished.disagreements);
        report::add_compared(&mut self.compared, finished.compared);
        Ok(go_on)
    }

    /// Says how the run ended, and writes the reports. Returns the exit code.
    fn end(self, absent: Vec<Absent>, scripts: usize, started: Instant) -> Result<u8, String> {
        let absent = absent.into_iter().map(|absent| AbsentLane { lane: absent.name, reason: absent.reason });
        let report = Report::new(self.lanes, absent.collect(), self.reports, self.disagreements, self.compared);
        if let Some(remark) = self.expectations.unused(&report.scripts) {
            self.screen.remark(&remark);
        }
        self.screen.end(&report, started.elapsed())?;
        let left = scripts - report.totals.scripts;
        if left > 0 {
            tell(&format_args!("note: stopped early: {left} of {scripts} scripts were not run"));
        }
        // One that cannot be written must not keep the others from being written.
        let targets = self.arguments.report.iter();
        let written: Vec<Result<(), String>> = targets.map(|target| target.write(&report)).collect();
        written.into_iter().collect::<Result<(), String>>()?;
        Ok(report.exit_code())
    }
}

/// The checkout that `SPEC_TESTSUITE` names; none if it is empty.
fn checkout_of_environment() -> Option<PathBuf> {
    std::env::var_os("SPEC_TESTSUITE").filter(|directory| !directory.is_empty()).map(PathBuf::from)
}

/// Writes a trap snapshot, or removes it if nothing trapped.
fn bless(script: &str, text: &str) -> Result<(), String> {
    let Some(path) = snapshot_path(script) else { return Ok(()) };
    let result = match text.is_empty() {
        false => fs::write(&path, text),
        true => match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        },
    };
    result.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
