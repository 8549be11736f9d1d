//! The differences between lanes, and how much of them was compared.

use super::visible;
use lanes::compare::Tally;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A directive on which lanes differ.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Disagreement {
    /// The script's path.
    pub path: String,
    /// The line in which the directive begins, counted from 1.
    pub line: u32,
    /// The directive's keyword.
    pub directive: String,
    /// The observation of each lane, by the lane's name.
    pub lanes: BTreeMap<String, String>,
    /// The pairs of lanes that differ from each other.
    #[serde(default)]
    pub pairs: Vec<[String; 2]>,
    /// The line of the script in which the directive begins, cut off if it is long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

/// The counts of what was compared between two lanes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// The two lanes.
    pub lanes: [String; 2],
    /// The counts.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Adds to the sums what was compared in another script.
pub fn add_compared(sums: &mut Vec<Compared>, more: Vec<Compared>) {
    for compared in more {
        match sums.iter_mut().find(|sum| sum.lanes == compared.lanes) {
            Some(sum) => sum.tally.add(&compared.tally),
            None => sums.push(compared),
        }
    }
}

impl Disagreement {
    /// Returns the sides of the disagreement: the lanes on each side and what the first of them showed, in the order of
    /// the report's lanes. Lanes that do not differ from each other are on one side, even if they use other words.
    pub fn sides(&self, lanes: &[String]) -> Vec<(Vec<&str>, &str)> {
        let mut sides: Vec<(Vec<&str>, &str)> = Vec::new();
        for (lane, text) in lanes.iter().filter_map(|lane| self.lanes.get_key_value(lane)) {
            match sides.iter_mut().find(|(side, shown)| self.is_on_side(lane, text, side, shown)) {
                Some((side, _)) => side.push(lane),
                None => sides.push((vec![lane], text)),
            }
        }
        sides
    }

    /// Returns whether a lane that showed `text` belongs to a side whose first lane showed `shown`.
    fn is_on_side(&self, lane: &str, text: &str, side: &[&str], shown: &str) -> bool {
        if self.differs_from_any(lane) && self.differs_from_any(side[0]) {
            return side.iter().all(|other| !self.differ(lane, other));
        }
        // Lanes that differ from none may just show less. The text says which.
        shown == text
    }

    /// Returns whether two lanes differ.
    fn differ(&self, left: &str, right: &str) -> bool {
        self.pairs.iter().any(|[one, other]| (one == left && other == right) || (one == right && other == left))
    }

    /// Returns whether a lane differs from any other.
    fn differs_from_any(&self, lane: &str) -> bool {
        self.pairs.iter().flatten().any(|one| one == lane)
    }

    /// Returns all sides, one on each line: `LANE, LANE: TEXT`.
    pub fn lines(&self, lanes: &[String]) -> String {
        let sides = self.sides(lanes);
        let line = |(lanes, text): &(Vec<&str>, &str)| format!("{}: {}", lanes.join(", "), visible(text));
        sides.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_grouped_in_the_order_of_the_lanes() {
        let lanes = ["c", "d", "a", "b"].map(str::to_string);
        let shown = [("a", "2"), ("b", "1, in other words"), ("c", "1"), ("d", "not comparable any more")];
        let disagreement = Disagreement {
            path: String::new(),
            line: 1,
            directive: String::new(),
            lanes: shown.map(|(lane, text)| (lane.to_string(), text.to_string())).into(),
            pairs: [["a", "b"], ["a", "c"]].map(|pair| pair.map(str::to_string)).to_vec(),
            source: String::new(),
        };
        assert_eq!(disagreement.lines(&lanes), "c, b: 1\nd: not comparable any more\na: 2");
    }
}
