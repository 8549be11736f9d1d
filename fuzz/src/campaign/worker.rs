//! The worker: a process that checks one input after the other, so that a crash, a hang or a blow-up of an engine costs
//! one input.
//!
//! [`Ask`]s come in on standard input and [`Answer`]s go out on standard output. A watchdog ends a worker whose input
//! takes too long or too much memory. A panic is caught, and ends the worker too, since it may leave anything behind.
//! While a lane runs, its name stands in a file: a process that a signal ends cannot say where it was.

use super::inputs::Cases;
use super::message::{Answer, Ask, Found, Loss, LossKind, Small};
use super::processor_time;
use super::watchdog::{Limits, Watchdog};
use crate::oracle::{Oracle, Reduced, Report, Verdict};
use crate::panel::finding::{Finding, FindingKind, Side};
use crate::panel::watch;
use crate::triage::cause::Cause;
use crate::triage::known::NewFinding;
use crate::triage::reduce::reduce_loss;
use lanes::workers::answer;
use serde_json::Value;
use std::any::Any;
use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The length of the file with the name of the running lane. Longer names are cut.
const NAME_LENGTH: usize = 80;

/// The location of the last panic.
static PANICKED_AT: Mutex<Option<String>> = Mutex::new(None);

/// Serves asks until standard input ends. `note` is the file in which the name of the running lane stands.
///
/// # Errors
///
/// Standard input or output fails, an ask is malformed, or the file cannot be written.
pub fn serve(
    make: impl FnOnce() -> Box<dyn Oracle> + Send,
    cases: &dyn Cases,
    limits: Limits,
    note: &Path,
) -> io::Result<()> {
    // Compiled code runs on this stack, and so do parsers, which recurse deeply.
    const STACK: usize = 64 << 20;
    let watchdog = Arc::new(Watchdog::new(limits));
    announce_lanes(File::create(note)?, Arc::clone(&watchdog));
    remember_panics();
    let guard = Arc::clone(&watchdog);
    thread::Builder::new().spawn(move || guard.watch())?;
    thread::scope(|scope| {
        let serving = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || {
            let mut worker = Worker { oracle: make(), cases, watchdog: &watchdog, before: processor_time() };
            answer(&Answer::Ready)?;
            for line in io::stdin().lock().lines() {
                match serde_json::from_str(&line?)? {
                    Ask::Check(from, to) => worker.check_all(from, to)?,
                    Ask::Reduce(number) => worker.reduce(number)?,
                    Ask::Explain(number, causes) => worker.explain(number, &causes)?,
                    Ask::Run(number) => worker.run(number)?,
                    Ask::ReduceLoss { number, loss, journal, runs } => {
                        worker.reduce_loss(number, &loss, journal, runs)?;
                    }
                }
            }
            Ok(())
        })?;
        serving.join().unwrap_or_else(|_| Err(io::Error::other("the worker panicked")))
    })
}

/// Tells the watchdog and a file which lane runs.
fn announce_lanes(note: File, watchdog: Arc<Watchdog>) {
    watch::observe(move |lane| {
        watchdog.enter(lane);
        let mut line = [b' '; NAME_LENGTH];
        let length = lane.len().min(NAME_LENGTH);
        line[..length].copy_from_slice(&lane.as_bytes()[..length]);
        // Without the note a crash is a finding all the same.
        let _ = note.write_all_at(&line, 0);
    });
}

/// Returns the lane that a dead worker was running.
pub(super) fn noted_lane(note: &Path) -> Option<String> {
    let line = std::fs::read(note).ok()?;
    let lane = String::from_utf8_lossy(&line).trim().to_string();
    (!lane.is_empty()).then_some(lane)
}

/// Keeps the location of each panic, which `catch_unwind` does not tell. The message also goes to standard error, whose
/// last lines the campaign shows if the process dies.
fn remember_panics() {
    let show = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        *PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner) = info.location().map(ToString::to_string);
        show(info);
    }));
}

struct Worker<'a> {
    oracle: Box<dyn Oracle>,
    cases: &'a dyn Cases,
    watchdog: &'a Watchdog,
    /// The processor time that the campaign knows of.
    before: Duration,
}

