//! A fuzz case: the modules, the calls to make, and the options of each tier.

use super::feature_set::{Audience, find_needed};
use super::graft::{self, Entry, Surroundings};
use super::input::Input;
use super::smith::{self, Termination};
use super::value::arbitrary_value;
use crate::panel::INTERPRETER;
use arbitrary::{Result, Unstructured};
use lanes::{Cpu, Features, HostFunc, MemoryChecks, Options, Value, is_valid_with};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The tiers of our compiler.
const TIERS: [&str; 2] = ["speed", "quick"];
/// The most fuel of a case: so little that a recursion usually runs out of it before the stack overflows, which ends
/// the comparison.
const MAX_FUEL: u64 = 4000;
/// The most loop iterations and calls of a module that counts them itself, for the same reason.
const MAX_STEPS: u32 = 300;
/// The most calls of a case.
const MAX_CALLS: usize = 20;
/// The time of a call in the interpreter where nothing limits the fuel: far more than a generated case needs.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most bytes of objects: far more than a case needs unless it allocates without end.
const MAX_HEAP: u64 = 64 << 20;

/// Everything that a run needs. The same bytes always describe the same case.
#[derive(Clone, Default)]
pub struct Case {
    /// The features that the modules may use.
    pub features: Features,
    /// The features without which the modules are not valid.
    pub needed: Features,
    /// A second module, which is instantiated first and registered as [`graft::LIBRARY`].
    pub library: Option<Vec<u8>>,
    /// The module under test.
    pub main: Vec<u8>,
    /// The host functions that the modules import.
    pub hosts: Vec<HostFunc>,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// The configuration of the lanes of each tier. It must make no difference; fuel, which does, is the same in all.
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
    /// Returns the case that these bytes describe.
    ///
    /// # Errors
    ///
    /// If the choices in the bytes do not lead to a module.
    pub fn new(data: &[u8], audience: Audience) -> Result<Case> {
        let input = Input::new(data);
        let (mut plan, mut choices) = (input.plan(), input.graft());
        let fuel = if plan.arbitrary()? { Some(plan.int_in_range(100..=MAX_FUEL)?) } else { None };
        let fuel = fuel.filter(|_| audience.own);
        let features = audience.draw(&mut plan)?;
        let options = TIERS.iter().map(|&tier| Ok((tier, choose_options(&mut plan, fuel)?))).collect::<Result<_>>()?;
        let fuel = fuel.is_some();
        let library = if plan.ratio(1, 3)? {
            let surroundings = Surroundings { name: "lib", library: &[], tags: &[], fuel, features };
            Some(graft::graft(&mut choices, graft::Base::default(), surroundings)?)
        } else {
            None
        };
        let base = generate_base(&mut plan, &input, features, fuel)?;
        let exports = library.as_ref().map_or(&[][..], |library| &library.entries);
        let tags = library.as_ref().map_or(&[][..], |library| &library.tags);
        let surroundings = Surroundings { name: "main", library: exports, tags, fuel, features };
        let main = graft::graft(&mut choices, graft::Base::read(&base)?, surroundings)?;
        let calls = choose_calls(&mut plan, &main.entries, &main.base_exports)?;
        let mut hosts = main.hosts;
        let library = library.map(|library| {
            hosts.extend(library.hosts);
            library.wasm
        });
        let modules = library.iter().chain([&main.wasm]).map(Vec::as_slice);
        // wasm-smith and wasmparser do not agree about descriptors.
        if features.contains(Features::CUSTOM_DESCRIPTORS) && !modules.clone().all(|wasm| is_valid_with(wasm, features))
        {
            return Err(arbitrary::Error::IncorrectFormat);
        }
        let needed = find_needed(modules, features);
        Ok(Case { features, needed, library, main: main.wasm, hosts, calls, options })
    }

    /// Returns the options of one of our own lanes. Without fuel, the interpreter gives up a case that does not end.
    pub fn options_of(&self, lane: &str) -> Options {
        let tier = lane.split('/').next().and_then(|tier| self.options.get(tier));
        // Other names are those of the interpreter, and of faulty lanes for tests. They have the options of `speed`.
        let options = tier.unwrap_or(&self.options[TIERS[0]]);
        let may_not_end = lane == INTERPRETER && options.fuel.is_none();
        Options { time_limit: may_not_end.then_some(PATIENCE), ..options.clone() }
    }
}

/// Chooses the options of one tier. Memory checks, CPU features and the collector's zeal differ from tier to tier,
/// since none of them may make a difference.
fn choose_options(u: &mut Unstructured<'_>, fuel: Option<u64>) -> Result<Options> {
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

/// Generates the module to graft upon: one of wasm-smith, or one time in eight an empty one.
fn generate_base(u: &mut Unstructured<'_>, input: &Input, features: Features, fuel: bool) -> Result<Vec<u8>> {
    if u.ratio(1, 8)? {
        return Ok(wasm_encoder::Module::new().finish());
    }
    let termination =
        if fuel { Termination::EngineFuel } else { Termination::OwnCounter(u.int_in_range(10..=MAX_STEPS)?) };
    smith::generate(&mut input.smith(), features, termination)
}

/// Chooses the calls: each chain once or twice, and functions of the base module in between.
fn choose_calls(u: &mut Unstructured<'_>, chains: &[Entry], base: &[Entry]) -> Result<Vec<Call>> {
    let mut calls = Vec::new();
    for entry in chains {
        for _ in 0..u.int_in_range(1..=2)? {
            calls.push(choose_call(u, entry)?);
        }
    }
    for entry in base.iter().take(MAX_CALLS - calls.len()) {
        let position = u.int_in_range(0..=calls.len())?;
        calls.insert(position, choose_call(u, entry)?);
    }
    Ok(calls)
}

fn choose_call(u: &mut Unstructured<'_>, entry: &Entry) -> Result<Call> {
    let arguments = entry.signature.params.iter().map(|&ty| arbitrary_value(u, ty)).collect::<Result<_>>()?;
    Ok(Call { function: entry.name.clone(), arguments })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::input::Random;

    /// With modules that are not valid, the oracle would compare nothing but refusals.
    #[test]
    fn modules_are_valid() {
        let mut made = 0;
        for seed in 0..300 {
            let bytes = Random::new(seed).next_u64().to_le_bytes();
            let audience = Audience { own: seed % 2 == 0, ..Audience::OWN };
            let Ok(case) = Case::new(&bytes, audience) else { continue };
            made += 1;
            for wasm in case.library.iter().chain([&case.main]) {
                if !is_valid_with(wasm, case.needed) {
                    let error = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
                    let error = { error }.validate_all(wasm).map(|_| ());
                    panic!("seed {seed}: {error:?}\n{}", wasmprinter::print_bytes(wasm).expect("it decodes"));
                }
            }
        }
        assert!(made > 280, "only {made} of 300 inputs gave a case");
    }
}
