//! Runs scripts in worker processes, several at a time.
//!
//! Each thread of the pool owns one [`worker`](crate::worker) and feeds it scripts, the largest first. When a worker
//! dies, the lane that it was running has crashed. Another worker runs that lane again and reports every step, which
//! shows the directive of the crash, and then runs the remaining lanes. A worker that neither answers nor ends is
//! killed. In the end the lanes that were not lost run once more, all in one worker, to be compared. A long script the
//! lanes run by turns: if one is lost then, each runs alone first.

use crate::inputs::Input;
use crate::report::terminal::clip;
use crate::report::{Compared, Disagreement, Failure, LaneReport, Status};
use crate::script_engine::ScriptEngine;
use crate::worker::{Answer, Ask, Request};
use lanes::EngineInfo;
use lanes::workers::{Program, Worker};
use std::collections::VecDeque;
use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The options of a run in workers.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    /// The program that becomes a worker.
    pub(crate) program: Program,
    /// The names of the lanes that the arguments select, in order.
    pub(crate) lanes: Vec<String>,
    /// The number of workers that run at a time.
    pub(crate) jobs: usize,
    /// The time in one lane after which a worker gives up by itself.
    pub(crate) timeout: Duration,
    /// True to write trap snapshots instead of checking them.
    pub(crate) bless: bool,
    /// The commands that run each script after the lanes.
    pub(crate) script_engines: Vec<ScriptEngine>,
}

/// The results of a script.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// One report for each lane, and then one for each script engine.
    pub(crate) lanes: Vec<LaneReport>,
    /// The directives on which lanes differ.
    pub(crate) disagreements: Vec<Disagreement>,
    /// The counts of what was compared, for each pair of lanes.
    pub(crate) compared: Vec<Compared>,
    /// The text of the trap snapshot, if it was asked for.
    pub(crate) snapshot: Option<String>,
}

impl Finished {
    /// Returns whether all lanes passed, and agree.
    pub(crate) fn has_passed(&self) -> bool {
        self.disagreements.is_empty() && self.lanes.iter().all(|report| report.status == Status::Pass)
    }

    /// Adds the lines of the script's text to its failures and disagreements.
    pub(crate) fn quote(&mut self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        let line =
            |number: u32| lines.get((number as usize).wrapping_sub(1)).map(|line| clip(line)).unwrap_or_default();
        let lists = self.lanes.iter_mut().map(|report| report.failures.iter_mut().chain(&mut report.listed));
        lists.flatten().for_each(|failure| failure.source = line(failure.line));
        self.disagreements.iter_mut().for_each(|disagreement| disagreement.source = line(disagreement.line));
    }

    /// Returns the results of a script that ran again, given those of earlier attempts. A disagreement that did not
    /// show again is a failure of an earlier attempt in the lanes that differed.
    pub(crate) fn after(mut self, earlier: Finished) -> Finished {
        let reports = self.lanes.into_iter().zip(earlier.lanes);
        self.lanes = reports.map(|(report, earlier)| report.after(earlier)).collect();
        let gone = if self.disagreements.is_empty() { earlier.disagreements } else { Vec::new() };
        for Disagreement { line, directive, lanes, pairs, source, .. } in gone {
            for report in self.lanes.iter_mut().filter(|report| pairs.iter().flatten().any(|lane| *lane == report.lane))
            {
                let message = format!("disagreed with another lane: {}", lanes[&report.lane]);
                let (directive, source) = (directive.clone(), source.clone());
                report.flaky.push(Failure { line, column: 1, directive, message, source, ..Failure::default() });
            }
        }
        self
    }

    /// Notes that the worker was lost after all lanes had reported, while they were compared.
    fn add_loss_in_comparison(&mut self, end: End) {
        let (status, message) = match end {
            End::Died(status) => (Status::Crash, death_message(status)),
            _ => (Status::Timeout, SILENT.to_string()),
        };
        if let Some(report) = self.lanes.last_mut() {
            report.status = status;
            report.failures.push(failure_of(None, &format!("while the lanes were compared: {message}")));
        }
    }
}

