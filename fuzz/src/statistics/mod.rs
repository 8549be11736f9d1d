//! What the fuzzer really did: a fuzzer whose modules do not run, or never trap deep down, finds nothing.

pub mod uses;

use crate::panel::compare::{Agreement, Seen};
use crate::triage::known::Verdict;
use lanes::{Failure, Frame, Outcome};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};
use uses::Use;

/// Depths are counted in these classes: the largest depth of each, the last has none.
const DEPTHS: [(&str, usize); 6] = [("1", 1), ("2", 2), ("3-4", 4), ("5-8", 8), ("9-16", 16), ("17+", usize::MAX)];

/// How many features the census shows in a line.
const COLUMNS: usize = 4;

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
    /// Executed cases that a lane took part in, by the lane.
    pub compared: BTreeMap<String, u64>,
    /// Those that it did not, since it lacks what they need.
    pub apart: BTreeMap<String, u64>,
    /// Executed cases by what their modules use beyond WebAssembly 2.0.
    pub uses: BTreeMap<Use, u64>,
    /// Executed cases whose modules use nothing of that.
    pub plain: u64,
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
    /// Uncaught exceptions by depth, where frames are seen.
    pub exceptions: [u64; DEPTHS.len()],
}

impl Default for Census {
    fn default() -> Census {
        Census {
            began: Instant::now(),
            inputs: 0,
            modules: 0,
            executed: 0,
            trapped: 0,
            compared: BTreeMap::new(),
            apart: BTreeMap::new(),
            uses: BTreeMap::new(),
            plain: 0,
            findings: 0,
            known: BTreeMap::new(),
            ended: BTreeMap::new(),
            calls: BTreeMap::new(),
            traps: BTreeMap::new(),
            exceptions: [0; DEPTHS.len()],
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
        let run = &agreement.run;
        self.executed += u64::from(run.instantiated);
        if run.instantiated {
            agreement.compared.iter().for_each(|lane| *self.compared.entry(lane.clone()).or_default() += 1);
            agreement.apart.iter().for_each(|lane| *self.apart.entry(lane.clone()).or_default() += 1);
            agreement.uses.iter().for_each(|&what| *self.uses.entry(what).or_default() += 1);
            self.plain += u64::from(agreement.uses.is_empty());
        }
        agreement.ended.iter().for_each(|lane| *self.ended.entry(lane.clone()).or_default() += 1);
        let outcomes = || {
            run.steps.iter().filter_map(|step| match &step.seen {
                Seen::Observation(observation) => Some(&observation.outcome),
                Seen::State(_) => None,
            })
        };
        outcomes().for_each(|outcome| self.count_outcome(outcome));
        self.trapped += u64::from(outcomes().any(|outcome| outcome.as_trap().is_some()));
    }

    fn count_outcome(&mut self, outcome: &Outcome) {
        let end = match outcome {
            Outcome::Values(_) => "returned",
            Outcome::Refused(_) => "refused",
            Outcome::Failed(failure) => failure.name(),
        };
        *self.calls.entry(end).or_default() += 1;
        match outcome {
            Outcome::Failed(Failure::Trap(trap)) => {
                self.traps.entry(trap.kind.name()).or_default()[class(trap.frames.as_deref())] += 1;
            }
            Outcome::Failed(Failure::Exception(exception)) => self.exceptions[class(exception.frames.as_deref())] += 1,
            _ => {}
        }
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
        writeln!(f, "compared: {}; took no part: {}", list(&self.compared), list(&self.apart))?;
        writeln!(f, "not compared to the end: {}", list(&self.ended))?;
        writeln!(f, "steps: {}", list(&self.calls))?;
        writeln!(f, "executed modules: {} of WebAssembly 2.0, and with", self.plain)?;
        let uses: Vec<_> = self.uses.iter().map(|(what, count)| format!("{count:>8} {:<24}", what.name())).collect();
        uses.chunks(COLUMNS).try_for_each(|row| writeln!(f, "{}", row.concat().trim_end()))?;
        write!(f, "{:<32}", "traps by number of frames")?;
        DEPTHS.iter().try_for_each(|(name, _)| write!(f, "{name:>9}"))?;
        let rows = self.traps.iter().map(|(kind, depths)| (*kind, depths));
        for (kind, depths) in rows.chain([("uncaught exception", &self.exceptions)]) {
            write!(f, "\n  {kind:<30}")?;
            depths.iter().try_for_each(|count| write!(f, "{count:>9}"))?;
        }
        Ok(())
    }
}

/// The class of a backtrace.
fn class(frames: Option<&[Frame]>) -> usize {
    let depth = frames.map_or(0, <[Frame]>::len);
    DEPTHS.iter().position(|&(_, most)| depth <= most).expect("the last class is open")
}

/// Counts with what was counted.
fn list<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    if counts.is_empty() { "none".to_string() } else { counts.join(", ") }
}
