//! Engines in processes of their own, driven over the executable protocol ([`protocol`]).
//!
//! ```text
//! AdapterLane ── client ── process ══ lines of JSON (protocol) ══> an adapter: ours (server), or somebody else's
//!                  ├── convert    words of the protocol <-> ours
//!                  └── validity   is the engine's answer about a module right
//! ```
//!
//! An [`AdapterLane`] is a command. It starts a process when a session needs one, and keeps it for the next session if
//! the session ends well. A process that died, hung or answered garbage is ended: its session is lost and says so, and
//! the next session gets a new process.

mod client;
mod convert;
pub(crate) mod installed;
mod javascript;
mod process;
pub mod protocol;
mod server;
mod spectest;
mod validity;

pub use installed::{ScriptProgram, script_program};
pub use javascript::{ENGINES, Engine};
pub use process::{Lost, Process};
pub use server::{Server, serve};
pub use spectest::spectest_modules;
pub use validity::is_valid_with;

use crate::{EngineInfo, EngineOption, Failure, Features, Lane, LaneInfo, Moves, Options, Session, Settings};
use client::AdapterSession;
use protocol::{Answer, Ask, Hello, TELLS, VERSION};
use std::env;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The time for one request if [`Options::request_timeout`] is `None`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// A lane whose engine runs in a process of its own.
pub struct AdapterLane {
    info: LaneInfo,
    /// The same facts, with those that the first process has told.
    told: OnceLock<LaneInfo>,
    command: Vec<String>,
    /// The program that embeds the engine.
    program: String,
    options: Options,
    /// The introduction of the first process. A later process that introduces itself otherwise is another engine.
    introduction: OnceLock<Introduction>,
    /// Processes without a session.
    idle: Mutex<Vec<Process>>,
}

/// The introduction of an adapter, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Introduction {
    /// Its words.
    pub hello: Hello,
    /// The features that the engine has.
    pub features: Features,
}

impl AdapterLane {
    /// A lane of this name that runs this command. The part of the name before an `@` is the backend: the lanes `v8@12`
    /// and `v8@14` have one vote.
    pub fn new(name: &str, command: Vec<String>, options: &Options) -> AdapterLane {
        let backend = name.split('@').next().unwrap_or(name);
        let info = LaneInfo {
            name: name.to_string(),
            // No name makes a command one of the built-in engines.
            engine: format!("{name} over the protocol"),
            code: String::new(),
            backend: backend.to_string(),
            moves: Moves::Nothing,
        };
        let program = command.first().map(|program| find_program(program)).unwrap_or_default();
        AdapterLane {
            info,
            told: OnceLock::new(),
            command,
            program,
            options: options.clone(),
            introduction: OnceLock::new(),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// The same lane with another program as the one that embeds the engine, where the command begins with a wrapper.
    fn embedded_by(self, program: &Path) -> AdapterLane {
        AdapterLane { program: program.display().to_string(), ..self }
    }

    /// The same lane with the code generator that the engine is known to have.
    fn with_backend(mut self, backend: &str) -> AdapterLane {
        self.info.backend = backend.to_string();
        self
    }

    fn timeout(&self) -> Duration {
        self.options.request_timeout.unwrap_or(DEFAULT_TIMEOUT)
    }

    /// Returns the introduction of the adapter, which is started if it has not introduced itself yet.
    ///
    /// # Errors
    ///
    /// The adapter does not start, or does not introduce itself as the protocol demands.
    pub fn introduction(&self) -> Result<&Introduction, Lost> {
        if self.introduction.get().is_none() {
            let process = self.start()?;
            self.give_back(process);
        }
        Ok(self.introduction.get().expect("a process that started has introduced itself"))
    }

    /// Starts a process and lets it introduce itself.
    fn start(&self) -> Result<Process, Lost> {
        let mut process = Process::start(&self.command)?;
        let introduced = introduce(&mut process, self.timeout())?;
        let first = self.introduction.get_or_init(|| introduced.clone());
        if *first != introduced {
            return Err(Lost::Garbage("it introduces itself as another engine than before".to_string()));
        }
        let moves = convert::moves(introduced.hello.moves);
        self.told.get_or_init(|| LaneInfo { moves, ..self.info.clone() });
        Ok(process)
    }

    /// Takes a process without a session.
    fn take(&self) -> Option<Process> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps a process for the next session.
    fn give_back(&self, process: Process) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }
}

/// Lets a new process introduce itself.
///
/// # Errors
///
/// The process is lost, speaks another version of the protocol, or uses words that the protocol does not have.
pub fn introduce(process: &mut Process, timeout: Duration) -> Result<Introduction, Lost> {
    let hello = match process.ask(Ask::Hello { protocol: VERSION, binary: true }, Vec::new(), timeout)?.answer {
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
    if let Some(wrong) = hello.options.iter().find(|option| option.values.is_empty()) {
        return Err(Lost::Garbage(format!("its option {:?} has no values", wrong.name)));
    }
    let features = convert::features(&hello.features).map_err(Lost::Garbage)?;
    Ok(Introduction { hello, features })
}

impl Lane for AdapterLane {
    fn info(&self) -> &LaneInfo {
        self.told.get().unwrap_or(&self.info)
    }

    fn engine(&self) -> Result<EngineInfo, String> {
        let hello = &self.introduction().map_err(|lost| lost.to_string())?.hello;
        let (engine, version) = (hello.engine.clone(), hello.version.clone());
        Ok(EngineInfo { engine, version, path: self.program.clone() })
    }

    fn lacks(&self, features: Features) -> Features {
        // An engine that does not start lacks everything; a session of it says why.
        self.introduction().map_or(features, |introduced| features - introduced.features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        self.session_with(features, &Settings::new())
    }

    fn options(&self) -> Vec<EngineOption> {
        self.introduction().map(|introduced| introduced.hello.options.clone()).unwrap_or_default()
    }

    fn session_with(&self, features: Features, settings: &Settings) -> Result<Box<dyn Session + '_>, Failure> {
        Ok(Box::new(AdapterSession::new(self, features, settings)?))
    }
}

/// Returns the path of a program, which is looked for as the system does when it starts a command.
pub fn find_program(program: &str) -> String {
    if program.contains('/') {
        return program.to_string();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.map_or_else(|| program.to_string(), |file| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_as_the_system_finds_it() {
        assert_eq!(find_program("./x"), "./x");
        assert!(find_program("sh").ends_with("/sh"));
        assert_eq!(find_program("no-such-program"), "no-such-program");
    }

    #[test]
    fn no_name_makes_a_command_one_of_our_own_lanes() {
        let lane = AdapterLane::new(crate::OWN_ENGINE, vec!["true".to_string()], &Options::default());
        assert!(!lane.info().is_own());
    }
}
