//! Finds the directives on which lanes differ. Every pair of lanes is compared: directive by directive, and then by
//! what the instances hold at the end. How much was compared is counted.

use crate::execute::{Contents, Maker, Step};
use crate::report::{Compared, Disagreement};
use lanes::compare::{Comparison, Difference};
use lanes::{Lane, LaneInfo};
use script::pattern::Pattern;
use script::{Directive, DirectiveKind};
use std::collections::{BTreeMap, BTreeSet};

/// A pair of lanes, by their positions, and the state of their comparison.
struct Pair {
    lanes: [usize; 2],
    comparison: Comparison,
}

/// The result of a pair for one directive.
struct PairResult {
    /// The positions of the lanes.
    lanes: [usize; 2],
    /// True if the lanes were compared at all.
    compared: bool,
    difference: Option<Difference>,
}

/// The comparison of the lanes that run a script.
pub(crate) struct Agreement<'a> {
    path: &'a str,
    /// The names of the lanes.
    names: Vec<&'a str>,
    /// True unless all lanes are of one engine and one backend. Those of one show the same, whatever a directive
    /// admits.
    has_several_backends: bool,
    pairs: Vec<Pair>,
    found: Vec<Disagreement>,
}

impl<'a> Agreement<'a> {
    pub(crate) fn new(path: &'a str, lanes: &[&'a dyn Lane]) -> Agreement<'a> {
        let infos: Vec<&LaneInfo> = lanes.iter().map(|lane| lane.info()).collect();
        let first = infos[0];
        let has_several_backends =
            infos.iter().any(|info| info.engine != first.engine || info.backend != first.backend);
        let names = infos.iter().map(|info| info.name.as_str()).collect();
        Agreement { path, names, has_several_backends, pairs: all_pairs(&infos), found: Vec::new() }
    }

    /// Compares what the next directives of the script showed, where `steps` are those of each lane.
    pub(crate) fn compare_steps(&mut self, directives: &[Directive], steps: &[Vec<Step>]) {
        for (position, directive) in directives.iter().enumerate() {
            let several = self.has_several_backends && admits_several_results(directive);
            let compare = |pair: &mut Pair| pair.compare_step(position, steps, several);
            let results: Vec<PairResult> = self.pairs.iter_mut().map(compare).collect();
            self.add(directive.line, directive.name, &results);
        }
    }

    /// Compares what the instances held at the end, in each lane in the order in which they were made.
    pub(crate) fn compare_states(&mut self, states: &[Vec<(Maker, Contents)>]) {
        let makers: BTreeSet<Maker> = states.iter().flatten().map(|(maker, _)| *maker).collect();
        for maker in makers {
            let compare = |pair: &mut Pair| pair.compare_state(maker, states);
            let results: Vec<PairResult> = self.pairs.iter_mut().map(compare).collect();
            self.add(maker.line, maker.directive, &results);
        }
    }

    /// Adds the disagreement on a directive, if there is one.
    fn add(&mut self, line: u32, directive: &str, results: &[PairResult]) {
        let Some(lanes) = sides(&self.names, results) else { return };
        let (path, directive) = (self.path.to_string(), directive.to_string());
        let (pairs, source) = (differing_pairs(&self.names, results), String::new());
        self.found.push(Disagreement { path, line, directive, lanes, pairs, source });
    }

    /// Returns all disagreements, and how much of each pair of lanes was compared.
    pub(crate) fn into_results(self) -> (Vec<Disagreement>, Vec<Compared>) {
        let compared = self.pairs.iter().map(|Pair { lanes, comparison }| Compared {
            lanes: lanes.map(|lane| self.names[lane].to_string()),
            tally: comparison.tally().clone(),
        });
        (self.found, compared.collect())
    }
}

fn all_pairs(lanes: &[&LaneInfo]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for right in 1..lanes.len() {
        for left in 0..right {
            let comparison = Comparison::new(lanes[left], lanes[right]);
            pairs.push(Pair { lanes: [left, right], comparison });
        }
    }
    pairs
}

/// Returns whether different results of a directive are right.
fn admits_several_results(directive: &Directive) -> bool {
    match &*directive.kind() {
        DirectiveKind::AssertReturn(_, patterns) => !patterns.iter().all(Pattern::is_exact),
        _ => false,
    }
}