impl Pool {
    /// Runs the scripts. `finished` is called with the results of each, and returns whether the run goes on.
    ///
    /// # Errors
    ///
    /// A worker cannot be started or waited for.
    pub(crate) fn run(
        &self,
        mut inputs: Vec<Input>,
        mut finished: impl FnMut(&Input, Finished) -> bool,
    ) -> io::Result<()> {
        inputs.sort_by_key(|input| std::cmp::Reverse(input.size));
        let jobs = self.jobs.clamp(1, inputs.len().max(1));
        let queue = Mutex::new(VecDeque::from(inputs));
        let stop = AtomicBool::new(false);
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            for _ in 0..jobs {
                let (queue, stop, sender) = (&queue, &stop, sender.clone());
                let work = move || self.work(queue, stop, &sender);
                if let Err(error) = thread::Builder::new().spawn_scoped(scope, work) {
                    // The threads that wait for the next script must not take it.
                    stop.store(true, Ordering::Relaxed);
                    return Err(io::Error::other(format!("no thread can be started: {error}")));
                }
            }
            drop(sender);
            for (input, result) in receiver {
                let go_on = match result {
                    Ok(result) => finished(&input, result),
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                };
                if !go_on {
                    stop.store(true, Ordering::Relaxed);
                    break;
                }
            }
            Ok(())
        })
    }

    /// Runs scripts of the queue, one after the other, and sends their results.
    fn work(&self, queue: &Mutex<VecDeque<Input>>, stop: &AtomicBool, sender: &Sender<(Input, io::Result<Finished>)>) {
        let mut worker = None;
        while !stop.load(Ordering::Relaxed) {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(input) = next else { break };
            let result = self.run_script(&mut worker, &input);
            let failed = result.is_err();
            if sender.send((input, result)).is_err() || failed {
                break;
            }
        }
    }

    /// Returns the engine of each lane, or why it does not start.
    ///
    /// # Errors
    ///
    /// A worker cannot be started, or does not answer.
    pub(crate) fn engines(&self) -> io::Result<Vec<Result<EngineInfo, String>>> {
        let mut worker = Worker::start(&self.program)?;
        worker.send(&Ask::Engines);
        let lanes = u32::try_from(self.lanes.len()).unwrap_or(u32::MAX);
        match worker.receive(self.timeout.saturating_mul(lanes).saturating_add(GRACE)) {
            Ok(Answer::Engines(engines)) => Ok(engines),
            Ok(_) | Err(RecvTimeoutError::Timeout) => Err(io::Error::other(SILENT)),
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other(death_message(Some(worker.wait()?.0)))),
        }
    }

    /// Runs one script in all lanes, in as many workers as that takes.
    fn run_script(&self, worker: &mut Option<Worker<Answer>>, input: &Input) -> io::Result<Finished> {
        let mut finished = Finished::default();
        let (mut together, mut alone) = (true, false);
        while finished.lanes.len() < self.lanes.len() {
            // Reports come in the order of the lanes, so their number is the position of the next lane.
            let lane = finished.lanes.len();
            let end_of_request = if alone { lane + 1 } else { self.lanes.len() };
            let request = self.request(input, (lane..end_of_request).collect(), false);
            let end = self.ask(worker, &request, &mut finished)?;
            let lane = finished.lanes.len();
            match end {
                End::Done if together => break,
                End::Done | End::GaveUp => {}
                End::LostInTurn(_) => alone = true,
                End::Died(status) if lane < end_of_request => {
                    finished.lanes.push(self.locate_crash(worker, input, lane, &death_message(status))?);
                }
                End::Silent if lane < end_of_request => {
                    finished.lanes.push(self.lost_report(input, lane, Status::Timeout, SILENT));
                }
                lost => {
                    finished.add_loss_in_comparison(lost);
                    if together {
                        break;
                    }
                }
            }
            together = false;
        }
        if !together {
            self.compare_rest(worker, input, &mut finished)?;
        }
        finished.lanes.extend(
            self.script_engines.iter().map(|engine| engine.run(&input.path, self.timeout, &self.program.reaper)),
        );
        Ok(finished)
    }

    /// Runs the lanes that were not lost once more, to compare them.
    fn compare_rest(
        &self,
        worker: &mut Option<Worker<Answer>>,
        input: &Input,
        finished: &mut Finished,
    ) -> io::Result<()> {
        let kept = |lane: &usize| matches!(finished.lanes[*lane].status, Status::Pass | Status::Fail);
        let rest: Vec<usize> = (0..self.lanes.len()).filter(kept).collect();
        if rest.len() < 2 {
            return Ok(());
        }
        let mut again = Finished::default();
        let end = self.ask(worker, &self.request(input, rest.clone(), false), &mut again)?;
        let reached = match end {
            End::Done => {
                // This replaces what the lanes that ran together before said of each other.
                (finished.disagreements, finished.compared) = (again.disagreements, again.compared);
                finished.snapshot = again.snapshot;
                return Ok(());
            }
            End::GaveUp => again.lanes.len() - 1,
            End::LostInTurn(lane) => lane,
            End::Died(_) | End::Silent => again.lanes.len().min(rest.len() - 1),
        };
        let (lane, message) = (rest[reached], "it was lost when it ran once more to be compared");
        finished.lanes[lane] = self.lost_report(input, lane, Status::Crash, message);
        Ok(())
    }

    fn request(&self, input: &Input, lanes: Vec<usize>, trace: bool) -> Request {
        Request {
            path: input.path.clone(),
            features: input.features.bits(),
            settings: input.settings,
            lanes,
            trace,
            bless: self.bless,
            passed: input.needs_passed,
        }
    }

    /// Lets a worker serve a request, and adds its answers to the results.
    fn ask(&self, worker: &mut Option<Worker<Answer>>, request: &Request, finished: &mut Finished) -> io::Result<End> {
        let running = match worker.as_mut() {
            Some(running) => running,
            None => worker.insert(Worker::start(&self.program)?),
        };
        running.send(&Ask::Judge(request.clone()));
        let mut turn = None;
        loop {
            let received = running.receive(self.timeout.saturating_add(GRACE));
            if let (Ok(Answer::GaveUp(_)) | Err(_), Some(lane)) = (&received, turn) {
                *worker = None;
                return Ok(End::LostInTurn(lane));
            }
            match received {
                Ok(Answer::Turn(lane)) => turn = Some(lane).filter(|_| request.lanes.len() > 1),
                Ok(Answer::Lane(report)) => finished.lanes.push(report),
                Ok(Answer::GaveUp(report)) => {
                    finished.lanes.push(report);
                    *worker = None;
                    return Ok(End::GaveUp);
                }
                Ok(Answer::Unreadable { line, column, message }) => {
                    let directive = "script".to_string();
                    let failure = Failure { line, column, directive, message, ..Failure::default() };
                    let left = &self.lanes[finished.lanes.len()..];
                    finished.lanes.extend(left.iter().map(|lane| LaneReport {
                        path: request.path.clone(),
                        lane: lane.clone(),
                        status: Status::Unreadable,
                        failures: vec![failure.clone()],
                        ..LaneReport::default()
                    }));
                    return Ok(End::Done);
                }
                Ok(Answer::Done { disagreements, compared, snapshot }) => {
                    finished.disagreements.extend(disagreements);
                    finished.compared.extend(compared);
                    finished.snapshot = snapshot;
                    return Ok(End::Done);
                }
                Ok(Answer::Before { .. } | Answer::After(_) | Answer::Engines(_)) => {}
                Err(RecvTimeoutError::Timeout) => {
                    *worker = None;
                    return Ok(End::Silent);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let waited = worker.take().map(Worker::wait).transpose()?;
                    return Ok(End::Died(waited.map(|(status, _)| status)));
                }
            }
        }
    }

    /// Runs a lane that crashed once more, step by step, to find the directive.
    fn locate_crash(
        &self,
        worker: &mut Option<Worker<Answer>>,
        input: &Input,
        lane: usize,
        death: &str,
    ) -> io::Result<LaneReport> {
        let running = worker.insert(Worker::start(&self.program)?);
        running.send(&Ask::Judge(self.request(input, vec![lane], true)));
        let mut report = self.lost_report(input, lane, Status::Crash, death);
        report.failures.clear();
        let mut current = None;
        loop {
            match running.receive(self.timeout.saturating_add(GRACE)) {
                Ok(Answer::Before { directives, directive }) => {
                    report.directives = directives;
                    current = Some(directive);
                }
                Ok(Answer::After(verdict)) => {
                    report.count_at(failure_of(current.take(), ""), &verdict, input.needs_passed)
                }
                Ok(Answer::Lane(_) | Answer::Turn(_) | Answer::Unreadable { .. } | Answer::Engines(_)) => {}
                // The crash did not happen again, so its directive is not known. It happened all the same.
                Ok(Answer::Done { .. }) => {
                    let message = format!("{death}; when run again, it did not");
                    report.failures.push(failure_of(None, &message));
                    report.passed = report.passed.saturating_sub(1);
                    break;
                }
                Ok(Answer::GaveUp(_)) | Err(_) => {
                    *worker = None;
                    report.failures.push(failure_of(current, death));
                    break;
                }
            }
        }
        report.status = Status::Crash;
        report.close();
        Ok(report)
    }

    fn lost_report(&self, input: &Input, lane: usize, status: Status, message: &str) -> LaneReport {
        LaneReport {
            path: input.path.clone(),
            lane: self.lanes[lane].clone(),
            status,
            failures: vec![failure_of(None, message)],
            ..LaneReport::default()
        }
    }
}