impl Worker<'_> {
    fn check_all(&mut self, from: u64, to: u64) -> io::Result<()> {
        for number in from..to {
            self.check(number)?;
            if self.watchdog.is_full() && number + 1 < to {
                return end_with(&Answer::Full);
            }
        }
        answer(&Answer::Done)
    }

    fn check(&mut self, number: u64) -> io::Result<()> {
        let input = self.cases.input(number);
        self.watchdog.begin(number);
        let checked = catch_unwind(AssertUnwindSafe(|| self.oracle.check(&input)));
        let lane = self.watchdog.end();
        let verdict = match checked {
            Ok(verdict) => verdict,
            Err(payload) => return end_with(&Answer::Lost { number, loss: panic_loss(&*payload, lane) }),
        };
        let found = match verdict {
            Verdict::Found(report) => Some(found(&*report)),
            Verdict::NoCase | Verdict::Passed(_) | Verdict::Known(_) => None,
        };
        let counts = self.oracle.counts();
        // The counts of each input are sent alone, so that the loss of a worker loses nothing else.
        self.oracle.set_counts(Value::Object(Default::default())).map_err(io::Error::other)?;
        let processor = self.processor_time();
        answer(&Answer::Checked { number, counts, processor, found })
    }

    /// Returns the processor time since the last call, in microseconds.
    fn processor_time(&mut self) -> u64 {
        let now = processor_time();
        let passed = now.saturating_sub(self.before);
        self.before = now;
        u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
    }

    fn reduce(&mut self, number: u64) -> io::Result<()> {
        let input = self.cases.input(number);
        self.guarded(number, |oracle| {
            let small = oracle.reduce(&input).map(|reduced| {
                let Reduced { report, cause } = reduced;
                Box::new(Small { script: report.script(), program: report.javascript().ok(), cause })
            });
            Answer::Reduced(small)
        })
    }

    fn explain(&mut self, number: u64, causes: &[Cause]) -> io::Result<()> {
        let input = self.cases.input(number);
        self.guarded(number, |oracle| {
            Answer::Explained(causes.iter().position(|cause| oracle.is_explained(&input, cause)))
        })
    }

    /// Gives the answer that takes several runs of the input with this number.
    fn guarded(&mut self, number: u64, work: impl FnOnce(&mut dyn Oracle) -> Answer) -> io::Result<()> {
        match catch_unwind(AssertUnwindSafe(|| work(&mut *self.oracle))) {
            Ok(done) => answer(&done),
            Err(payload) => {
                let lane = self.watchdog.end();
                end_with(&Answer::Lost { number, loss: panic_loss(&*payload, lane) })
            }
        }
    }

    /// Runs a case, whatever it shows.
    fn run(&mut self, number: u64) -> io::Result<()> {
        let (cases, watchdog) = (self.cases, self.watchdog);
        self.guarded(number, |oracle| {
            watchdog.begin(number);
            if let (Some(case), Some(claim)) = (cases.case(number, oracle), oracle.claim()) {
                let _survived = claim.check(&case);
            }
            watchdog.end();
            Answer::Survived
        })
    }

    /// Makes a case smaller, with a word before and after each trial, which this process may not survive.
    fn reduce_loss(&mut self, number: u64, loss: &Loss, journal: Vec<bool>, runs: u32) -> io::Result<()> {
        let (cases, watchdog) = (self.cases, self.watchdog);
        self.guarded(number, |oracle| {
            let (Some(case), Some(claim)) = (cases.case(number, oracle), oracle.claim()) else {
                return Answer::Reduced(None);
            };
            let info = loss.lane.as_ref().and_then(|lane| claim.panel().info(lane, &case));
            let Found { signature, summary, .. } = loss.found();
            let sides = info.iter().map(|info| Side::new(loss.kind.to_string(), [info])).collect();
            let finding = Finding { kind: FindingKind::Loss, step: summary, sides, silent: Vec::new() };
            // If nobody listens any more, the end is near.
            let mut attempt = |trial: &mut dyn FnMut()| {
                let _ = answer(&Answer::Trying);
                watchdog.begin(number);
                trial();
                watchdog.end();
                let _ = answer(&Answer::Survived);
            };
            let found = reduce_loss(NewFinding::new(finding, case), claim, runs, journal, &mut attempt);
            let (script, program) = (found.script(), found.javascript().ok());
            Answer::Reduced(Some(Box::new(Small { script, program, cause: Cause::Signature(signature) })))
        })
    }
}

fn found(report: &dyn Report) -> Found {
    let script = report.script();
    let details = if script.is_none() { report.details() } else { String::new() };
    Found { signature: report.signature(), summary: report.summary(), script, details }
}

fn panic_loss(payload: &(dyn Any + Send), lane: Option<String>) -> Loss {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message");
    let location = PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner).take();
    Loss { kind: LossKind::Panicked, lane, location, message: text.to_string() }
}

/// Sends the last answer, and ends the process.
pub(super) fn end_with(last: &Answer) -> io::Result<()> {
    answer(last)?;
    // `exit` drops nothing, so children that hang would outlive this process.
    lanes::children::end_all();
    std::process::exit(0);
}
