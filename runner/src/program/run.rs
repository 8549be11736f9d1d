//! The order of events in the life of a program, the same in each engine.

#[cfg(feature = "engine")]
use super::Profiling;
use super::host::Host;
#[cfg(feature = "interp")]
use super::interp::Interp;
use super::machine::Machine;
#[cfg(feature = "engine")]
use super::native::Native;
use super::source::Source;
use super::value::{Type, Value};
use super::{Program, Stopped, Tier};
use std::collections::HashSet;
use std::path::Path;
use std::thread;
use std::time::Duration;
#[cfg(feature = "engine")]
use std::{fmt::Display, fs, io::Write};

/// The time that a program has to trap after its time limit. A program that waits for the system in the meantime is
/// ended without a backtrace.
const GRACE: Duration = Duration::from_millis(500);

/// The function that the toolchains of WASI export as the start of a program.
const START: &str = "_start";
/// The function that the toolchains of WASI export to initialize a library.
const INITIALIZE: &str = "_initialize";

/// Runs a program to its end. Returns the results of the function that the program names, one line for each.
///
/// `on_timeout` is called on another thread if the program has not ended some time after its time limit. It must end
/// the process.
pub(crate) fn run(program: &Program, on_timeout: impl FnOnce() + Send + 'static) -> Result<Vec<String>, Stopped> {
    let source = Source::read(&program.path, program.allow_precompiled)?;
    let results = match program.tier.unwrap_or(Tier::DEFAULT) {
        #[cfg(feature = "engine")]
        Tier::Speed | Tier::Quick => {
            profiled(program, || drive(Native::new(program, &source)?, program, &source, on_timeout))
        }
        #[cfg(feature = "interp")]
        Tier::Interp => {
            #[cfg(feature = "engine")]
            if program.profile.is_some() {
                return Err(Stopped::Refused("--profile is of compiled code. Name another --tier".to_owned()));
            }
            drive(Interp::new(program)?, program, &source, on_timeout)
        }
    };
    Ok(results?.iter().map(Value::to_string).collect())
}

/// Returns what `run` returns, and writes the profile of it that the program asks for.
#[cfg(feature = "engine")]
fn profiled<T>(program: &Program, run: impl FnOnce() -> Result<T, Stopped>) -> Result<T, Stopped> {
    let Some(Profiling::Guest(path, interval)) = &program.profile else { return run() };
    let refused =
        |error: &dyn Display| Stopped::Refused(format!("cannot write the profile {}: {error}", path.display()));
    // Before the program runs: its work would be lost.
    let mut file = fs::File::create(path).map_err(|error| refused(&error))?;
    let (result, profile) =
        engine::Profile::of(*interval, run).map_err(|error| Stopped::Refused(format!("no profile: {error}")))?;
    write!(file, "{profile}").map_err(|error| refused(&error))?;
    if profile.lost() > 0 {
        (program.remark)(&format_args!("{} samples found no room in the profile", profile.lost()));
    }
    result
}

fn drive<M: Machine>(
    mut machine: M,
    program: &Program,
    source: &Source,
    on_timeout: impl FnOnce() + Send + 'static,
) -> Result<Vec<Value>, Stopped> {
    if let Some(timeout) = program.limits.timeout {
        watch(timeout, machine.interrupter(), on_timeout);
    }
    let host = Host::new(program)?;
    for (name, path) in &program.preloads {
        let source = Source::read(path, program.allow_precompiled)?;
        let instance = instantiate(&mut machine, &host, path, &source)?;
        machine.register(name, instance)?;
    }
    let instance = instantiate(&mut machine, &host, &program.path, source)?;
    match &program.invoke {
        Some(name) => invoke(&mut machine, instance, name, program),
        None => start(&mut machine, instance, &program.path),
    }
}

/// Interrupts the program after its time limit.
fn watch(timeout: Duration, interrupt: Box<dyn Fn() + Send>, on_timeout: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        thread::sleep(timeout);
        interrupt();
        thread::sleep(GRACE);
        on_timeout();
    });
}

/// Loads and instantiates a module, provides what it imports, and initializes it.
fn instantiate<M: Machine>(machine: &mut M, host: &Host, path: &Path, source: &Source) -> Result<M::Instance, Stopped> {
    let of_file = |stopped: Stopped| match stopped {
        Stopped::Refused(why) => Stopped::Refused(format!("{}: {why}", path.display())),
        other => other,
    };
    let module = machine.load(source).map_err(of_file)?;
    let mut provided = HashSet::new();
    for import in machine.missing(&module) {
        if !provided.contains(&import) {
            host.provide(machine, &import).map_err(of_file)?;
            provided.insert(import);
        }
    }
    let instance = machine.instantiate(&module).map_err(of_file)?;
    if find(machine, instance, INITIALIZE)?.is_some() {
        machine.call(instance, INITIALIZE, &[])?;
    }
    Ok(instance)
}

/// Runs the start of a program. A library has none, and has been initialized already.
fn start<M: Machine>(machine: &mut M, instance: M::Instance, path: &Path) -> Result<Vec<Value>, Stopped> {
    if find(machine, instance, START)?.is_some() {
        machine.call(instance, START, &[])?;
    } else if find(machine, instance, INITIALIZE)?.is_none() {
        let choice = choice(machine, instance)?;
        return Err(Stopped::Refused(format!("{}: the module exports no `{START}`; {choice}", path.display())));
    }
    Ok(Vec::new())
}

/// Calls an exported function with the program's arguments.
fn invoke<M: Machine>(
    machine: &mut M,
    instance: M::Instance,
    name: &str,
    program: &Program,
) -> Result<Vec<Value>, Stopped> {
    let path = program.path.display();
    let Some(params) = find(machine, instance, name)? else {
        let choice = choice(machine, instance)?;
        return Err(Stopped::Refused(format!("{path}: the module exports no function `{name}`; {choice}")));
    };
    let words = &program.arguments;
    if params.len() != words.len() {
        let types: Vec<String> = params.iter().map(Type::to_string).collect();
        return Err(Stopped::Refused(format!(
            "{path}: `{name}` takes {} ({}), not {}",
            count(params.len(), "argument"),
            types.join(", "),
            words.len()
        )));
    }
    let arguments: Result<Vec<Value>, String> = params.iter().zip(words).map(|(ty, word)| ty.parse(word)).collect();
    let arguments = arguments.map_err(|error| Stopped::Refused(format!("an argument of `{name}`: {error}")))?;
    machine.call(instance, name, &arguments)
}

/// Returns the parameters of an exported function.
fn find<M: Machine>(machine: &mut M, instance: M::Instance, name: &str) -> Result<Option<Vec<Type>>, Stopped> {
    let mut functions = machine.functions(instance)?.into_iter();
    Ok(functions.find(|(export, _)| export == name).map(|(_, params)| params))
}

/// Returns a sentence that says which functions can be called.
fn choice<M: Machine>(machine: &mut M, instance: M::Instance) -> Result<String, Stopped> {
    const SHOWN: usize = 8;
    let names: Vec<String> = machine.functions(instance)?.into_iter().map(|(name, _)| format!("`{name}`")).collect();
    Ok(match names.as_slice() {
        [] => "it exports no function at all".to_owned(),
        names if names.len() <= SHOWN => format!("--invoke calls one of {}", names.join(", ")),
        names => format!("--invoke calls one of {}, and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
    })
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
