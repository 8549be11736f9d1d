//! The default command: runs scripts in lanes, and writes reports.

use super::adapter::ScriptEngineArg;
use super::demands::{DemandArgs, Demands};
use super::lane_args::{self, LaneArgs};
use super::output::tell;
use super::profile;
use super::report_to::{self, ReportTo};
use super::screen::Screen;
use super::selection::{Selection, Shard};
use crate::expectations::Expectations;
use crate::forms::Forms;
use crate::inputs::{self, Choice, FeatureRules, Input, InputError};
use crate::pool::{Finished, Pool};
use crate::report::terminal::Paint;
use crate::report::{self, AbsentLane, Report, Results};
use crate::settings::{HostModule, Settings, TrapText};
use crate::snapshot::snapshot_path;
use clap::{Args, ValueEnum};
use lanes::Features;
use lanes::workers::{Program, Reaper};
use lanes::{Lanes, LanesError};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(super) struct ScriptArgs {
    /// The scripts to run: files, directories that are searched for *.wast, and official suites (spec:1.0, spec:2.0,
    /// spec:3.0, spec:proposals/NAME, spec:all).
    #[arg(value_name = "SCRIPT|DIR|spec:SUITE")]
    inputs: Vec<String>,
    /// The number of scripts that run at a time [default: the number of cores].
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// Run only the scripts whose path contains this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Run only part K of N of the scripts, such as 2/4. A script is in the same part whatever else runs, and wherever
    /// its folder lies.
    #[arg(long, value_name = "K/N", conflicts_with = "min_passed")]
    shard: Option<Shard>,
    /// Run only the scripts that did not pass in a JSON report: this file, or the one that --report json=FILE names. If
    /// no script is named, those of the report run.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with = "min_passed"
    )]
    rerun_failed: Option<String>,
    /// Run a script that does not pass up to N times more. If it passes then it is flaky, which is said, and is no
    /// failure unless --deny flaky says so.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "bless")]
    retries: u32,
    /// Name the scripts that take longer than this in a lane, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = lane_args::seconds)]
    slow: Duration,
    /// Stop after the first script that does not pass.
    #[arg(long)]
    fail_fast: bool,
    /// Read a list of expected failures, one on each line: PATH:LINE#KEY [@LANE,..] CAUSE, with the key of the
    /// directive, or PATH:LINE or PATH:FIRST-LAST. `--report expected=FILE` writes one.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Write the trap snapshots (x.traps beside x.wast) instead of checking them. They come from a lane that supports
    /// the whole script and shows every trap with all of its frames.
    #[arg(long)]
    bless: bool,
    #[arg(long, value_name = "FORMAT[=FILE]", help = report_to::help())]
    report: Vec<ReportTo>,
    /// Take options from a profile of touchstone.toml in the current directory. Those of the command line come on top.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Read the profile from another file.
    #[arg(long, value_name = "FILE", requires = "profile")]
    config: Option<PathBuf>,
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
    // A heading of the help lasts until the next one, so the options that have one come last.
    #[command(flatten)]
    pub(super) lanes: LaneArgs,
    /// Add a command that runs whole scripts and says by its exit code whether they pass, such as ref=wasm or
    /// 'wt=wasmtime wast {}'. The word {} stands for the script's path; without it the path comes last. A name without
    /// a command is that of an engine that is installed, such as wabt. Repeatable.
    #[arg(long, value_name = "NAME[=CMD]", help_heading = "Lanes")]
    script_engine: Vec<ScriptEngineArg>,
    #[command(flatten)]
    demands: DemandArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Even in a file.
    Always,
    /// Not even on a terminal.
    Never,
}

