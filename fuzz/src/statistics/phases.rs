//! The processor time of this thread by phase of an input, so that a campaign shows where its time goes.
//!
//! Each thread has one clock, since a phase may begin deep inside of a case. A phase within another one counts as part
//! of that one.

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A part of the work on an input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Bytes become a case.
    Generate,
    /// The interpreter tries the case, and drops what is useless.
    Trial,
    /// A lane makes a store.
    Open,
    /// A lane compiles and loads the modules.
    Load,
    /// A lane instantiates and calls.
    Run,
    /// A lane shows what its instances hold.
    Show,
    /// The lanes are compared.
    Compare,
    /// The case is counted.
    Count,
}

impl Phase {
    /// Returns the name, as statistics print it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Generate => "generate",
            Phase::Trial => "trial",
            Phase::Open => "open",
            Phase::Load => "load",
            Phase::Run => "run",
            Phase::Show => "show",
            Phase::Compare => "compare",
            Phase::Count => "count",
        }
    }
}

/// Times in nanoseconds by lane and phase. Phases of no lane stand under the empty name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Phases(BTreeMap<String, BTreeMap<Phase, u64>>);

thread_local! {
    static CLOCK: RefCell<Phases> = RefCell::default();
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` and counts its processor time as that of a phase of a lane, or of no lane if its name is empty.
pub fn measure<R>(phase: Phase, lane: &str, work: impl FnOnce() -> R) -> R {
    if RUNS.replace(true) {
        return work();
    }
    let began = thread_time();
    let result = work();
    let spent = thread_time().saturating_sub(began);
    RUNS.set(false);
    CLOCK.with_borrow_mut(|phases| phases.add(phase, lane, spent));
    result
}

/// Takes the times of this thread since the last call.
pub fn take() -> Phases {
    CLOCK.take()
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

impl Phases {
    fn add(&mut self, phase: Phase, lane: &str, time: Duration) {
        // `entry` needs a string of its own, which is wasted for all but the first of a name.
        if !self.0.contains_key(lane) {
            self.0.insert(lane.to_string(), BTreeMap::new());
        }
        let phases = self.0.get_mut(lane).expect("inserted above");
        *phases.entry(phase).or_default() += u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    }

    /// Adds the times of another thread or process.
    pub fn merge(&mut self, other: &Phases) {
        for (lane, phase, time) in other.iter() {
            self.add(phase, lane, time);
        }
    }

    /// Returns the times: lane, phase, time. The lane is empty for phases of no lane.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Phase, Duration)> {
        let time = |nanoseconds: &u64| Duration::from_nanos(*nanoseconds);
        self.0.iter().flat_map(move |(lane, phases)| {
            phases.iter().map(move |(&phase, spent)| (lane.as_str(), phase, time(spent)))
        })
    }

    /// Returns the time of all phases.
    pub fn total(&self) -> Duration {
        self.iter().map(|(_, _, time)| time).sum()
    }
}

/// A line for each lane, with the share of each phase in percent.
impl fmt::Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total().as_secs_f64().max(1e-9);
        write!(f, "processor time: {total:.1} s, of which in percent")?;
        for (lane, phases) in &self.0 {
            write!(f, "\n  {:<30}", if lane.is_empty() { "all lanes" } else { lane })?;
            for (phase, nanoseconds) in phases {
                let share = Duration::from_nanos(*nanoseconds).as_secs_f64() / total * 100.0;
                write!(f, "  {} {share:.1}", phase.name())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_add_up_by_lane_and_phase() {
        let mut phases = Phases::default();
        phases.add(Phase::Load, "speed/fresh", Duration::from_millis(30));
        phases.add(Phase::Load, "speed/fresh", Duration::from_millis(30));
        let mut other = Phases::default();
        other.add(Phase::Generate, "", Duration::from_millis(40));
        phases.merge(&other);
        assert_eq!(phases.total(), Duration::from_millis(100));
        let text = phases.to_string();
        assert!(text.contains("all lanes") && text.contains("generate 40.0"), "{text}");
        assert!(text.contains("speed/fresh") && text.contains("load 60.0"), "{text}");
    }

    #[test]
    fn work_is_counted_once() {
        take();
        measure(Phase::Run, "interp", || measure(Phase::Load, "interp", || ()));
        let taken = take();
        assert_eq!(taken.iter().map(|(lane, phase, _)| (lane, phase)).collect::<Vec<_>>(), [("interp", Phase::Run)]);
        assert_eq!(take(), Phases::default());
    }
}
