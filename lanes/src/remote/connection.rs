//! A worker that runs, and the ways of its answers to the sessions.

use super::message::{Answer, Ask, Hello};
use crate::children::{Running, Started, in_thread};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::process::ChildStdin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A worker that runs.
pub(super) struct Connection {
    child: Running,
    input: Mutex<ChildStdin>,
    routes: Arc<Mutex<Routes>>,
    next: AtomicU32,
    pub(super) hello: Hello,
}

/// The sessions that wait for answers.
#[derive(Default)]
struct Routes {
    sessions: HashMap<u32, Sender<Answer>>,
    /// True if no answer comes any more.
    is_over: bool,
}

impl Connection {
    /// Starts a worker, and waits until it has introduced itself.
    ///
    /// # Errors
    ///
    /// The command does not start, or is not a worker.
    pub(super) fn start(command: &[String], timeout: Duration) -> Result<Connection, String> {
        let Started { child, input, output } = Running::start(command)?;
        let routes = Arc::new(Mutex::new(Routes::default()));
        let (greet, greeting) = channel();
        let routed = Arc::clone(&routes);
        in_thread(move || {
            route(output, &greet, &routed);
            // Sessions that wait learn of the end when their senders are dropped.
            *lock(&routed) = Routes { sessions: HashMap::new(), is_over: true };
        })?;
        match greeting.recv_timeout(timeout) {
            Ok(hello) => Ok(Connection { child, input: Mutex::new(input), routes, next: AtomicU32::new(0), hello }),
            Err(error) => {
                let how = match error {
                    RecvTimeoutError::Timeout => format!("it said nothing within {} s", timeout.as_secs_f64()),
                    RecvTimeoutError::Disconnected => child.death(),
                };
                Err(format!("{} is not the worker of the lanes `remote`: {how}", command[0]))
            }
        }
    }

    /// Returns whether no answer comes any more.
    pub(super) fn is_over(&self) -> bool {
        lock(&self.routes).is_over
    }

    /// Returns the number of a new session, and its answers.
    pub(super) fn open(&self) -> (u32, Receiver<Answer>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answers) = channel();
        let mut routes = lock(&self.routes);
        if !routes.is_over {
            routes.sessions.insert(number, sender);
        }
        (number, answers)
    }

    /// Forgets a session.
    pub(super) fn close(&self, number: u32) {
        lock(&self.routes).sessions.remove(&number);
        self.send(&Ask::Close(number));
    }

    /// Sends an ask. If the worker is dead, the missing answer will say so.
    pub(super) fn send(&self, ask: &Ask) {
        let mut line = serde_json::to_vec(ask).expect("numbers, strings and lists always serialize");
        line.push(b'\n');
        let mut input = lock(&self.input);
        let _ = input.write_all(&line).and_then(|()| input.flush());
    }

    /// Ends the worker.
    pub(super) fn end(&self) {
        self.child.end();
    }

    /// Returns how the worker ended.
    pub(super) fn death(&self) -> String {
        self.child.death()
    }
}

/// Forwards the first message, and then answers to their sessions, until the worker ends or writes something else.
fn route(output: impl BufRead, greet: &Sender<Hello>, routes: &Mutex<Routes>) {
    let mut lines = output.lines().map_while(Result::ok);
    let Some(hello) = lines.next().and_then(|line| serde_json::from_str(&line).ok()) else { return };
    if greet.send(hello).is_err() {
        return;
    }
    for line in lines {
        let Ok(answer) = serde_json::from_str::<Answer>(&line) else { return };
        if let Some(session) = lock(routes).sessions.get(&answer.session) {
            // It fails if the session is about to be closed.
            let _ = session.send(answer);
        }
    }
}

/// Locks a part of the connection. A panic can leave nothing half-done in it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
