//! Failures of a script that several lanes share, for reports that show each failure once.

use super::{Failure, LaneReport, Status};
use std::collections::HashMap;

/// The failures that the same lanes have in common.
#[derive(Debug)]
pub struct Block<'a> {
    /// The result of the script in these lanes.
    pub status: Status,
    /// The names of the lanes.
    pub lanes: Vec<&'a str>,
    /// The failures.
    pub failures: Vec<&'a Failure>,
    /// The directives that follow from these failures, in the lanes that are in no earlier block.
    pub following: usize,
}

/// Groups the failures of one script, given its reports in the order of the lanes. Failures are the same if they have
/// the same place and the same message. Of equal ones that with the most frames is shown: other lanes may show none.
pub fn group<'a>(reports: &[&'a LaneReport]) -> Vec<Block<'a>> {
    let mut shared: Vec<(Status, &Failure, Vec<usize>)> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    for (lane, report) in reports.iter().enumerate() {
        for failure in &report.failures {
            let Failure { line, column, directive, message, .. } = failure;
            let index = *known.entry((report.status, line, column, directive, message)).or_insert_with(|| {
                shared.push((report.status, failure, Vec::new()));
                shared.len() - 1
            });
            let (_, shown, lanes) = &mut shared[index];
            if shown.frames.len() < failure.frames.len() {
                *shown = failure;
            }
            // A lane may have the same failure twice, as directives in one line with equal columns have.
            if lanes.last() != Some(&lane) {
                lanes.push(lane);
            }
        }
    }
    let mut blocks: Vec<Block<'a>> = Vec::new();
    let mut positions: HashMap<(Status, Vec<usize>), usize> = HashMap::new();
    let mut counted = vec![false; reports.len()];
    for (status, failure, lanes) in shared {
        let index = *positions.entry((status, lanes.clone())).or_insert_with(|| {
            let new = lanes.iter().filter(|lane| !std::mem::replace(&mut counted[**lane], true));
            let following = new.map(|lane| reports[*lane].follows).sum();
            let lanes = lanes.iter().map(|lane| reports[*lane].lane.as_str()).collect();
            blocks.push(Block { status, lanes, failures: Vec::new(), following });
            blocks.len() - 1
        });
        blocks[index].failures.push(failure);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_several_lanes_is_there_once() {
        let failure = |line, message: &str| Failure { line, message: message.to_string(), ..Failure::default() };
        let report = |lane: &str, failures: &[Failure], follows| LaneReport {
            lane: lane.to_string(),
            status: Status::Fail,
            failures: failures.to_vec(),
            follows,
            ..LaneReport::default()
        };
        let (both, own) = (failure(1, "both"), failure(2, "own"));
        let framed = Failure { frames: vec!["!0 @0x1".to_string()], ..both.clone() };
        let reports = [report("a", &[both, own], 2), report("b", &[framed.clone(), failure(2, "other")], 1)];
        let blocks = group(&reports.iter().collect::<Vec<_>>());
        let shown: Vec<_> = blocks.iter().map(|block| (block.lanes.as_slice(), block.following)).collect();
        assert_eq!(shown, [(["a", "b"].as_slice(), 3), (&["a"], 0), (&["b"], 0)]);
        assert_eq!(blocks[0].failures, [&framed]);
    }
}
