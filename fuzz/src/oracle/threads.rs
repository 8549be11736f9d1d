//! The threads oracle: threads that share a memory leave behind what they must, in whatever order they run.
//!
//! Each lane runs the program by itself, with a session for each thread. The expected values follow from the program,
//! so that no lane is compared with another.

use super::{Oracle, Registration, Report, Verdict};
use crate::generate::threads::{BASE, Program, generate};
use crate::panel::Panel;
use lanes::{Binary, Failure, Features, InstanceId, Lane, Options, Session, Shared, Value};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::thread;

/// The entry in the list of oracles.
pub const REGISTRATION: Registration = Registration {
    name: "threads",
    summary: "threads that share a memory leave the same behind in any order",
    choices: 1024,
    make: |panel| Box::new(Threads::new(&panel)),
};

/// The features of the modules.
const FEATURES: Features = Features::WASM_2_0.union(Features::THREADS);

/// Opens lanes with the options of an input.
type Open = Box<dyn Fn(&Options) -> Vec<Box<dyn Lane>>>;

/// Runs programs of several threads.
pub struct Threads {
    open: Open,
    counts: Counts,
}

/// Counts of the inputs so far.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    programs: u64,
    runs: u64,
    threads: u64,
    sleepers: u64,
    /// Lanes that cannot share a memory, once for each program.
    apart: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { programs, runs, threads, sleepers, apart } = self;
        write!(f, "{programs} programs, {runs} runs of {threads} threads, of which {sleepers} slept; ")?;
        write!(f, "{apart} lanes share no memory")
    }
}

/// The reason why a run says nothing, or is wrong.
enum Ended {
    /// The lane does not share memories.
    Apart,
    Wrong(String),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Ended {
        match failure {
            Failure::Unsupported(_) => Ended::Apart,
            other => Ended::Wrong(format!("failed: {other:?}")),
        }
    }
}

impl Threads {
    /// Makes an oracle for the lanes of a panel.
    pub fn new(panel: &Panel) -> Threads {
        let names: Vec<String> = panel.names().into_iter().map(String::from).collect();
        Threads::with(Box::new(move |options| {
            let open = |name: &String| lanes::parse(&format!("{name}?"), options).ok()?.present.pop();
            names.iter().filter_map(open).collect()
        }))
    }

    /// Makes an oracle for the lanes that `open` opens.
    pub fn with(open: Open) -> Threads {
        Threads { open, counts: Counts::default() }
    }
}

impl Oracle for Threads {
    fn check(&mut self, input: &[u8]) -> Verdict {
        let Ok(program) = generate(input) else { return Verdict::NoCase };
        let modules = Modules::new(&program);
        self.counts.programs += 1;
        for lane in (self.open)(&program.options) {
            match run(&*lane, &program, &modules) {
                Ok(()) => {
                    self.counts.runs += 1;
                    self.counts.threads += program.threads as u64;
                    self.counts.sleepers += program.threads as u64 - 1;
                }
                Err(Ended::Apart) => self.counts.apart += 1,
                Err(Ended::Wrong(what)) => {
                    let text = program.text;
                    return Verdict::Found(Box::new(Wrong { lane: lane.info().name.clone(), what, text }));
                }
            }
        }
        Verdict::Passed(Box::new(self.counts))
    }

    fn executed(&self) -> u64 {
        self.counts.runs
    }

    fn statistics(&self) -> &dyn fmt::Display {
        &self.counts
    }

    fn counts(&self) -> serde_json::Value {
        serde_json::to_value(self.counts).expect("counts are numbers")
    }

    fn set_counts(&mut self, counts: serde_json::Value) -> Result<(), serde_json::Error> {
        self.counts = serde_json::from_value(counts)?;
        Ok(())
    }
}

/// A finding: what a lane did wrong.
struct Wrong {
    lane: String,
    what: String,
    text: String,
}

impl Report for Wrong {
    fn signature(&self) -> String {
        // Numbers differ from finding to finding.
        let what: String = self.what.chars().filter(|next| !next.is_ascii_digit()).collect();
        format!("{}: {what}", self.lane)
    }

    fn summary(&self) -> String {
        format!("{}: {}", self.lane, self.what)
    }

    fn details(&self) -> String {
        format!("{}\n\n{BASE}\n{}", self.summary(), self.text)
    }
}

