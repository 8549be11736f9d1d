//! `touchstone fuzz`: the fuzzer's oracles on the stable toolchain, in worker processes.

use super::output::{say_visible, tell};
use super::panel_args::PanelArgs;
use super::scripts::parse_jobs;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use fuzz::campaign::{self, Campaign, CauseEntry, Corpus, Inputs, Limits, State};
use fuzz::oracle::{self, Oracle};
use fuzz::panel::Panel;
use lanes::adapter::DEFAULT_TIMEOUT;
use lanes::workers::{Program, Reaper};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct FuzzArgs {
    /// The seed that the inputs follow from [default: a new one for each campaign, which is printed].
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    seed: Option<u64>,
    /// Stop after this many inputs.
    #[arg(long, value_name = "N")]
    inputs: Option<u64>,
    /// Stop after this time, in seconds [default: 60, without any other limit].
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Stop after this processor time of the workers, in seconds.
    #[arg(long, value_name = "SECONDS")]
    cpu_seconds: Option<u64>,
    /// The number of inputs that are checked at a time [default: the number of cores].
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// The directory to write findings to, and the state of the campaign.
    #[arg(long, value_name = "DIR", default_value = "findings")]
    out: PathBuf,
    /// Go on with the last campaign of the directory. Lanes and oracle must be the same.
    #[arg(long)]
    resume: bool,
    /// Write statistics at the end: json=FILE. The file campaign.json in the directory has the same, also while the
    /// campaign runs.
    #[arg(long, value_name = "json=FILE", value_parser = parse_report)]
    report: Option<PathBuf>,
    /// Keep findings as they are, instead of making them smaller.
    #[arg(long)]
    no_reduce: bool,
    // A heading of the help lasts until the next one, so the options that have one come last.
    #[command(flatten)]
    check: CheckArgs,
}

/// The options that a campaign and its workers share.
#[derive(Clone, Debug, Args)]
struct CheckArgs {
    /// The oracle that judges the inputs.
    #[arg(long, value_parser = oracles(), default_value = oracle::ORACLES[0].name)]
    oracle: String,
    #[command(flatten)]
    limits: LimitArgs,
    /// Start from the modules in a directory and below it (*.wasm): half of the inputs are made of them.
    #[arg(long, value_name = "DIR")]
    seeds: Option<PathBuf>,
    #[command(flatten)]
    lanes: PanelArgs,
}

/// The options that limit one input.
#[derive(Clone, Debug, Args)]
pub(super) struct LimitArgs {
    /// Time for one input in all lanes, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = super::lane_args::seconds)]
    pub(super) timeout: Duration,
    /// Memory of one worker with the engines that it starts, in MiB.
    #[arg(long, value_name = "MIB", default_value = "2048")]
    memory_limit: NonZeroU64,
}

impl LimitArgs {
    /// Returns the limits for a worker.
    pub(super) fn limits(&self) -> Limits {
        Limits { time: self.timeout, memory: self.memory_limit.get().saturating_mul(1 << 20) }
    }

    /// Returns the arguments of a worker with these limits.
    pub(super) fn worker_arguments(&self) -> [String; 2] {
        let LimitArgs { timeout, memory_limit } = self;
        [format!("--timeout={}", timeout.as_secs_f64()), format!("--memory-limit={memory_limit}")]
    }
}

