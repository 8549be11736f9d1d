//! Child processes of this one: engines that run in processes of their own. Each is ended when its owner drops it, and
//! all of them when this process is about to end suddenly.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A running child.
pub(crate) struct Running {
    child: Arc<Mutex<Child>>,
    /// The last line of standard error that is not blank.
    last_words: Arc<Mutex<String>>,
    /// Disconnected when standard error has ended.
    silence: Mutex<Receiver<()>>,
}

/// A child that was started, and the ends of its standard streams.
pub(crate) struct Started {
    pub(crate) child: Running,
    pub(crate) input: ChildStdin,
    pub(crate) output: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a command: a program and its arguments.
    ///
    /// # Errors
    ///
    /// There is no such program, the command is empty, or the system refuses a thread.
    pub(crate) fn start(command: &[String]) -> Result<Started, String> {
        let (program, arguments) = command.split_first().ok_or_else(|| "no command".to_string())?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        let input = child.stdin.take().expect("standard input is piped");
        let output = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let error = child.stderr.take().expect("standard error is piped");
        let last_words = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&last_words);
        let (speaking, silence) = channel();
        let child = Arc::new(Mutex::new(child));
        lock(&RUNNING).push(Arc::clone(&child));
        // If no thread can be started, dropping the child ends it.
        let child = Running { child, last_words, silence: Mutex::new(silence) };
        in_thread(move || {
            keep_last_line(error, &heard);
            drop(speaking);
        })?;
        Ok(Started { child, input, output })
    }

    /// Ends the child.
    #[cfg(feature = "engine")]
    pub(crate) fn end(&self) {
        end(&self.child);
    }

    /// Returns how the child ended, and its last words on standard error.
    pub(crate) fn death(&self) -> String {
        const PATIENCE: Duration = Duration::from_millis(10);
        let mut how = "it closed its standard output".to_string();
        for _ in 0..100 {
            if let Ok(Some(status)) = lock(&self.child).try_wait() {
                how = status.to_string();
                break;
            }
            thread::sleep(PATIENCE);
        }
        // The last words may still be on their way. A grandchild may hold the stream open, so there is a time limit.
        let _ = lock(&self.silence).recv_timeout(PATIENCE * 50);
        let words = lock(&self.last_words);
        if words.is_empty() { how } else { format!("{how}; its last words: {words}") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&self.child);
        lock(&RUNNING).retain(|child| !Arc::ptr_eq(child, &self.child));
    }
}

/// The children that run, for [`end_all`].
static RUNNING: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

/// Returns the process numbers of all children.
pub fn running() -> Vec<u32> {
    lock(&RUNNING).iter().map(|child| lock(child).id()).collect()
}

/// Ends all children. A process that is about to end without unwinding calls it: a child that hangs would outlive it.
pub fn end_all() {
    lock(&RUNNING).iter().for_each(end);
}

/// Starts a thread.
///
/// # Errors
///
/// The system refuses it.
pub(crate) fn in_thread(run: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let started = thread::Builder::new().spawn(run);
    started.map(drop).map_err(|error| format!("no thread can be started: {error}"))
}

fn end(child: &Arc<Mutex<Child>>) {
    let mut child = lock(child);
    // Either fails only if the child has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// Locks a child, or its words. A panic can leave nothing half-done in them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the last line that is not blank.
fn keep_last_line(error: ChildStderr, last: &Mutex<String>) {
    for line in BufReader::new(error).split(b'\n').map_while(Result::ok) {
        if !line.trim_ascii().is_empty() {
            *lock(last) = excerpt(line.trim_ascii());
        }
    }
}

/// Returns the beginning of a line, as text.
pub(crate) fn excerpt(line: &[u8]) -> String {
    const SHOWN: usize = 200;
    let shown = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]).trim_end().to_string();
    if line.len() > SHOWN { format!("{shown}...") } else { shown }
}
