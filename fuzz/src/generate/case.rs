//! A fuzz case: modules, the actions on their instances, and the options of each tier.

use super::feature_set::find_needed;
use crate::panel::INTERPRETER;
use arbitrary::{Result, Unstructured};
use lanes::{Cpu, Features, HostFunc, MemoryChecks, Options, Settings, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The tiers of our compiler.
pub const TIERS: [&str; 2] = ["speed", "quick"];
/// The time of a call in the interpreter where nothing limits the fuel: far more than a generated case needs.
const PATIENCE: Duration = Duration::from_secs(2);
/// The bytes of a memory's page.
const PAGE: u64 = 1 << 16;
/// The most bytes of objects: far more than a case needs unless it allocates without end.
const MAX_HEAP: u64 = 64 << 20;

/// Everything that a run needs. The same bytes always describe the same case.
#[derive(Clone, Default)]
pub struct Case {
    /// The features that the modules may use.
    pub features: Features,
    /// The features without which the modules are not valid.
    pub needed: Features,
    /// The modules.
    pub modules: Vec<Vec<u8>>,
    /// The host functions that the modules import.
    pub hosts: Vec<HostFunc>,
    /// The instantiations and calls, in order.
    pub actions: Vec<Action>,
    /// The configuration of the lanes of each tier. It must make no difference; fuel, which does, is the same in all.
    pub options: BTreeMap<&'static str, Options>,
    /// The options of lanes of other engines, by lane. They must make no difference either.
    pub settings: BTreeMap<String, Settings>,
    /// The tier of our compiler whose lanes take no part ([`Panel::draw_tier`](crate::panel::Panel::draw_tier)).
    pub without: Option<&'static str>,
}

/// One step of a case.
#[derive(Clone, Debug)]
pub enum Action {
    /// Makes an instance.
    Instantiate(Instantiation),
    /// Calls an exported function.
    Call(Call),
}

/// An instantiation. It does not take place if an instance that the module imports from could not be made.
#[derive(Clone, Debug)]
pub struct Instantiation {
    /// The index of the module. A module may have several instances.
    pub module: usize,
    /// The name of the instance. Other modules import its exports by this name.
    pub name: String,
}

/// A call of an exported function. It does not take place if its instance could not be made.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name of the instance.
    pub instance: String,
    /// The export's name.
    pub function: String,
    /// One value for each parameter.
    pub arguments: Vec<Value>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<_> = self.arguments.iter().map(ToString::to_string).collect();
        write!(f, "{}.{:?}({})", self.instance, self.function, arguments.join(", "))
    }
}

/// The instance of a case with one module ([`Case::of_module`]), and of the last module of most other cases.
pub const MAIN: &str = "main";

impl Case {
    /// Returns a case of one module, whose instance is [`MAIN`], with default options.
    pub fn of_module(wasm: Vec<u8>, calls: impl IntoIterator<Item = (String, Vec<Value>)>) -> Case {
        let calls = calls
            .into_iter()
            .map(|(function, arguments)| Action::Call(Call { instance: MAIN.to_string(), function, arguments }));
        let needed = find_needed([wasm.as_slice()].into_iter(), Features::default());
        let main = Action::Instantiate(Instantiation { module: 0, name: MAIN.to_string() });
        Case {
            needed,
            modules: vec![wasm],
            actions: [main].into_iter().chain(calls).collect(),
            options: TIERS.map(|tier| (tier, Options::default())).into(),
            ..Case::default()
        }
    }

    /// Returns the options of other engines that do not have their first value, a line for each lane.
    pub fn describe_settings(&self) -> Vec<String> {
        let describe = |(lane, settings): (&String, &Settings)| {
            let settings: Vec<_> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
            (!settings.is_empty()).then(|| format!("options of {lane}: {}", settings.join(", ")))
        };
        self.settings.iter().filter_map(describe).collect()
    }

    /// Returns whether one of our own lanes takes part.
    pub fn has_lane(&self, lane: &str) -> bool {
        self.without.is_none_or(|tier| tier_of(lane) != tier)
    }

    /// Returns the calls, in order.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.actions.iter().filter_map(|action| match action {
            Action::Call(call) => Some(call),
            Action::Instantiate(_) => None,
        })
    }

    /// Returns the options of one of our own lanes. Without fuel, the interpreter gives up a case that does not end.
    pub fn options_of(&self, lane: &str) -> Options {
        let tier = self.options.get(tier_of(lane));
        // Other names are those of the interpreter, and of faulty lanes for tests. They have the options of `speed`.
        let options = tier.unwrap_or(&self.options[TIERS[0]]);
        let may_not_end = lane == INTERPRETER && options.fuel.is_none();
        Options { time_limit: may_not_end.then_some(PATIENCE), ..options.clone() }
    }
}

/// Returns the tier of one of our own lanes; the name of the lane if it is the interpreter.
fn tier_of(lane: &str) -> &str {
    lane.split('/').next().unwrap_or(lane)
}

/// Chooses the options of each tier.
///
/// # Errors
///
/// [`arbitrary::Error`] if the input ends.
pub fn choose_options(u: &mut Unstructured<'_>, fuel: Option<u64>) -> Result<BTreeMap<&'static str, Options>> {
    // Other engines have no limits, and no fuel.
    let has_limits = fuel.is_some() && u.ratio(1, 3)?;
    let max_memory = if has_limits { Some(u.int_in_range(1..=3)? * PAGE) } else { None };
    let max_table = if has_limits { Some(u.int_in_range(16..=64)?) } else { None };
    let limited = |options| Options { max_memory, max_table, ..options };
    TIERS.iter().map(|&tier| Ok((tier, limited(choose_tier_options(u, fuel)?)))).collect()
}

/// Chooses the options of one tier. Memory checks, CPU features and the collector's zeal differ from tier to tier,
/// since none of them may make a difference.
fn choose_tier_options(u: &mut Unstructured<'_>, fuel: Option<u64>) -> Result<Options> {
    Ok(Options {
        memory_checks: if u.arbitrary()? { MemoryChecks::Explicit } else { MemoryChecks::Guard },
        cpu: if u.ratio(1, 4)? { Cpu::Baseline } else { Cpu::Host },
        fuel,
        gc_zeal: u.ratio(1, 3)?,
        max_heap: Some(MAX_HEAP),
        // The modules are small, and a fuzzer runs one process per core already.
        compile_threads: Some(1),
        ..Options::default()
    })
}