/// Runs the scripts that the arguments name, and writes the reports. Returns the exit code.
pub(super) fn run(arguments: &ScriptArgs) -> Result<u8, String> {
    let started = Instant::now();
    let opened = arguments.lanes.open()?;
    arguments.check_names(&opened)?;
    arguments.report.iter().try_for_each(ReportTo::check)?;
    let selection = arguments.selection()?;
    let (inputs, remarks) = arguments.gather_inputs(&selection)?;
    let expectations = arguments.expectations()?;
    let (pool, results) = arguments.start(opened)?;
    let absent: Vec<String> = results.absent.iter().map(|absent| absent.lane.clone()).collect();
    let demands = arguments.demands.read(&results.lanes, &absent)?;
    let scripts = inputs.len();
    let mut run = RunInProgress {
        arguments,
        built_in: Expectations::built_in()?,
        expectations,
        demands,
        screen: Screen::new(arguments.color.paint(), arguments.quiet, scripts),
        results,
        selection,
        retries_left: arguments.retries,
        again: HashMap::new(),
    };
    let mut inputs = run.mark(inputs);
    run.results.warnings = inputs.iter().flat_map(|input| &input.warnings).cloned().collect();
    run.results.warnings.iter().for_each(|warning| run.screen.warn(warning));
    remarks.iter().for_each(|remark| run.screen.remark(remark));
    if arguments.bless && inputs.iter().any(|input| snapshot_path(&input.path).is_none()) {
        run.screen.remark("no trap snapshots of built-in scripts are written");
    }
    loop {
        let mut result = Ok(());
        let ran = pool.run(inputs, |input, finished| {
            let go_on = run.add(input, finished);
            result = go_on.as_ref().map(|_| ()).map_err(String::clone);
            go_on.unwrap_or(false)
        });
        ran.map_err(|error| format!("cannot run a worker: {error}"))?;
        result?;
        inputs = run.again.values().map(|(input, _)| input.clone()).collect();
        if inputs.is_empty() || run.retries_left == 0 {
            break;
        }
        run.retries_left -= 1;
    }
    run.end(scripts, started)
}

impl ScriptArgs {
    /// Refuses script engines with the name of a lane or of each other: reports could not tell them apart.
    fn check_names(&self, Lanes { present, absent }: &Lanes) -> Result<(), String> {
        let lanes = present.iter().map(|lane| &lane.info().name).chain(absent.iter().map(|lane| &lane.name));
        let mut seen: HashSet<&String> = lanes.collect();
        match self.script_engine.iter().find(|engine| !seen.insert(&engine.0.name)) {
            Some(engine) => Err(LanesError::Twice(engine.0.name.clone()).to_string()),
            None => Ok(()),
        }
    }

    /// Returns the arguments that the profile stands for, if one is named. `command` has the options of a run.
    pub(super) fn profile_arguments(&self, command: &clap::Command) -> Result<Option<Vec<OsString>>, String> {
        let Some(name) = &self.profile else { return Ok(None) };
        let file = self.config.as_deref().unwrap_or(Path::new(profile::FILE));
        profile::read(file, name, !self.inputs.is_empty(), command).map(Some)
    }

    fn selection(&self) -> Result<Selection, String> {
        let last_report = match self.rerun_failed.as_deref() {
            Some("") => {
                let written = self.report.iter().find_map(ReportTo::json_file);
                let written = written.ok_or("--rerun-failed needs the last report: --rerun-failed=FILE")?;
                Some(written)
            }
            file => file.map(Path::new),
        };
        Selection::new(self.shard, last_report)
    }

