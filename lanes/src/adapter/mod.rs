//! Engines in processes of their own, driven over the executable protocol ([`protocol`]).
//!
//! A [`ChildLane`] is a command. It starts a process when a session needs one, keeps the processes whose sessions ended
//! well for the next sessions, and ends those that died, hung or answered garbage: the session that saw it is lost and
//! says so, the next one gets a new process.

mod client;
mod convert;
mod javascript;
mod process;
pub mod protocol;
mod server;
mod spectest;
mod validity;

pub use javascript::{ENGINES, Engine};
pub use process::{Lost, Process, end_all};
pub use server::{Server, serve};
pub use validity::valid_with;

use crate::{Failure, Features, Lane, LaneInfo, Moves, Options, Session};
use client::ChildSession;
use protocol::{Answer, Ask, Hello, TELLS, VERSION};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The time for one request if [`Options::request_timeout`] does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// An engine in a process of its own.
pub struct ChildLane {
    info: LaneInfo,
    command: Vec<String>,
    options: Options,
    /// What the engine said of itself first; a process that says otherwise later is another engine.
    hello: OnceLock<Introduced>,
    idle: Mutex<Vec<Process>>,
}

/// An adapter's `hello`, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Introduced {
    /// What it said.
    pub hello: Hello,
    /// The features that it has.
    pub features: Features,
}

impl ChildLane {
    /// A lane of this name that runs this command. What stands before an `@` in the name is the engine's backend: the
    /// lanes `v8@12` and `v8@14` are one voice.
    pub fn new(name: &str, command: Vec<String>, options: &Options) -> ChildLane {
        let backend = name.split('@').next().unwrap_or(name);
        let info = LaneInfo {
            name: name.to_string(),
            // Of no family that is built in, whatever the name is.
            engine: format!("{name} over the protocol"),
            code: String::new(),
            backend: backend.to_string(),
            moves: Moves::Nothing,
        };
        ChildLane { info, command, options: options.clone(), hello: OnceLock::new(), idle: Mutex::new(Vec::new()) }
    }

    fn timeout(&self) -> Duration {
        self.options.request_timeout.unwrap_or(DEFAULT_TIMEOUT)
    }

    /// What the engine says of itself; starts it if it has not said so yet.
    pub fn hello(&self) -> Result<&Introduced, Lost> {
        if self.hello.get().is_none() {
            let process = self.start()?;
            self.give_back(process);
        }
        Ok(self.hello.get().expect("a process that started has introduced itself"))
    }

    /// Starts a process and lets it introduce itself.
    fn start(&self) -> Result<Process, Lost> {
        let mut process = Process::start(&self.command)?;
        let introduced = introduce(&mut process, self.timeout())?;
        let first = self.hello.get_or_init(|| introduced.clone());
        match *first == introduced {
            true => Ok(process),
            false => Err(Lost::Garbage("it introduces itself as another engine than before".to_string())),
        }
    }

    /// A process that has done nothing yet, or whose last session ended well.
    fn take(&self) -> Option<Process> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, process: Process) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }
}

/// Asks a new process who it is.
pub fn introduce(process: &mut Process, timeout: Duration) -> Result<Introduced, Lost> {
    let hello = match process.ask(Ask::Hello { protocol: VERSION }, timeout)?.answer {
        Answer::Hello(hello) => hello,
        other => {
            let answer = convert::text(&other);
            return Err(Lost::Garbage(format!("it does not introduce itself, but answers {answer}")));
        }
    };
    if hello.protocol != VERSION {
        return Err(Lost::Garbage(format!("it speaks version {} of the protocol, not {VERSION}", hello.protocol)));
    }
    if let Some(word) = hello.tells.iter().find(|word| !TELLS.contains(&word.as_str())) {
        let all = TELLS.join(", ");
        return Err(Lost::Garbage(format!("it says that it tells {word:?}, which is none of {all}")));
    }
    let features = convert::features(&hello.features).map_err(Lost::Garbage)?;
    Ok(Introduced { hello, features })
}

impl Lane for ChildLane {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        // An engine that does not start lacks everything; a session of it says why.
        self.hello().map_or(features, |introduced| features - introduced.features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        Ok(Box::new(ChildSession::new(self, features)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_makes_a_command_one_of_our_own_lanes() {
        let lane = ChildLane::new(crate::OWN_ENGINE, vec!["true".to_string()], &Options::default());
        assert!(!lane.info().is_own());
    }
}
