//! The planted-fault benchmark: which of the faults of [`engine::Fault`] do the scripts and the fuzz targets find, and
//! after how many inputs?
//!
//! ```text
//! for each fault, in processes of their own:
//!   suites   touchstone runs scripts              -> fails, or not
//!   search   targets, each over its next inputs   -> the first finding, crash or hang
//! ```
//!
//! [`process`] watches a child of this program, which runs one target ([`child`]). [`suite`] runs `touchstone`.
//! [`report`] prints what was found. Without a fault nothing may be found: that run comes first.
//!
//! `fuzz/planted/run` builds both programs in a target folder of their own and runs this one.

mod child;
mod process;
mod report;
mod search;
mod suite;

use clap::Parser;
use engine::{Fault, FaultyPart};
use fuzz::oracle;
use report::{Row, Table};
use search::Search;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Plants faults into the engine, one at a time, and says which scripts and fuzz targets find them.
#[derive(Parser)]
struct Arguments {
    /// The faults to plant [default: all].
    #[arg(long = "fault", value_name = "NAME")]
    faults: Vec<String>,
    /// The fuzz targets that search, separated by commas [default: all that run the engine; unwind, which is slow, for
    /// faults of tables alone].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    targets: Vec<String>,
    /// The scripts and suites that run before: what `touchstone` takes. Repeatable.
    #[arg(long = "suite", value_name = "PATH")]
    suites: Vec<String>,
    /// The program `touchstone` with planted faults, which runs the suites [default: beside this program].
    #[arg(long, value_name = "FILE")]
    touchstone: Option<PathBuf>,
    /// The most inputs of each target for one fault.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    inputs: u64,
    /// The most processor time of each target for one fault, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// The seed from which the inputs follow.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The lanes to compare, separated by commas; all stands for our own.
    #[arg(long, default_value = "all")]
    lanes: String,
    /// Write the results as JSON, one row a line.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print the table as Markdown.
    #[arg(long)]
    markdown: bool,
    /// Leave out the run without a fault, which comes first otherwise.
    #[arg(long)]
    no_sound_run: bool,
    /// List the faults and end.
    #[arg(long)]
    list: bool,
    /// Run one target in this process, as the benchmark's own child.
    #[arg(long, hide = true)]
    child: bool,
    /// The number of the child's first input.
    #[arg(long, hide = true, default_value_t = 0)]
    from: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.child {
        child::run(&arguments.targets.concat(), &arguments.lanes, arguments.seed, arguments.from, arguments.inputs)
    } else if arguments.list {
        report::list();
        Ok(true)
    } else {
        run(&arguments)
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the benchmark. Returns whether every fault was found, and nothing without a fault.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let mut search = Search {
        targets: targets(&arguments.targets)?,
        lanes: arguments.lanes.clone(),
        seed: arguments.seed,
        inputs: arguments.inputs,
        processor: Duration::from_secs(arguments.seconds),
    };
    let touchstone = arguments.touchstone.clone().map_or_else(suite::beside_this_program, Ok)?;
    let mut table = Table::new(arguments.json.as_deref(), arguments.markdown, &arguments.suites)?;
    let sound = (!arguments.no_sound_run).then_some(None);
    for fault in sound.into_iter().chain(faults(&arguments.faults)?.into_iter().map(Some)) {
        let suites = arguments.suites.iter().map(|suite| suite::run(&touchstone, suite, &arguments.lanes, fault));
        let suites = suites.collect::<Result<_, _>>()?;
        if arguments.targets.is_empty() {
            search.targets.retain(|&target| target != OF_TABLES);
            search.targets.extend(fault.filter(|fault| fault.part() == FaultyPart::Tables).map(|_| OF_TABLES));
        }
        let found = search.run(fault)?;
        table.add(Row { fault, suites, found })?;
    }
    Ok(table.finish())
}

/// Returns the faults of these names, or all.
fn faults(names: &[String]) -> Result<Vec<Fault>, String> {
    let find = |name: &String| {
        Fault::find(name).ok_or_else(|| format!("there is no fault `{name}`; `--list` prints their names"))
    };
    if names.is_empty() { Ok(Fault::ALL.to_vec()) } else { names.iter().map(find).collect() }
}

/// The targets that run nothing of the engine.
const WITHOUT_ENGINE: [&str; 1] = ["script"];

/// The target that is for tables, and takes as long as all others together.
const OF_TABLES: &str = "unwind";

/// Returns the targets of these names, or all that can find a fault of the engine.
fn targets(names: &[String]) -> Result<Vec<&'static str>, String> {
    if names.is_empty() {
        let names = oracle::ORACLES.iter().map(|registration| registration.name);
        return Ok(names.filter(|name| !WITHOUT_ENGINE.contains(name)).collect());
    }
    names.iter().map(|name| Ok(oracle::find(name)?.name)).collect()
}