    /// Returns the scripts, and remarks on them for the user.
    fn gather_inputs(&self, selection: &Selection) -> Result<(Vec<Input>, Vec<String>), String> {
        let choice = Choice {
            spec_dir: self.spec_dir.clone().or_else(checkout_of_environment),
            spec_dir_given: self.spec_dir.is_some(),
            features: self.features,
            feature_rules: self.features_file.as_deref().map(FeatureRules::read).transpose()?.unwrap_or_default(),
            settings: self.settings(),
            filter: self.filter.clone(),
        };
        let arguments = selection.arguments(&self.inputs);
        let (mut inputs, mut remarks) = match inputs::gather(&arguments, &choice) {
            Err(InputError::Nothing) if self.rerun_failed.is_some() => (Vec::new(), Vec::new()),
            gathered => gathered.map_err(|error| error.to_string())?,
        };
        remarks.extend(selection.apply(&mut inputs));
        Ok((inputs, remarks))
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

    /// Asks each lane for its engine. Returns the pool that runs those that are there, and the results of a run that
    /// has not begun.
    fn start(&self, Lanes { present, absent }: Lanes) -> Result<(Pool, Results), String> {
        // Only their names are needed from here on: each worker opens the lanes for itself.
        let names: Vec<String> = present.iter().map(|lane| lane.info().name.clone()).collect();
        let absent = absent.into_iter().map(|absent| AbsentLane { lane: absent.name, reason: absent.reason });
        let backends = present.iter().map(|lane| (lane.info().name.clone(), lane.info().backend.clone()));
        let mut results = Results { absent: absent.collect(), backends: backends.collect(), ..Results::default() };
        let mut pool = self.pool(names.clone())?;
        let engines = pool.engines();
        let engines = engines.map_err(|error| format!("cannot run a worker: {error}"))?;
        for (lane, engine) in names.into_iter().zip(engines) {
            match engine {
                Ok(engine) => {
                    results.engines.insert(lane.clone(), engine);
                    results.lanes.push(lane);
                }
                Err(reason) if self.lanes.is_optional(&lane) => results.absent.push(AbsentLane { lane, reason }),
                Err(reason) => return Err(lane_args::missing(&lane, &reason)),
            }
        }
        if results.lanes.is_empty() {
            return Err("no lane to run: none of the optional ones is there".to_string());
        }
        pool.program.arguments = self.lanes.worker_arguments(&results.lanes);
        pool.lanes.clone_from(&results.lanes);
        for engine in &pool.script_engines {
            results.engines.insert(engine.name.clone(), engine.info()?);
            results.backends.insert(engine.name.clone(), engine.name.clone());
            results.lanes.push(engine.name.clone());
        }
        Ok((pool, results))
    }

    fn pool(&self, lanes: Vec<String>) -> Result<Pool, String> {
        let cores = || std::thread::available_parallelism().ok();
        let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let reaper = Reaper::start(&program).map_err(|error| format!("cannot start a process: {error}"))?;
        Ok(Pool {
            program: Program {
                path: program,
                arguments: self.lanes.worker_arguments(&lanes),
                reaper: Arc::new(reaper),
                keeps_words: false,
            },
            lanes,
            jobs: self.jobs.or_else(cores).map_or(1, NonZeroUsize::get),
            timeout: self.lanes.timeout,
            bless: self.bless,
            script_engines: self.script_engine.iter().map(|engine| engine.0.clone()).collect(),
        })
    }
}

impl When {
    /// Returns the emphasis for standard output.
    pub(super) fn paint(self) -> Paint {
        let color = match self {
            When::Always => true,
            When::Never => false,
            When::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        Paint { color }
    }
}

/// A run, while it is in progress.
struct RunInProgress<'a> {
    arguments: &'a ScriptArgs,
    built_in: [Expectations; 3],
    expectations: Expectations,
    demands: Demands<'a>,
    screen: Screen,
    /// The results so far. The lanes are followed by the script engines.
    results: Results,
    selection: Selection,
    /// The number of attempts that a script which does not pass has left.
    retries_left: u32,
    /// The scripts that run again, by their paths, and what their attempts so far showed.
    again: HashMap<String, (Input, Finished)>,
}

impl RunInProgress<'_> {
    /// Returns the lists of expected failures that may be about a script.
    fn lists(&self, input: &Input) -> impl Iterator<Item = &Expectations> {
        let built_in = if input.official { self.built_in.as_slice() } else { &[] };
        built_in.iter().chain([&self.expectations]).filter(|list| list.concerns(&input.path))
    }

