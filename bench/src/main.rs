//! The benchmark's command line; `bench/README.md` says how to use it.

use bench::interpreters::{OurInterpreter, TheirInterpreter};
use bench::lane_table::{self, LanePlan};
use bench::measure::{Budget, Clock};
use bench::plan::{self, Binary, Plan};
use bench::v8::V8;
use bench::{Ours, Result, Theirs, table};
use clap::{Parser, ValueEnum};
use rustix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

/// Measures our engine beside Wasmtime and our interpreter beside Wasmi, and prints ratios ours/theirs.
#[derive(Parser)]
struct Arguments {
    /// Binary modules to compile, load and instantiate; by default those that bench/install-modules.sh installs
    modules: Vec<PathBuf>,
    /// Measure only rows whose name, such as "run/float speed", contains this
    #[arg(long, default_value = "")]
    filter: String,
    /// Seconds for each row
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// A node whose V8 runs the kernels that make objects too, such as target/engines/bin/node
    #[arg(long)]
    v8: Option<PathBuf>,
    /// Measure only the kernels, in these lanes, such as speed/fresh,interp,wasmtime,v8; ratios refer to the first
    #[arg(long)]
    lanes: Option<String>,
    /// The clock
    #[arg(long, value_enum, default_value_t = ClockName::Wall)]
    clock: ClockName,
}

/// A clock, by its name.
#[derive(Clone, Copy, ValueEnum)]
enum ClockName {
    /// Time as it passes
    Wall,
    /// The processor time of all threads: for busy machines
    Cpu,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let budget =
        Budget { sample: Duration::from_millis(2), pair: Duration::try_from_secs_f64(arguments.seconds)?, least: 7 };
    if let Some(lanes) = &arguments.lanes {
        let (clock, filter) = (clock(arguments.clock), arguments.filter.as_str());
        println!("{}", lane_table::measure(&LanePlan { lanes, clock, budget, filter, full: true })?);
        return Ok(());
    }
    let installed = ["quickjs.wasm", "sqljs.wasm", "resvg.wasm"].map(|name| installed_modules().join(name));
    let paths = if arguments.modules.is_empty() { &installed[..] } else { &arguments.modules };
    let binaries = paths.iter().map(|path| binary(path)).collect::<Result<Vec<_>>>()?;
    let (scratch, v8) = (tempfile::tempdir()?, arguments.v8.clone().map(V8::new));
    let plan = Plan {
        clock: clock(arguments.clock),
        budget,
        filter: &arguments.filter,
        binaries: &binaries,
        full: true,
        v8: v8.as_ref(),
        scratch: scratch.path(),
    };
    let outcome =
        plan::run::<Ours, Theirs, OurInterpreter, TheirInterpreter>(&plan, |row| eprintln!("{}", table::line(row)))?;
    println!("{}\n\n{}", table::rows(&outcome.rows), table::summary(&outcome.rows));
    outcome.notes.iter().for_each(|note| println!("{note}"));
    Ok(())
}

/// Returns the directory that `install-modules.sh` fills.
fn installed_modules() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
    target.join("bench-modules")
}

fn binary(path: &Path) -> Result<Binary> {
    let wasm = fs::read(path).map_err(|error| {
        format!("cannot read {}: {error}; bench/install-modules.sh installs modules", path.display())
    })?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Binary { name, wasm })
}

fn clock(name: ClockName) -> Clock {
    match name {
        ClockName::Wall => || read(ClockId::Monotonic),
        ClockName::Cpu => || read(ClockId::ProcessCPUTime),
    }
}

fn read(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).expect("these clocks are never before their start")
}
