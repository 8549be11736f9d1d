//! One fuzz case: the modules, how they are called, and the options of the run.

use super::feature_set::{Audience, needed};
use super::graft::{self, Entry, Surroundings};
use super::input::Input;
use super::smith::{self, Termination};
use super::value::arbitrary_value;
use arbitrary::{Result, Unstructured};
use lanes::{Cpu, Features, HostFunc, MemoryChecks, Options, Value, valid_with};
use std::collections::BTreeMap;
use std::fmt;

/// Our compiler's tiers.
const TIERS: [&str; 2] = ["speed", "quick"];
/// Little enough that a recursion usually ends by it and not by a stack overflow, where comparing ends.
const MAX_FUEL: u64 = 4000;
/// As before, in loop iterations and function calls.
const MAX_STEPS: u32 = 300;
/// At most so many functions are called.
const MAX_CALLS: usize = 20;

/// At most so many bytes of a heap are for objects: far more than a case that does not run away needs.
const MAX_HEAP: u64 = 64 << 20;

/// Everything that a run needs. Two cases from the same bytes are the same.
#[derive(Clone, Default)]
pub struct Case {
    /// What the modules may use.
    pub features: Features,
    /// Those of the features without which they are not valid.
    pub needed: Features,
    /// A module that is instantiated first and registered as [`graft::LIBRARY`].
    pub library: Option<Vec<u8>>,
    /// The module under test.
    pub main: Vec<u8>,
    /// Host functions that both import.
    pub hosts: Vec<HostFunc>,
    /// What is called, in this order.
    pub calls: Vec<Call>,
    /// How the lanes of each tier are configured. All of it must make no difference, save fuel, which is the same.
    pub options: BTreeMap<&'static str, Options>,
}

/// A call of an exported function of the main module.
#[derive(Clone, Debug)]
pub struct Call {
    /// The export's name.
    pub function: String,
    /// One value for each parameter.
    pub arguments: Vec<Value>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<_> = self.arguments.iter().map(ToString::to_string).collect();
        write!(f, "{:?}({})", self.function, arguments.join(", "))
    }
}

impl Case {
    /// The case that these bytes stand for.
    ///
    /// # Errors
    ///
    /// When the choices in the bytes do not lead to a module.
    pub fn new(data: &[u8], audience: Audience) -> Result<Case> {
        let input = Input::new(data);
        let (mut plan, mut choices) = (input.plan(), input.graft());
        let fuel = if plan.arbitrary()? { Some(plan.int_in_range(100..=MAX_FUEL)?) } else { None };
        let fuel = fuel.filter(|_| audience.own);
        let features = audience.draw(&mut plan)?;
        let options = TIERS.iter().map(|&tier| Ok((tier, options(&mut plan, fuel)?))).collect::<Result<_>>()?;
        let fuel = fuel.is_some();
        let library = if plan.ratio(1, 3)? {
            let surroundings = Surroundings { name: "lib", library: &[], tags: &[], fuel, features };
            Some(graft::graft(&mut choices, &graft::Base::default(), surroundings)?)
        } else {
            None
        };
        let base = base(&mut plan, &input, features, fuel)?;
        let exports = library.as_ref().map_or(&[][..], |library| &library.entries);
        let tags = library.as_ref().map_or(&[][..], |library| &library.tags);
        let surroundings = Surroundings { name: "main", library: exports, tags, fuel, features };
        let main = graft::graft(&mut choices, &graft::Base::read(&base)?, surroundings)?;
        let calls = calls(&mut plan, &main.entries, &main.base_exports)?;
        let mut hosts = main.hosts;
        let library = library.map(|library| {
            hosts.extend(library.hosts);
            library.wasm
        });
        let modules = library.iter().chain([&main.wasm]).map(Vec::as_slice);
        // Of descriptors wasm-smith has another notion than wasmparser.
        if features.contains(Features::CUSTOM_DESCRIPTORS) && !modules.clone().all(|wasm| valid_with(wasm, features)) {
            return Err(arbitrary::Error::IncorrectFormat);
        }
        let needed = needed(modules, features);
        Ok(Case { features, needed, library, main: main.wasm, hosts, calls, options })
    }

    /// The options of one of our own lanes.
    pub fn options_of(&self, lane: &str) -> &Options {
        let tier = lane.split('/').next().and_then(|tier| self.options.get(tier));
        // A canary behaves like the tier `speed` in most things.
        tier.unwrap_or(&self.options[TIERS[0]])
    }
}

/// Memory checks, CPU features and the collector's zeal are chosen for each tier: what they must not change is compared
/// between the tiers.
fn options(u: &mut Unstructured<'_>, fuel: Option<u64>) -> Result<Options> {
    Ok(Options {
        memory_checks: if u.arbitrary()? { MemoryChecks::Explicit } else { MemoryChecks::Guard },
        cpu: if u.ratio(1, 4)? { Cpu::Baseline } else { Cpu::Host },
        fuel,
        gc_zeal: u.ratio(1, 3)?,
        max_heap: Some(MAX_HEAP),
        // Small modules; the fuzzer runs one process per core already.
        compile_threads: Some(1),
        ..Options::default()
    })
}

/// The module to graft upon: wasm-smith's, and one time in eight an empty one.
fn base(u: &mut Unstructured<'_>, input: &Input, features: Features, fuel: bool) -> Result<Vec<u8>> {
    if u.ratio(1, 8)? {
        return Ok(wasm_encoder::Module::new().finish());
    }
    let termination =
        if fuel { Termination::EngineFuel } else { Termination::OwnCounter(u.int_in_range(10..=MAX_STEPS)?) };
    smith::module(&mut input.smith(), features, termination)
}

/// Every chain once or twice, and functions of the base module in between.
fn calls(u: &mut Unstructured<'_>, chains: &[Entry], base: &[Entry]) -> Result<Vec<Call>> {
    let mut calls = Vec::new();
    for entry in chains {
        for _ in 0..u.int_in_range(1..=2)? {
            calls.push(call(u, entry)?);
        }
    }
    for entry in base.iter().take(MAX_CALLS - calls.len()) {
        let position = u.int_in_range(0..=calls.len())?;
        calls.insert(position, call(u, entry)?);
    }
    Ok(calls)
}

fn call(u: &mut Unstructured<'_>, entry: &Entry) -> Result<Call> {
    let arguments = entry.signature.params.iter().map(|&ty| arbitrary_value(u, ty)).collect::<Result<_>>()?;
    Ok(Call { function: entry.name.clone(), arguments })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::input::Random;

    /// The oracle would only ever compare refusals if the modules were not valid.
    #[test]
    fn modules_are_valid() {
        let mut made = 0;
        for seed in 0..300 {
            let bytes = Random::new(seed).next_u64().to_le_bytes();
            let audience = Audience { own: seed % 2 == 0, ..Audience::OWN };
            let Ok(case) = Case::new(&bytes, audience) else { continue };
            made += 1;
            for wasm in case.library.iter().chain([&case.main]) {
                if !valid_with(wasm, case.needed) {
                    let error = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
                    let error = { error }.validate_all(wasm).map(|_| ());
                    panic!("seed {seed}: {error:?}\n{}", wasmprinter::print_bytes(wasm).expect("it decodes"));
                }
            }
        }
        assert!(made > 280, "only {made} of 300 inputs gave a case");
    }
}