    /// Marks the scripts of which each directive that passes is needed.
    fn mark(&self, mut inputs: Vec<Input>) -> Vec<Input> {
        let for_report = self.arguments.report.iter().any(ReportTo::shows_passed);
        for input in &mut inputs {
            input.needs_passed = for_report || self.lists(input).next().is_some();
        }
        inputs
    }

    /// Adds the results of a script. Returns whether the run goes on.
    fn add(&mut self, input: &Input, mut finished: Finished) -> Result<bool, String> {
        let earlier = self.again.remove(&input.path);
        let needs_source = self.lists(input).next().is_some() || !finished.has_passed() || earlier.is_some();
        let source = needs_source.then(|| inputs::text(&input.path).ok()).flatten();
        let forms = source.as_deref().map(Forms::of).unwrap_or_default();
        for report in &mut finished.lanes {
            for failure in &mut report.failures {
                failure.key = forms.key((failure.line, failure.column)).unwrap_or_default().to_string();
            }
            self.lists(input).for_each(|list| list.apply(report, &forms));
        }
        finished.quote(source.as_deref().unwrap_or_default());
        finished
            .disagreements
            .retain(|disagreement| !self.lists(input).any(|list| list.explains(disagreement, &forms)));
        if let Some((_, earlier)) = earlier {
            finished = finished.after(earlier);
        }
        if !finished.has_passed() && self.retries_left > 0 {
            self.again.insert(input.path.clone(), (input.clone(), finished));
            return Ok(true);
        }
        let go_on = finished.has_passed() || !self.arguments.fail_fast;
        self.keep(input, finished, source.as_deref())?;
        Ok(go_on)
    }

    /// Shows the results of a script that does not run again, and keeps them.
    fn keep(&mut self, input: &Input, mut finished: Finished, source: Option<&str>) -> Result<(), String> {
        let unwritten =
            |why: &str| self.screen.remark(&format!("no trap snapshot of {} is written: {why}", input.path));
        match &finished.snapshot {
            _ if !self.arguments.bless || snapshot_path(&input.path).is_none() => {}
            _ if !finished.has_passed() => unwritten("the script fails"),
            Some(text) => bless(&input.path, text)?,
            None => unwritten("no lane supports all of it and shows every trap with all of its frames"),
        }
        self.screen.show(input, &finished, &self.results.lanes, source)?;
        self.results.scripts.append(&mut finished.lanes);
        self.results.disagreements.append(&mut finished.disagreements);
        report::add_compared(&mut self.results.compared, finished.compared);
        Ok(())
    }

    /// Prints the summary, and writes the reports. Returns the exit code.
    fn end(mut self, scripts: usize, started: Instant) -> Result<u8, String> {
        // A run that stops early has scripts left that failed and should have run again.
        for (input, finished) in std::mem::take(&mut self.again).into_values() {
            let source = inputs::text(&input.path).ok();
            self.keep(&input, finished, source.as_deref())?;
        }
        let (unmatched, remark) = self.expectations.unmatched(&self.results.scripts);
        self.results.unmatched = unmatched;
        if let Some(remark) = remark {
            self.screen.remark(&remark);
        }
        report::slow_scripts(&self.results.scripts, self.arguments.slow)
            .iter()
            .for_each(|slow| self.screen.remark(slow));
        let mut report = Report::new(self.results);
        if scripts == 0 {
            // A selection left none, and a remark has said so.
            report.complaints.clear();
        }
        let filter = self.arguments.filter.as_deref();
        let is_chosen = |path: &str| filter.is_none_or(|filter| path.contains(filter)) && self.selection.has(path);
        report.complaints.extend(self.demands.complaints(&report, &is_chosen));
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

/// Parses the number of scripts or inputs that run at a time.
pub(super) fn parse_jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a number to run at a time, at least 1".to_string())
}

/// Returns the checkout that the variable `SPEC_TESTSUITE` names, unless it is empty.
pub(super) fn checkout_of_environment() -> Option<PathBuf> {
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
