//! Script engines: commands that run a whole script themselves, such as the reference interpreter, `wasmtime wast` or
//! `spectest-interp`. They are compared with the lanes file by file: in reports, such an engine is a lane with one
//! directive in each script, the script itself.

use crate::inputs;
use crate::report::{Failure, LaneReport, Status};
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A command that runs scripts: exit code 0 means that everything in the script is as it should be.
#[derive(Clone, Debug)]
pub struct ScriptEngine {
    /// Its name in reports.
    pub name: String,
    /// Program and arguments. The word `{}` stands for the script's path; without one the path comes last.
    pub command: Vec<String>,
}

impl ScriptEngine {
    /// Runs the script of this path.
    pub fn run(&self, path: &str, timeout: Duration) -> LaneReport {
        let started = Instant::now();
        let (status, message) = match self.outcome(path, timeout) {
            Ok(outcome) => outcome,
            Err(error) => (Status::Fail, format!("`{}` cannot be run: {error}", self.command[0])),
        };
        let passed = usize::from(status == Status::Pass);
        let failure = Failure { line: 1, column: 1, directive: "script".to_string(), message };
        LaneReport {
            path: path.to_string(),
            lane: self.name.clone(),
            status,
            milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            directives: 1,
            passed,
            failed: 1 - passed,
            failures: if passed == 1 { Vec::new() } else { vec![failure] },
            ..LaneReport::default()
        }
    }

    fn outcome(&self, path: &str, timeout: Duration) -> io::Result<(Status, String)> {
        let (file, _folder) = on_disk(path)?;
        let mut child =
            self.command(file).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let output = [child.stdout.take().map(end_of), child.stderr.take().map(end_of)];
        let status = wait(&mut child, timeout)?;
        Ok(match status {
            None => (Status::Timeout, format!("still running after {} s", timeout.as_secs_f64())),
            Some(status) if status.success() => (Status::Pass, String::new()),
            Some(status) => {
                let said = output.into_iter().flatten().filter_map(|thread| thread.join().ok());
                let said: Vec<String> = said.filter(|text| !text.is_empty()).collect();
                let kind = if status.code().is_some() { Status::Fail } else { Status::Crash };
                (kind, format!("{status}: {}", said.join("\n")))
            }
        })
    }

    fn command(&self, file: PathBuf) -> Command {
        let (program, arguments) = self.command.split_first().expect("a command has at least one word");
        let mut command = Command::new(program);
        for argument in arguments {
            match argument == "{}" {
                true => command.arg(&file),
                false => command.arg(argument),
            };
        }
        if !arguments.iter().any(|argument| argument == "{}") {
            command.arg(file);
        }
        command
    }
}

/// The file of a script, and the folder that holds it if it is a built-in one.
fn on_disk(path: &str) -> io::Result<(PathBuf, Option<tempfile::TempDir>)> {
    let Some(official) = path.strip_prefix("spec:") else { return Ok((PathBuf::from(path), None)) };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join(official.rsplit('/').next().unwrap_or(official));
    fs::write(&file, inputs::text(path)?.as_bytes())?;
    Ok((file, Some(folder)))
}

/// Reads a stream, so that its writer never waits, and keeps its last lines.
fn end_of(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    const KEPT: usize = 3;
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is shown.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(KEPT)..].join("\n")
    })
}

/// How the child ended; `None` if its time was up, and it was killed.
fn wait(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    const LONGEST_PAUSE: Duration = Duration::from_millis(20);
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
