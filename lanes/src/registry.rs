//! The lanes by name: the names that there are, the lanes that this build or this machine lacks, and the meaning of a
//! list of names.
//!
//! Lanes come from four sources, and a name is looked up in this order: commands ([`Options::commands`]), linked
//! engines (`engines::LINKED`), engines that JavaScript embeds ([`adapter::ENGINES`]), and lanes that the program has
//! added ([`register`]). An engine may be not built in or not installed: its lanes are *absent*. A `?` after a name
//! says that the lane may be absent.

use crate::engines::LINKED;
use crate::{Lane, Options, adapter};
use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Our own lanes in this process: those of our engine, and that of our interpreter. `all` means them.
pub const OWN_LANES: [&str; 5] = ["speed/fresh", "speed/reload", "quick/fresh", "quick/reload", "interp"];

/// The lanes of our engine that run in a process without the compiler, and only where they are named.
const REMOTE_LANES: [&str; 2] = ["speed/remote", "quick/remote"];

/// Returns whether the lane of this name is one of our own.
pub fn is_own_lane(name: &str) -> bool {
    OWN_LANES.contains(&name) || REMOTE_LANES.contains(&name)
}

/// An opened lane, or the reason why this build or this machine does not have it.
pub type Opened = Result<Box<dyn Lane>, String>;

/// A lane by name.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    open: fn(&Options) -> Opened,
}

/// The lanes that the program has added to the built-in ones.
static REGISTERED: Mutex<Vec<Row>> = Mutex::new(Vec::new());

/// Adds a lane to this program's list: [`parse`] opens it by its name, and [`names`] lists it.
///
/// A program that links another engine calls this first and then runs the command line of the runner. Workers are
/// processes of the same program, so they have the lane too. Built-in names come before registered ones.
pub fn register(name: &'static str, open: fn(&Options) -> Opened) {
    // A row is pushed whole: a panic elsewhere leaves nothing half-done.
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner).push(Row { name, open });
}

fn registered() -> Vec<Row> {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The lanes of a list of names.
#[derive(Default)]
pub struct Lanes {
    /// The lanes that can run, in the list's order.
    pub present: Vec<Box<dyn Lane>>,
    /// The lanes that are absent.
    pub absent: Vec<Absent>,
}

/// A lane that this build or this machine does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Absent {
    /// The name.
    pub name: String,
    /// The reason, `not built in: ..`, `not installed: ..` or `not possible: ..`, and what helps.
    pub reason: String,
    /// True if the list says that the lane may be absent.
    pub optional: bool,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}

/// A wrong list of lanes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LanesError {
    /// A name that no lane has.
    Unknown(String),
    /// A lane that is named twice, which would count twice.
    Twice(String),
}

impl fmt::Display for LanesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LanesError::Unknown(name) => {
                let suggestion = match ::features::closest(name, names()) {
                    Some(close) => format!("; did you mean `{close}`?"),
                    None => ".".to_string(),
                };
                let known = names().join(", ");
                write!(f, "unknown lane `{name}`{suggestion} There are {known}, and `all` for our own")
            }
            LanesError::Twice(name) => write!(f, "the lane `{name}` is named twice"),
        }
    }
}

impl std::error::Error for LanesError {}

/// Returns the names of all lanes, including absent ones.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = LINKED.iter().flat_map(|linked| linked.names).copied().collect();
    names.extend(adapter::ENGINES.iter().map(|engine| engine.name));
    names.extend(adapter::installed::LIBRARIES);
    names.extend(registered().iter().map(|row| row.name));
    names
}

/// Returns the names of the lanes that this build and this machine have.
pub fn available() -> Vec<&'static str> {
    let present = |name: &&str| matches!(open(name, &Options::default()), Some(Ok(_)));
    names().into_iter().filter(present).collect()
}

/// Returns those of [`OWN_LANES`] that this build has, in the order in which `all` runs them. In a build that has none,
/// all of them, so that each is absent and says what helps.
pub fn own_lanes() -> Vec<&'static str> {
    let is_built_in = |name: &&str| LINKED.iter().any(|linked| linked.is_built_in && linked.names.contains(name));
    let built_in: Vec<&str> = OWN_LANES.into_iter().filter(is_built_in).collect();
    if built_in.is_empty() { OWN_LANES.to_vec() } else { built_in }
}

/// Returns the default list: two lanes of our engine. A build without it has the interpreter instead, and one without
/// either all lanes that are there.
pub fn default_list() -> String {
    match (cfg!(feature = "engine"), cfg!(feature = "interp")) {
        (true, _) => OWN_LANES[..2].join(","),
        (false, true) => "interp".to_string(),
        (false, false) => available().join(","),
    }
}

/// A name in a list of lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Named<'a> {
    /// The name.
    pub name: &'a str,
    /// True if a `?` after the name says that the lane may be absent.
    pub optional: bool,
}

/// Returns the names of a list of lanes, separated by commas. `all` stands for [`own_lanes`].
pub fn split(list: &str) -> Vec<Named<'_>> {
    let mut named = Vec::new();
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let (name, optional) = word.strip_suffix('?').map_or((word, false), |name| (name, true));
        let names = if name == "all" { own_lanes() } else { vec![name] };
        named.extend(names.into_iter().map(|name| Named { name, optional }));
    }
    named
}

