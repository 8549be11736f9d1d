//! The options that say which lanes there are and how they run: those of a run, which its workers get too.

use super::adapter;
use clap::{Args, ValueEnum};
use lanes::{Cpu, Lanes, MemoryChecks, Options, RelaxedSimd};
use std::time::Duration;

/// What a worker needs too.
#[derive(Debug, Args)]
pub(super) struct LaneArgs {
    /// The lanes, separated by commas. Ours are TIER/ORIGIN with tier speed or quick and origin fresh or reload, or all
    /// for these four; other engines are wasmtime and wasmi, where the runner is built with them, and v8, jsc and
    /// spidermonkey, where they are installed.
    #[arg(long, value_name = "LIST", default_value_t = lanes::default_list())]
    pub(super) lanes: String,
    /// One more lane: a command that speaks the executable protocol, such as `v8@12=/opt/node12 adapter.js`. Lanes
    /// whose names are equal up to an @ have one vote where lanes disagree. May be repeated.
    #[arg(long, value_name = "NAME=CMD")]
    pub(super) lane: Vec<adapter::NamedCommand>,
    /// Seconds for one script in one lane.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) timeout: Duration,
    /// How accesses outside a memory are caught, in every lane.
    #[arg(long, value_enum, default_value_t = Checks::Guard)]
    pub(super) memory_checks: Checks,
    /// Which CPU features compiled code may use, in every lane.
    #[arg(long, value_enum, default_value_t = CpuArg::Host)]
    pub(super) cpu: CpuArg,
    /// What relaxed vector instructions give where the standard leaves it to the implementation, in every lane.
    #[arg(long, value_enum, default_value_t = RelaxedArg::Deterministic)]
    pub(super) relaxed_simd: RelaxedArg,
    /// Collect garbage at every allocation, in every lane of ours.
    #[arg(long)]
    pub(super) gc_zeal: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Checks {
    /// Guard pages, where the memory allows it.
    Guard,
    /// A comparison before each access.
    Explicit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum CpuArg {
    /// All of this machine's.
    Host,
    /// Those that every CPU of the architecture has.
    Baseline,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum RelaxedArg {
    /// The same on every machine: the standard's deterministic profile.
    Deterministic,
    /// What is shortest on this machine.
    Machine,
}

impl LaneArgs {
    /// The lanes, opened; the error says why there is none to run.
    pub(super) fn lanes(&self) -> Result<Lanes, String> {
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
    pub(super) fn worker(&self, lanes: &[String]) -> Vec<String> {
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

/// A duration on the command line, in seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected a positive number of seconds".to_string()),
    }
}
