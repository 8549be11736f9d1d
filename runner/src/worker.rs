//! The worker: a child process that judges one script after the other, so that a crash or a hang of an engine ends this
//! process and no other.
//!
//! [`Request`]s come in on standard input and [`Answer`]s go out on standard output, as JSON lines. A worker that runs
//! out of time says so and ends itself. When one dies, [`pool`](crate::pool) starts another.

use crate::execute::Verdict;
use crate::judge::{Case, Progress, judge};
use crate::report::{Compared, Disagreement, Failure, LaneReport, Status};
use crate::settings::Settings;
use crate::snapshot::SnapshotUse;
use lanes::workers::answer;
use lanes::{EngineInfo, Features, Lane};
use script::Directive;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{process, thread};

/// A message to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Say which engines the lanes run.
    Engines,
    /// Judge a script.
    Judge(Request),
}

/// A script to judge.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The path, as [`inputs::gather`](crate::inputs::gather) returned it.
    pub(crate) path: String,
    /// The features that the modules may use: the bits of [`Features`].
    pub(crate) features: u64,
    /// The settings of the script.
    pub(crate) settings: Settings,
    /// The lanes to run, as positions in the worker's list.
    pub(crate) lanes: Vec<usize>,
    /// True to report each directive as it runs, to find the one that crashes.
    pub(crate) trace: bool,
    /// True to write the trap snapshot instead of checking it.
    pub(crate) bless: bool,
    /// True to report each directive that passed.
    pub(crate) passed: bool,
}

/// A message of a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The engine of each lane, or why it does not start.
    Engines(Vec<Result<EngineInfo, String>>),
    /// The script cannot be read, and does not run.
    Unreadable {
        /// The line, counted from 1.
        line: u32,
        /// The column, counted from 1.
        column: u32,
        /// The cause.
        message: String,
    },
    /// A directive is about to run. Sent only on a request with `trace`.
    Before {
        /// The number of directives of the script.
        directives: usize,
        /// The failure to report if the process dies in this directive.
        directive: Failure,
    },
    /// A directive has run. Sent only on a request with `trace`.
    After(Verdict),
    /// The lane at this position of the request goes on with a long script, which the lanes run by turns. No lane ends
    /// before all have come to the last turn.
    Turn(usize),
    /// A lane has run the script.
    Lane(LaneReport),
    /// The time of a lane is up, and the worker ends.
    GaveUp(LaneReport),
    /// All lanes have run the script.
    Done {
        /// The directives on which lanes differ.
        disagreements: Vec<Disagreement>,
        /// The counts of what was compared, for each pair of lanes.
        compared: Vec<Compared>,
        /// The text of the trap snapshot, empty if nothing trapped. Sent only on a request with `bless`.
        snapshot: Option<String>,
    },
}

/// The lanes of a worker.
pub(crate) struct WorkerLanes {
    /// The lanes as they were asked for.
    pub(crate) plain: Vec<Box<dyn Lane>>,
    /// The same lanes, in the same order, for scripts that want canonical NaNs.
    pub(crate) canonical: Vec<Box<dyn Lane>>,
}

impl WorkerLanes {
    /// Returns the lanes that run a request.
    fn choose(&self, request: &Request) -> Vec<&dyn Lane> {
        let lanes = if request.settings.canonicalize_nans { &self.canonical } else { &self.plain };
        request.lanes.iter().filter_map(|&lane| lanes.get(lane)).map(|lane| &**lane).collect()
    }
}

/// Serves requests until standard input ends.
///
/// # Errors
///
/// Standard input or output fails, or a request is malformed.
pub(crate) fn serve(lanes: &WorkerLanes, timeout: Duration) -> io::Result<()> {
    // Compiled code runs on this stack, and so does the parser, which recurses deeply.
    const STACK: usize = 64 << 20;
    let watched = Arc::new(Watched::default());
    let watchdog = Arc::clone(&watched);
    thread::Builder::new().spawn(move || watchdog.guard(timeout))?;
    thread::scope(|scope| {
        let serving = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || {
            for line in io::stdin().lock().lines() {
                match serde_json::from_str(&line?)? {
                    Ask::Engines => answer(&Answer::Engines(lanes.plain.iter().map(|lane| lane.engine()).collect()))?,
                    Ask::Judge(request) => answer(&serve_one(&request, &lanes.choose(&request), &watched))?,
                }
            }
            Ok(())
        })?;
        serving.join().unwrap_or_else(|_| Err(io::Error::other("the worker panicked")))
    })
}

