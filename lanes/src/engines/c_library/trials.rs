//! The abilities of an engine in a library, found by trying: the interface has no question for them, and libraries end
//! the process where they lack something. So each trial runs in a child that may die.

use super::configuration::{Setting, changes};
use super::objects::{Engine, Item, Store, Val};
use super::symbols::Symbols;
use crate::adapter::spectest_modules;
use crate::{Failure, Features, Options, Reference, Value};
use features::Feature;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;

/// The abilities that are no features of WebAssembly.
const LOADS: &str = "loads";
const HOST_VALUES: &str = "host-values";
const FUNCTION_IDENTITY: &str = "function-identity";
const FRAMES: &str = "frames";
const OFFSETS: &str = "offsets";

/// The abilities of an engine.
#[derive(Clone, Debug)]
pub struct Abilities {
    /// The features that it has.
    pub features: Features,
    /// True if it has host values as references.
    pub host_values: bool,
    /// True if it tells whether two references are to one function.
    pub function_identity: bool,
    /// True if it shows the frames of traps.
    pub frames: bool,
    /// True if the frames show byte offsets.
    pub offsets: bool,
    /// The number of frames that it shows at most, if it shows no more.
    pub frame_limit: Option<usize>,
}

/// Returns the names of all trials.
fn names() -> impl Iterator<Item = &'static str> {
    let features = Features::all().iter().map(|feature| feature.name);
    [LOADS, HOST_VALUES, FUNCTION_IDENTITY, FRAMES, OFFSETS].into_iter().chain(features)
}

/// Tries everything in children of this process: `command` with the names of trials added runs [`attempt`].
///
/// # Errors
///
/// Says why the library cannot be used at all.
pub fn try_all(command: &[String], path: &Path) -> Result<Abilities, String> {
    let mut abilities = Abilities::none();
    let mut left: Vec<&str> = names().collect();
    while !left.is_empty() {
        let (program, arguments) = command.split_first().ok_or("no command for the trials")?;
        let child = Command::new(program).args(arguments).args(&left).stdin(Stdio::null()).output();
        let child = child.map_err(|error| format!("{program}: {error}"))?;
        let words = String::from_utf8_lossy(&child.stdout);
        let mut answered = 0;
        for (line, name) in words.lines().zip(&left) {
            let Some((known, answer)) = line.split_once(' ').filter(|(known, _)| known == name) else { break };
            abilities.note(known, answer == "yes");
            answered += 1;
        }
        if left.first() == Some(&LOADS) && answered == 0 {
            let words = String::from_utf8_lossy(&child.stderr);
            let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("without a word");
            let how = child.status;
            return Err(format!("{} ends the process in which it is loaded: {how}; {last}", path.display()));
        }
        // The trial that ended the child has failed.
        left.drain(..(answered + 1).min(left.len()));
    }
    Ok(abilities)
}

/// Tries the abilities with these names, and says of each whether the engine has it.
///
/// # Errors
///
/// The library cannot be loaded, set or used at all.
pub fn attempt(path: &Path, settings: &[Setting], names: &[String], mut say: impl FnMut(&str)) -> Result<(), String> {
    let symbols = Symbols::load(path)?;
    settings.iter().try_for_each(|setting| setting.check(symbols))?;
    let tried = Tried { symbols, settings };
    for name in names {
        let has = match has(tried, name) {
            Err(failure) if name == LOADS => return Err(failure.to_string()),
            Ok(true) => "yes",
            Ok(false) | Err(_) => "no",
        };
        say(&format!("{name} {has}"));
    }
    Ok(())
}

impl Abilities {
    fn none() -> Abilities {
        let features = Features::empty();
        let frame_limit = None;
        Abilities { features, host_values: false, function_identity: false, frames: false, offsets: false, frame_limit }
    }

    fn note(&mut self, name: &str, has: bool) {
        match name {
            HOST_VALUES => self.host_values = has,
            FUNCTION_IDENTITY => self.function_identity = has,
            FRAMES => self.frames = has,
            OFFSETS => self.offsets = has,
            _ => {
                let feature = Feature::named(name).filter(|_| has);
                self.features = self.features.union(feature.map_or(Features::empty(), |feature| feature.set));
            }
        }
    }
}

/// A library with the settings that are tried.
#[derive(Clone, Copy)]
struct Tried<'a> {
    symbols: &'static Symbols,
    settings: &'a [Setting],
}

/// Returns whether an engine has the ability.
fn has(tried: Tried<'_>, name: &str) -> Result<bool, Failure> {
    match name {
        LOADS => loads(tried),
        HOST_VALUES => has_host_values(tried),
        FUNCTION_IDENTITY => has_function_identity(tried),
        FRAMES => Ok(trace(tried)?.is_some() && shows_frames_beyond_hosts(tried)?),
        OFFSETS => {
            let offset = trace(tried)?.flatten();
            Ok(offset.is_some_and(|offset| binary(TRAP)[usize::try_from(offset).unwrap_or(0)] == UNREACHABLE))
        }
        feature => {
            let feature = Feature::named(feature).ok_or_else(|| Failure::Usage(format!("there is no trial {name}")))?;
            let store = store(tried, Features::empty().with(feature.set))?;
            // The host module `spectest` has items of some features.
            let more = spectest_modules(feature.set);
            Ok(store.load(&binary(feature.example)).is_ok() && more.iter().all(|module| store.load(module).is_ok()))
        }
    }
}

