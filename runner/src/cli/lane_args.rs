//! The options that choose the lanes and say how they run. A run passes them on to its workers.

use super::adapter;
use clap::{Args, ValueEnum};
use lanes::{Cpu, Failure, Features, Lane, LaneInfo, Lanes, LanesError, MemoryChecks, Options, RelaxedSimd, Session};
use std::time::Duration;

/// The lanes, and how they run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Lanes")]
pub(super) struct LaneArgs {
    /// The lanes to run, separated by commas. Lanes of our engine are TIER/ORIGIN: tier speed or quick, origin fresh or
    /// reload. The lane of our interpreter is interp. all stands for these five. Other engines: wasmtime and wasmi, if
    /// they are built in; v8, jsc and spidermonkey, if they are installed. A lane that is not there is an error, unless
    /// a ? follows its name.
    #[arg(long, value_name = "LIST", default_value_t = lanes::default_list())]
    pub(super) lanes: String,
    /// Add a lane: the command of an adapter, such as 'v8@12=/opt/node12 adapter.js'. Lanes whose names are equal up to
    /// an @ have one vote where lanes disagree. Repeatable.
    #[arg(long, value_name = "NAME=CMD")]
    pub(super) lane: Vec<adapter::NamedCommand>,
    /// Time for one script in one lane, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) timeout: Duration,
    /// The way in which compiled code catches accesses outside a memory.
    #[arg(long, value_enum, default_value_t = Checks::Guard)]
    pub(super) memory_checks: Checks,
    /// The CPU features that compiled code may use.
    #[arg(long, value_enum, default_value_t = CpuArg::Host)]
    pub(super) cpu: CpuArg,
    /// The results of relaxed vector instructions, where the standard leaves the choice to the engine.
    #[arg(long, value_enum, default_value_t = RelaxedArg::Deterministic)]
    pub(super) relaxed_simd: RelaxedArg,
    /// Make every NaN that arithmetic makes the positive canonical one, as in the standard's deterministic profile.
    /// Lanes that cannot do so are absent: of other engines, only wasmtime can.
    #[arg(long)]
    pub(super) canonicalize_nan: bool,
    /// Collect garbage at every allocation, in every lane of ours.
    #[arg(long)]
    pub(super) gc_zeal: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Checks {
    /// Use guard pages, where the memory allows it.
    Guard,
    /// Compare before each access.
    Explicit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum CpuArg {
    /// Use all features of this machine.
    Host,
    /// Use only the features that every CPU of the architecture has.
    Baseline,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum RelaxedArg {
    /// Follow the standard's deterministic profile, which is the same on every machine.
    Deterministic,
    /// Use the shortest instructions of this machine.
    Machine,
}

impl LaneArgs {
    /// Returns the options that the lanes are opened with.
    pub(super) fn options(&self) -> Options {
        Options {
            memory_checks: self.memory_checks.into(),
            cpu: self.cpu.into(),
            relaxed_simd: self.relaxed_simd.into(),
            canonicalize_nans: self.canonicalize_nan,
            gc_zeal: self.gc_zeal,
            // Scripts run in parallel and keep the cores busy already.
            compile_threads: Some(1),
            commands: self.lane.iter().map(|lane| (lane.name.clone(), lane.command.clone())).collect(),
            // The worker ends a lane whose script takes longer. What comes before the script has the same time.
            request_timeout: Some(self.timeout),
            ..Options::default()
        }
    }

    /// Opens the lanes. The error says why there is no lane to run.
    pub(super) fn open(&self) -> Result<Lanes, String> {
        let lanes = lanes::parse(&self.list(), &self.options()).map_err(|error| match error {
            LanesError::Unknown(_) => format!("{error}. `--lane NAME=CMD` adds the lane of an adapter"),
            LanesError::Twice(_) => error.to_string(),
        })?;
        if let Some(absent) = lanes.absent.iter().find(|absent| !absent.optional) {
            return Err(missing(&absent.name, &absent.reason));
        }
        if lanes.present.is_empty() {
            let absent: Vec<String> = lanes.absent.iter().map(ToString::to_string).collect();
            let absent = if absent.is_empty() { "no lane given".to_string() } else { absent.join("; ") };
            return Err(format!("no lane to run: {absent}"));
        }
        Ok(lanes)
    }

    /// Opens the same lanes as `plain` for scripts that want canonical NaNs. A lane that cannot return those supports
    /// nothing.
    pub(super) fn open_canonical(&self, plain: &[Box<dyn Lane>]) -> Result<Vec<Box<dyn Lane>>, String> {
        let options = Options { canonicalize_nans: true, ..self.options() };
        let Lanes { mut present, absent } = lanes::parse(&self.list(), &options).map_err(|error| error.to_string())?;
        let canonical = plain.iter().map(|lane| -> Box<dyn Lane> {
            let info = lane.info();
            if let Some(position) = present.iter().position(|lane| lane.info().name == info.name) {
                return present.remove(position);
            }
            let reason = absent.iter().find(|absent| absent.name == info.name).map(|absent| absent.reason.clone());
            Box::new(Unable { info: info.clone(), reason: reason.unwrap_or_default() })
        });
        Ok(canonical.collect())
    }

    /// Returns the names of all lanes.
    fn list(&self) -> String {
        join(&self.lanes, &self.lane)
    }

    /// Returns whether the list says that a lane may be absent.
    pub(super) fn is_optional(&self, name: &str) -> bool {
        lanes::split(&self.lanes).iter().any(|listed| listed.name == name && listed.optional)
    }

    /// Returns the arguments of a worker that runs these of the lanes.
    pub(super) fn worker_arguments(&self, lanes: &[String]) -> Vec<String> {
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
        arguments.extend(self.canonicalize_nan.then(|| "--canonicalize-nan".to_string()));
        arguments.extend(self.gc_zeal.then(|| "--gc-zeal".to_string()));
        // A worker adds each lane of `--lane` to its list, so it must not hear of those that are not there.
        let adapters = self.lane.iter().filter(|lane| lanes.contains(&lane.name));
        arguments.extend(adapters.map(|lane| format!("--lane={lane}")));
        arguments
    }
}

/// Returns the names of all lanes: those of `--lanes`, and those of `--lane` that it does not name.
pub(super) fn join(lanes: &str, commands: &[adapter::NamedCommand]) -> String {
    let listed = |name: &str| lanes::split(lanes).iter().any(|listed| listed.name == name);
    let more = commands.iter().map(|lane| lane.name.as_str()).filter(|name| !listed(name));
    std::iter::once(lanes).chain(more).collect::<Vec<_>>().join(",")
}

/// Returns the error of a lane that was named and is not there.
pub(super) fn missing(name: &str, reason: &str) -> String {
    format!("the lane `{name}` is not there: {reason}. Write `{name}?` to run without it")
}

/// A lane that cannot do what its options ask for.
struct Unable {
    info: LaneInfo,
    reason: String,
}

impl Lane for Unable {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, _features: Features) -> Features {
        Features::empty()
    }

    fn session(&self, _features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        Err(Failure::Unsupported(self.reason.clone()))
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

/// Parses a duration in seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected a positive number of seconds".to_string()),
    }
}
