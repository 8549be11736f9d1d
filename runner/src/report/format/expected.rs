//! A list of expected failures, for `--expect`: the failures of the run with what was seen as their cause, and the
//! listed ones with the cause from the list.

use super::{Audience, Format, Report};
use crate::report::{Failure, visible};
use std::collections::BTreeMap;

pub(super) const FORMAT: Format = Format { name: "expected", audience: Audience::Programs, ..Format::of(render) };

fn render(report: &Report) -> Result<String, String> {
    let mut lanes: BTreeMap<(&str, u32, &str, &str), Vec<&str>> = BTreeMap::new();
    for script in &report.scripts {
        let can_be_listed = |failure: &&Failure| failure.counts() && failure.directive != Failure::UNEXPECTED_PASS;
        for Failure { line, key, message, .. } in script.failures.iter().filter(can_be_listed).chain(&script.listed) {
            lanes.entry((&script.path, *line, key, message)).or_default().push(&script.lane);
        }
    }
    let mut text = "# PATH:LINE#KEY @LANE,.. CAUSE\n".to_string();
    for ((path, line, key, message), lanes) in lanes {
        // A line break in a path cannot be written down; nothing else must look like an entry.
        let path = visible(path);
        let key = if key.is_empty() { String::new() } else { format!("#{key}") };
        text += &format!("{path}:{line}{key} @{} {}\n", lanes.join(","), visible(message));
    }
    Ok(text)
}
