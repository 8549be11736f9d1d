//! Runs a child with a planted fault, and watches it: a crash or a hang is as good as a finding.

use crate::child::Line;
use engine::Fault;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// The time after which a child that says nothing hangs: far more than an input takes.
const PATIENCE: Duration = Duration::from_secs(40);

/// The end of a child.
pub(crate) struct End {
    /// The number of the first input that it did not finish.
    pub(crate) next: u64,
    /// Its processor time.
    pub(crate) processor: Duration,
    /// The finding, if there is one.
    pub(crate) finding: Option<Finding>,
}

/// Something that a child noticed, or did not survive.
pub(crate) struct Finding {
    /// The death of the child: the lane that was running, if one was.
    pub(crate) death: Option<Option<String>>,
    /// The part that findings of one cause have in common.
    pub(crate) signature: String,
    /// A few words that say what was seen.
    pub(crate) summary: String,
}

/// Plants a fault into a program that is about to start, or makes sure that there is none.
pub(crate) fn plant(command: &mut Command, fault: Option<Fault>) {
    match fault {
        Some(fault) => command.env(Fault::VARIABLE, fault.name()),
        None => command.env_remove(Fault::VARIABLE),
    };
}

/// Runs a child to its end, or until it has used up this processor time.
///
/// # Errors
/// If it cannot be started, or complains before its first input.
pub(crate) fn watch(mut command: Command, processor: Duration) -> Result<End, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot start {:?}: {error}", command.get_program()))?;
    let lines = read_lines(&mut child);
    let mut errors = child.stderr.take().expect("the stream is a pipe");
    let errors = thread::spawn(move || {
        let mut bytes = Vec::new();
        let _whatever_came = errors.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let mut end = follow(&lines, processor);
    if end.is_none() || end.as_ref().is_some_and(|(_, state, _)| !matches!(state, State::Died)) {
        // It has ended already, or hangs.
        let _gone = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let errors = errors.join().unwrap_or_default();
    let last = errors.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let (next, state, lane) = end.take().ok_or_else(|| format!("a child ended before its first input: {last}"))?;
    let (end, summary) = match state {
        State::Passed | State::UsedUp => return Ok(End { next: next.0, processor: next.1, finding: None }),
        State::Found(signature, summary) => {
            let finding = Some(Finding { death: None, signature, summary });
            return Ok(End { next: next.0, processor: next.1, finding });
        }
        State::Hung => ("hang", "the process hangs".to_string()),
        State::Died => ("crash", format!("{status}: {last}")),
    };
    let signature = lane.as_ref().map_or_else(|| end.to_string(), |lane| format!("{end} in {lane}"));
    let finding = Some(Finding { death: Some(lane), signature, summary });
    Ok(End { next: next.0, processor: next.1, finding })
}

/// The state of a child when nobody listens to it any more.
enum State {
    Passed,
    UsedUp,
    Found(String, String),
    Hung,
    Died,
}

/// A child when nobody listens to it any more: the number of its next input with the processor time so far, its state,
/// and the lane that it ran last.
type Followed = ((u64, Duration), State, Option<String>);

/// Listens to a child. `None` if it said nothing.
fn follow(lines: &Receiver<Line>, processor: Duration) -> Option<Followed> {
    let (mut next, mut running) = (None, None);
    loop {
        let state = match lines.recv_timeout(PATIENCE) {
            Ok(Line::Next(k, micros)) => {
                let used = Duration::from_micros(micros);
                (next, running) = (Some((k, used)), None);
                if used < processor {
                    continue;
                }
                State::UsedUp
            }
            Ok(Line::Lane(lane)) => {
                running = Some(lane).filter(|lane| !lane.is_empty());
                continue;
            }
            Ok(Line::Found(signature, summary)) => State::Found(signature, summary),
            Ok(Line::Passed) => State::Passed,
            Err(RecvTimeoutError::Timeout) => State::Hung,
            Err(RecvTimeoutError::Disconnected) => State::Died,
        };
        return Some((next?, state, running));
    }
}

/// Reads a child's lines in a thread.
fn read_lines(child: &mut Child) -> Receiver<Line> {
    let output = child.stdout.take().expect("the stream is a pipe");
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // A lane may print, too.
            let Ok(line) = serde_json::from_str(&line) else { continue };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
