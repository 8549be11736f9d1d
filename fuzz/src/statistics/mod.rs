//! Counts of what the fuzzer executed. A fuzzer whose modules do not run, or never trap deep in a call chain, finds
//! nothing, so a campaign shows them and a test holds them to a minimum.

pub mod counts;
pub mod phases;
pub mod uses;

use crate::generate::case::Case;
use crate::panel::compare::Agreement;
use crate::triage::known::Judgment;
use lanes::{Failure, Frame, Outcome};
use phases::Phases;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use uses::{Use, find_uses};

/// The classes of backtrace depths: a name, and the largest depth of the class. The last class is open.
const DEPTHS: [(&str, usize); 6] = [("1", 1), ("2", 2), ("3-4", 4), ("5-8", 8), ("9-16", 16), ("17+", usize::MAX)];
/// The number of features in a printed line.
const COLUMNS: usize = 4;

/// Counts of one fuzzing run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    /// Inputs.
    pub inputs: u64,
    /// Inputs that describe a case.
    pub modules: u64,
    /// Cases in which something was called.
    pub executed: u64,
    /// Cases in which something trapped.
    pub trapped: u64,
    /// Cases that the interpreter gave up, so that nothing was compared.
    pub given_up: u64,
    /// Executed cases in which a lane took part, by lane.
    pub compared: BTreeMap<String, u64>,
    /// Executed cases in which a lane took no part, since it lacks a feature, by lane.
    pub apart: BTreeMap<String, u64>,
    /// Executed cases whose modules use something that came after WebAssembly 2.0, by what it is.
    pub uses: BTreeMap<Use, u64>,
    /// Executed cases of WebAssembly 2.0 alone.
    pub plain: u64,
    /// Cases with a finding that is not known.
    pub findings: u64,
    /// Cases that showed a known mistake of another engine, by its name.
    pub known: BTreeMap<String, u64>,
    /// Cases whose comparison ended early, by the lane that was no longer comparable with the first.
    pub ended: BTreeMap<String, u64>,
    /// Steps, by how they ended.
    pub steps: BTreeMap<String, u64>,
    /// Traps by kind and by depth.
    pub traps: BTreeMap<String, [u64; DEPTHS.len()]>,
    /// Uncaught exceptions by depth.
    pub exceptions: [u64; DEPTHS.len()],
    /// The processor time, by lane and phase.
    pub phases: Phases,
}

impl Statistics {
    /// Counts an input that describes no case.
    pub fn count_without_case(&mut self) {
        self.inputs += 1;
    }

    /// Counts an input with its case.
    pub fn count(&mut self, case: &Case, judgment: &Judgment) {
        self.inputs += 1;
        self.modules += 1;
        match judgment {
            Judgment::Agreed(agreement) => self.count_agreement(case, agreement),
            Judgment::Known(names) => count_names(&mut self.known, names),
            Judgment::New(_) => self.findings += 1,
        }
    }

    fn count_agreement(&mut self, case: &Case, agreement: &Agreement) {
        if agreement.run.gave_up {
            self.given_up += 1;
            return;
        }
        if agreement.run.called {
            self.executed += 1;
            count_names(&mut self.compared, &agreement.compared);
            count_names(&mut self.apart, &agreement.apart);
            self.count_uses(case);
        }
        count_names(&mut self.ended, &agreement.ended);
        let mut trapped = false;
        for outcome in agreement.run.steps.iter().filter_map(|step| step.outcome()) {
            self.count_outcome(outcome);
            trapped |= outcome.as_trap().is_some();
        }
        self.trapped += u64::from(trapped);
    }

    fn count_uses(&mut self, case: &Case) {
        let found: BTreeSet<_> = case.modules.iter().flat_map(|wasm| find_uses(wasm)).collect();
        self.plain += u64::from(found.is_empty());
        for what in found {
            *self.uses.entry(what).or_default() += 1;
        }
    }

    fn count_outcome(&mut self, outcome: &Outcome) {
        let end = match outcome {
            Outcome::Values(_) => "returned",
            Outcome::Refused(_) => "refused",
            Outcome::Failed(failure) => failure.name(),
        };
        count_names(&mut self.steps, &[end]);
        match outcome {
            Outcome::Failed(Failure::Trap(trap)) => {
                self.traps.entry(trap.kind.name().to_string()).or_default()[class(trap.frames.as_deref())] += 1;
            }
            Outcome::Failed(Failure::Exception(exception)) => self.exceptions[class(exception.frames.as_deref())] += 1,
            _ => {}
        }
    }

    /// Returns the share of modules that executed, in percent.
    pub fn executed_percent(&self) -> u64 {
        self.executed * 100 / self.modules.max(1)
    }

    /// Returns the share of modules that trapped, in percent.
    pub fn trapped_percent(&self) -> u64 {
        self.trapped * 100 / self.modules.max(1)
    }

    /// Returns the share of traps with more than one frame, in percent.
    pub fn deep_percent(&self) -> u64 {
        let all: u64 = self.traps.values().flatten().sum();
        let shallow: u64 = self.traps.values().map(|depths| depths[0]).sum();
        (all - shallow) * 100 / all.max(1)
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} inputs, {} modules: {} % executed, {} % trapped",
            self.inputs,
            self.modules,
            self.executed_percent(),
            self.trapped_percent(),
        )?;
        let [findings, given_up] = [self.findings, self.given_up];
        writeln!(f, "{findings} findings; known: {}; given up, since they may not end: {given_up}", list(&self.known))?;
        writeln!(f, "compared: {}; took no part: {}", list(&self.compared), list(&self.apart))?;
        writeln!(f, "not compared to the end: {}", list(&self.ended))?;
        writeln!(f, "steps: {}", list(&self.steps))?;
        writeln!(f, "executed modules: {} of WebAssembly 2.0, and with", self.plain)?;
        let uses: Vec<_> = self.uses.iter().map(|(what, count)| format!("{count:>8} {:<24}", what.name())).collect();
        uses.chunks(COLUMNS).try_for_each(|row| writeln!(f, "{}", row.concat().trim_end()))?;
        write!(f, "{:<32}", "traps by number of frames")?;
        DEPTHS.iter().try_for_each(|(name, _)| write!(f, "{name:>9}"))?;
        let rows = self.traps.iter().map(|(kind, depths)| (kind.as_str(), depths));
        for (kind, depths) in rows.chain([("uncaught exception", &self.exceptions)]) {
            write!(f, "\n  {kind:<30}")?;
            depths.iter().try_for_each(|count| write!(f, "{count:>9}"))?;
        }
        write!(f, "\n{}", self.phases)
    }
}

/// Returns the depth class of a backtrace.
fn class(frames: Option<&[Frame]>) -> usize {
    let depth = frames.map_or(0, <[Frame]>::len);
    DEPTHS.iter().position(|&(_, most)| depth <= most).expect("the last class is open")
}

fn count_names(counts: &mut BTreeMap<String, u64>, names: &[impl AsRef<str>]) {
    for name in names.iter().map(AsRef::as_ref) {
        // `entry` needs a string of its own, which is wasted for all but the first of a name.
        match counts.get_mut(name) {
            Some(count) => *count += 1,
            None => _ = counts.insert(name.to_string(), 1),
        }
    }
}

/// Returns counts with what was counted, separated by commas.
fn list<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    if counts.is_empty() { "none".to_string() } else { counts.join(", ") }
}
