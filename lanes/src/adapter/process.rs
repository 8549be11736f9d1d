//! A child process that answers lines with lines, each within a time limit.
//!
//! Anything wrong with the child is a [`Lost`]. Afterwards the child is killed: nobody talks to one that has
//! answered something else than it was asked. Threads write and read the lines, so that a child that does not read or
//! write cannot hold up its user.

use super::protocol::{self, Ask, Frame, Reply, Request};
use crate::children::{Running, Started, excerpt, in_thread};
use std::fmt;
use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The longest line, and the most bytes that follow one. No honest reply is longer: the longest carries 16 MiB of
/// memory in base64.
const LONGEST: u64 = 64 << 20;

/// The end of a child.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lost {
    /// The child could not be started.
    NotStarted(String),
    /// The child ended, or closed its standard output.
    Died(String),
    /// The child did not answer in time.
    Silent(Duration),
    /// The child wrote something that is not a reply to the request.
    Garbage(String),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::NotStarted(error) => write!(f, "the adapter cannot be started: {error}"),
            Lost::Died(how) => write!(f, "the adapter's process died: {how}"),
            Lost::Silent(timeout) => write!(f, "the adapter did not answer within {} s", timeout.as_secs_f64()),
            Lost::Garbage(what) => write!(f, "the adapter's answer is garbage: {what}"),
        }
    }
}

/// A running child.
pub struct Process {
    child: Running,
    requests: Sender<Vec<u8>>,
    replies: Receiver<io::Result<Frame>>,
    next: u64,
}

impl Process {
    /// Starts a command: a program and its arguments.
    ///
    /// # Errors
    ///
    /// [`Lost::NotStarted`] if there is no such program, the command is empty, or the system refuses a thread.
    pub fn start(command: &[String]) -> Result<Process, Lost> {
        let Started { child, input, output } = Running::start(command).map_err(Lost::NotStarted)?;
        let (requests, requested) = channel();
        let (reply, replies) = channel();
        // If no thread can be started, dropping the process ends it.
        let process = Process { child, requests, replies, next: 0 };
        in_thread(move || write_lines(input, &requested)).map_err(Lost::NotStarted)?;
        in_thread(move || read_frames(output, &reply)).map_err(Lost::NotStarted)?;
        Ok(process)
    }

    /// Sends a request, and the bytes that follow it, and waits for its reply.
    ///
    /// # Errors
    ///
    /// The child ended, was silent for `timeout`, or answered something else. It must not be used afterwards.
    pub fn ask(&mut self, ask: Ask, following: Vec<u8>, timeout: Duration) -> Result<Reply, Lost> {
        let id = self.send(ask, following);
        self.receive(id, timeout)
    }

    /// Sends requests, each with the bytes that follow it, and waits for their replies. It takes the child no longer to
    /// answer, but its user waits only once.
    ///
    /// # Errors
    ///
    /// Those of [`ask`](Process::ask).
    pub fn ask_all(&mut self, asks: Vec<(Ask, Vec<u8>)>, timeout: Duration) -> Result<Vec<Reply>, Lost> {
        let ids: Vec<u64> = asks.into_iter().map(|(ask, following)| self.send(ask, following)).collect();
        ids.into_iter().map(|id| self.receive(id, timeout)).collect()
    }

    /// Sends a request, and returns its number.
    fn send(&mut self, ask: Ask, following: Vec<u8>) -> u64 {
        let id = self.next;
        self.next += 1;
        // Sending fails only if the child has ended: then no reply comes, which is noticed when it is waited for.
        let _ = self.requests.send(protocol::encode(Request { id, ask, following }));
        id
    }

    /// Waits for the reply to the request with this number.
    fn receive(&mut self, id: u64, timeout: Duration) -> Result<Reply, Lost> {
        let frame = match self.replies.recv_timeout(timeout) {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) => return Err(Lost::Garbage(error.to_string())),
            Err(RecvTimeoutError::Timeout) => return Err(Lost::Silent(timeout)),
            Err(RecvTimeoutError::Disconnected) => return Err(Lost::Died(self.child.death())),
        };
        let start = excerpt(&frame.json);
        let reply: Reply = frame.decode().map_err(|error| Lost::Garbage(format!("{error}, in {start}")))?;
        if reply.id != id {
            return Err(Lost::Garbage(format!("the reply to request {id} has the number {}", reply.id)));
        }
        Ok(reply)
    }
}

fn write_lines(mut input: impl Write, requests: &Receiver<Vec<u8>>) {
    for line in requests {
        if input.write_all(&line).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

fn read_frames(mut output: impl BufRead, replies: &Sender<io::Result<Frame>>) {
    while let Some(frame) = Frame::read(&mut output, LONGEST).transpose() {
        let last = frame.is_err();
        if replies.send(frame).is_err() || last {
            return;
        }
    }
}
