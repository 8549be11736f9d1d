//! A job: a thread that feeds inputs to one worker process.

use super::message::{Answer, Ask, Found};
use super::shared::Shared;
use super::state::CauseEntry;
use super::supervisor::{REDUCTION, Received, Supervisor};
use crate::triage::cause::Cause;
use std::io;
use std::ops::Range;

/// A job of a campaign.
pub(super) struct Job<'a> {
    pub(super) shared: &'a Shared<'a>,
    /// The number of this job, and how many there are.
    pub(super) number: usize,
    pub(super) jobs: usize,
    /// The number of inputs of the campaign.
    pub(super) limit: Option<u64>,
    pub(super) reduces: bool,
    pub(super) worker: Supervisor,
    /// The findings of this job that nobody had before, to be examined: the input, and the signature.
    pub(super) first: Vec<(u64, String, bool)>,
}

impl Job<'_> {
    /// Checks inputs until none is left or the campaign stops.
    ///
    /// # Errors
    ///
    /// No worker can be started, or a finding cannot be written.
    pub(super) fn work(&mut self) -> io::Result<()> {
        while let Some(range) = self.shared.take(self.number, self.jobs, self.limit) {
            self.check(range)?;
            for (number, signature, is_loss) in std::mem::take(&mut self.first) {
                self.examine(number, &signature, is_loss)?;
            }
        }
        Ok(())
    }

    /// Lets the worker check inputs. Those that it does not come to go back to the queue.
    fn check(&mut self, range: Range<u64>) -> io::Result<()> {
        let shared = self.shared;
        let stops = || shared.is_stopped();
        self.worker.ask(&Ask::Check(range.start, range.end), &|| shared.is_interrupted())?;
        let mut next = range.start;
        while next < range.end {
            match self.worker.receive(&stops)? {
                Received::Answer(Answer::Checked { number, counts, processor, found }) => {
                    if let Some(found) = found {
                        self.record(number, &found, false)?;
                    }
                    self.shared.count(self.number, counts, processor);
                    next = number + 1;
                }
                Received::Lost(loss) => {
                    self.record(next, &loss.found(), true)?;
                    self.shared.count(self.number, serde_json::Value::Null, 0);
                    break;
                }
                Received::Answer(Answer::Full) => {
                    self.worker.end();
                    self.shared.state().replaced += 1;
                    break;
                }
                Received::Stopped => break,
                Received::Answer(_) => {}
            }
        }
        self.shared.give_back(self.number);
        Ok(())
    }

    fn record(&mut self, number: u64, found: &Found, is_loss: bool) -> io::Result<()> {
        if self.shared.record(number, found, is_loss)? {
            self.first.push((number, found.signature.clone(), is_loss));
        }
        Ok(())
    }

    /// Runs the input of a finding again, alone in a fresh process, and makes the finding smaller if it shows again.
    fn examine(&mut self, number: u64, signature: &str, is_loss: bool) -> io::Result<()> {
        let again = match self.check_alone(number)? {
            Received::Answer(Answer::Checked { found, .. }) => found,
            Received::Lost(loss) => Some(loss.found()),
            _ => return Ok(()),
        };
        let repeats = again.is_some_and(|found| found.signature == signature);
        self.shared.note_repetition(number, signature, repeats)?;
        if repeats && !is_loss && self.reduces { self.reduce(number) } else { Ok(()) }
    }

    /// Checks an input in a fresh process.
    fn check_alone(&mut self, number: u64) -> io::Result<Received> {
        let shared = self.shared;
        let stops = || shared.is_interrupted();
        self.worker.end();
        self.worker.ask(&Ask::Check(number, number + 1), &stops)?;
        self.worker.receive(&stops)
    }

    /// Makes a finding smaller, and finds its cause, if the worker can.
    fn reduce(&mut self, number: u64) -> io::Result<()> {
        match self.ask(&Ask::Reduce(number))? {
            Some(Answer::Reduced(Some(small))) => self.shared.add_small(number, &small),
            _ => Ok(()),
        }
    }

    /// Finds the causes of all findings that are written, in the order of their inputs, so that neither the causes nor
    /// the inputs that are made smaller depend on the order in which jobs came to them. No other job may run.
    ///
    /// # Errors
    ///
    /// No worker can be started, or a file cannot be written or removed.
    pub(super) fn find_causes(&mut self) -> io::Result<()> {
        let mut reduced = self.shared.state().take_reduced();
        let repeating = self.shared.state().repeating();
        for number in repeating {
            if self.shared.is_interrupted() {
                break;
            }
            match (self.explain(number)?, reduced.remove(&number)) {
                (Some(known), small) => {
                    self.shared.state().causes[known].inputs.insert(number);
                    if small.is_some() {
                        self.shared.remove_small(number)?;
                    }
                }
                (None, Some(cause)) => self.shared.state().note_cause(number, cause),
                (None, None) => self.reduce(number)?,
            }
        }
        for (number, cause) in reduced {
            if self.shared.is_interrupted() {
                self.shared.state().note_cause(number, cause);
            } else {
                self.shared.remove_small(number)?;
            }
        }
        self.reduce_losses()
    }

    /// Returns the index of the known cause that the finding of an input has.
    fn explain(&mut self, number: u64) -> io::Result<Option<usize>> {
        let causes: Vec<_> = self.shared.state().causes.iter().map(|entry| entry.cause.clone()).collect();
        if causes.is_empty() {
            return Ok(None);
        }
        match self.ask(&Ask::Explain(number, causes))? {
            Some(Answer::Explained(known)) => Ok(known),
            _ => Ok(None),
        }
    }

    /// Returns the answer of the worker to an ask about one finding, unless it dies or takes too long.
    fn ask(&mut self, ask: &Ask) -> io::Result<Option<Answer>> {
        let shared = self.shared;
        let stops = || shared.is_interrupted();
        self.worker.ask(ask, &stops)?;
        loop {
            match self.worker.receive_within(REDUCTION, &stops)? {
                Received::Answer(answer @ (Answer::Reduced(_) | Answer::Explained(_))) => return Ok(Some(answer)),
                Received::Answer(_) => {}
                Received::Lost(_) | Received::Stopped => return Ok(None),
            }
        }
    }

    /// Makes one input of each loss smaller: the lowest that is written. All inputs with its signature have its cause.
    fn reduce_losses(&mut self) -> io::Result<()> {
        let losses = self.shared.state().repeating_losses();
        for (signature, inputs) in losses {
            let Some(&number) = inputs.first().filter(|_| !self.shared.is_interrupted()) else { break };
            let shared = self.shared;
            if let Received::Lost(loss) = self.check_alone(number)?
                && let Some(small) = self.worker.reduce_loss(number, &loss, &|| shared.is_interrupted())?
            {
                self.shared.write_small(number, &small)?;
            }
            self.shared.state().causes.push(CauseEntry { cause: Cause::Signature(signature), inputs });
        }
        Ok(())
    }
}
