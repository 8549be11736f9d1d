//! The lane: compiles modules here, and starts the worker that runs them.

use super::connection::Connection;
use super::session::RemoteSession;
use crate::adapter::DEFAULT_TIMEOUT;
use crate::own::{Origin, Own, Tier};
use crate::{EngineInfo, EngineOption, Failure, Features, Lane, LaneInfo, Opened, Options, Session, Settings};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The environment variable that names the program of the worker.
const VARIABLE: &str = "TOUCHSTONE_REMOTE";
/// The name of the program, which stands beside the one that runs.
const PROGRAM: &str = "touchstone-remote";
/// The command that builds it.
const BUILD: &str = "cargo build -p lanes --no-default-features --features remote-worker";

/// A lane whose artifacts run in a worker without the compiler.
pub struct RemoteLane {
    info: LaneInfo,
    own: Own,
    worker: Vec<String>,
    timeout: Duration,
    /// The worker that runs.
    current: Mutex<Option<Arc<Connection>>>,
}

impl RemoteLane {
    /// The lane of a tier, with the worker that the environment names or that stands beside this program.
    ///
    /// # Errors
    ///
    /// There is no worker, or it is not the right one. The reason says how to build it.
    pub(crate) fn open(tier: Tier, options: &Options) -> Opened {
        let beside = || Some(std::env::current_exe().ok()?.parent()?.join(PROGRAM));
        let path = std::env::var_os(VARIABLE).map(PathBuf::from).or_else(beside).unwrap_or_default();
        let help = format!("`{BUILD}` builds it, with `--release` for a release build");
        if !path.is_file() {
            return Err(format!("not installed: there is no {}; {help}", path.display()));
        }
        let own = Own::new(tier, Origin::Remote, options);
        let lane = RemoteLane::with_worker(&own.info().name.clone(), own, vec![path.display().to_string()]);
        let hello = &lane.connect()?.hello;
        if hello.has_compiler {
            return Err(format!("not possible: {} was built with the compiler; {help}", path.display()));
        }
        let (here, there) = (engine::build_name(), &hello.build);
        if *there != here {
            return Err(format!("not possible: {} is {there}, and this is {here}; {help}", path.display()));
        }
        Ok(Box::new(lane))
    }

    /// A lane of this name with the worker that a command starts. Unlike the built-in lanes, it takes any worker, also
    /// one that was built with the compiler.
    pub fn with_worker(name: &str, own: Own, command: Vec<String>) -> RemoteLane {
        let info = LaneInfo { name: name.to_string(), code: name.to_string(), ..own.info().clone() };
        let timeout = own.lane_options().request_timeout.unwrap_or(DEFAULT_TIMEOUT);
        RemoteLane { info, own, worker: command, timeout, current: Mutex::new(None) }
    }

    /// Returns the worker, which is started if none runs.
    ///
    /// # Errors
    ///
    /// It does not start.
    fn connect(&self) -> Result<Arc<Connection>, String> {
        // A connection is inserted whole.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = current.as_ref().filter(|connection| !connection.is_over()) {
            return Ok(Arc::clone(connection));
        }
        let connection = Connection::start(&self.worker, self.timeout).map_err(|why| format!("not possible: {why}"))?;
        Ok(Arc::clone(current.insert(Arc::new(connection))))
    }
}

impl Lane for RemoteLane {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn engine(&self) -> Result<EngineInfo, String> {
        Ok(EngineInfo { path: self.worker[0].clone(), ..self.own.engine()? })
    }

    fn lacks(&self, features: Features) -> Features {
        self.own.lacks(features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        self.session_with(features, &Settings::new())
    }

    fn options(&self) -> Vec<EngineOption> {
        self.own.options()
    }

    fn session_with(&self, features: Features, settings: &Settings) -> Result<Box<dyn Session + '_>, Failure> {
        let own = self.own.variant(settings)?;
        let connection = self.connect().map_err(Failure::Internal)?;
        Ok(Box::new(RemoteSession::new(own, connection, features, self.timeout)?))
    }
}