/// The modules of a program.
struct Modules {
    base: Binary,
    worker: Binary,
}

impl Modules {
    fn new(program: &Program) -> Modules {
        let parse = |text: &str| Binary::new(wat::parse_str(text).expect("the generator writes valid text"));
        Modules { base: parse(BASE), worker: parse(&program.text) }
    }
}

/// Runs the program in one lane.
fn run(lane: &dyn Lane, program: &Program, modules: &Modules) -> Result<(), Ended> {
    if !lane.lacks(FEATURES).is_empty() {
        return Err(Ended::Apart);
    }
    let mut session = lane.session(FEATURES)?;
    let base = instantiate(&mut *session, &modules.base)?;
    session.register("base", base)?;
    let shared = session.share(base)?;
    let main = instantiate(&mut *session, &modules.worker)?;
    for (k, cell) in program.cells.iter().enumerate() {
        call(&mut *session, main, &format!("first{k}"), &[cell.first])?;
    }
    let seen = thread::scope(|scope| {
        let shared = &shared;
        let workers: Vec<_> = (0..program.threads)
            .map(|thread| scope.spawn(move || work(lane, program, modules, shared, thread)))
            .collect();
        let joined = workers.into_iter().map(|worker| worker.join().expect("a session does not panic"));
        joined.collect::<Result<Vec<_>, _>>()
    })?;
    for (k, cell) in program.cells.iter().enumerate() {
        let last = call(&mut *session, main, &format!("last{k}"), &[])?;
        let seen = seen.iter().map(|seen| seen[k]).fold(0, u64::wrapping_add);
        if !cell.is_right(last, seen) {
            let (change, bits, expected) = (cell.change, 8 * cell.width, cell.expected());
            return Err(Ended::Wrong(format!(
                "{change:?} of {bits} bits: the cell {k} holds {last:#x}, threads saw {seen:#x}, expected {expected:#x}"
            )));
        }
    }
    Ok(())
}

fn instantiate(session: &mut dyn Session, binary: &Binary) -> Result<InstanceId, Ended> {
    let module = session.load(binary).map_err(|refusal| Ended::Wrong(format!("refused: {refusal}")))?;
    Ok(session.instantiate(module)?)
}

/// Calls a function of `i64` parameters with at most one result, which is 0 if there is none.
fn call(session: &mut dyn Session, instance: InstanceId, name: &str, arguments: &[u64]) -> Result<u64, Ended> {
    let arguments: Vec<_> = arguments.iter().map(|value| Value::I64(value.cast_signed())).collect();
    match session.invoke(instance, name, &arguments)?.first() {
        Some(Value::I64(value)) => Ok(value.cast_unsigned()),
        _ => Ok(0),
    }
}

/// Runs the part of one thread. Returns what it saw in each cell.
fn work(
    lane: &dyn Lane,
    program: &Program,
    modules: &Modules,
    shared: &Shared,
    thread: usize,
) -> Result<Vec<u64>, Ended> {
    let mut session = lane.session(FEATURES)?;
    let base = session.adopt(shared)?;
    session.register("base", base)?;
    let instance = instantiate(&mut *session, &modules.worker)?;
    let mut seen = vec![0; program.cells.len()];
    // Each thread begins with another cell.
    for k in 0..program.cells.len() {
        let k = (k + thread) % program.cells.len();
        let (value, times) = program.cells[k].parts[thread];
        seen[k] = call(&mut *session, instance, &format!("cell{k}"), &[value, times])?;
    }
    sleep_or_wake(&mut *session, instance, program, thread)?;
    Ok(seen)
}

/// The first thread wakes all others.
fn sleep_or_wake(
    session: &mut dyn Session,
    instance: InstanceId,
    program: &Program,
    thread: usize,
) -> Result<(), Ended> {
    let sleepers = i32::try_from(program.threads - 1).expect("there are few threads");
    let mut expect = |name: &str, arguments: &[Value], expected: i32| {
        let found = session.invoke(instance, name, arguments)?;
        if found == [Value::I32(expected)] {
            return Ok(());
        }
        Err(Ended::Wrong(format!("`{name}` returns {found:?}, expected {expected}")))
    };
    expect("differ", &[], 11)?;
    if thread > 0 {
        return expect("sleep", &[], 0);
    }
    expect("wake", &[Value::I32(sleepers), Value::I32(program.at_once)], sleepers)
}
