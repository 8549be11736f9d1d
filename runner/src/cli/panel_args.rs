//! The options that choose the lanes of the fuzzer's commands. The fuzzer itself chooses how its lanes run.

use super::adapter::NamedCommand;
use super::lane_args;
use clap::Args;
use fuzz::oracle;
use fuzz::panel::Panel;
use lanes::Options;
use lanes::adapter::DEFAULT_TIMEOUT;
use std::time::Duration;

/// The lanes that a command of the fuzzer compares.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Lanes")]
pub(super) struct PanelArgs {
    /// The lanes to compare, at least two for most oracles, separated by commas; all stands for our own. A lane that is
    /// not there is an error, unless a ? follows its name.
    #[arg(long, value_name = "LIST", default_value = "all")]
    pub(super) lanes: String,
    /// Add a lane: the command of an adapter, such as 'v8@12=/opt/node12 adapter.js'. Lanes whose names are equal up to
    /// an @ have one vote where lanes disagree. Repeatable.
    #[arg(long, value_name = "NAME=CMD")]
    pub(super) lane: Vec<NamedCommand>,
}

impl PanelArgs {
    /// Returns the arguments of a worker with these lanes.
    pub(super) fn worker_arguments(&self) -> Vec<String> {
        let lanes = [format!("--lanes={}", self.lanes)].into_iter();
        lanes.chain(self.lane.iter().map(|lane| format!("--lane={lane}"))).collect()
    }

    /// Opens the lanes for an oracle. A single lane is an error if the oracle has nothing to compare it with.
    pub(super) fn open_for(&self, oracle: &str) -> Result<Panel, String> {
        self.open_with_timeout(oracle, DEFAULT_TIMEOUT)
    }

    /// Opens the lanes for an oracle, where an engine in a process of its own has this time for a request.
    pub(super) fn open_with_timeout(&self, oracle: &str, timeout: Duration) -> Result<Panel, String> {
        let commands = self.lane.iter().map(|lane| (lane.name.clone(), lane.command.clone())).collect();
        let options = Options { commands, request_timeout: Some(timeout), ..Options::default() };
        let panel = Panel::open(&lane_args::join(&self.lanes, &self.lane), &options)?;
        match panel.names()[..] {
            [only] if oracle::find(oracle)?.least_lanes() > 1 => {
                Err(format!("nothing to compare `{only}` with: name at least two lanes"))
            }
            _ => Ok(panel),
        }
    }
}
