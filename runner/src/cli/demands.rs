//! The options that say what a run must reach beyond having no failure: `--min-passed`, `--baseline` and `--deny`.

use crate::baseline::Baseline;
use crate::report::{LaneTotals, Report};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::str::FromStr;

#[derive(Debug, Args)]
#[command(next_help_heading = "Gate")]
pub(super) struct DemandArgs {
    /// Fail if a lane passes fewer directives than this in all scripts together: N for every lane, or LANE=N for one.
    /// Repeatable.
    #[arg(long, value_name = "[LANE=]N")]
    min_passed: Vec<MinPassed>,
    /// Fail if a lane passes fewer directives of a script than this file says, if it finds more unsupported, or if a
    /// script of the file does not run. `--report baseline=FILE` writes the file.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Fail if there is any of this.
    #[arg(long, value_enum, value_name = "WHAT,..", value_delimiter = ',')]
    deny: Vec<Denied>,
}

/// The least number of directives that a lane must pass.
#[derive(Clone, Debug)]
struct MinPassed {
    /// The lane; every lane if there is none.
    lane: Option<String>,
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Denied {
    /// Directives that a lane does not support.
    Unsupported,
    /// Scripts that passed in a lane only when they ran again.
    Flaky,
    /// Lines of the list of expected failures that concern no script and lane of the run.
    Unmatched,
}

impl FromStr for MinPassed {
    type Err = String;

    fn from_str(text: &str) -> Result<MinPassed, String> {
        let (lane, count) = match text.rsplit_once('=') {
            Some((lane, count)) => (Some(lane.to_string()), count),
            None => (None, text),
        };
        let count = count.parse().map_err(|_| "expected N or LANE=N, where N is a number".to_string())?;
        Ok(MinPassed { lane, count })
    }
}

/// The demands of a run, read and checked before it begins.
#[derive(Debug)]
pub(super) struct Demands<'a> {
    arguments: &'a DemandArgs,
    baseline: Option<Baseline>,
}

impl DemandArgs {
    /// Reads the baseline, and refuses demands of lanes that are not in the run. `absent` are those that may be absent.
    pub(super) fn read(&self, lanes: &[String], absent: &[String]) -> Result<Demands<'_>, String> {
        for lane in self.min_passed.iter().filter_map(|demand| demand.lane.as_ref()) {
            if !lanes.contains(lane) && !absent.contains(lane) {
                return Err(format!("--min-passed names `{lane}`, which is no lane of this run: {}", lanes.join(", ")));
            }
        }
        let baseline = self.baseline.as_deref().map(Baseline::read).transpose()?;
        Ok(Demands { arguments: self, baseline })
    }
}

impl Demands<'_> {
    /// Returns what the run does not reach. `is_chosen` says of a path whether the options choose its script.
    pub(super) fn complaints(&self, report: &Report, is_chosen: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut complaints = Vec::new();
        for MinPassed { lane, count } in &self.arguments.min_passed {
            let concerns = |totals: &&LaneTotals| lane.as_ref().is_none_or(|lane| *lane == totals.lane);
            for totals in report.matrix.iter().filter(concerns).filter(|totals| totals.passed < *count) {
                let (lane, passed) = (&totals.lane, totals.passed);
                complaints.push(format!("{lane} passes {passed} directives, fewer than the {count} of --min-passed"));
            }
        }
        if let Some(baseline) = &self.baseline {
            complaints.extend(baseline.complaints(report, is_chosen));
        }
        let denied = [
            (Denied::Unsupported, report.totals.unsupported, "directives are unsupported"),
            (Denied::Flaky, report.totals.flaky, "scripts are flaky"),
            (Denied::Unmatched, report.totals.unmatched, "lines of the list concern no script and lane of this run"),
        ];
        for (what, count, text) in denied {
            if count > 0 && self.arguments.deny.contains(&what) {
                complaints.push(format!("{count} {text}, which --deny forbids"));
            }
        }
        complaints
    }
}
