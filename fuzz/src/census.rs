//! What the fuzzer really did: a fuzzer whose modules do not run, or never trap deep down, finds nothing.

use crate::known::Verdict;
use crate::oracle::{Agreement, Seen};
use lanes::{Failure, Outcome};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Depths are counted in these classes: the largest depth of each, the last has none.
const DEPTHS: [(&str, usize); 6] = [("1", 1), ("2", 2), ("3-4", 4), ("5-8", 8), ("9-16", 16), ("17+", usize::MAX)];

/// Counts of one fuzzing run.
pub struct Census {
    began: Instant,
    /// Inputs so far.
    pub inputs: u64,
    /// Inputs that gave a case.
    pub modules: u64,
    /// Cases whose main module was instantiated and called.
    pub executed: u64,
    /// Cases in which something trapped.
    pub trapped: u64,
    /// Cases that a lane does not support.
    pub unsupported: u64,
    /// Cases with a finding that was not known.
    pub findings: u64,
    /// Cases that showed a known mistake of another engine, by its name.
    pub known: BTreeMap<&'static str, u64>,
    /// Cases whose comparison ended early, by the lane that was no longer comparable with the first.
    pub ended: BTreeMap<String, u64>,
    /// Calls, by how they ended.
    pub calls: BTreeMap<&'static str, u64>,
    /// Traps by kind, each with its counts by depth.
    pub traps: BTreeMap<&'static str, [u64; DEPTHS.len()]>,
}

impl Default for Census {
    fn default() -> Census {
        Census {
            began: Instant::now(),
            inputs: 0,
            modules: 0,
            executed: 0,
            trapped: 0,
            unsupported: 0,
            findings: 0,
            known: BTreeMap::new(),
            ended: BTreeMap::new(),
            calls: BTreeMap::new(),
            traps: BTreeMap::new(),
        }
    }
}

impl Census {
    /// Counts an input: `None` if it gave no case.
    pub fn count(&mut self, verdict: Option<&Verdict>) {
        self.inputs += 1;
        self.modules += u64::from(verdict.is_some());
        match verdict {
            None => {}
            Some(Verdict::Equal(agreement)) => self.count_agreement(agreement),
            Some(Verdict::Known(names)) => names.iter().for_each(|name| *self.known.entry(name).or_default() += 1),
            Some(Verdict::New(_)) => self.findings += 1,
        }
    }

    fn count_agreement(&mut self, agreement: &Agreement) {
        self.executed += u64::from(agreement.run.instantiated);
        self.unsupported += u64::from(agreement.run.unsupported);
        agreement.ended.iter().for_each(|lane| *self.ended.entry(lane.clone()).or_default() += 1);
        let mut trapped = false;
        for step in &agreement.run.steps {
            let Seen::Observation(observation) = &step.seen else { continue };
            let end = match &observation.outcome {
                Outcome::Values(_) => "returned",
                Outcome::Refused(_) => "refused",
                Outcome::Failed(failure) => failure.name(),
            };
            *self.calls.entry(end).or_default() += 1;
            if let Outcome::Failed(Failure::Trap(trap)) = &observation.outcome {
                trapped = true;
                let depth = trap.frames.as_ref().map_or(0, Vec::len);
                let class = DEPTHS.iter().position(|&(_, most)| depth <= most).expect("the last class is open");
                self.traps.entry(trap.kind.name()).or_default()[class] += 1;
            }
        }
        self.trapped += u64::from(trapped);
    }

    /// How long ago this census began.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// The share of modules that executed, in per cent.
    pub fn executed_percent(&self) -> u64 {
        self.executed * 100 / self.modules.max(1)
    }

    /// The share of modules that trapped, in per cent.
    pub fn trapped_percent(&self) -> u64 {
        self.trapped * 100 / self.modules.max(1)
    }

    /// The share of traps that have more than one frame, in per cent.
    pub fn deep_percent(&self) -> u64 {
        let all: u64 = self.traps.values().flatten().sum();
        let shallow: u64 = self.traps.values().map(|depths| depths[0]).sum();
        (all - shallow) * 100 / all.max(1)
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.age().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let rate = self.inputs as f64 / seconds.max(0.001);
        writeln!(
            f,
            "{} inputs in {seconds:.0} s ({rate:.1} a second), {} modules: {} % executed, {} % trapped",
            self.inputs,
            self.modules,
            self.executed_percent(),
            self.trapped_percent(),
        )?;
        writeln!(f, "{} findings; known: {}", self.findings, list(&self.known))?;
        writeln!(f, "{} unsupported; not compared to the end: {}", self.unsupported, list(&self.ended))?;
        writeln!(f, "steps: {}", list(&self.calls))?;
        write!(f, "{:<32}", "traps by number of frames")?;
        DEPTHS.iter().try_for_each(|(name, _)| write!(f, "{name:>9}"))?;
        for (kind, depths) in &self.traps {
            write!(f, "\n  {kind:<30}")?;
            depths.iter().try_for_each(|count| write!(f, "{count:>9}"))?;
        }
        Ok(())
    }
}

/// Counts with what was counted.
fn list<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    if counts.is_empty() { "none".to_string() } else { counts.join(", ") }
}
