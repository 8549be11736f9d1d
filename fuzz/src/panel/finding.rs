//! A finding: what is wrong with a case, and which lanes disagree, counted by backend.
//!
//! Lanes whose code comes from one code generator (their *backend*) may share a mistake, so they have one vote
//! together, however many they are: our two tiers and Wasmtime use Cranelift. A majority of backends is a hint at who
//! is wrong, not a proof: the specification decides.

use lanes::LaneInfo;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Something wrong with a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The kind of the finding.
    pub kind: FindingKind,
    /// The step at which the lanes disagreed or failed.
    pub step: String,
    /// The groups of lanes that agree: at least two for a disagreement, only the failed lanes for a failure.
    pub sides: Vec<Side>,
    /// The lanes that were no longer comparable at the step.
    pub silent: Vec<String>,
}

/// The kind of a finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FindingKind {
    /// Lanes do not agree.
    Disagreement,
    /// A lane failed in a way that no lane may, even if all lanes did.
    Failure,
}

/// Lanes that agree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Side {
    /// The part of their results that differs from other lanes: `outcome: [i32 1]`.
    pub shown: String,
    /// Their names, by backend.
    pub backends: BTreeMap<String, Vec<String>>,
}

impl Side {
    /// Returns the side of these lanes.
    pub fn new<'a>(shown: String, lanes: impl IntoIterator<Item = &'a LaneInfo>) -> Side {
        let mut backends: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for lane in lanes {
            backends.entry(lane.backend.clone()).or_default().push(lane.name.clone());
        }
        Side { shown, backends }
    }

    /// Returns what the lanes showed, without values, names and messages, so that findings of one cause look alike.
    fn class(&self) -> String {
        let (what, shown) = self.shown.split_once(": ").unwrap_or(("", &self.shown));
        let what = what.split('"').next().unwrap_or_default().trim();
        match shown.strip_prefix("trap: ") {
            Some(trap) => format!("{what} {}", trap.split(" (").next().unwrap_or_default()),
            None => what.to_string(),
        }
    }
}

impl Finding {
    /// Returns the kind, what was shown without values, and the backends. Findings of one cause have it in common, and
    /// it stays the same while a finding is reduced.
    pub fn signature(&self) -> String {
        let mut sides = BTreeSet::new();
        for side in &self.sides {
            let backends: Vec<_> = side.backends.keys().map(String::as_str).collect();
            sides.insert(format!("{} [{}]", side.class(), backends.join(" ")));
        }
        format!("{:?}: {}", self.kind, sides.into_iter().collect::<Vec<_>>().join(" / "))
    }

    /// Returns the backends that are on several sides: their lanes disagree with each other, which no majority excuses.
    pub fn divided_backends(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let backends = self.sides.iter().flat_map(|side| side.backends.keys()).map(String::as_str);
        backends.filter(|&backend| !seen.insert(backend)).collect()
    }

    /// Returns the only backend that disagrees with the backend `ours`, or that failed. `None` if there are several.
    pub fn dissenter(&self, ours: &str) -> Option<&str> {
        if !self.divided_backends().is_empty() {
            return None;
        }
        let is_other = |side: &&Side| self.kind == FindingKind::Failure || !side.backends.contains_key(ours);
        let mut others = self.sides.iter().filter(is_other).flat_map(|side| side.backends.keys());
        let dissenter = others.next()?;
        others.all(|other| other == dissenter).then_some(dissenter)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FindingKind::Disagreement => write!(f, "lanes disagree at: {}", self.step)?,
            FindingKind::Failure => write!(f, "lanes failed at: {}", self.step)?,
        }
        for side in &self.sides {
            let votes = side.backends.len();
            write!(f, "\n  {votes} vote{}: {}", if votes == 1 { "" } else { "s" }, side.shown)?;
            for (backend, lanes) in &side.backends {
                write!(f, "\n    {backend}: {}", lanes.join(", "))?;
            }
        }
        for backend in self.divided_backends() {
            write!(f, "\n  {backend} is on several sides: its lanes disagree with each other")?;
        }
        if !self.silent.is_empty() {
            write!(f, "\n  no longer compared at this step: {}", self.silent.join(", "))?;
        }
        Ok(())
    }
}
