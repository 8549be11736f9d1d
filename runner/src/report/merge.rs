//! Several reports as one: of other lanes, other scripts, or other versions of an engine.

use super::{Report, Results, add_compared};
use std::collections::{BTreeMap, HashSet};

impl Report {
    /// Makes one report of several, each with the name of its file. A lane that is another engine or another version in
    /// a later report gets its version into its name.
    ///
    /// # Errors
    ///
    /// If a script ran in a lane in two of the reports: which of them counts is not for this program to say.
    pub fn merge(reports: Vec<(String, Report)>) -> Result<Report, String> {
        let (mut results, mut complaints) = (Results::default(), Vec::new());
        let mut ran = HashSet::new();
        for (file, mut report) in reports {
            report.rename_lanes(&results);
            for script in &report.scripts {
                if !ran.insert((script.path.clone(), script.lane.clone())) {
                    let (path, lane) = (&script.path, &script.lane);
                    return Err(format!(
                        "{path} ran in the lane {lane} in {file} and in a report before it: leave one out, or compare \
                         them with `--against`"
                    ));
                }
            }
            results.lanes.extend(report.lanes.into_iter().filter(|lane| !results.engines.contains_key(lane)));
            results.engines.extend(report.engines);
            results.backends.extend(report.backends);
            results.absent.extend(report.absent);
            results.scripts.extend(report.scripts);
            results.disagreements.extend(report.disagreements);
            results.warnings.extend(report.warnings);
            results.unmatched += report.totals.unmatched;
            add_compared(&mut results.compared, report.compared);
            complaints.extend(report.complaints);
        }
        results.absent.retain(|absent| !results.lanes.contains(&absent.lane));
        let mut report = Report::new(results);
        complaints.retain(|complaint| !report.complaints.contains(complaint));
        report.complaints.extend(complaints);
        Ok(report)
    }

    /// Renames the lanes that are another engine, or another version, in the results so far.
    fn rename_lanes(&mut self, results: &Results) {
        let is_other = |lane: &str, report: &Report| {
            let [one, other] = [&results.engines, &report.engines].map(|engines| engines.get(lane));
            one.is_some() && one.map(|one| (&one.engine, &one.version)) != other.map(|one| (&one.engine, &one.version))
        };
        let renamed: BTreeMap<String, String> = self
            .lanes
            .iter()
            .filter(|lane| is_other(lane, self))
            .map(|lane| {
                let version = self.engines.get(lane).map(|engine| engine.version.clone()).unwrap_or_default();
                (lane.clone(), format!("{lane} ({version})"))
            })
            .collect();
        let name = |lane: String| renamed.get(&lane).cloned().unwrap_or(lane);
        let rename = |lane: &mut String| *lane = name(std::mem::take(lane));
        self.lanes.iter_mut().for_each(rename);
        self.scripts.iter_mut().for_each(|script| rename(&mut script.lane));
        self.compared.iter_mut().flat_map(|pair| &mut pair.lanes).for_each(rename);
        self.engines = std::mem::take(&mut self.engines).into_iter().map(|(lane, one)| (name(lane), one)).collect();
        self.backends = std::mem::take(&mut self.backends).into_iter().map(|(lane, one)| (name(lane), one)).collect();
        for disagreement in &mut self.disagreements {
            let lanes = std::mem::take(&mut disagreement.lanes);
            disagreement.lanes = lanes.into_iter().map(|(lane, text)| (name(lane), text)).collect();
            disagreement.pairs.iter_mut().flatten().for_each(rename);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::LaneReport;
    use lanes::EngineInfo;

    fn report(lane: &str, version: &str, path: &str) -> (String, Report) {
        let engine = EngineInfo { engine: "e".to_string(), version: version.to_string(), path: String::new() };
        let (path, lane) = (path.to_string(), lane.to_string());
        let script = LaneReport { path, lane: lane.clone(), directives: 1, passed: 1, ..LaneReport::default() };
        let engines = [(lane.clone(), engine)].into();
        let results = Results { lanes: vec![lane], engines, scripts: vec![script], ..Results::default() };
        ("r.json".to_string(), Report::new(results))
    }

    #[test]
    fn lanes_of_other_versions_are_told_apart() {
        let merged = Report::merge(vec![report("l", "1", "a"), report("l", "1", "b"), report("l", "2", "a")]);
        let merged = merged.expect("they differ");
        assert_eq!(merged.lanes, ["l", "l (2)"]);
        assert_eq!((merged.totals.scripts, merged.totals.passed, merged.matrix[1].passed), (2, 3, 1));
        assert_eq!(merged.engine_of("l (2)"), "e 2");
    }

    #[test]
    fn no_result_counts_twice() {
        let error = Report::merge(vec![report("l", "1", "a"), report("l", "1", "a")]).expect_err("it is there twice");
        assert!(error.starts_with("a ran in the lane l in r.json and in a report before it"), "{error}");
    }
}
