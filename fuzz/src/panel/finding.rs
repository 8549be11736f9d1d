//! A finding: what is wrong with a case, and which lanes disagree, counted by backend.
//!
//! Lanes whose code comes from one code generator (their *backend*) may share a mistake, so they have one vote
//! together, however many they are: our two tiers and Wasmtime use Cranelift. A majority of backends is a hint at who
//! is wrong, not a proof: the specification decides.

use super::INTERPRETER;
use lanes::{LaneInfo, is_own_lane};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The backend of our compiled lanes.
const OURS: &str = "cranelift";

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
    /// A lane refused a module, though the modules of cases are valid.
    Refusal,
    /// A lane failed by itself, or did not find what exists.
    Failure,
    /// The process of a lane died.
    Crash,
    /// A lane did not answer in time.
    Hang,
    /// An adapter answered something that the protocol does not have.
    Garble,
    /// The process that ran all lanes did not survive one of them.
    Loss,
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

    /// Returns the side of a witness that is no lane and has a vote of its own.
    pub fn of_witness(shown: String, name: &str) -> Side {
        Side { shown, backends: BTreeMap::from([(name.to_string(), vec![name.to_string()])]) }
    }

    /// Returns the names of the lanes.
    pub fn lanes(&self) -> impl Iterator<Item = &str> {
        self.backends.values().flatten().map(String::as_str)
    }

    /// Returns the parties of [`Finding::dissenter`] on this side.
    fn parties(&self) -> BTreeSet<&str> {
        let mut parties = BTreeSet::new();
        for (backend, lanes) in &self.backends {
            for lane in lanes {
                let is_other = backend == OURS && !is_own_lane(lane);
                parties.insert(if is_other { lane.split(['/', '@']).next().unwrap_or(lane) } else { backend });
            }
        }
        parties
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

    /// Returns the lane, among those with these names, that most backends agree with, and the interpreter if there are
    /// several. For a failure, a lane that did not fail. `None` if every lane failed.
    pub fn favored<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        let position = |lane: &str| names.iter().find(|&&name| name == lane).copied();
        if self.kind != FindingKind::Disagreement {
            let failed: Vec<_> = self.sides.iter().flat_map(Side::lanes).collect();
            return names.iter().find(|name| !failed.contains(name)).copied();
        }
        let rank = |side: &&Side| (side.backends.len(), side.lanes().any(|lane| lane == INTERPRETER));
        let side = self.sides.iter().rev().max_by_key(rank)?;
        let interpreter = side.lanes().find(|lane| *lane == INTERPRETER).and_then(position);
        // A side may have only test doubles of lanes.
        interpreter.or_else(|| side.lanes().find_map(position)).or_else(|| names.first().copied())
    }

    /// Returns the only party that disagrees with our compiled lanes, or that failed. `None` if there are several, or
    /// if one is on several sides.
    ///
    /// A party is a backend. Another engine with the code generator of our lanes is a party by itself: it may have
    /// mistakes that ours does not share.
    pub fn dissenter(&self) -> Option<&str> {
        let sides: Vec<BTreeSet<&str>> = self.sides.iter().map(Side::parties).collect();
        let parties = sides.iter().flatten().collect::<BTreeSet<_>>().len();
        if sides.iter().map(BTreeSet::len).sum::<usize>() > parties {
            return None;
        }
        let is_other = |side: &&BTreeSet<&str>| self.kind != FindingKind::Disagreement || !side.contains(OURS);
        let mut others = sides.iter().filter(is_other).flatten();
        let dissenter = others.next()?;
        others.all(|other| other == dissenter).then_some(dissenter)
    }
}

impl FindingKind {
    /// Returns the beginning of a report, which the step follows.
    fn headline(self) -> &'static str {
        match self {
            FindingKind::Disagreement => "lanes disagree at",
            FindingKind::Refusal => "a valid module is refused at",
            FindingKind::Failure => "lanes failed at",
            FindingKind::Crash => "the engine's process died at",
            FindingKind::Hang => "no answer in time at",
            FindingKind::Garble => "an answer outside of the protocol at",
            FindingKind::Loss => "the process did not survive",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.headline(), self.step)?;
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