/// Opens the lanes of a list of names, separated by commas. `all` stands for [`own_lanes`], and a `?` after a name says
/// that the lane may be absent.
///
/// # Errors
///
/// A name that no lane has, or one that occurs twice. An absent lane is not an error here, whether or not it may be
/// absent.
pub fn parse(list: &str, options: &Options) -> Result<Lanes, LanesError> {
    let mut lanes = Lanes::default();
    let mut seen = HashSet::new();
    for Named { name, optional } in split(list) {
        if !seen.insert(name) {
            return Err(LanesError::Twice(name.to_string()));
        }
        match open(name, options) {
            Some(Ok(lane)) => lanes.present.push(lane),
            Some(Err(reason)) => lanes.absent.push(Absent { name: name.to_string(), reason, optional }),
            None => return Err(LanesError::Unknown(name.to_string())),
        }
    }
    Ok(lanes)
}

/// Opens the lane of this name. `None` if there is no such name.
fn open(name: &str, options: &Options) -> Option<Opened> {
    if let Some((_, command)) = options.commands.iter().find(|(known, _)| known == name) {
        let open = || Box::new(adapter::AdapterLane::new(name, command.clone(), options)) as Box<dyn Lane>;
        return Some(options.refuse_canonical_nans(name).map(|()| open()));
    }
    if let Some(linked) = LINKED.iter().find(|linked| linked.names.contains(&name)) {
        return Some((linked.open)(name, options));
    }
    if let Some(engine) = adapter::ENGINES.iter().find(|engine| engine.name == name) {
        return Some(engine.open(options));
    }
    if let Some(opened) = adapter::installed::open(name, options) {
        return Some(opened);
    }
    let row = registered().into_iter().find(|row| row.name == name)?;
    Some((row.open)(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(list: &str) -> (Vec<String>, Vec<String>) {
        let lanes = parse(list, &Options::default()).expect("known names");
        let present = lanes.present.iter().map(|lane| lane.info().name.clone()).collect();
        (present, lanes.absent.into_iter().map(|absent| absent.name).collect())
    }

    #[test]
    fn every_name_is_present_or_absent_and_the_order_stays() {
        let names = names();
        let (present, absent) = opened(&names.join(", "));
        assert_eq!(present, available());
        assert_eq!(present.len() + absent.len(), names.len());
        assert_eq!(absent.contains(&"wasmi".to_string()), !cfg!(feature = "wasmi"));
        assert_eq!(absent.contains(&"wasmtime".to_string()), !cfg!(feature = "wasmtime"));
        let own = 4 * usize::from(cfg!(feature = "engine")) + usize::from(cfg!(feature = "interp"));
        assert_eq!(opened("all").0.len(), own);
    }

    #[test]
    fn absent_lanes_say_what_helps() {
        let lanes = parse(&names().join(","), &Options::default()).expect("known names");
        assert!(lanes.absent.iter().all(|absent| absent.reason.starts_with("not ")), "{:?}", lanes.absent);
    }

    #[test]
    fn lanes_that_cannot_canonicalize_nans_are_absent() {
        let command = ("mine".to_string(), vec!["true".to_string()]);
        let options = Options { canonicalize_nans: true, commands: vec![command], ..Options::default() };
        let lanes = parse("all,v8,jsc,spidermonkey,wasmtime,wasmi,wasmtime-c,mine", &options).expect("known names");
        let present: Vec<&str> = lanes.present.iter().map(|lane| lane.info().name.as_str()).collect();
        assert!(present.iter().all(|name| OWN_LANES.contains(name) || *name == "wasmtime"), "{present:?}");
        assert_eq!(present.contains(&"wasmtime"), cfg!(feature = "wasmtime"));
        for name in ["v8", "jsc", "spidermonkey", "mine"] {
            let absent = lanes.absent.iter().find(|absent| absent.name == name).expect("absent");
            assert!(absent.reason.contains("canonical NaNs"), "{absent}");
        }
    }

    #[test]
    fn a_lane_may_be_optional() {
        let named = |name, optional| Named { name, optional };
        assert_eq!(split("a, b?,,c"), [named("a", false), named("b", true), named("c", false)]);
        let own: Vec<Named<'_>> = own_lanes().into_iter().map(|name| named(name, true)).collect();
        assert_eq!(split("all?"), own);
        let absent = parse("wasmi?,wasmtime", &Options::default()).expect("known names").absent;
        assert!(absent.iter().all(|lane| lane.optional == (lane.name == "wasmi")), "{absent:?}");
    }

    #[test]
    fn a_misspelled_name_gets_a_suggestion() {
        let error = |name: &str| LanesError::Unknown(name.to_string()).to_string();
        assert!(error("speed/fersh").contains("did you mean `speed/fresh`?"));
        assert!(!error("zebra").contains("did you mean"));
    }

    #[test]
    fn wrong_lists() {
        let error = |list: &str| parse(list, &Options::default()).err();
        assert_eq!(error("swift/fresh"), Some(LanesError::Unknown("swift/fresh".to_string())));
        assert_eq!(error("speed/fresh,speed/fresh"), Some(LanesError::Twice("speed/fresh".to_string())));
        let last = own_lanes().pop().expect("there are own lanes");
        assert_eq!(error(&format!("all,{last}")), Some(LanesError::Twice(last.to_string())));
    }
}
