//! The supervisor of one worker process: it starts the worker when it is needed, and says how it ended.

use super::message::{Answer, Ask, Loss, LossKind, Small};
use super::worker::noted_lane;
use crate::oracle::differential::REDUCTION_RUNS;
use lanes::workers::{Program, Worker};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// The time for a worker to open its lanes, and the time on top of a limit after which a worker that does not even give
/// up is killed.
const GRACE: Duration = Duration::from_secs(20);
/// The time for making a finding smaller.
pub(super) const REDUCTION: Duration = Duration::from_mins(5);

/// The supervisor of a worker.
pub struct Supervisor {
    program: Program,
    /// The file in which the worker notes the lane that runs.
    note: PathBuf,
    /// The time that an input may take.
    timeout: Duration,
    worker: Option<Worker<Answer>>,
}

/// A message of a worker, or its end.
pub(super) enum Received {
    Answer(Answer),
    /// The process died, or did not answer. It is gone.
    Lost(Loss),
    /// Nobody waits for an answer any more.
    Stopped,
}

/// Says whether nobody waits for an answer any more.
pub type Stops<'a> = dyn Fn() -> bool + 'a;

impl Supervisor {
    /// Makes the supervisor of a program that calls [`serve`](super::serve) with the file `note`, which its last
    /// argument names. An input may take the time `timeout`.
    pub fn new(mut program: Program, note: PathBuf, timeout: Duration) -> Supervisor {
        program.arguments.push(format!("--note={}", note.display()));
        Supervisor { program, note, timeout, worker: None }
    }

    /// Ends the worker. The next ask starts another one.
    pub(super) fn end(&mut self) {
        self.worker = None;
    }

    /// Sends an ask to the worker, which is started if there is none.
    ///
    /// # Errors
    ///
    /// The worker does not start.
    pub(super) fn ask(&mut self, ask: &Ask, stops: &Stops<'_>) -> io::Result<()> {
        if self.worker.is_none() {
            self.worker = Some(Worker::start(&self.program)?);
            if let Received::Lost(loss) = self.receive_within(GRACE, stops)? {
                return Err(io::Error::other(format!("a worker does not start: {}", loss.message)));
            }
        }
        // If nobody waits for it any more, there is none.
        if let Some(worker) = &mut self.worker {
            worker.send(ask);
        }
        Ok(())
    }

    /// Waits for the next answer about an input.
    pub(super) fn receive(&mut self, stops: &Stops<'_>) -> io::Result<Received> {
        self.receive_within(self.timeout, stops)
    }

    /// Waits for the next answer. A worker limits the time of an input by itself; `timeout` and the grace are for
    /// workers that do not even give up.
    pub(super) fn receive_within(&mut self, timeout: Duration, stops: &Stops<'_>) -> io::Result<Received> {
        const INTERVAL: Duration = Duration::from_millis(50);
        let began = Instant::now();
        let Some(worker) = &self.worker else { return Ok(Received::Stopped) };
        loop {
            match worker.receive(INTERVAL) {
                Ok(Answer::Lost { loss, .. }) => {
                    self.worker = None;
                    return Ok(Received::Lost(loss));
                }
                Ok(answer) => return Ok(Received::Answer(answer)),
                Err(RecvTimeoutError::Timeout) if stops() => {
                    self.worker = None;
                    return Ok(Received::Stopped);
                }
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

    /// Returns how the worker ends that runs the case with this number; `None` if it survives.
    ///
    /// # Errors
    ///
    /// The worker does not start.
    pub fn run(&mut self, number: u64, stops: &Stops<'_>) -> io::Result<Option<Loss>> {
        self.ask(&Ask::Run(number), stops)?;
        loop {
            match self.receive(stops)? {
                Received::Answer(Answer::Trying) => {}
                Received::Answer(_) | Received::Stopped => return Ok(None),
                Received::Lost(loss) => return Ok(Some(loss)),
            }
        }
    }

    /// Makes the case with this number smaller, which a worker does not survive. Each trial that shows the loss ends a
    /// worker. Returns `None` if the oracle has no cases, or if workers die elsewhere than in trials.
    ///
    /// # Errors
    ///
    /// A worker does not start.
    pub fn reduce_loss(&mut self, number: u64, loss: &Loss, stops: &Stops<'_>) -> io::Result<Option<Small>> {
        let (began, signature) = (Instant::now(), loss.found().signature);
        let (mut journal, mut runs) = (Vec::new(), REDUCTION_RUNS);
        loop {
            self.ask(&Ask::ReduceLoss { number, loss: loss.clone(), journal: journal.clone(), runs }, stops)?;
            let mut is_trying = false;
            let end = loop {
                match self.receive(stops)? {
                    Received::Answer(Answer::Trying) => is_trying = true,
                    Received::Answer(Answer::Survived) => {
                        journal.push(false);
                        is_trying = false;
                    }
                    Received::Answer(Answer::Reduced(small)) => return Ok(small.map(|small| *small)),
                    Received::Answer(_) => {}
                    Received::Lost(end) if is_trying => break end,
                    Received::Lost(_) | Received::Stopped => return Ok(None),
                }
            };
            journal.push(end.found().signature == signature);
            if runs == REDUCTION_RUNS && began.elapsed() > REDUCTION {
                runs = u32::try_from(journal.len()).unwrap_or(REDUCTION_RUNS);
            }
        }
    }
}
