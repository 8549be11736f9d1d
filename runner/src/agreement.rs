//! Where lanes differ: every pair of lanes is compared, directive by directive and then by what the instances hold, and
//! a difference is told with what each of the lanes showed. How much was compared is counted.

use crate::execute::{LaneRun, Miss};
use crate::pattern::Pattern;
use crate::report::{Compared, Disagreement};
use crate::script::{Directive, DirectiveKind, Script};
use lanes::Lane;
use lanes::compare::{Comparison, Difference};
use std::collections::BTreeMap;

/// Two lanes, by their positions, and what was compared of them so far.
struct Pair {
    lanes: [usize; 2],
    comparison: Comparison,
}

/// What a pair said of one step: the lanes' positions, whether they were compared, and the difference.
struct Said {
    lanes: [usize; 2],
    compared: bool,
    difference: Option<Difference>,
}

/// All differences between the lanes' runs of a script, and how much was compared of each pair of lanes.
pub(crate) fn find_disagreements(
    path: &str,
    script: &Script,
    lanes: &[&dyn Lane],
    runs: &[LaneRun],
) -> (Vec<Disagreement>, Vec<Compared>) {
    let names: Vec<&str> = lanes.iter().map(|lane| lane.info().name.as_str()).collect();
    let mut pairs = Vec::new();
    for right in 1..lanes.len() {
        pairs.extend((0..right).map(|left| Pair {
            lanes: [left, right],
            comparison: Comparison::new(lanes[left].info(), lanes[right].info()),
        }));
    }
    let told = |directive: &Directive, said: &[Said]| {
        Some(Disagreement {
            path: path.to_string(),
            line: directive.line,
            directive: directive.name.to_string(),
            lanes: sides(&names, said)?,
            pairs: pairs_that_differ(&names, said),
        })
    };
    let mut found = Vec::new();
    for (position, directive) in script.directives.iter().enumerate() {
        let several = matches!(&directive.kind, DirectiveKind::AssertReturn(_, patterns) if !patterns.iter().all(Pattern::is_exact));
        let said: Vec<Said> = pairs.iter_mut().map(|pair| pair.step(position, runs, several)).collect();
        found.extend(told(directive, &said));
    }
    for (position, directive) in script.directives.iter().enumerate() {
        let said: Vec<Said> = pairs.iter_mut().map(|pair| pair.state(position, runs)).collect();
        found.extend(told(directive, &said));
    }
    let compared = pairs.iter().map(|Pair { lanes: [left, right], comparison }| Compared {
        lanes: [names[*left].to_string(), names[*right].to_string()],
        tally: comparison.tally().clone(),
    });
    (found, compared.collect())
}

impl Pair {
    /// Compares what a directive showed; `several` results may be right.
    fn step(&mut self, position: usize, runs: &[LaneRun], several: bool) -> Said {
        let passed = |lane: usize| runs[lane].steps.get(position).is_some_and(|step| step.verdict.is_ok());
        if several && self.lanes.into_iter().all(passed) {
            self.comparison.admit();
        }
        // A lane may say so in the words of a refusal, and what there is to compare then proves nothing.
        let unsupported = |lane: usize| {
            let step = runs[lane].steps.get(position);
            step.is_some_and(|step| matches!(step.verdict, Err(Miss::Unsupported(_))))
        };
        if self.lanes.into_iter().any(unsupported) {
            self.comparison.end_unsupported();
        }
        let observed = |lane: usize| runs[lane].steps.get(position).and_then(|step| step.observation.as_ref());
        let [left, right] = self.lanes.map(observed);
        let both = left.zip(right);
        let difference = both.and_then(|(left, right)| self.comparison.step(left, right));
        Said { lanes: self.lanes, compared: both.is_some() && !self.comparison.has_ended(), difference }
    }

    /// Compares what the instance that a directive made held at the end.
    fn state(&mut self, position: usize, runs: &[LaneRun]) -> Said {
        // Instances are in the order in which they were made.
        let state = |lane: usize| {
            let states = &runs[lane].states;
            states.get(states.partition_point(|(made, _)| *made < position)).filter(|(made, _)| *made == position)
        };
        let [left, right] = self.lanes.map(state);
        let both = left.zip(right).filter(|_| !self.comparison.has_ended());
        let difference = both.and_then(|((_, left), (_, right))| self.comparison.state(left.as_ref(), right.as_ref()));
        Said { lanes: self.lanes, compared: both.is_some(), difference }
    }
}

/// What each lane showed, if any two of them differ.
fn sides(names: &[&str], said: &[Said]) -> Option<BTreeMap<String, String>> {
    said.iter().find(|pair| pair.difference.is_some())?;
    let side = |lane: usize| {
        let of_lane = said.iter().filter(|pair| pair.lanes.contains(&lane));
        let shown = of_lane.clone().find_map(|pair| {
            let difference = pair.difference.as_ref()?;
            let text = if pair.lanes[0] == lane { &difference.left } else { &difference.right };
            Some(format!("{}: {text}", difference.what))
        });
        shown.unwrap_or_else(|| match of_lane.clone().any(|pair| pair.compared) {
            true => "no difference from any, by the rules or because it shows less".to_string(),
            false => "not comparable any more".to_string(),
        })
    };
    Some(names.iter().enumerate().map(|(lane, name)| (name.to_string(), side(lane))).collect())
}

fn pairs_that_differ(names: &[&str], said: &[Said]) -> Vec<[String; 2]> {
    let differing = said.iter().filter(|pair| pair.difference.is_some());
    differing.map(|pair| pair.lanes.map(|lane| names[lane].to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lanes: [usize; 2], compared: bool, texts: Option<[&str; 2]>) -> Said {
        let difference = texts.map(|[left, right]| Difference {
            what: "outcome".to_string(),
            left: left.to_string(),
            right: right.to_string(),
        });
        Said { lanes, compared, difference }
    }

    #[test]
    fn all_sides_are_listed() {
        let names = ["a", "b", "c", "d"];
        let pairs = [
            said([0, 1], true, None),
            said([0, 2], true, Some(["1", "2"])),
            said([1, 2], true, Some(["1", "2"])),
            said([0, 3], false, None),
            said([1, 3], false, None),
            said([2, 3], false, None),
        ];
        let sides = sides(&names, &pairs).expect("a difference");
        let texts: Vec<&str> = sides.values().map(String::as_str).collect();
        assert_eq!(texts, ["outcome: 1", "outcome: 1", "outcome: 2", "not comparable any more"]);
        assert!(super::sides(&names, &pairs[..1]).is_none());
        assert_eq!(pairs_that_differ(&names, &pairs), [["a", "c"], ["b", "c"]].map(|pair| pair.map(str::to_string)));
    }
}
