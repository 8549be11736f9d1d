//! Workers: processes of this program that do its dangerous work, so that a crash or a hang of an engine ends one of
//! them and not the program.
//!
//! A worker reads asks from standard input and writes answers to standard output, as lines of JSON. It has a process
//! group of its own, which holds all that it starts: the [`Reaper`] ends the groups that this process leaves behind.
//! The script runner and the fuzzer's campaigns each have asks and answers of their own.

mod reaper;

pub use reaper::{Reaper, reap};

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The number of lines of a worker's standard error that are kept.
const LAST_LINES: usize = 12;
/// The longest part of such a line that is kept.
const LAST_LINE_LENGTH: u64 = 500;

/// A program that becomes a worker.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its path.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Ends the workers that a sudden end of this process leaves behind.
    pub reaper: Arc<Reaper>,
    /// True to keep the last lines that a worker writes to standard error, instead of showing all of them.
    pub keeps_words: bool,
}

/// A worker whose answers are of the type `A`. It is killed when it is dropped.
#[derive(Debug)]
pub struct Worker<A> {
    reaper: Arc<Reaper>,
    child: Child,
    input: ChildStdin,
    answers: Receiver<A>,
    words: Option<Words>,
}

/// The last lines of a worker's standard error.
#[derive(Debug)]
struct Words {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Disconnected when standard error has ended.
    silence: Receiver<()>,
}

impl<A: DeserializeOwned + Send + 'static> Worker<A> {
    /// Starts a worker.
    ///
    /// # Errors
    ///
    /// The process or a thread cannot be started.
    pub fn start(program: &Program) -> io::Result<Worker<A>> {
        let mut command = Command::new(&program.path);
        // The group of its own holds all that it starts, so that all can be ended.
        command.args(&program.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        if program.keeps_words {
            command.stderr(Stdio::piped());
        }
        let mut child = command.spawn()?;
        let input = child.stdin.take().expect("standard input is piped");
        let output = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let error = child.stderr.take();
        let (sender, answers) = channel();
        // If no thread can be started, dropping the worker ends it.
        let mut worker = Worker { reaper: Arc::clone(&program.reaper), child, input, answers, words: None };
        worker.reaper.watch(&worker.child);
        thread::Builder::new().spawn(move || forward(output, &sender))?;
        if let Some(error) = error {
            let (lines, (speaking, silence)) = (Arc::new(Mutex::new(VecDeque::new())), channel());
            worker.words = Some(Words { lines: Arc::clone(&lines), silence });
            thread::Builder::new().spawn(move || {
                keep_last_lines(BufReader::new(error), &lines);
                drop(speaking);
            })?;
        }
        Ok(worker)
    }

    /// Sends an ask. If the worker is dead, the missing answer will say so.
    pub fn send(&mut self, ask: &impl Serialize) {
        let mut line = serde_json::to_vec(ask).expect("strings and numbers always serialize");
        line.push(b'\n');
        let _ = self.input.write_all(&line).and_then(|()| self.input.flush());
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    ///
    /// None came in time, or the worker has ended or written garbage.
    pub fn receive(&self, timeout: Duration) -> Result<A, RecvTimeoutError> {
        self.answers.recv_timeout(timeout)
    }

    /// Returns the exit status and the last lines of standard error, if they are kept. A process that closed its output
    /// or wrote garbage, and does not end, is killed.
    ///
    /// # Errors
    ///
    /// The system does not tell the status.
    pub fn wait(mut self) -> io::Result<(ExitStatus, String)> {
        const PATIENCE: Duration = Duration::from_millis(10);
        let mut status = None;
        for _ in 0..200 {
            status = self.child.try_wait()?;
            if status.is_some() {
                self.reaper.end(&self.child);
                break;
            }
            thread::sleep(PATIENCE);
        }
        let status = match status {
            Some(status) => status,
            None => {
                self.end();
                self.child.wait()?
            }
        };
        Ok((status, self.last_words()))
    }

    fn last_words(&self) -> String {
        const PATIENCE: Duration = Duration::from_millis(500);
        let Some(Words { lines, silence }) = &self.words else { return String::new() };
        // The lines may still be on their way. A grandchild may hold the stream open, so there is a time limit.
        let _ = silence.recv_timeout(PATIENCE);
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

impl<A> Worker<A> {
    /// Ends the worker and all that it has started.
    fn end(&mut self) {
        self.reaper.end(&self.child);
        // This fails only if it has been waited for.
        let _ = self.child.wait();
    }
}

impl<A> Drop for Worker<A> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Forwards the answers of a worker. Garbage ends the conversation, as the death of the worker does.
fn forward<A: DeserializeOwned>(output: impl BufRead, answers: &Sender<A>) {
    for line in output.lines() {
        let answer = line.ok().and_then(|line| serde_json::from_str(&line).ok());
        let Some(answer) = answer else { return };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

fn keep_last_lines(mut error: impl BufRead, kept: &Mutex<VecDeque<String>>) {
    loop {
        let mut line = Vec::new();
        match error.by_ref().take(LAST_LINE_LENGTH).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        if line.is_empty() {
            continue;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == LAST_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

/// Writes an answer of this process, which is a worker, to standard output.
///
/// # Errors
///
/// Standard output fails.
pub fn answer(answer: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    let mut output = io::stdout().lock();
    output.write_all(&line)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let text = (0..40).map(|line| format!("line {line}\n\n")).collect::<String>();
        let kept = Mutex::new(VecDeque::new());
        keep_last_lines(format!("{text}{}", "x".repeat(600)).as_bytes(), &kept);
        let kept = kept.into_inner().expect("no thread panicked");
        assert_eq!(kept.len(), LAST_LINES);
        assert_eq!((kept[0].as_str(), kept[LAST_LINES - 1].len()), ("line 30", 100));
    }
}