impl Pair {
    /// Compares what a directive showed in both lanes. `several` says that different results are right.
    fn compare_step(&mut self, position: usize, steps: &[Vec<Step>], several: bool) -> PairResult {
        let [left, right] = self.lanes.map(|lane| steps[lane].get(position));
        if several && [left, right].into_iter().all(|step| step.is_some_and(Step::has_passed)) {
            self.comparison.admit();
        }
        // What an engine shows proves nothing if it refused something only because it lacks a feature.
        let unsupported = [left, right].into_iter().flatten().any(Step::is_unsupported);
        if unsupported {
            self.comparison.end_unsupported();
        }
        if [left, right].into_iter().flatten().any(|step| step.depends_on_race) {
            self.comparison.admit_race();
        }
        // The directive that it follows from has shown the difference.
        let [one, other] = [left, right].map(|step| step.is_some_and(|step| step.follows()));
        if one != other {
            self.comparison.end_after_difference();
        }
        let observed = [left, right].map(|step| step.and_then(|step| step.observation()));
        let [Some(left), Some(right)] = observed else {
            return PairResult { lanes: self.lanes, compared: false, difference: None };
        };
        let difference = self.comparison.step(&left, &right);
        PairResult { lanes: self.lanes, compared: !self.comparison.has_ended(), difference }
    }

    /// Compares what the instance that a directive made held at the end.
    fn compare_state(&mut self, maker: Maker, states: &[Vec<(Maker, Contents)>]) -> PairResult {
        let state_of = |lane: usize| {
            let states = &states[lane];
            states.get(states.partition_point(|(made, _)| *made < maker)).filter(|(made, _)| *made == maker)
        };
        let [Some((_, left)), Some((_, right))] = self.lanes.map(state_of) else {
            return PairResult { lanes: self.lanes, compared: false, difference: None };
        };
        if self.comparison.has_ended() {
            return PairResult { lanes: self.lanes, compared: false, difference: None };
        }
        let (Contents::Shown(left), Contents::Shown(right)) = (left, right) else {
            self.comparison.leave_out_raced_state();
            return PairResult { lanes: self.lanes, compared: false, difference: None };
        };
        let difference = self.comparison.state(left.as_ref(), right.as_ref());
        PairResult { lanes: self.lanes, compared: true, difference }
    }
}

/// Returns what each lane showed, if any two of them differ.
fn sides(names: &[&str], results: &[PairResult]) -> Option<BTreeMap<String, String>> {
    if results.iter().all(|pair| pair.difference.is_none()) {
        return None;
    }
    Some(names.iter().enumerate().map(|(lane, name)| (name.to_string(), side(lane, results))).collect())
}

/// Returns what a lane showed in the first pair in which it differs from another one.
fn side(lane: usize, results: &[PairResult]) -> String {
    let mut compared = false;
    for pair in results.iter().filter(|pair| pair.lanes.contains(&lane)) {
        compared |= pair.compared;
        if let Some(difference) = &pair.difference {
            let text = if pair.lanes[0] == lane { &difference.left } else { &difference.right };
            return format!("{}: {text}", difference.what);
        }
    }
    if compared {
        return "no difference from any, by the rules or because it shows less".to_string();
    }
    "not comparable any more".to_string()
}

fn differing_pairs(names: &[&str], results: &[PairResult]) -> Vec<[String; 2]> {
    let differing = results.iter().filter(|pair| pair.difference.is_some());
    differing.map(|pair| pair.lanes.map(|lane| names[lane].to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(lanes: [usize; 2], compared: bool, texts: Option<[&str; 2]>) -> PairResult {
        let difference = texts.map(|[left, right]| Difference {
            what: "outcome".to_string(),
            left: left.to_string(),
            right: right.to_string(),
        });
        PairResult { lanes, compared, difference }
    }

    #[test]
    fn all_sides_are_listed() {
        let names = ["a", "b", "c", "d"];
        let pairs = [
            result([0, 1], true, None),
            result([0, 2], true, Some(["1", "2"])),
            result([1, 2], true, Some(["1", "2"])),
            result([0, 3], false, None),
            result([1, 3], false, None),
            result([2, 3], false, None),
        ];
        let sides = sides(&names, &pairs).expect("a difference");
        let texts: Vec<&str> = sides.values().map(String::as_str).collect();
        assert_eq!(texts, ["outcome: 1", "outcome: 1", "outcome: 2", "not comparable any more"]);
        assert!(super::sides(&names, &pairs[..1]).is_none());
        assert_eq!(differing_pairs(&names, &pairs), [["a", "c"], ["b", "c"]].map(|pair| pair.map(str::to_string)));
    }
}
