//! The rows of the table, and their measurement for any two engines.

use crate::Result;
use crate::interpreters::Interpreter;
use crate::kernels::{CALLS, KERNELS, OBJECT_KERNELS};
use crate::measure::{Budget, Clock, Routine, Samples, alternate};
use crate::subject::{Check, Collector, Subject, Tier};
use crate::v8::V8;
use rayon::ThreadPoolBuilder;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// A selection of rows and the means to measure them.
pub struct Plan<'a> {
    /// The clock.
    pub clock: Clock,
    /// The time for each row.
    pub budget: Budget,
    /// A part that `group/name` must contain.
    pub filter: &'a str,
    /// The modules that are compiled, loaded and instantiated.
    pub binaries: &'a [Binary],
    /// True if kernels run with their full arguments, false for a moment only.
    pub full: bool,
    /// V8, for a third column of the kernels.
    pub v8: Option<&'a V8>,
    /// A directory for artifacts.
    pub scratch: &'a Path,
}

/// A module in binary form.
#[derive(Clone, Debug)]
pub struct Binary {
    /// The name in the table.
    pub name: String,
    /// The bytes.
    pub wasm: Vec<u8>,
}

/// The unit of samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Nanoseconds.
    Time,
    /// Bytes.
    Size,
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The group of the row.
    pub group: &'static str,
    /// The name of the row within its group.
    pub name: String,
    /// The unit of the samples.
    pub unit: Unit,
    /// The samples of our engine.
    pub ours: Samples,
    /// The samples of the other engine.
    pub theirs: Samples,
    /// The samples of V8, if it takes part.
    pub v8: Option<Samples>,
}

/// The result of a plan.
#[derive(Default, Debug)]
pub struct Outcome {
    /// The rows, in the order of the plan.
    pub rows: Vec<Row>,
    /// Remarks on what could not be measured, with the reasons.
    pub notes: Vec<String>,
}

/// Measures all rows of a plan, and shows each one to `seen` at once.
///
/// # Errors
///
/// The first error of an engine, or a kernel whose results differ.
pub fn run<O: Subject, T: Subject, I: Interpreter, J: Interpreter>(
    plan: &Plan<'_>,
    seen: impl FnMut(&Row),
) -> Result<Outcome> {
    let engines = [(O::new(Tier::Speed)?, T::new(Tier::Speed)?), (O::new(Tier::Quick)?, T::new(Tier::Quick)?)];
    let mut session = Session { plan, engines: &engines, outcome: Outcome::default(), seen };
    session.compile()?;
    session.size()?;
    session.load()?;
    session.instantiate()?;
    session.calls()?;
    session.kernels()?;
    session.object_kernels()?;
    session.start(&I::new(), &J::new())?;
    session.interpret(&I::new(), &J::new())?;
    Ok(session.outcome)
}

/// A running plan.
struct Session<'a, O, T, F> {
    plan: &'a Plan<'a>,
    /// Both engines, by tier.
    engines: &'a [(O, T); 2],
    outcome: Outcome,
    seen: F,
}

impl<'a, O: Subject, T: Subject, F: FnMut(&Row)> Session<'a, O, T, F> {
    fn compile(&mut self) -> Result<()> {
        for threads in [1, 2] {
            let pool = &ThreadPoolBuilder::new().num_threads(threads).build()?;
            for (tier, Binary { name, wasm }) in self.tiers_and_binaries() {
                let (ours, theirs) = self.engines(tier);
                self.time("compile", format!("{name} {}, threads: {threads}", tier.name()), || {
                    Ok((
                        repeat(|| pool.install(|| ours.compile(wasm))),
                        repeat(|| pool.install(|| theirs.compile(wasm))),
                    ))
                })?;
            }
        }
        Ok(())
    }

