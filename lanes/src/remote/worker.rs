//! The worker: serves sessions of our engine until its input ends.

use super::message::{Answer, Ask, Hello, Open, Step};
use crate::own::{Origin, Own};
use crate::{Binary, Failure, Features, Lane, Phase, Refusal, Session, Shared};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The stack of a session's thread, as large as that of the threads that run other lanes.
const STACK: usize = 64 << 20;

/// Serves sessions until the input ends. Sessions that still run then end with the process.
///
/// # Errors
///
/// The input is not that of a lane, or one of the streams fails.
pub fn serve(input: impl BufRead, output: impl Write + Send + 'static) -> io::Result<()> {
    let worker = Arc::new(Worker { output: Mutex::new(Box::new(output)), lent: Mutex::default() });
    worker.write(&Hello { build: engine::build_name(), has_compiler: cfg!(feature = "engine") })?;
    let mut sessions: HashMap<u32, Sender<Step>> = HashMap::new();
    for line in input.lines() {
        match serde_json::from_str(&line?)? {
            Ask::Open(session, open) => {
                let (steps, taken) = channel();
                let worker = Arc::clone(&worker);
                let run = move || worker.run(session, &open, &taken);
                thread::Builder::new().stack_size(STACK).spawn(run)?;
                sessions.insert(session, steps);
            }
            Ask::Step(session, step) => {
                if let Some(steps) = sessions.get(&session) {
                    // It fails if the thread has ended: the session could not be opened, and has said so.
                    let _ = steps.send(step);
                }
            }
            Ask::Close(session) => _ = sessions.remove(&session),
            Ask::Release(number) => _ = lock(&worker.lent).memories.remove(&number),
        }
    }
    Ok(())
}

/// The parts of the worker that all sessions use.
struct Worker {
    output: Mutex<Box<dyn Write + Send>>,
    lent: Mutex<Lent>,
}

/// The memories that sessions have lent, by number.
#[derive(Default)]
struct Lent {
    memories: HashMap<u32, Shared>,
    next: u32,
}

impl Worker {
    /// Opens a session and takes its steps, until it is closed.
    fn run(&self, number: u32, open: &Open, steps: &Receiver<Step>) {
        let lane = Own::new(open.tier, Origin::Remote, &open.options);
        let opened = match Features::from_bits(open.features) {
            Some(features) => lane.session(features),
            None => Err(Failure::Usage("unknown features".to_string())),
        };
        let mut session = match opened {
            Ok(session) => session,
            Err(failure) => {
                let result = Err::<(), Failure>(failure);
                return self.answer(Answer::of(number, &result));
            }
        };
        self.answer(Answer::of(number, &Ok::<(), Failure>(())));
        for step in steps {
            let result = self.take(&mut *session, step);
            let (objects, host_calls) = (session.take_objects(), session.take_host_calls());
            self.answer(Answer { session: number, result, objects, host_calls, fuel: session.fuel() });
        }
    }

    /// Takes a step. Returns its result.
    fn take(&self, session: &mut dyn Session, step: Step) -> Box<RawValue> {
        match step {
            Step::Load(path) => raw(&load(session, &path)),
            Step::Instantiate(module) => raw(&session.instantiate(module)),
            Step::Register(name, instance) => raw(&session.register(&name, instance)),
            Step::Define(function) => raw(&session.define(&function)),
            Step::Invoke(instance, function, arguments) => raw(&session.invoke(instance, &function, &arguments)),
            Step::Get(instance, global) => raw(&session.get(instance, &global)),
            Step::FunctionAt(instance, index) => raw(&session.function_at(instance, index)),
            Step::Share(instance) => raw(&session.share(instance).map(|shared| self.lend(shared))),
            Step::Adopt(number) => raw(&self.borrow(number).and_then(|shared| session.adopt(&shared))),
            Step::State(instance) => raw(&session.state(instance)),
            Step::ReadMemory(instance, name, offset, length) => {
                raw(&session.read_memory(instance, &name, offset, length))
            }
        }
    }

    fn lend(&self, shared: Shared) -> u32 {
        let mut lent = lock(&self.lent);
        let number = lent.next;
        lent.next += 1;
        lent.memories.insert(number, shared);
        number
    }

    fn borrow(&self, number: u32) -> Result<Shared, Failure> {
        let shared = lock(&self.lent).memories.get(&number).cloned();
        shared.ok_or_else(|| Failure::Usage(format!("no session lent the memories {number}")))
    }

    /// Writes an answer. A lane that is gone does not miss it.
    fn answer(&self, answer: Answer) {
        let _ = self.write(&answer);
    }

    fn write(&self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let mut output = lock(&self.output);
        output.write_all(&line)?;
        output.flush()
    }
}

impl Answer {
    /// An answer with nothing but a result.
    fn of(session: u32, result: &impl Serialize) -> Answer {
        let (objects, host_calls) = Default::default();
        Answer { session, result: raw(result), objects, host_calls, fuel: None }
    }
}

fn load(session: &mut dyn Session, path: &Path) -> Result<crate::ModuleId, Refusal> {
    let artifact = std::fs::read(path).map_err(|error| Refusal {
        phase: Phase::Resource,
        message: format!("the artifact cannot be read: {}: {error}", path.display()),
    })?;
    session.load(&Binary::new(artifact))
}

fn raw(result: &impl Serialize) -> Box<RawValue> {
    to_raw_value(result).expect("numbers, strings and lists always serialize")
}

/// Locks what sessions share. A panic can leave nothing half-done in it.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