#[derive(Debug, Args)]
pub(super) struct WorkerArgs {
    #[command(flatten)]
    check: CheckArgs,
    /// The seed of the campaign.
    #[arg(long)]
    seed: u64,
    /// The file in which the name of the running lane stands.
    #[arg(long)]
    note: PathBuf,
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
    let panel = arguments.check.open()?;
    let engines = panel.engines()?.join(", ");
    let state = arguments.state(&panel)?;
    let mut oracle = make_oracle(&arguments.check.oracle, panel)?;
    tell(&format_args!("seed {}; findings go to {}", state.seed, arguments.out.display()));
    let state = arguments.run(state)?;
    if let Some(file) = &arguments.report {
        let written = fs::write(file, state.to_json());
        written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    oracle.set_counts(state.counts.clone()).map_err(|error| format!("the counts of the campaign: {error}"))?;
    say_visible(&format_args!("lanes: {engines}; seed {}\n{}\n", state.seed, state.progress()))?;
    say_visible(&format_args!("{}\n", oracle.statistics()))?;
    for (signature, entry) in &state.findings {
        let once = if entry.repeats == Some(false) { " (does not repeat)" } else { "" };
        say_visible(&format_args!("{} times: {signature}{once}\n", entry.count))?;
    }
    for CauseEntry { cause, inputs } in &state.causes {
        let inputs = inputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        say_visible(&format_args!("cause: {cause} (inputs {inputs})\n"))?;
    }
    if oracle.executed() == 0 && state.findings.is_empty() {
        tell(&"nothing was executed, so that nothing was tested");
        return Ok(1);
    }
    Ok(u8::from(!state.findings.is_empty()))
}

/// Checks inputs for a parent process.
pub(super) fn work(arguments: &WorkerArgs) -> Result<u8, String> {
    let check = &arguments.check;
    let panel = check.open()?;
    let make = oracle::find(&check.oracle)?.make;
    let inputs = Inputs { seed: arguments.seed, modules: check.corpus()?.modules };
    let served = campaign::serve(move || make(panel), &inputs, check.limits.limits(), &arguments.note);
    served.map(|()| 0).map_err(|error| error.to_string())
}

impl FuzzArgs {
    /// Returns the state that the campaign begins with.
    fn state(&self, panel: &Panel) -> Result<State, String> {
        let (oracle, lanes) = (&self.check.oracle, panel.names().join(","));
        let seeds = self.check.seeds.as_ref().map(|seeds| seeds.display().to_string());
        if !self.resume {
            // Short enough to be typed.
            let seed = self.seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()) >> 32);
            return Ok(State::new(oracle, &lanes, seed, seeds));
        }
        let directory = self.out.display();
        let state = State::read(&self.out)
            .map_err(|error| format!("there is no campaign to go on with in {directory}: {error}"))?;
        if (&state.oracle, &state.lanes, &state.seeds) != (oracle, &lanes, &seeds) {
            let State { oracle, lanes, seeds, .. } = &state;
            let seeds = seeds.as_deref().unwrap_or("no directory");
            let options = format!("the oracle `{oracle}`, the lanes {lanes} and {seeds} for its seeds");
            return Err(format!("the campaign in {directory} has {options}: name these"));
        }
        Ok(state)
    }

    fn run(&self, state: State) -> Result<State, String> {
        let corpus = self.check.corpus()?;
        if let Some(first) = corpus.left_out.first() {
            let (count, first) = (corpus.left_out.len(), first.display());
            let why = "malformed, too large, or with an import that has no default";
            tell(&format_args!("note: {count} modules are left out, the first of them {first}: {why}"));
        }
        let interrupt = interrupt().map_err(|error| format!("cannot catch signals: {error}"))?;
        let endless = self.inputs.is_none() && self.seconds.is_none() && self.cpu_seconds.is_none();
        let campaign = Campaign {
            inputs: Inputs { seed: state.seed, modules: corpus.modules },
            limit: self.inputs,
            wall: if endless { Some(Duration::from_mins(1)) } else { self.seconds.map(Duration::from_secs) },
            processor: self.cpu_seconds.map(Duration::from_secs),
            jobs: self.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get),
            worker: self.worker(state.seed).map_err(|error| format!("cannot start a process: {error}"))?,
            timeout: self.check.limits.timeout,
            directory: self.out.clone(),
            reduce: !self.no_reduce,
            interrupt: &interrupt,
            print: &|text| tell(&text),
        };
        campaign.run(state).map_err(|error| format!("the campaign in {} ends: {error}", self.out.display()))
    }

    /// Returns the program that becomes a worker: this one, with the same lanes and limits.
    fn worker(&self, seed: u64) -> io::Result<Program> {
        let CheckArgs { oracle, limits, seeds, lanes } = &self.check;
        let mut arguments = vec!["fuzz-worker".to_string(), format!("--oracle={oracle}"), format!("--seed={seed}")];
        arguments.extend(limits.worker_arguments());
        arguments.extend(lanes.worker_arguments());
        arguments.extend(seeds.iter().map(|seeds| format!("--seeds={}", seeds.display())));
        worker_program(arguments)
    }
}

/// Returns this program with these arguments, as a worker that it starts.
pub(super) fn worker_program(arguments: Vec<String>) -> io::Result<Program> {
    let path = std::env::current_exe()?;
    let reaper = Arc::new(Reaper::start(&path)?);
    Ok(Program { path, arguments, reaper, keeps_words: true })
}

impl CheckArgs {
    /// Returns the modules to start from.
    fn corpus(&self) -> Result<Corpus, String> {
        let Some(directory) = &self.seeds else { return Ok(Corpus::default()) };
        let corpus = campaign::read_corpus(directory);
        corpus.map_err(|error| format!("cannot take seeds from {}: {error}", directory.display()))
    }

    /// Opens the lanes. An engine in a process of its own gives up before the worker does, so that it is named.
    fn open(&self) -> Result<Panel, String> {
        self.lanes.open_with_timeout(&self.oracle, DEFAULT_TIMEOUT.min(self.limits.timeout / 2))
    }
}

/// Returns a flag that Ctrl-C sets.
fn interrupt() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}

/// Parses the format and the file of a report.
fn parse_report(text: &str) -> Result<PathBuf, String> {
    match text.split_once('=') {
        Some(("json", file)) if !file.is_empty() => Ok(file.into()),
        _ => Err("expected json=FILE".to_string()),
    }
}