    fn size(&mut self) -> Result<()> {
        for (tier, Binary { name, wasm }) in self.tiers_and_binaries() {
            let name = format!("{name} {}", tier.name());
            if self.wants("size", &name) {
                let (ours, theirs) = self.engines(tier);
                let [ours, theirs] = [ours.compile(wasm)?, theirs.compile(wasm)?].map(|bytes| bytes.len() as f64);
                let [ours, theirs] = [ours, theirs].map(|bytes| Samples::new(vec![bytes]));
                self.add(Row { group: "size", name, unit: Unit::Size, ours, theirs, v8: None });
            }
        }
        Ok(())
    }

    fn load(&mut self) -> Result<()> {
        let (ours, theirs) = self.engines(Tier::Speed);
        for Binary { name, wasm } in self.plan.binaries {
            for (how, check) in [("bytes", Check::Default), ("bytes, unchecked", Check::Least)] {
                self.time("load", format!("{name} from {how}"), || {
                    let (one, other) = (ours.compile(wasm)?, theirs.compile(wasm)?);
                    Ok((repeat(move || ours.load(&one, check)), repeat(move || theirs.load(&other, check))))
                })?;
            }
            let scratch = self.plan.scratch;
            self.time("load", format!("{name} from a trusted file"), || {
                let (one, other) = (file(scratch, &ours.compile(wasm)?)?, file(scratch, &theirs.compile(wasm)?)?);
                Ok((
                    repeat(move || ours.load_trusted_file(one.path())),
                    repeat(move || theirs.load_trusted_file(other.path())),
                ))
            })?;
        }
        Ok(())
    }