/// The time on top of the limit of a lane, which a worker keeps by itself, after which one that does not even give up
/// is killed.
const GRACE: Duration = Duration::from_secs(20);
const SILENT: &str = "no answer in time; killed";

/// The way in which a worker's service of a request ended.
enum End {
    /// It answered completely.
    Done,
    /// It reported a timeout, and ended itself.
    GaveUp,
    /// It was lost while several lanes ran by turns, in the lane at this position of the request.
    LostInTurn(usize),
    /// It died.
    Died(Option<ExitStatus>),
    /// It did not answer.
    Silent,
}

/// Makes a failure of this directive, or of the script if it is not known.
fn failure_of(directive: Option<Failure>, message: &str) -> Failure {
    let unknown = Failure { line: 1, column: 1, directive: "script".to_string(), ..Failure::default() };
    Failure { message: message.to_string(), ..directive.unwrap_or(unknown) }
}

/// Returns the message about a worker that died.
fn death_message(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => format!("the process died: {status}"),
        None => "the process died".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(statuses: [Status; 2], disagrees: bool) -> Finished {
        let report = |(lane, status): (&str, Status)| {
            let failures = if status == Status::Pass { Vec::new() } else { vec![failure_of(None, "wrong")] };
            LaneReport { lane: lane.to_string(), status, failures, ..LaneReport::default() }
        };
        let lanes = ["a", "b"].into_iter().zip(statuses).map(report).collect();
        let one = Disagreement {
            path: String::new(),
            line: 1,
            directive: "invoke".to_string(),
            lanes: ["a", "b"].map(|lane| (lane.to_string(), lane.to_string())).into(),
            pairs: vec![["a", "b"].map(str::to_string)],
            source: String::new(),
        };
        let disagreements = if disagrees { vec![one] } else { Vec::new() };
        Finished { lanes, disagreements, ..Finished::default() }
    }

    #[test]
    fn any_attempt_that_passed_counts() {
        use Status::{Crash, Fail, Pass};
        let flaky = |finished: &Finished| finished.lanes.iter().map(LaneReport::is_flaky).collect::<Vec<_>>();
        let again = finished([Pass, Fail], false).after(finished([Fail, Pass], false));
        assert!(again.has_passed() && flaky(&again) == [true, true]);
        let again = finished([Pass, Fail], false).after(finished([Crash, Crash], false));
        assert!(!again.has_passed() && flaky(&again) == [true, false]);
        let again = finished([Pass, Pass], false).after(finished([Pass, Pass], true));
        assert!(again.has_passed() && flaky(&again) == [true, true]);
        assert_eq!(again.lanes[0].flaky[0].message, "disagreed with another lane: a");
        let again = finished([Pass, Pass], true).after(finished([Pass, Pass], true));
        assert!(!again.has_passed() && flaky(&again) == [false, false]);
    }
}
