//! What is not fine about a case: which lanes disagree, counted by backend.
//!
//! Lanes of one backend may share a mistake, so they are one *voice*, however many they are: our two tiers and Wasmtime
//! stand on Cranelift. A majority of voices is a hint at who is wrong, not a proof: the specification decides.

use lanes::LaneInfo;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Why a case is not fine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What kind of finding it is.
    pub kind: Kind,
    /// What the lanes were doing.
    pub step: String,
    /// Who showed what: at least two for a disagreement, and those who failed for a failure.
    pub sides: Vec<Side>,
    /// Lanes that take no part: they were no longer comparable by then.
    pub silent: Vec<String>,
}

/// What kind of finding it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Lanes do not agree.
    Disagreement,
    /// Lanes failed where no lane may, be it all of them alike.
    Failure,
}

/// Lanes that agree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Side {
    /// What they showed, of what differs: `outcome: [i32 1]`.
    pub shown: String,
    /// Their names, by voice.
    pub voices: BTreeMap<String, Vec<String>>,
}

impl Side {
    /// The side of these lanes.
    pub fn new<'a>(shown: String, lanes: impl IntoIterator<Item = &'a LaneInfo>) -> Side {
        let mut voices: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for lane in lanes {
            voices.entry(lane.backend.clone()).or_default().push(lane.name.clone());
        }
        Side { shown, voices }
    }

    /// What was shown without values, names and texts, so that many findings of one cause look alike.
    fn class(&self) -> String {
        let shown = self.shown.split_once(": ").map_or(("", self.shown.as_str()), |(what, shown)| (what, shown));
        let (what, shown) = (shown.0.split('"').next().unwrap_or_default().trim(), shown.1);
        let kind = shown.strip_prefix("trap: ").map(|trap| trap.split(" (").next().unwrap_or_default());
        kind.map_or_else(|| what.to_string(), |kind| format!("{what} {kind}"))
    }
}

impl Finding {
    /// Kind, classes of what was shown, and voices: what stays when a finding is made smaller, and what many findings
    /// of one cause have in common.
    pub fn signature(&self) -> String {
        let side = |side: &Side| {
            let voices: Vec<_> = side.voices.keys().map(String::as_str).collect();
            format!("{} [{}]", side.class(), voices.join(" "))
        };
        let sides: BTreeSet<_> = self.sides.iter().map(side).collect();
        format!("{:?}: {}", self.kind, sides.into_iter().collect::<Vec<_>>().join(" / "))
    }

    /// The voices that stand on several sides: their lanes disagree among themselves, which no majority excuses.
    pub fn divided(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        self.sides.iter().flat_map(|side| side.voices.keys()).map(String::as_str).filter(|&v| !seen.insert(v)).collect()
    }

    /// The one voice that all sides without `ours` consist of, where there is just one.
    pub fn dissenter(&self, ours: &str) -> Option<&str> {
        let others = self.sides.iter().filter(|side| self.kind == Kind::Failure || !side.voices.contains_key(ours));
        let others: BTreeSet<&str> = others.flat_map(|side| side.voices.keys()).map(String::as_str).collect();
        let one = others.len() == 1 && self.divided().is_empty();
        others.into_iter().next().filter(|_| one)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Disagreement => write!(f, "lanes disagree at: {}", self.step)?,
            Kind::Failure => write!(f, "lanes failed at: {}", self.step)?,
        }
        for side in &self.sides {
            let count = side.voices.len();
            write!(f, "\n  {count} voice{}: {}", if count == 1 { "" } else { "s" }, side.shown)?;
            for (voice, lanes) in &side.voices {
                write!(f, "\n    {voice}: {}", lanes.join(", "))?;
            }
        }
        for voice in self.divided() {
            write!(f, "\n  {voice} stands on several sides: its lanes disagree among themselves")?;
        }
        if !self.silent.is_empty() {
            write!(f, "\n  no longer compared by then: {}", self.silent.join(", "))?;
        }
        Ok(())
    }
}
