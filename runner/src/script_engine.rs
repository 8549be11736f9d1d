//! Script engines: commands that run whole scripts themselves, such as the reference interpreter, `wasmtime wast` or
//! `spectest-interp`. They are compared with the lanes script by script: in reports, such an engine is a lane in which
//! each script has one directive, the script itself.

use crate::inputs;
use crate::report::{Failure, LaneReport, Status};
use lanes::EngineInfo;
use lanes::workers::Reaper;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A command that runs scripts. Exit code 0 means that the script passes.
#[derive(Clone, Debug)]
pub(crate) struct ScriptEngine {
    /// The name in reports.
    pub(crate) name: String,
    /// The program and its arguments. The word `{}` stands for the path of the script; without it the path comes last.
    pub(crate) command: Vec<String>,
    /// The engine, if it is one that is installed, whose version is known.
    pub(crate) info: Option<EngineInfo>,
}

impl ScriptEngine {
    /// Returns the engine, which is the program without a version if no more is known.
    ///
    /// # Errors
    ///
    /// There is no such program.
    pub(crate) fn info(&self) -> Result<EngineInfo, String> {
        if let Some(info) = &self.info {
            return Ok(info.clone());
        }
        let path = lanes::adapter::find_program(&self.command[0]);
        if !Path::new(&path).is_file() {
            let name = &self.name;
            return Err(format!("the script engine `{name}` cannot be run: there is no program `{}`", self.command[0]));
        }
        Ok(EngineInfo { engine: self.name.clone(), version: String::new(), path })
    }

    /// Runs a script.
    pub(crate) fn run(&self, path: &str, timeout: Duration, reaper: &Reaper) -> LaneReport {
        let started = Instant::now();
        let (status, message) = match self.try_run(path, timeout, reaper) {
            Ok(outcome) => outcome,
            Err(error) => (Status::Fail, format!("`{}` cannot be run: {error}", self.command[0])),
        };
        let passed = usize::from(status == Status::Pass);
        let failure = Failure { line: 1, column: 1, directive: "script".to_string(), message, ..Failure::default() };
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

    fn try_run(&self, path: &str, timeout: Duration, reaper: &Reaper) -> io::Result<(Status, String)> {
        let (file, _folder) = script_file(path)?;
        let mut command = self.command(file);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn()?;
        reaper.watch(&child);
        let output = [child.stdout.take().map(keep_end), child.stderr.take().map(keep_end)];
        let status = wait(&mut child, timeout)?;
        // Processes that the engine has started and left behind would keep running, and could hold its output open.
        reaper.end(&child);
        Ok(match status {
            None => {
                // The engine itself may have left its process group.
                child.kill()?;
                child.wait()?;
                (Status::Timeout, format!("still running after {} s", timeout.as_secs_f64()))
            }
            Some(status) if status.success() => (Status::Pass, String::new()),
            Some(status) => {
                let said = output.into_iter().flatten().filter_map(|end| end.recv_timeout(PATIENCE).ok());
                let said: Vec<String> = said.filter(|text| !text.is_empty()).collect();
                let kind = if status.code().is_some() { Status::Fail } else { Status::Crash };
                (kind, format!("{status}: {}", said.join("; ")))
            }
        })
    }

    fn command(&self, file: PathBuf) -> Command {
        let (program, arguments) = self.command.split_first().expect("a command has at least one word");
        let mut command = Command::new(program);
        for argument in arguments {
            if argument == "{}" {
                command.arg(&file);
            } else {
                command.arg(argument);
            }
        }
        if !arguments.iter().any(|argument| argument == "{}") {
            command.arg(file);
        }
        command
    }
}

/// Returns the file of a script. A built-in script is written to a folder, which lives as long as the second value.
fn script_file(path: &str) -> io::Result<(PathBuf, Option<tempfile::TempDir>)> {
    let Some(official) = path.strip_prefix("spec:") else { return Ok((PathBuf::from(path), None)) };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join(official.rsplit('/').next().unwrap_or(official));
    fs::write(&file, inputs::text(path)?.as_bytes())?;
    Ok((file, Some(folder)))
}

/// The time to wait for the end of the output once the engine has ended: a process that left its group may hold the
/// output open.
const PATIENCE: Duration = Duration::from_millis(500);

/// Reads a stream on a thread, so that its writer never has to wait, and sends its last lines.
fn keep_end(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    const LINES: usize = 3;
    const BYTES: usize = 4096;
    let (sender, receiver) = channel();
    // Where no thread can be started, nothing is shown of what it says.
    let _ = thread::Builder::new().spawn(move || {
        let mut last = Vec::new();
        let mut block = [0; BYTES];
        // After an error, the text that came before it is shown.
        while let Ok(length @ 1..) = stream.read(&mut block) {
            last.extend_from_slice(&block[..length]);
            last.drain(..last.len().saturating_sub(BYTES));
        }
        let text = String::from_utf8_lossy(&last);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        // The receiver may have stopped waiting.
        let _ = sender.send(lines[lines.len().saturating_sub(LINES)..].join("; "));
    });
    receiver
}

/// Waits until a child ends; `None` if its time is up first.
fn wait(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    const LONGEST_PAUSE: Duration = Duration::from_millis(20);
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let status = child.try_wait()?;
        if status.is_some() || started.elapsed() >= timeout {
            return Ok(status);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_endless_output_is_kept() {
        let output = io::repeat(b'x').take(1 << 20).chain(&b"\n\nfirst\nsecond\n\nthird\n"[..]);
        assert_eq!(keep_end(output).recv().as_deref(), Ok("first; second; third"));
        assert_eq!(keep_end(io::repeat(b'x').take(1 << 20)).recv().map(|text| text.len()), Ok(4096));
    }
}
