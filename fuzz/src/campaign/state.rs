//! The state of a campaign: what it has done, what it has found, and what is left. It is written to a file from time to
//! time, so that a campaign can go on where it was, and so that others can follow it.

use super::history::{History, Point};
use super::queue::Queue;
use crate::statistics::counts;
use crate::triage::cause::Cause;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

/// The file of the state in the directory of a campaign.
pub const STATE_FILE: &str = "campaign.json";

/// The state of a campaign.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct State {
    /// The oracle's name.
    pub oracle: String,
    /// The names of the lanes, separated by commas.
    pub lanes: String,
    /// The seed that the inputs follow from.
    pub seed: u64,
    /// The directory of modules to start from, if there is one.
    pub seeds: Option<String>,
    /// The inputs that were checked.
    pub inputs: u64,
    /// The seconds that the campaign has run.
    pub seconds: f64,
    /// The processor time of the workers, in seconds.
    pub processor_seconds: f64,
    /// The workers that were replaced since they had grown.
    pub replaced: u64,
    /// When anything new came last.
    pub novelty: Novelty,
    /// The findings, by signature.
    pub findings: BTreeMap<String, Entry>,
    /// The causes of the findings that are written, as far as they have been looked for.
    pub causes: Vec<CauseEntry>,
    /// The counts of the oracle.
    pub counts: Value,
    /// The totals over time.
    pub history: History,
    /// The inputs that are left.
    pub(super) queue: Queue,
}

/// The counts that were seen for the first time: of an instruction, of a trap at a depth, of a finding.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Novelty {
    /// The counts that are not zero.
    pub counts: u64,
    /// The inputs that had been checked when the last one came.
    pub inputs: u64,
    /// The seconds after which the last one came.
    pub seconds: f64,
}

/// The findings with one signature.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Entry {
    /// The number of findings.
    pub count: u64,
    /// The numbers of the inputs that are written to files: the lowest ones.
    pub written: BTreeSet<u64>,
    /// True if an input showed the finding again when it ran alone in a fresh process. `None` if none was tried.
    pub repeats: Option<bool>,
    /// True if the check of the input did not come to its end: a crash, a hang, a panic, too much memory.
    pub is_loss: bool,
}

/// A cause, and the numbers of the inputs among those written that have it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CauseEntry {
    /// The cause.
    pub cause: Cause,
    /// The numbers of the inputs.
    pub inputs: BTreeSet<u64>,
}

impl State {
    /// Returns the state of a campaign that has not begun.
    pub fn new(oracle: &str, lanes: &str, seed: u64, seeds: Option<String>) -> State {
        State {
            oracle: oracle.to_string(),
            lanes: lanes.to_string(),
            seed,
            seeds,
            inputs: 0,
            seconds: 0.0,
            processor_seconds: 0.0,
            replaced: 0,
            novelty: Novelty::default(),
            findings: BTreeMap::new(),
            causes: Vec::new(),
            counts: Value::Object(Default::default()),
            history: History::default(),
            queue: Queue::default(),
        }
    }

    /// Reads the state of the campaign in a directory.
    ///
    /// # Errors
    ///
    /// There is none, or the file holds something else.
    pub fn read(directory: &Path) -> io::Result<State> {
        let text = fs::read_to_string(directory.join(STATE_FILE))?;
        let mut state: State = serde_json::from_str(&text)?;
        state.queue.give_all_back();
        Ok(state)
    }

