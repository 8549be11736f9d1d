//! A job: a thread that owns one worker process and feeds it inputs.

use super::message::{Answer, Ask, Found, Loss, LossKind};
use super::shared::Shared;
use super::worker::noted_lane;
use lanes::workers::{Program, Worker};
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// The time for a worker to open its lanes, and the time on top of a limit after which a worker that does not even give
/// up is killed.
const GRACE: Duration = Duration::from_secs(20);
/// The time for making a finding smaller.
const REDUCTION: Duration = Duration::from_mins(5);

/// A job of a campaign.
pub(super) struct Job<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) program: Program,
    /// The file in which the worker notes the lane that runs.
    pub(super) note: PathBuf,
    /// The number of this job, and how many there are.
    pub(super) number: usize,
    pub(super) jobs: usize,
    /// The number of inputs of the campaign.
    pub(super) limit: Option<u64>,
    /// The time that an input may take.
    pub(super) timeout: Duration,
    pub(super) reduces: bool,
    pub(super) worker: Option<Worker<Answer>>,
    /// The findings of this job that nobody had before, to be examined: the input, and the signature.
    pub(super) first: Vec<(u64, String, bool)>,
}

/// A message of a worker, or its end.
enum Received {
    Answer(Answer),
    /// The process died, or did not answer. It is gone.
    Lost(Loss),
    /// The campaign stops.
    Stopped,
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
        self.start()?.send(&Ask::Check(range.start, range.end));
        let mut next = range.start;
        while next < range.end {
            match self.receive(self.timeout, |shared| shared.is_stopped())? {
                Received::Answer(Answer::Checked { number, counts, processor, found }) => {
                    if let Some(found) = found {
                        self.record(number, &found, false)?;
                    }
                    self.shared.count(self.number, counts, processor);
                    next = number + 1;
                }
                Received::Answer(Answer::Lost { loss, .. }) | Received::Lost(loss) => {
                    self.worker = None;
                    self.record(next, &loss.found(), true)?;
                    self.shared.count(self.number, serde_json::Value::Null, 0);
                    break;
                }
                Received::Answer(Answer::Full) => {
                    self.worker = None;
                    self.shared.state().replaced += 1;
                    break;
                }
                Received::Stopped => {
                    self.worker = None;
                    break;
                }
                Received::Answer(Answer::Ready | Answer::Done | Answer::Reduced(_) | Answer::Explained(_)) => {}
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
        self.worker = None;
        self.start()?.send(&Ask::Check(number, number + 1));
        let again = match self.receive(self.timeout, |shared| shared.is_interrupted())? {
            Received::Answer(Answer::Checked { found, .. }) => found,
            Received::Answer(Answer::Lost { loss, .. }) | Received::Lost(loss) => {
                self.worker = None;
                Some(loss.found())
            }
            _ => {
                self.worker = None;
                return Ok(());
            }
        };
        let repeats = again.is_some_and(|found| found.signature == signature);
        self.shared.note_repetition(number, signature, repeats)?;
        if repeats && !is_loss && self.reduces { self.reduce(number) } else { Ok(()) }
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
        Ok(())
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
        self.start()?.send(ask);
        loop {
            match self.receive(REDUCTION, |shared| shared.is_interrupted())? {
                Received::Answer(answer @ (Answer::Reduced(_) | Answer::Explained(_))) => return Ok(Some(answer)),
                Received::Answer(Answer::Ready | Answer::Done | Answer::Checked { .. }) => {}
                Received::Answer(Answer::Lost { .. } | Answer::Full) | Received::Lost(_) | Received::Stopped => {
                    self.worker = None;
                    return Ok(None);
                }
            }
        }
    }

    /// Returns the worker, which is started if there is none.
    fn start(&mut self) -> io::Result<&mut Worker<Answer>> {
        if self.worker.is_none() {
            self.worker = Some(Worker::start(&self.program)?);
            match self.receive(GRACE, |shared| shared.is_interrupted())? {
                Received::Answer(Answer::Ready) => {}
                Received::Lost(loss) => {
                    return Err(io::Error::other(format!("a worker does not start: {}", loss.message)));
                }
                Received::Answer(_) | Received::Stopped => {}
            }
        }
        self.worker.as_mut().ok_or_else(|| io::Error::other("the worker is gone"))
    }

    /// Waits for the next answer. A worker limits the time of an input by itself; `timeout` and the grace are for
    /// workers that do not even give up.
    fn receive(&mut self, timeout: Duration, stops: fn(&Shared<'_>) -> bool) -> io::Result<Received> {
        const INTERVAL: Duration = Duration::from_millis(50);
        let began = Instant::now();
        let Some(worker) = &self.worker else { return Ok(Received::Stopped) };
        loop {
            match worker.receive(INTERVAL) {
                Ok(answer) => return Ok(Received::Answer(answer)),
                Err(RecvTimeoutError::Timeout) if stops(self.shared) => return Ok(Received::Stopped),
                Err(RecvTimeoutError::Timeout) if began.elapsed() < timeout.saturating_add(GRACE) => {}
                Err(RecvTimeoutError::Timeout) => {
                    let lane = noted_lane(&self.note);
                    let message = "no answer in time; killed".to_string();
                    self.worker = None;
                    return Ok(Received::Lost(Loss { kind: LossKind::TimedOut, lane, location: None, message }));
                }
                Err(RecvTimeoutError::Disconnected) => return self.wait_for_end(),
            }
        }
    }

    /// Returns how the worker died.
    fn wait_for_end(&mut self) -> io::Result<Received> {
        let Some(worker) = self.worker.take() else { return Ok(Received::Stopped) };
        let (status, words) = worker.wait()?;
        let message = if words.is_empty() { status.to_string() } else { format!("{status}\n{words}") };
        let lane = noted_lane(&self.note);
        Ok(Received::Lost(Loss { kind: LossKind::Crashed, lane, location: None, message }))
    }
}