fn store(tried: Tried<'_>, features: Features) -> Result<Rc<Store>, Failure> {
    let engine = Engine::new(tried.symbols, features, &changes(features, &Options::default(), tried.settings))?;
    Store::new(&Arc::new(engine))
}

fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a constant of this program")
}

/// Instantiates a module, and returns its exports.
fn instantiate(store: &Rc<Store>, text: &str) -> Result<Vec<Item>, Failure> {
    let refused = || Failure::Unsupported("the engine refuses a module of a trial".to_string());
    let module = store.load(&binary(text)).map_err(|_| refused())?;
    Ok(store.instantiate(&module, &[]).map_err(|_| refused())?.items())
}

/// Calls an export that has one result and must not trap.
fn call(export: &Item, arguments: &[Val]) -> Result<Val, Failure> {
    let trapped = |_| Failure::Internal("a trial trapped".to_string());
    Ok(export.call(arguments, 1)?.map_err(trapped)?.remove(0))
}

fn loads(tried: Tried<'_>) -> Result<bool, Failure> {
    let store = store(tried, Features::empty())?;
    let exports = instantiate(&store, r#"(module (func (export "f") (result i32) (i32.const 7)))"#)?;
    Ok(matches!(call(&exports[0], &[])?, Val::Plain(Value::I32(7))))
}

fn has_host_values(tried: Tried<'_>) -> Result<bool, Failure> {
    let store = store(tried, Features::WASM_2_0)?;
    let same = r#"(module (func (export "f") (param externref) (result externref) (local.get 0)))"#;
    let exports = instantiate(&store, same)?;
    let Some(value) = store.host_value(7) else { return Ok(false) };
    let null = Value::Ref(Reference::Null(crate::HeapType::Extern));
    let back = call(&exports[0], &[value])?;
    let is_same = matches!(back, Val::Extern(reference) if reference.number() == Some(7));
    Ok(is_same && matches!(call(&exports[0], &[Val::Plain(null)])?, Val::Plain(value) if value == null))
}

fn has_function_identity(tried: Tried<'_>) -> Result<bool, Failure> {
    let store = store(tried, Features::WASM_2_0)?;
    let text = r#"(module (func $a (export "a")) (func $b (export "b"))
        (func (export "to_a") (result funcref) (ref.func $a)) (func (export "to_b") (result funcref) (ref.func $b)))"#;
    let exports = instantiate(&store, text)?;
    let (Val::Func(one), Val::Func(same), Val::Func(other)) =
        (call(&exports[2], &[])?, call(&exports[2], &[])?, call(&exports[3], &[])?)
    else {
        return Ok(false);
    };
    Ok(one.is_same(&same) == Some(true) && one.is_same(&other) == Some(false))
}

const TRAP: &str = r#"(module (func (export "f") unreachable))"#;
const UNREACHABLE: u8 = 0x00;

/// Returns the offset of the frame of a trap. `None` if the trap shows no frame.
fn trace(tried: Tried<'_>) -> Result<Option<Option<u64>>, Failure> {
    let store = store(tried, Features::empty())?;
    let exports = instantiate(&store, TRAP)?;
    let Err(trap) = exports[0].call(&[], 0)? else { return Ok(None) };
    let frames = trap.frames().unwrap_or_default();
    Ok(frames.first().map(|frame| frame.module_offset))
}

/// Returns whether the frames of a trap include those beyond a call of the host.
fn shows_frames_beyond_hosts(tried: Tried<'_>) -> Result<bool, Failure> {
    let store = store(tried, Features::empty())?;
    let inner = instantiate(&store, TRAP)?;
    let relay = Box::new(move |_: &[Val]| {
        let ended = inner[0].call(&[], 0).unwrap_or_else(|_| Ok(Vec::new()));
        ended.map(|_| Vec::new())
    });
    let host = store.function(&[], &[], relay)?;
    let text = r#"(module (import "" "" (func $host)) (func (export "f") (call $host)))"#;
    let outer = store.load(&binary(text)).map_err(|_| Failure::Unsupported("no module with an import".to_string()))?;
    let outer = store.instantiate(&outer, &[host]).map_err(|_| Failure::Unsupported("no imports".to_string()))?;
    let Err(trap) = outer.items()[0].call(&[], 0)? else { return Ok(false) };
    Ok(trap.frames().is_some_and(|frames| frames.len() == 2))
}

/// Returns the number of frames of a deep trap, if it is smaller than that of the frames that are active.
pub(super) fn frame_limit(symbols: &'static Symbols, settings: &[Setting]) -> Option<usize> {
    const DEPTH: i32 = 1000;
    let store = store(Tried { symbols, settings }, Features::empty()).ok()?;
    let text = r#"(module (func $down (export "f") (param i32)
        (if (i32.eqz (local.get 0)) (then unreachable)) (call $down (i32.sub (local.get 0) (i32.const 1)))))"#;
    let exports = instantiate(&store, text).ok()?;
    let Err(trap) = exports[0].call(&[Val::Plain(Value::I32(DEPTH - 1))], 0).ok()? else { return None };
    let count = trap.frames()?.len();
    (count < DEPTH as usize).then_some(count)
}