    fn instantiate(&mut self) -> Result<()> {
        let (ours, theirs) = self.engines(Tier::Speed);
        let pool = &T::with_pool(Tier::Speed)?;
        let small = Binary { name: "a small module".to_owned(), wasm: wat::parse_str(CALLS)? };
        for Binary { name, wasm } in [&small].into_iter().chain(self.plan.binaries) {
            for (theirs, name) in [(theirs, name.clone()), (pool, format!("{name}, theirs from a pool"))] {
                if self.wants("instantiate", &name) && !self.instantiate_one(ours, theirs, name, wasm)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Returns whether the module could be measured. If not, there is a note.
    fn instantiate_one(&mut self, ours: &O, theirs: &T, name: String, wasm: &[u8]) -> Result<bool> {
        let (one, other) = (load(ours, wasm)?, load(theirs, wasm)?);
        match ours.link(&one).and_then(|one| Ok((one, theirs.link(&other)?))) {
            Err(reason) => {
                self.outcome.notes.push(format!("instantiate/{name} is not measured: {reason}"));
                Ok(false)
            }
            Ok((one, other)) => {
                let routines =
                    || Ok((repeat(move || ours.instantiate(&one)), repeat(move || theirs.instantiate(&other))));
                self.time("instantiate", name, routines).map(|()| true)
            }
        }
    }

    fn calls(&mut self) -> Result<()> {
        let (ours, theirs) = self.engines(Tier::Speed);
        let wasm = &wat::parse_str(CALLS)?;
        self.time("call", "host to WebAssembly, typed".to_owned(), || {
            let (mut one, mut other) = (instance(ours, wasm)?, instance(theirs, wasm)?);
            Ok((
                move |times: u64| ours.call_typed(&mut one, "add", times),
                move |times: u64| theirs.call_typed(&mut other, "add", times),
            ))
        })?;
        self.time("call", "host to WebAssembly, untyped".to_owned(), || {
            let (mut one, mut other) = (instance(ours, wasm)?, instance(theirs, wasm)?);
            Ok((
                move |times: u64| ours.call_untyped(&mut one, "add", times),
                move |times: u64| theirs.call_untyped(&mut other, "add", times),
            ))
        })?;
        for export in ["typed", "untyped"] {
            self.time("call", format!("WebAssembly to host, {export}"), || {
                let (mut one, mut other) = (instance(ours, wasm)?, instance(theirs, wasm)?);
                Ok((
                    move |times: u64| ours.run(&mut one, export, i32::try_from(times)?).map(drop),
                    move |times: u64| theirs.run(&mut other, export, i32::try_from(times)?).map(drop),
                ))
            })?;
        }
        Ok(())
    }

    fn kernels(&mut self) -> Result<()> {
        for (tier, kernel) in Tier::ALL.into_iter().flat_map(|tier| KERNELS.iter().map(move |kernel| (tier, kernel))) {
            let (ours, theirs) = self.engines(tier);
            let argument = if self.plan.full { kernel.argument } else { kernel.known.0 };
            self.time("run", format!("{} {}", kernel.name, tier.name()), || {
                let wasm = &wat::parse_str(kernel.text)?;
                let (mut one, mut other) = (instance(ours, wasm)?, instance(theirs, wasm)?);
                check_agreement(ours.run(&mut one, "run", argument)?, theirs.run(&mut other, "run", argument)?)?;
                Ok((
                    repeat(move || ours.run(&mut one, "run", argument)),
                    repeat(move || theirs.run(&mut other, "run", argument)),
                ))
            })?;
        }
        Ok(())
    }

    /// Measures the kernels that make objects, against each collector of the other engine.
    fn object_kernels(&mut self) -> Result<()> {
        for collector in Collector::ALL {
            let (ours, theirs) = (O::with_collector(collector)?, T::with_collector(collector)?);
            for kernel in &OBJECT_KERNELS {
                let argument = if self.plan.full { kernel.argument } else { kernel.known.0 };
                let name = format!("{} beside {}", kernel.name, collector.name());
                if !self.wants("objects", &name) {
                    continue;
                }
                let wasm = &wat::parse_str(kernel.text)?;
                let (mut one, mut other) = (instance(&ours, wasm)?, instance(&theirs, wasm)?);
                let result = ours.run(&mut one, "run", argument)?;
                check_agreement(result, theirs.run(&mut other, "run", argument)?)?;
                self.time("objects", name, || {
                    Ok((
                        repeat(|| ours.run(&mut one, "run", argument)),
                        repeat(|| theirs.run(&mut other, "run", argument)),
                    ))
                })?;
                self.add_v8(wasm, argument, result)?;
            }
        }
        Ok(())
    }

    /// Measures small modules from bytes to the first result: an interpreter beside another one, and beside our engine,
    /// which compiles, loads, and instantiates.
    fn start(&mut self, ours: &impl Interpreter, theirs: &impl Interpreter) -> Result<()> {
        let quick = self.engines(Tier::Quick).0;
        let kernels = KERNELS.iter().filter(|kernel| kernel.name != "memory").map(|kernel| (kernel.name, kernel.text));
        for (name, text) in [("a small module", CALLS)].into_iter().chain(kernels) {
            let (wasm, export) = (&wat::parse_str(text)?, if text == CALLS { "typed" } else { "run" });
            self.time("start", format!("{name} beside an interpreter"), || {
                Ok((
                    repeat(|| ours.run(&mut ours.start(wasm)?, export, 1)),
                    repeat(|| theirs.run(&mut theirs.start(wasm)?, export, 1)),
                ))
            })?;
            self.time("start", format!("{name} beside quick"), || {
                Ok((
                    repeat(|| ours.run(&mut ours.start(wasm)?, export, 1)),
                    repeat(|| quick.run(&mut instance(quick, wasm)?, export, 1)),
                ))
            })?;
        }
        Ok(())
    }

    /// Measures kernels in an interpreter beside another one, which has no objects, and beside our engine.
    fn interpret(&mut self, ours: &impl Interpreter, theirs: &impl Interpreter) -> Result<()> {
        let quick = self.engines(Tier::Quick).0;
        for kernel in KERNELS.iter().chain(&OBJECT_KERNELS) {
            let argument = if self.plan.full { kernel.argument } else { kernel.known.0 };
            let wasm = &wat::parse_str(kernel.text)?;
            if KERNELS.iter().any(|plain| plain.name == kernel.name) {
                self.time("interpret", format!("{} beside an interpreter", kernel.name), || {
                    let (mut one, mut other) = (ours.start(wasm)?, theirs.start(wasm)?);
                    check_agreement(ours.run(&mut one, "run", argument)?, theirs.run(&mut other, "run", argument)?)?;
                    Ok((
                        repeat(move || ours.run(&mut one, "run", argument)),
                        repeat(move || theirs.run(&mut other, "run", argument)),
                    ))
                })?;
            }
            self.time("interpret", format!("{} beside quick", kernel.name), || {
                let (mut one, mut other) = (ours.start(wasm)?, instance(quick, wasm)?);
                check_agreement(ours.run(&mut one, "run", argument)?, quick.run(&mut other, "run", argument)?)?;
                Ok((
                    repeat(move || ours.run(&mut one, "run", argument)),
                    repeat(move || quick.run(&mut other, "run", argument)),
                ))
            })?;
        }
        Ok(())
    }

    /// Adds a row of times, unless the plan leaves it out. `prepare` makes the two routines.
    fn time<A: Routine, B: Routine>(
        &mut self,
        group: &'static str,
        name: String,
        prepare: impl FnOnce() -> Result<(A, B)>,
    ) -> Result<()> {
        if self.wants(group, &name) {
            let samples = prepare().and_then(|(a, b)| alternate(self.plan.clock, &self.plan.budget, a, b));
            let [ours, theirs] = samples.map_err(|error| format!("{group}/{name}: {error}"))?;
            self.add(Row { group, name, unit: Unit::Time, ours, theirs, v8: None });
        }
        Ok(())
    }

    /// Measures V8 for the last row, which is that of a kernel in the optimizing tier.
    fn add_v8(&mut self, wasm: &[u8], argument: i32, expected: i64) -> Result<()> {
        if let (Some(v8), Some(row)) = (self.plan.v8, self.outcome.rows.last_mut()) {
            let (result, samples) = v8.run(wasm, argument, &self.plan.budget)?;
            check_agreement(expected, result)?;
            row.v8 = Some(samples);
        }
        Ok(())
    }

    fn add(&mut self, row: Row) {
        (self.seen)(&row);
        self.outcome.rows.push(row);
    }

    fn wants(&self, group: &str, name: &str) -> bool {
        format!("{group}/{name}").contains(self.plan.filter)
    }

    fn engines(&self, tier: Tier) -> (&'a O, &'a T) {
        let (ours, theirs) = &self.engines[tier as usize];
        (ours, theirs)
    }

    fn tiers_and_binaries(&self) -> impl Iterator<Item = (Tier, &'a Binary)> + use<'a, O, T, F> {
        let binaries = self.plan.binaries;
        Tier::ALL.into_iter().flat_map(move |tier| binaries.iter().map(move |binary| (tier, binary)))
    }
}

/// Makes a routine of an operation whose results are dropped.
fn repeat<R>(mut once: impl FnMut() -> Result<R>) -> impl Routine {
    move |times| {
        for _ in 0..times {
            black_box(once()?);
        }
        Ok(())
    }
}

fn load<S: Subject>(engine: &S, wasm: &[u8]) -> Result<S::Module> {
    engine.load(&engine.compile(wasm)?, Check::Default)
}

fn instance<S: Subject>(engine: &S, wasm: &[u8]) -> Result<S::Instance> {
    engine.instantiate(&engine.link(&load(engine, wasm)?)?)
}

/// Writes bytes to a new file, because nobody may overwrite a mapped one.
fn file(directory: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Fails if two engines return different results: their times would say nothing.
fn check_agreement(ours: i64, theirs: i64) -> Result<()> {
    if ours != theirs {
        return Err(format!("the engines disagree: ours returns {ours:#x}, the other {theirs:#x}").into());
    }
    Ok(())
}