fn serve_one(request: &Request, lanes: &[&dyn Lane], watched: &Watched) -> Answer {
    let Some(features) = Features::from_bits(request.features) else {
        let message = "the request has unknown features".to_string();
        return Answer::Unreadable { line: 1, column: 1, message };
    };
    let read = if request.bless { Case::read_script } else { Case::read };
    let mut case = match read(&request.path, features) {
        Ok(case) => Case { settings: request.settings, keeps_passed: request.passed, ..case },
        Err(error) => return Answer::Unreadable { line: error.line, column: error.column, message: error.message },
    };
    if request.bless {
        case.snapshot = SnapshotUse::Make;
    }
    let mut progress = ProgressReporter { request, watched, waiting: BTreeMap::new() };
    let judgment = judge(&case, lanes, &mut progress);
    Answer::Done {
        disagreements: judgment.disagreements,
        compared: judgment.compared,
        snapshot: judgment.snapshot.filter(|_| request.bless).and_then(|traps| traps.file_text(&request.path)),
    }
}

/// Tells the watchdog which lane and directive run, and the pool which have finished.
struct ProgressReporter<'a> {
    request: &'a Request,
    watched: &'a Watched,
    /// The lanes that wait for their next turn, by their positions in the request.
    waiting: BTreeMap<usize, Running>,
}

impl Progress for ProgressReporter<'_> {
    fn begin(&mut self, position: usize, lane: &str, directives: usize) {
        if !self.waiting.is_empty() {
            // If the pool is gone, nobody needs to know. The same holds for the other answers here.
            let _ = answer(&Answer::Turn(position));
        }
        let running = self.waiting.remove(&position).unwrap_or_else(|| {
            let (path, lane) = (self.request.path.clone(), lane.to_string());
            let report = LaneReport { path, lane, directives, ..LaneReport::default() };
            Running { position, report, directive: None, before: Duration::ZERO, started: Instant::now() }
        });
        *self.watched.lock() = Some(Running { started: Instant::now(), ..running });
    }

    fn step(&mut self, directive: &Directive, verdict: Option<&Verdict>) {
        let mut running = self.watched.lock();
        let Some(running) = running.as_mut() else { return };
        match verdict {
            None => running.directive = Some((directive.line, directive.column, directive.name)),
            Some(verdict) => running.report.count(directive, verdict, self.request.passed),
        }
        if self.request.trace {
            let traced = match verdict {
                None => Answer::Before { directives: running.report.directives, directive: Failure::of(directive, "") },
                Some(verdict) => Answer::After(verdict.clone()),
            };
            let _ = answer(&traced);
        }
    }

    fn pause(&mut self) {
        if let Some(running) = self.watched.lock().take() {
            let before = running.time();
            self.waiting.insert(running.position, Running { before, ..running });
        }
    }

    fn end(&mut self, report: &LaneReport) {
        let mut running = self.watched.lock();
        // The answer is written under the lock, so that the watchdog cannot report the same lane as timed out.
        *running = None;
        let _ = answer(&Answer::Lane(report.clone()));
    }
}

/// The lane that is running, which the watchdog looks at.
#[derive(Default)]
struct Watched(Mutex<Option<Running>>);

struct Running {
    /// The position of the lane in the request.
    position: usize,
    report: LaneReport,
    directive: Option<(u32, u32, &'static str)>,
    /// The time that its turns before this one took.
    before: Duration,
    started: Instant,
}

impl Watched {
    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the process when a lane takes longer than `timeout`.
    fn guard(&self, timeout: Duration) {
        const INTERVAL: Duration = Duration::from_millis(20);
        loop {
            thread::sleep(INTERVAL);
            let mut running = self.lock();
            if let Some(running) = running.take_if(|running| running.time() >= timeout) {
                let _ = answer(&Answer::GaveUp(running.into_timeout(timeout)));
                // `exit` drops nothing, so children that hang would outlive this process.
                lanes::children::end_all();
                process::exit(0);
            }
        }
    }
}

impl Running {
    /// Returns the time that the lane has run.
    fn time(&self) -> Duration {
        self.before + self.started.elapsed()
    }

    fn into_timeout(self, timeout: Duration) -> LaneReport {
        let time = self.time();
        let mut report = self.report;
        let (line, column, name) = self.directive.unwrap_or((1, 1, "script"));
        report.failures.push(Failure {
            line,
            column,
            directive: name.to_string(),
            message: format!("still running after {} s", timeout.as_secs_f64()),
            ..Failure::default()
        });
        report.status = Status::Timeout;
        report.milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        report.close();
        report
    }
}