    /// Returns the state as JSON.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("strings and numbers always serialize");
        text + "\n"
    }

    /// Writes the state to its directory. The file is never half-written.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        let new = directory.join(format!("{STATE_FILE}.new"));
        fs::write(&new, self.to_json())?;
        fs::rename(new, directory.join(STATE_FILE))
    }

    /// Counts an input, and what the oracle counted of it.
    pub(super) fn count(&mut self, counts: Value, processor: u64) {
        self.inputs += 1;
        #[expect(clippy::cast_precision_loss, reason = "microseconds of one input")]
        let processor = processor as f64;
        self.processor_seconds += processor / 1e6;
        let new = counts::add(&mut self.counts, counts);
        self.note_new(new);
    }

    /// Returns the inputs that are written and whose finding repeats.
    pub(super) fn repeating(&self) -> BTreeSet<u64> {
        let shown = self.findings.values().filter(|entry| !entry.is_loss && entry.repeats == Some(true));
        shown.flat_map(|entry| entry.written.iter().copied()).collect()
    }

    /// Returns the inputs that are written and whose process did not survive them again, by signature.
    pub(super) fn repeating_losses(&self) -> Vec<(String, BTreeSet<u64>)> {
        let shown = self.findings.iter().filter(|(_, entry)| entry.is_loss && entry.repeats == Some(true));
        shown.map(|(signature, entry)| (signature.clone(), entry.written.clone())).collect()
    }

    /// Notes a cause that no other input is known to have.
    pub(super) fn note_cause(&mut self, number: u64, cause: Cause) {
        self.causes.push(CauseEntry { cause, inputs: [number].into() });
    }

    /// Takes the causes away. Returns those that inputs were made smaller for, by the number of the input: the lowest.
    pub(super) fn take_reduced(&mut self) -> BTreeMap<u64, Cause> {
        let causes = std::mem::take(&mut self.causes).into_iter();
        causes.filter_map(|entry| Some((*entry.inputs.first()?, entry.cause))).collect()
    }

    pub(super) fn note_new(&mut self, new: u64) {
        if new > 0 {
            self.novelty = Novelty { counts: self.novelty.counts + new, inputs: self.inputs, seconds: self.seconds };
        }
    }

    /// Returns the totals of now.
    pub(super) fn point(&self) -> Point {
        let findings = self.findings.values().map(|entry| entry.count).sum();
        Point { seconds: self.seconds, inputs: self.inputs, new: self.novelty.counts, findings }
    }

    /// Returns the progress for people: how fast it goes, when anything new came, and the chart of both.
    pub fn progress(&self) -> String {
        let State { inputs, seconds, processor_seconds, novelty, .. } = self;
        let now = self.point();
        let chart = |name: &str, total: fn(&Point) -> u64| format!("{name:<9}|{:<60}|", self.history.chart(now, total));
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let rate = *inputs as f64 / seconds.max(0.001);
        let (since, ago) = (inputs.saturating_sub(novelty.inputs), seconds - novelty.seconds);
        let mut text = format!(
            "{inputs} inputs in {seconds:.0} s ({rate:.1} a second), {processor_seconds:.0} s of processor time, \
             {} findings\n\
             {} counts are not zero; the last new one came {since} inputs and {ago:.0} s ago\n\
             {}\n{}",
            now.findings,
            novelty.counts,
            chart("inputs", |point| point.inputs),
            chart("new", |point| point.new),
        );
        if now.findings > 0 {
            text += &format!("\n{}", chart("findings", |point| point.findings));
        }
        if self.replaced > 0 {
            text += &format!("\n{} workers were replaced, since they had grown", self.replaced);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn news_are_what_was_never_counted() {
        let mut state = State::new("differential", "all", 7, None);
        for seconds in 0..10 {
            state.seconds = f64::from(seconds);
            state.count(json!({"inputs": 1, "uses": {"try_table": u64::from(seconds == 4)}}), 1000);
        }
        assert_eq!(state.novelty, Novelty { counts: 2, inputs: 5, seconds: 4.0 });
        let text = state.progress();
        assert!(text.contains("2 counts are not zero; the last new one came 5 inputs and 5 s ago"), "{text}");
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let directory = std::env::temp_dir().join(format!("touchstone-state-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let mut state = State::new("artifact", "all", u64::MAX, Some("corpus".to_string()));
        state.count(json!({"refused": 3}), 5);
        state
            .findings
            .insert("x".to_string(), Entry { count: 2, written: [1, 4].into(), repeats: Some(true), is_loss: false });
        state.causes.push(CauseEntry { cause: Cause::Signature("x".to_string()), inputs: [1].into() });
        state.write(&directory).expect("written");
        assert_eq!(State::read(&directory).expect("read"), state);
        fs::write(directory.join(STATE_FILE), "{").expect("written");
        assert!(State::read(&directory).is_err());
        fs::remove_dir_all(directory).expect("removed");
    }
}
