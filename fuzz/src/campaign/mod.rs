//! Campaigns: many inputs on the stable toolchain, without instrumentation, in worker processes.
//!
//! ```text
//! Campaign ─> job (a thread each) ─> supervisor ══ message ══> worker (a process each) ─> oracle
//!     │         └── shared: the state, the queue of inputs, the files of findings
//!     └── state: counts, totals over time, what is left; resumed from its file
//! ```
//!
//! Input `k` of a campaign follows from its seed, its modules and `k` alone, so a campaign can be repeated, with any
//! number of jobs. A crash, a hang or a blow-up costs one input: it is a finding, and the campaign goes on. Findings
//! with the same signature count as one: the first is run again alone, and made smaller. At the end, those that are
//! written are put together by their cause.

mod history;
mod inputs;
mod job;
mod message;
mod queue;
mod shared;
mod state;
mod supervisor;
mod watchdog;
mod worker;

pub use inputs::{Cases, Corpus, Inputs, read_corpus};
pub use message::{Found, Loss, LossKind, Small};
pub use state::{CauseEntry, Entry, Novelty, STATE_FILE, State};
pub use supervisor::{Stops, Supervisor};
pub use watchdog::Limits;
pub use worker::serve;

use job::Job;
use lanes::workers::Program;
use rustix::time::{ClockId, clock_gettime};
use shared::Shared;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};
use std::{fs, io};

/// The time between two prints of the progress.
const PRINTED: Duration = Duration::from_mins(1);
/// The time between two writes of the state.
const SAVED: Duration = Duration::from_secs(1);
/// The time between two looks at the limits.
const INTERVAL: Duration = Duration::from_millis(20);

/// The settings of a campaign.
pub struct Campaign<'a> {
    /// The inputs.
    pub inputs: Inputs,
    /// The most inputs to check, with those of earlier runs.
    pub limit: Option<u64>,
    /// The most time that this run takes.
    pub wall: Option<Duration>,
    /// The most processor time that the workers take, with that of earlier runs and without that of child processes.
    pub processor: Option<Duration>,
    /// The number of workers.
    pub jobs: usize,
    /// The program that becomes a worker: it calls [`serve`] with the same inputs. It gets one more argument,
    /// `--note=FILE`.
    pub worker: Program,
    /// The time that an input may take.
    pub timeout: Duration,
    /// The directory for findings and for the state.
    pub directory: PathBuf,
    /// True to make the first finding with a signature smaller.
    pub reduce: bool,
    /// Ends the campaign as soon as it is set.
    pub interrupt: &'a AtomicBool,
    /// Prints findings and progress.
    pub print: &'a (dyn Fn(&str) + Sync),
}

impl Campaign<'_> {
    /// Runs inputs until the first limit is reached, from where `state` was left. Returns the state at the end, which
    /// is also written to the directory.
    ///
    /// # Errors
    ///
    /// The directory cannot be written, or no worker can be started.
    pub fn run(&self, state: State) -> io::Result<State> {
        fs::create_dir_all(&self.directory)?;
        let shared = Shared::new(state, &self.inputs, &self.directory, self.print, self.interrupt);
        let ended = thread::scope(|scope| {
            let mut jobs = Vec::new();
            for number in 0..self.jobs.max(1) {
                let mut job = self.job(number, &shared);
                let work = move || {
                    let worked = job.work();
                    if worked.is_err() {
                        job.shared.stop();
                    }
                    worked
                };
                jobs.push(thread::Builder::new().spawn_scoped(scope, work).inspect_err(|_| shared.stop())?);
            }
            let attended = self.attend(&shared, &jobs);
            shared.stop();
            let worked =
                jobs.into_iter().map(|job| job.join().unwrap_or_else(|_| Err(io::Error::other("a job panicked"))));
            worked.collect::<Vec<_>>().into_iter().chain([attended]).collect::<io::Result<()>>()
        });
        let ended = ended.and_then(|()| {
            let looks = self.reduce && !shared.is_interrupted();
            if looks { self.job(0, &shared).find_causes() } else { Ok(()) }
        });
        for number in 0..self.jobs.max(1) {
            // It is not there if the worker did not start.
            let _ = fs::remove_file(self.note(number));
        }
        let state = shared.into_state();
        state.write(&self.directory)?;
        ended.map(|()| state)
    }

    fn note(&self, job: usize) -> PathBuf {
        self.directory.join(format!("running-{}-{job}", std::process::id()))
    }

    fn job<'l>(&self, number: usize, shared: &'l Shared<'l>) -> Job<'l> {
        Job {
            shared,
            number,
            jobs: self.jobs.max(1),
            limit: self.limit,
            reduces: self.reduce,
            worker: Supervisor::new(self.worker.clone(), self.note(number), self.timeout),
            first: Vec::new(),
        }
    }

    /// Keeps the time until all jobs have ended: stops them at a limit, writes the state, prints the progress.
    fn attend(&self, shared: &Shared<'_>, jobs: &[ScopedJoinHandle<'_, io::Result<()>>]) -> io::Result<()> {
        let began = Instant::now();
        let (mut saved, mut printed) = (began, began);
        let before = shared.state().seconds;
        while !jobs.iter().all(ScopedJoinHandle::is_finished) {
            thread::sleep(INTERVAL);
            let mut state = shared.state();
            state.seconds = before + began.elapsed().as_secs_f64();
            let point = state.point();
            state.history.add(point);
            let processor = self.processor.is_some_and(|limit| state.processor_seconds >= limit.as_secs_f64());
            if processor || self.wall.is_some_and(|limit| began.elapsed() >= limit) {
                shared.stop();
            }
            if saved.elapsed() >= SAVED {
                saved = Instant::now();
                let state = state.clone();
                state.write(&self.directory)?;
            }
            if printed.elapsed() >= PRINTED {
                printed = Instant::now();
                (self.print)(&state.progress());
            }
        }
        Ok(())
    }
}

/// Returns the processor time of this process so far.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
